import { checkBetween, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { tQuantile, tTwoSidedPValue } from './distributions.js';
import { filled } from './filled.js';
import { magnitudeOf } from './magnitude.js';
import { setsByKey } from './row-sets.js';

/** A mean of paired differences with its t interval. */
export interface MeanDifference {
  readonly difference: number;
  readonly standardError: number;
  readonly lower: number;
  readonly upper: number;
  /** Two-sided, of the hypothesis that the mean difference is 0. */
  readonly pValue: number;
  /** Rows - 1, or clusters - 1. */
  readonly degreesOfFreedom: number;
  readonly rows: number;
}

/**
 * Mean of per-row differences (challenger loss - champion loss on the same row) with a t interval. With `clusters` (a
 * number per row) the standard error is the cluster-robust sandwich with factor G/(G - 1), for rows of one flight, user
 * or day that err together; G - 1 degrees of freedom. All differences equal gives an interval of width 0 and a p-value
 * of 1 at 0, else 0. Source: Cameron & Miller (2015), Journal of Human Resources 50:317.
 * @example pairedMeanDifference([0.1, -0.2, 0.3, 0.2]) // => { difference: 0.1, standardError: 0.108012, lower: -0.243745, upper: 0.443745 }
 */
export function pairedMeanDifference(
  differences: Numbers,
  options: { readonly confidence?: number; readonly clusters?: Numbers } = {},
): MeanDifference {
  const { confidence = 0.95, clusters } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('differences', differences, 2);
  const rows = differences.length;
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += differences[i]!;
  const difference = sum / rows;
  const deviations = deviationsOf(differences, difference, clusters);
  const groups = deviations.length;
  const degreesOfFreedom = groups - 1;
  const unit = magnitudeOf(deviations);
  const squares = deviations.reduce((total, deviation) => total + (deviation / unit) ** 2, 0);
  const standardError = (unit * Math.sqrt((squares * groups) / degreesOfFreedom)) / rows;
  const spread = tQuantile((1 + confidence) / 2, degreesOfFreedom) * standardError;
  const pValue =
    standardError === 0 ? (difference === 0 ? 1 : 0) : tTwoSidedPValue(difference / standardError, degreesOfFreedom);
  return {
    difference,
    standardError,
    lower: difference - spread,
    upper: difference + spread,
    pValue,
    degreesOfFreedom,
    rows,
  };
}

/** Deviations from the mean, per row or summed per cluster. */
function deviationsOf(differences: Numbers, mean: number, clusters: Numbers | undefined): Float64Array {
  if (clusters === undefined) return filled(new Float64Array(differences.length), (i) => differences[i]! - mean);
  checkSameLength('clusters', clusters, 'differences', differences);
  const { members, starts, count } = setsByKey('clusters', clusters);
  if (count < 2) throw invalid('clusters', count, 'needs at least 2 clusters');
  return filled(new Float64Array(count), (cluster) => {
    let sum = 0;
    for (let at = starts[cluster]!; at < starts[cluster + 1]!; at++) sum = sum + differences[members[at]!]! - mean;
    return sum;
  });
}
