import { checkAtLeast, checkBetween, checkCounts, checkSameLength, invalid, type Numbers } from './checks.js';
import { chiSquaredQuantile, log10ChiSquaredSurvival, pValueFromLog10 } from './distributions.js';
import { distanceInterval } from './noncentral-chi-squared.js';
import type { Interval } from './proportions.js';

/** A population stability index with what sampling alone produces. */
export interface PsiResult {
  /** Σ (current share - reference share) · ln(current share / reference share), >= 0, in nats. */
  readonly value: number;
  /** What sampling alone adds to the value on average: (1/n + 1/m)·`degreesOfFreedom`. */
  readonly noise: number;
  /** The value that two samples of these sizes from one population stay below with probability `level`. */
  readonly floor: number;
  /** `value` above `floor`, and enough rows to tell. Says that a shift exists, not that it matters. */
  readonly significant: boolean;
  /** False with fewer than five rows per bin in either sample: the floor is not trustworthy, nothing is significant. */
  readonly sufficient: boolean;
  /** Rows of either sample from which it is sufficient. */
  readonly rowsNeeded: number;
  readonly pValue: number;
  readonly log10PValue: number;
  readonly degreesOfFreedom: number;
  /** Sampling error of the value, both samples' together. */
  readonly standardError: number;
}

const MIN_ROWS_PER_BIN = 5;

/**
 * Population stability index from two samples' counts in the same bins (quantile bins of the reference, or categories,
 * with missing values as a bin of their own). Without drift it is about (1/n + 1/m) · χ²(bins - 1), which gives the
 * noise floor and the p-value; a fixed threshold of 0.1 fires on most small samples. Bins empty in both samples are
 * left out; if a bin is empty in one, half a row is added to every bin of both.
 * Source: Yurdakul (2018), "Statistical properties of population stability index".
 * @example psi([250, 250, 250, 250], [200, 240, 260, 300]) // => { value: 0.021074, floor: 0.015629, significant: true, sufficient: true }
 */
export function psi(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  options: { readonly level?: number } = {},
): PsiResult {
  const { level = 0.95 } = options;
  checkBetween('level', level, 0, 1);
  checkSameLength('currentCounts', currentCounts, 'referenceCounts', referenceCounts);
  const n = checkCounts('referenceCounts', referenceCounts, 2);
  const m = checkCounts('currentCounts', currentCounts, 2);
  if (n === 0) throw invalid('referenceCounts', n, 'needs at least one row');
  if (m === 0) throw invalid('currentCounts', m, 'needs at least one row');
  const { bins, pseudoRows } = usedBins(referenceCounts, currentCounts);
  if (bins === 1) {
    return {
      value: 0,
      noise: 0,
      floor: 0,
      significant: false,
      sufficient: true,
      rowsNeeded: 0,
      pValue: 1,
      log10PValue: 0,
      degreesOfFreedom: 0,
      standardError: 0,
    };
  }
  let value = 0;
  for (let i = 0; i < referenceCounts.length; i++) {
    if (referenceCounts[i] === 0 && currentCounts[i] === 0) continue;
    const p = (referenceCounts[i]! + pseudoRows) / (n + bins * pseudoRows);
    const q = (currentCounts[i]! + pseudoRows) / (m + bins * pseudoRows);
    value += (q - p) * Math.log(q / p);
  }
  const noise = 1 / n + 1 / m;
  const floor = noise * chiSquaredQuantile(level, bins - 1);
  const rowsNeeded = MIN_ROWS_PER_BIN * bins;
  const sufficient = Math.min(n, m) >= rowsNeeded;
  const log10PValue = log10ChiSquaredSurvival(value / noise, bins - 1);
  return {
    value,
    noise: noise * (bins - 1),
    floor,
    significant: sufficient && value > floor,
    sufficient,
    rowsNeeded,
    pValue: pValueFromLog10(log10PValue),
    log10PValue,
    degreesOfFreedom: bins - 1,
    standardError: standardErrorOf({ counts: referenceCounts, rows: n }, { counts: currentCounts, rows: m }, bins),
  };
}

/**
 * The interval of the populations' PSI around a value of {@link psi}, which it also holds. For a small shift
 * PSI / (1/n + 1/m) is about noncentral chi-squared, with the populations' PSI in place of the value as noncentrality; for a
 * large one the value is normal around PSI + noise with the delta method's error. The interval reaches as far as either.
 * Source: Smithson (2003), Confidence Intervals, ch. 4, for the first.
 * @param options.confidence coverage, 0..1; default 0.95
 * @example psiInterval(psi([250, 250, 250, 250], [200, 240, 260, 300])) // => { lower: 0, upper: 0.049117 }
 */
export function psiInterval(
  { value, noise, degreesOfFreedom, standardError }: PsiResult,
  options: { readonly confidence?: number } = {},
): Interval {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkAtLeast('value', value, 0);
  if (degreesOfFreedom === 0) return { lower: value, upper: value };
  const unit = noise / degreesOfFreedom;
  const firstOrder = (standardError / unit) ** 2 - 2 * degreesOfFreedom;
  const { lower, upper } = distanceInterval(value / unit, degreesOfFreedom, firstOrder, confidence);
  return { lower: Math.min(value, lower * unit), upper: Math.max(value, upper * unit) };
}

/**
 * First-order delta method over both multinomial samples, and the variance that sampling alone gives a PSI
 * (2·(bins - 1)·(1/n + 1/m)²), which the first order misses where the shares agree. Half a row is added to every bin.
 */
function standardErrorOf(
  { counts: referenceCounts, rows: n }: { readonly counts: Numbers; readonly rows: number },
  { counts: currentCounts, rows: m }: { readonly counts: Numbers; readonly rows: number },
  bins: number,
): number {
  const reference = { mean: 0, square: 0 };
  const current = { mean: 0, square: 0 };
  const cells = referenceCounts.length;
  for (let i = 0; i < cells; i++) {
    if (referenceCounts[i] === 0 && currentCounts[i] === 0) continue;
    const p = (referenceCounts[i]! + 0.5) / (n + cells / 2);
    const q = (currentCounts[i]! + 0.5) / (m + cells / 2);
    const byReference = Math.log(p / q) + 1 - q / p;
    const byCurrent = Math.log(q / p) + 1 - p / q;
    reference.mean += p * byReference;
    reference.square += p * byReference ** 2;
    current.mean += q * byCurrent;
    current.square += q * byCurrent ** 2;
  }
  const firstOrder = (reference.square - reference.mean ** 2) / n + (current.square - current.mean ** 2) / m;
  return Math.sqrt(Math.max(0, firstOrder) + 2 * (bins - 1) * (1 / n + 1 / m) ** 2);
}

/** Bins that hold a row of either sample, and what is added to each so that logarithms stay finite. */
export function usedBins(a: Numbers, b: Numbers): { bins: number; pseudoRows: number } {
  let bins = 0;
  let pseudoRows = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 0 && b[i] === 0) continue;
    bins++;
    if (a[i] === 0 || b[i] === 0) pseudoRows = 0.5;
  }
  return { bins, pseudoRows };
}
