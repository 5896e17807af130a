import { afterAll, describe, expect, it } from '@jest/globals';
import { PermanentError, seededRandom } from '@rondo/kernel';
import { calculated, type Calculation } from '../domain/calculation.js';
import type { FeatureProfile } from '../domain/reference-profile.js';
import { rowKey } from '../domain/row-key.js';
import { CalculationThreads } from './calculation-threads.js';

const ROWS = 20_000;
const random = seededRandom(7);
const column = (shift = 0): Float32Array =>
  Float32Array.from({ length: ROWS }, (_, row) => (row % 50 === 0 ? NaN : random.next() - random.next() + shift));
const scores = Float32Array.from({ length: ROWS }, () => random.next());
const labels = Uint8Array.from(scores, (score) => (random.next() < score ? 1 : 0));
const profile = calculated({ kind: 'profile', feature: 'x', column: column() }) as FeatureProfile;
const signal = new AbortController().signal;
const threads = new CalculationThreads();

afterAll(() => threads.onModuleDestroy());

describe("the drift monitor's threads", () => {
  const calculations: readonly Calculation[] = [
    { kind: 'profile', feature: 'x', column: column() },
    { kind: 'compare', profile, column: column(0.1), rule: { psiFloorLevel: 0.99 } },
    {
      kind: 'join',
      labelledScores: scores.slice(0, 3),
      labels: labels.slice(0, 3),
      labelledKeys: Uint32Array.from(['b', 'x', 'ab'], rowKey),
      batchKeys: [{ bytes: new Uint8Array(Buffer.from('abb')), lengths: '2,1' }],
    },
    { kind: 'segment', profile, column: column(), rows: Int32Array.of(7, 3), losses: Float64Array.of(0.1, 0.2) },
    { kind: 'measure', scores, labels },
    { kind: 'expect', scores: scores.slice() },
    { kind: 'forecast', values: Float64Array.from({ length: 60 }, (_, i) => i % 7), options: { horizon: 3 } },
  ];

  it.each(calculations)('gives the numbers that $kind gives in place', async (calculation) => {
    const inPlace = calculated(structuredClone(calculation));
    expect(await threads.calculate(calculation, signal)).toEqual(inPlace);
  });

  it('says which value broke which rule', async () => {
    const improbable = threads.calculate({ kind: 'expect', scores: Float32Array.of(0.5, 1.5) }, signal);
    await expect(improbable).rejects.toBeInstanceOf(PermanentError);
    await expect(improbable).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'probabilities[1]', value: 1.5 },
    });
  });
});
