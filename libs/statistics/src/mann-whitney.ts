import { checkCount, checkFinite, type Numbers } from './checks.js';
import { log10NormalTwoSided, pValueFromLog10 } from './distributions.js';
import { checkAscending, type SummaryOptions } from './kolmogorov-smirnov.js';
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
 * {@link mannWhitney} for samples that are ascending already (a kept reference, whole or summarised): O(n + m).
 * @example mannWhitneySorted([1, 2, 3, 4, 5], [4, 5, 6, 7, 8]) // => { probabilityHigher: 0.92, pValue: 0.035579 }
 */
export function mannWhitneySorted(a: Numbers, b: Numbers, options: SummaryOptions = {}): MannWhitneyResult {
  checkAscending('a', a);
  checkAscending('b', b);
  const { summaryOf = a.length } = options;
  checkCount('summaryOf', summaryOf, a.length);
  return rankTest(a, b, summaryOf);
}

function rankTest(a: Numbers, b: Numbers, rowsOfA = a.length): MannWhitneyResult {
  const { probabilityHigher, tiedShare } = mergedRanks(a, b, rowsOfA);
  const n = rowsOfA;
  const m = b.length;
  const variance = ((n * m) / 12) * (n + m + 1 - ((n + m) ** 3 * tiedShare - (n + m)) / ((n + m) * (n + m - 1)));
  // Half a step of a summary may be hidden on top of the continuity correction.
  const hidden = 0.5 + (rowsOfA === a.length ? 0 : (n * m) / (2 * a.length));
  const distance = Math.max(0, Math.abs(probabilityHigher - 0.5) * n * m - hidden);
  const log10PValue = variance > 0 ? log10NormalTwoSided(distance / Math.sqrt(variance)) : 0;
  return {
    probabilityHigher,
    rankBiserial: 2 * probabilityHigher - 1,
    pValue: pValueFromLog10(log10PValue),
    log10PValue,
  };
}

/** Share of pairs with b above a (ties half), and Σ (share of the rows in a group of equal values)³. */
function mergedRanks(a: Numbers, b: Numbers, rowsOfA: number): { probabilityHigher: number; tiedShare: number } {
  const weight = rowsOfA / a.length;
  const total = rowsOfA + b.length;
  let pairs = 0;
  let cubes = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const value = Math.min(i < a.length ? a[i]! : Infinity, j < b.length ? b[j]! : Infinity);
    const [fromA, fromB] = [i, j];
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    pairs += (j - fromB) * (fromA + (i - fromA) / 2);
    // A value of a summary stands for many different ones unless it is there again: alone it counts as untied.
    const ofA = i - fromA > 1 ? (i - fromA) * weight : i - fromA;
    cubes += (ofA + j - fromB) ** 3;
  }
  return { probabilityHigher: pairs / (a.length * b.length), tiedShare: cubes / total ** 3 };
}
