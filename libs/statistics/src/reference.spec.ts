import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as statistics from './index.js';

interface ReferenceCase {
  readonly function: keyof typeof statistics;
  readonly args: readonly unknown[];
  /** Dotted way to the number within the result. */
  readonly path: string | null;
  /** Of a detector the positions of its alarms. */
  readonly value: number | readonly number[];
  /** Relative. */
  readonly tolerance: number;
  readonly call: string;
  readonly version: string;
}

const folder = new URL('../testing/reference/', import.meta.url);
const cases = readdirSync(folder).flatMap(
  (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ReferenceCase[],
);

const at = (result: unknown, path: string | null): number =>
  (path === null ? [] : path.split('.')).reduce(
    (value: unknown, key) => (value as Record<string, unknown>)[key],
    result,
  ) as number;

/** Reads a stream written as digits. */
const valuesOf = ({ digits, unit }: { digits: string; unit: number }): number[] =>
  Array.from(digits, (digit) => Number(digit) * unit);

/** Runs a detector with the rule given first over the stream given second. */
function alarmsOf(name: string, [rule, stream]: readonly unknown[]): number[] {
  const Detector = statistics[name as 'AdwinDetector'];
  const detector = new Detector(rule as statistics.AdwinRule);
  return valuesOf(stream as Parameters<typeof valuesOf>[0]).flatMap((value, i) =>
    detector.update(value) === 'drift' ? [i] : [],
  );
}

const byFunction = Object.entries(Object.groupBy(cases, (reference) => reference.function));

describe('values computed by other libraries', () => {
  it.each(byFunction)('are reproduced by %s', (name, references) => {
    for (const { args, path, value, tolerance, call, version } of references!) {
      if (typeof value === 'object') {
        expect({ call, alarms: alarmsOf(name, args) }).toEqual({ call, alarms: value });
        continue;
      }
      const run = statistics[name as keyof typeof statistics] as (...parameters: unknown[]) => unknown;
      const actual = at(run(...args), path);
      const error = Math.abs(actual - value) / (Math.abs(value) || 1e-3);
      expect({ call, version, args, path, value, actual, close: error <= tolerance }).toEqual({
        call,
        version,
        args,
        path,
        value,
        actual,
        close: true,
      });
    }
  });

  it('cover every counterpart with at least three cases', () => {
    expect(byFunction.filter(([, references]) => references!.length < 3).map(([name]) => name)).toEqual([]);
    expect(byFunction.length).toBeGreaterThanOrEqual(34);
  });
});
