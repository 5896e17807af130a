import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readContract } from './odcs-contract.js';

const EXAMPLE = readFileSync(
  fileURLToPath(new URL('../../../../examples/flight-delay/contract.odcs.yaml', import.meta.url)),
  'utf8',
);

describe('an ODCS contract', () => {
  it('becomes columns, amounts and coverage', () => {
    const contract = readContract(EXAMPLE);
    expect(contract.columns.map(({ name, type, required }) => [name, type, required])).toEqual([
      ['date', 'TIMESTAMP', true],
      ['delay', 'BIGINT', false],
      ['distance', 'BIGINT', true],
      ['origin', 'VARCHAR', true],
      ['destination', 'VARCHAR', true],
    ]);
    expect(contract.columns[2]).toMatchObject({ minimum: 1, maximum: 6000, unit: 'mi' });
    expect(contract.coverageMs).toBe(86_400_000);
    expect(contract.amounts).toEqual([
      { measure: 'nulls', columns: ['delay'], unit: 'percent', atMost: 5, severity: 'blocking' },
      { measure: 'rows', columns: [], unit: 'rows', atLeast: 20_000, atMost: 300_000, severity: 'blocking' },
      {
        measure: 'duplicates',
        columns: ['date', 'delay', 'distance', 'origin', 'destination'],
        unit: 'percent',
        atMost: 5,
        severity: 'advisory',
      },
    ]);
  });

  it.each([
    ['is no YAML', 'a: [', 'contract'],
    ['is another kind', EXAMPLE.replace('DataContract', 'Pod'), 'kind'],
    [
      'has a check this reader does not know',
      EXAMPLE.replace('metric: rowCount', 'metric: freshness'),
      'schema.0.quality.0.metric',
    ],
    [
      'has an option this reader does not know',
      EXAMPLE.replace(/minimum: -\d+/, 'multipleOf: 5'),
      'schema.0.properties.1.logicalTypeOptions',
    ],
    ['has a check without a bound', EXAMPLE.replace('mustBeBetween: [20000, 300000]', ''), 'quality'],
    [
      'checks a column it does not describe',
      EXAMPLE.replace('[date, delay, distance,', '[date, nope, distance,'),
      'schema.0.quality',
    ],
    ['describes a column twice', EXAMPLE.replace('- name: distance', '- name: delay'), 'schema.0.properties'],
  ])('is refused when it %s', (_what, text, field) => {
    expect(() => readContract(text)).toThrow(
      expect.objectContaining({
        code: 'invalid',
        detail: expect.objectContaining({ field, reason: 'CONTRACT_UNSUPPORTED' }),
      }),
    );
  });
});
