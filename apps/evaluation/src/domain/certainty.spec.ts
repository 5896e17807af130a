import { describe, expect, it } from '@jest/globals';
import type { MetricEstimate } from '@rondo/statistics';
import { certaintyOf } from './certainty.js';

/** Estimates `m0`, `m1`, … of 0.5, each from 0.4 to 0.6. */
const estimates = (count: number): MetricEstimate[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `m${i}`,
    value: 0.5,
    lower: 0.4,
    upper: 0.6,
    confidence: 0.95,
    n: 100,
    slice: 'all',
    method: 'spec',
  }));

describe('whether an expression is certain', () => {
  it('asks every estimate that has an interval, the last of ten as well', () => {
    const last = ({ m9 = 0 }: Readonly<Record<string, number>>): boolean => m9 < 0.55;
    const { certain, needsRows } = certaintyOf(estimates(10), 100, last);
    expect(certain).toBe(false);
    // Half the interval would do, so four times the rows.
    expect(needsRows).toBeGreaterThanOrEqual(400);
    expect(needsRows).toBeLessThan(410);
    expect(certaintyOf(estimates(10), 100, ({ m9 = 0 }) => m9 < 0.65)).toEqual({ certain: true, needsRows: 0 });
  });

  it('is never certain of more of them than can be tried', () => {
    expect(certaintyOf(estimates(11), 100, () => true)).toEqual({ certain: false, needsRows: 0 });
  });

  it('is never certain of an estimate beyond a bound that it lacks', () => {
    const open = estimates(1).map(({ upper: _upper, ...rest }) => rest);
    expect(certaintyOf(open, 100, ({ m0 = 0 }) => m0 < 0.9)).toEqual({ certain: false, needsRows: 0 });
    expect(certaintyOf(open, 100, ({ m0 = 0 }) => m0 > 0.3)).toEqual({ certain: true, needsRows: 0 });
  });

  it('moves counts by whole steps', () => {
    const wins = { name: 'wins', value: 2, lower: 1, upper: 3, whole: true };
    const seen: number[] = [];
    certaintyOf([wins], 100, ({ wins: at = 0 }) => seen.push(at) > 0 && at >= 2);
    expect(seen.every(Number.isInteger)).toBe(true);
    expect(certaintyOf([wins], 100, ({ wins: at = 0 }) => at >= 1).certain).toBe(true);
  });
});
