import { checkBetween, checkFinite, type Numbers } from './checks.js';
import { clusteredSpread, type Spread } from './clusters.js';
import { tQuantile, tTwoSidedPValue } from './distributions.js';
import { filled } from './filled.js';
import { magnitudeOf } from './magnitude.js';

/** A mean of paired differences with its t interval. */
export interface MeanDifference {
  readonly difference: number;
  readonly standardError: number;
  readonly lower: number;
  readonly upper: number;
  /** Two-sided, of the hypothesis that the mean difference is 0. */
  readonly pValue: number;
  /** Rows - 1, or effective clusters - 1. */
  readonly degreesOfFreedom: number;
  readonly rows: number;
}

/**
 * Mean of per-row differences (challenger loss - champion loss on the same row) with a t interval. With `clusters` (a
 * number per row) the standard error is that of the jackknife over clusters, for rows of one flight, user or day that err
 * together; effective clusters - 1 degrees of freedom. All differences equal gives an interval of width 0 and a p-value
 * of 1 at 0, else 0. Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272.
 * @example pairedMeanDifference([0.1, -0.2, 0.3, 0.2]) // => { difference: 0.1, standardError: 0.108012, lower: -0.243745, upper: 0.443745 }
 */
export function pairedMeanDifference(
  differences: Numbers,
  options: { readonly confidence?: number; readonly clusters?: Numbers | undefined } = {},
): MeanDifference {
  const { confidence = 0.95, clusters } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('differences', differences, 2);
  const rows = differences.length;
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += differences[i]!;
  const difference = sum / rows;
  const deviations = filled(new Float64Array(rows), (i) => differences[i]! - difference);
  const { standardError, degreesOfFreedom } =
    clusters === undefined
      ? independentSpread(deviations)
      : clusteredSpread(
          deviations.map((one) => one / rows),
          clusters,
        );
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

function independentSpread(deviations: Float64Array): Spread {
  const rows = deviations.length;
  const unit = magnitudeOf(deviations);
  const squares = deviations.reduce((total, deviation) => total + (deviation / unit) ** 2, 0);
  const standardError = (unit * Math.sqrt((squares * rows) / (rows - 1))) / rows;
  return { standardError, degreesOfFreedom: rows - 1 };
}
