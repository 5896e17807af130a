import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { chiSquaredTwoSample, cramersVInterval, noncentralityInterval, psi, psiInterval } from './index.js';

function counts(random: Random, rows: number, shares: readonly number[]): number[] {
  const found = new Array<number>(shares.length).fill(0);
  for (let row = 0; row < rows; row++) {
    let left = random.next();
    const bin = shares.findIndex((share) => (left -= share) < 0);
    found[bin < 0 ? shares.length - 1 : bin]!++;
  }
  return found;
}

/** In how many of 200 pairs of samples each interval holds the distance of the populations. */
function coverage(before: readonly number[], now: readonly number[], n: number, m: number) {
  const random = seededRandom(before.length + n);
  const middle = before.map((p, i) => (n * p + m * now[i]!) / (n + m));
  const chiSquared = before.reduce(
    (sum, p, i) => sum + (n * (p - middle[i]!) ** 2 + m * (now[i]! - middle[i]!) ** 2) / middle[i]!,
    0,
  );
  const truePsi = before.reduce((sum, p, i) => sum + (now[i]! - p) * Math.log(now[i]! / p), 0);
  const trueV = Math.sqrt(chiSquared / (n + m));
  const hits = { cramersV: 0, psi: 0 };
  for (let repeat = 0; repeat < 200; repeat++) {
    const pair = [counts(random, n, before), counts(random, m, now)] as const;
    const v = cramersVInterval(...pair);
    if (v.kind !== 'estimated') throw new Error(v.reason);
    if (v.lower <= trueV && trueV <= v.upper) hits.cramersV++;
    const { lower, upper } = psiInterval(psi(...pair));
    if (lower <= truePsi && truePsi <= upper) hits.psi++;
  }
  return hits;
}

const even = (bins: number): number[] => new Array<number>(bins).fill(1 / bins);
const tilted = (bins: number): number[] => even(bins).map((share, i) => share * (1 + 0.6 * (i % 2 === 0 ? 1 : -1)));

describe('intervals of how far two distributions are apart', () => {
  it.each([2, 10, 20])('hold 0 without drift, and a drift that is there, over %i bins', (bins) => {
    for (const [n, m] of [
      [500, 500],
      [3000, 600],
    ] as const) {
      for (const now of [even(bins), tilted(bins)]) {
        const { cramersV, psi: ofPsi } = coverage(even(bins), now, n, m);
        // Three standard deviations below 95 % of 200.
        expect(cramersV).toBeGreaterThanOrEqual(181);
        expect(ofPsi).toBeGreaterThanOrEqual(181);
      }
    }
  });

  it('hold what was measured, and exclude 0 where the shift is significant', () => {
    const calm = [
      [500, 500, 500],
      [505, 490, 505],
    ] as const;
    const shifted = [
      [500, 500, 500],
      [300, 500, 700],
    ] as const;
    for (const [before, now] of [calm, shifted]) {
      const found = cramersVInterval(before, now);
      const test = chiSquaredTwoSample(before, now);
      if (found.kind !== 'estimated' || test.kind !== 'tested') throw new Error('too few rows');
      expect(found.cramersV).toBe(test.cramersV);
      expect(found.lower).toBeLessThanOrEqual(found.cramersV);
      expect(found.upper).toBeGreaterThanOrEqual(found.cramersV);
      expect(found.lower > 0).toBe(test.pValue < 0.025);
    }
    expect(cramersVInterval([9, 0], [9, 0])).toEqual({ kind: 'insufficient', reason: 'one-category' });
    expect(cramersVInterval([1, 2], [2, 1])).toEqual({ kind: 'insufficient', reason: 'too-few-rows' });
    expect(psiInterval(psi([9, 0], [9, 0]))).toEqual({ lower: 0, upper: 0 });
  });

  it('hold no noncentrality but 0 where the statistic is below what chance alone would give', () => {
    expect(noncentralityInterval(0, 3)).toEqual({ lower: 0, upper: 0 });
    expect(noncentralityInterval(5, 20)).toEqual({ lower: 0, upper: 0 });
    expect(() => noncentralityInterval(-1, 3)).toThrow('statistic');
    expect(() => noncentralityInterval(1, 3, { confidence: 1 })).toThrow('confidence');
  });
});
