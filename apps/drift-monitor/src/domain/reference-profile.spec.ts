import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { countCells, ksTwoSample, mannWhitney } from '@rondo/statistics';
import { compareFeature } from './feature-comparison.js';
import { breaksOf, profileOf, type FeatureProfile, type SortedFeature } from './reference-profile.js';

const options = { psiFloorLevel: 0.99 };
const sorted = (values: Iterable<number>) => Float32Array.from(values).sort();
const feature = (values: Iterable<number>, nulls = 0) => ({ feature: 'x', values: sorted(values), nulls });
const draws = (n: number, seed: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => random.next() ** 2);
};

const compared = (profile: FeatureProfile, { values, nulls }: SortedFeature, asked: typeof options) => {
  const among = breaksOf(profile);
  return compareFeature(profile, among, { ...countCells(values, among.breaks), missing: nulls }, asked);
};

describe('a profile', () => {
  it('cuts a continuous feature into ten bins of equal size', () => {
    const profile = profileOf(feature(Array.from({ length: 1000 }, (_, i) => i)));
    expect(profile).toMatchObject({ kind: 'continuous', min: 0, max: 999, counts: Array<number>(10).fill(100) });
  });

  it('gives a spike a bin of its own', () => {
    const values = [...Array<number>(500).fill(0), ...Array.from({ length: 500 }, (_, i) => i + 1)];
    const profile = profileOf(feature(values));
    expect(profile.kind === 'continuous' && profile.edges[0]).toBe(0);
    expect(profile.counts[0]).toBe(500);
    expect(profile.counts.reduce((sum, count) => sum + count, 0)).toBe(1000);
  });

  it('counts few values one by one, and knows a feature without any', () => {
    const twenty = Array.from({ length: 100 }, (_, i) => i % 20);
    expect(profileOf(feature(twenty, 3))).toMatchObject({
      kind: 'category',
      nulls: 3,
      counts: Array<number>(20).fill(5),
    });
    expect(profileOf(feature([...twenty, 20])).kind).toBe('continuous');
    expect(profileOf(feature([], 7))).toMatchObject({ kind: 'category', rows: 0, nulls: 7, values: [], counts: [] });
  });

  it('is the same for the same values, and small', () => {
    const [a, b] = [1, 2].map(() => JSON.stringify(profileOf(feature(draws(200_000, 5)))));
    expect(a).toBe(b);
    expect(a!.length).toBeLessThan(30_000);
  });
});

describe('a comparison', () => {
  it('gives the exact Kolmogorov-Smirnov distance of small samples and comes within 0.0002 of large ones', () => {
    for (const [n, within] of [
      [900, 1e-12],
      [60_000, 0.0002],
    ] as const) {
      const reference = draws(n, 1);
      const now = draws(3000, 2).map((value) => value * 0.9);
      const exact = ksTwoSample(Float32Array.from(reference), Float32Array.from(now));
      const { distance, log10PValue } = compared(profileOf(feature(reference)), feature(now), options);
      expect(Math.abs(distance!.value - exact.statistic)).toBeLessThanOrEqual(within);
      // Two tests on all rows, doubled: a summary never claims more than they do, and not much less.
      const whole = Math.min(exact.log10PValue, mannWhitney(reference, now).log10PValue) + Math.log10(2);
      expect(log10PValue).toBeGreaterThanOrEqual(whole - 1e-6);
      expect(log10PValue).toBeLessThan(0.9 * whole);
    }
  });

  it('shows shares per bin that sum to 1, one more than edges, and the rates of missing values', () => {
    const result = compared(profileOf(feature([1, 1, 2, 3], 1)), feature([1, 2, 9], 1), options);
    expect(result).toMatchObject({
      binEdges: [1, 2, 3],
      referenceShares: [0.5, 0.25, 0.25, 0],
      nullRateReference: 0.2,
      nullRateCurrent: 0.25,
    });
    expect(result.currentShares).toEqual([1 / 3, 1 / 3, 0, 1 / 3]);
  });

  it('says how sure each of them is, and on how many rows', () => {
    const { intervals } = compared(profileOf(feature([1, 1, 2, 3], 1)), feature([1, 2, 9], 1), options);
    // scipy 1.17.1: binomtest(k, n).proportion_ci(method='wilson')
    expect(intervals.nullRateReference).toMatchObject({ value: 0.2, n: 5, confidence: 0.95, slice: 'x' });
    expect(intervals.nullRateReference!.lower).toBeCloseTo(0.0362241, 6);
    expect(intervals.nullRateReference!.upper).toBeCloseTo(0.6244654, 6);
    expect(intervals.nullRateCurrent).toMatchObject({ value: 0.25, n: 4 });
    expect([intervals.referenceShares!.n, intervals.currentShares!.n]).toEqual([4, 3]);
    expect(intervals.referenceShares!.lower).toHaveLength(4);
    expect([intervals.currentShares!.lower[2], intervals.currentShares!.upper[2]]).toEqual([
      0,
      expect.closeTo(0.561497, 6),
    ]);
    const empty = compared(profileOf(feature([], 5)), feature([1, 2], 0), options).intervals;
    expect(empty).not.toHaveProperty('referenceShares');
    expect(empty.nullRateReference).toMatchObject({ value: 1, upper: 1 });
  });

  // Chances of as many or more rows with the value, from scipy 1.17.1: hypergeom.sf(rows - 1, 21000, 400 + rows, 1000).
  it.each([
    [40, 7.328564627532113e-5],
    [45, 1.711408257868747e-6],
    [50, 2.4309267216866532e-8],
  ])('is no surer of a rare value that came %d times than it may be', (often, chance) => {
    const times = (count: number, of: number) => Array.from({ length: of }, (_, row) => (row < of - count ? 0 : 1));
    const result = compared(profileOf(feature(times(400, 20_000))), feature(times(often, 1_000)), options);
    expect(result.log10PValue).toBeGreaterThan(Math.log10(chance));
    expect(result.log10PValue).toBeLessThan(Math.log10(2 * chance));
  });

  it('says nothing about a feature that neither side has', () => {
    const result = compared(profileOf(feature([], 5000)), feature([], 5000), options);
    expect(result).toMatchObject({ log10PValue: 0, nullRateCurrent: 1 });
    expect(result.psi.value).toBe(0);
    expect(result.distance).toBeUndefined();
  });
});
