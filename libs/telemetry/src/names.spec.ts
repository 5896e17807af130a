import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { METRICS, telemetryDocument } from './names.js';

describe('the names of telemetry', () => {
  it('are those of docs/telemetry.md', () => {
    const path = new URL('../../../docs/telemetry.md', import.meta.url);
    expect(readFileSync(path, 'utf8')).toBe(telemetryDocument());
  });

  it('are measured, each, and nothing else is', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const measured = new Map<string, string>();
    for (const folder of ['apps', 'libs']) {
      for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (!/^[a-z-]+\/src\/.*(?<!\.spec)\.ts$/.test(name)) continue;
        const source = readFileSync(join(root, folder, name), 'utf8');
        for (const [, kind, metric] of source.matchAll(/\b(counter|gauge|histogram)\(\s*'(rondo_\w+)'/g)) {
          measured.set(metric!, kind!);
        }
      }
    }
    const listed = Object.entries(METRICS).map(([name, { kind }]) => [name, kind]);
    expect(Object.fromEntries([...measured].sort())).toEqual(Object.fromEntries(listed.sort()));
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
