import { checkFinite, type Numbers } from './checks.js';
import { log10NormalTwoSided, pValueFromLog10 } from './distributions.js';
import { checkAscending } from './kolmogorov-smirnov.js';
import { sorted } from './order.js';

/** A Mann-Whitney test of two independent samples. */
export interface MannWhitneyResult {
  /** P(b > a) + P(b = a) / 2, the common-language effect size; 0.5 when neither tends to be larger. */
  readonly probabilityHigher: number;
  /** Rank-biserial correlation 2·`probabilityHigher` - 1 (Cliff's delta), -1..1; 0 when neither tends to be larger. */
  readonly rankBiserial: number;
  /** Two-sided, normal approximation with tie and continuity correction; 1 when all values are equal. */
  readonly pValue: number;
  readonly log10PValue: number;
}

/**
 * Tests whether values of `b` tend to be larger or smaller than those of `a`. Rows must be independent: on minute series
 * with autocorrelation 0.8 such a test raises 28 % false alarms. From about eight rows per sample.
 * Source: Mann & Whitney (1947), Annals of Mathematical Statistics 18:50.
 * @example mannWhitney([1, 2, 3, 4, 5], [4, 5, 6, 7, 8]) // => { probabilityHigher: 0.92, pValue: 0.035579 }
 */
export function mannWhitney(a: Numbers, b: Numbers): MannWhitneyResult {
  checkFinite('a', a);
  checkFinite('b', b);
  return rankTest(sorted(a), sorted(b));
}

/**
 * {@link mannWhitney} for samples that are ascending already: O(n + m).
 * @example mannWhitneySorted([1, 2, 3, 4, 5], [4, 5, 6, 7, 8]) // => { probabilityHigher: 0.92, pValue: 0.035579 }
 */
export function mannWhitneySorted(a: Numbers, b: Numbers): MannWhitneyResult {
  checkAscending('a', a);
  checkAscending('b', b);
  return rankTest(a, b);
}

function rankTest(a: Numbers, b: Numbers): MannWhitneyResult {
  const { pairs, tieTerm } = mergedRanks(a, b);
  return mannWhitneyFromPairs({ n: a.length, m: b.length, pairs, tieTerm, hidden: 0 });
}

/** The test when `pairs` of n·m have b above a (ties half), of which up to `hidden` may be wrong; `tieTerm` is Σ (t³ - t). */
export function mannWhitneyFromPairs(counted: {
  readonly n: number;
  readonly m: number;
  readonly pairs: number;
  readonly tieTerm: number;
  readonly hidden: number;
}): MannWhitneyResult {
  const { n, m, pairs, tieTerm, hidden } = counted;
  const variance = ((n * m) / 12) * (n + m + 1 - tieTerm / ((n + m) * (n + m - 1)));
  const distance = Math.max(0, Math.abs(pairs - (n * m) / 2) - 0.5 - hidden);
  const log10PValue = variance > 0 ? log10NormalTwoSided(distance / Math.sqrt(variance)) : 0;
  const probabilityHigher = pairs / (n * m);
  return {
    probabilityHigher,
    rankBiserial: 2 * probabilityHigher - 1,
    pValue: pValueFromLog10(log10PValue),
    log10PValue,
  };
}

/** Of ascending samples: pairs with b, lowered by `shift`, above a (ties half), and Σ (t³ - t) over the groups of equal values. */
export function mergedRanks(a: Numbers, b: Numbers, shift = 0): { pairs: number; tieTerm: number } {
  let pairs = 0;
  let tieTerm = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const value = Math.min(i < a.length ? a[i]! : Infinity, j < b.length ? b[j]! - shift : Infinity);
    const [fromA, fromB] = [i, j];
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j]! - shift === value) j++;
    const ties = i - fromA + j - fromB;
    pairs += (j - fromB) * (fromA + (i - fromA) / 2);
    tieTerm += ties ** 3 - ties;
  }
  return { pairs, tieTerm };
}
