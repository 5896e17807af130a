import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METRICS, telemetryDocument } from './names.js';

describe('the names of telemetry', () => {
  it('are those of docs/telemetry.md', () => {
    const path = new URL('../../../docs/telemetry.md', import.meta.url);
    expect(readFileSync(path, 'utf8')).toBe(telemetryDocument());
  });

  it('follow the conventions of Prometheus and never take unbounded labels', () => {
    for (const [name, metric] of Object.entries(METRICS)) {
      expect(name).toMatch(/^rondo_[a-z_]+$/);
      expect([name, metric.kind === 'counter']).toEqual([name, name.endsWith('_total')]);
      if (metric.kind === 'histogram') expect(name).toMatch(/_seconds$/);
      for (const label of metric.labels)
        expect(['cycle', 'cycle_id', 'user', 'principal', 'trace_id']).not.toContain(label);
    }
  });
});
