import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ATTRIBUTES, METRICS, SPANS, telemetryDocument } from './names.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Every source of apps and libs but specs and the list itself. */
const SOURCES = ['apps', 'libs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /^[a-z-]+\/src\/.*(?<!\.spec)\.ts$/.test(name) && !name.endsWith('telemetry/src/names.ts'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8')),
);

describe('the names of telemetry', () => {
  it('are those of docs/telemetry.md', () => {
    const path = new URL('../../../docs/telemetry.md', import.meta.url);
    expect(readFileSync(path, 'utf8')).toBe(telemetryDocument());
  });

  it('are measured, each, and nothing else is', () => {
    const measured = new Map<string, string>();
    for (const source of SOURCES) {
      for (const [, kind, metric] of source.matchAll(/\b(counter|gauge|histogram)\(\s*'(rondo_\w+)'/g)) {
        measured.set(metric!, kind!);
      }
    }
    const listed = Object.entries(METRICS).map(([name, { kind }]) => [name, kind]);
    expect(Object.fromEntries([...measured].sort())).toEqual(Object.fromEntries(listed.sort()));
  });

  it('are those of the spans that are written, each, and of no others', () => {
    const written = new Set(
      SOURCES.flatMap((source) =>
        [...source.matchAll(/\.(?:span|record)\(\s*[`']([A-Za-z]+) /g)].map(([, word]) => word!),
      ),
    );
    if (SOURCES.some((source) => source.includes("METHOD = 'POST /v1/events'"))) written.add('POST');
    const listed = Object.keys(SPANS).map((name) => name.split(' ')[0]!);
    expect([...written].sort()).toEqual(listed.filter((word) => !word.startsWith('{')).sort());
  });

  it('are used on spans or log lines, each', () => {
    const own = new Set(['service', 'time', 'level', 'message', 'trace_id', 'span_id', 'error']);
    const unused = Object.keys(ATTRIBUTES).filter(
      (name) => !own.has(name) && !SOURCES.some((source) => source.includes(`'${name}'`)),
    );
    expect(unused).toEqual([]);
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
