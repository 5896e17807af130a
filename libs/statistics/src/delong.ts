import { checkBetween, checkBothClasses, checkFinite, checkSameLength, type Numbers } from './checks.js';
import { clusterCount, clusteredSpread } from './clusters.js';
import { log10NormalTwoSided, normalQuantile, pValueFromLog10, tQuantile, tTwoSidedPValue } from './distributions.js';
import { filled } from './filled.js';
import { ascendingOrder } from './order.js';

/** One model's area under the ROC curve with its interval. */
export interface AucEstimate {
  readonly auc: number;
  readonly standardError: number;
  readonly lower: number;
  readonly upper: number;
  readonly positives: number;
  readonly negatives: number;
}

/** Two models' areas on the same rows. */
export interface AucComparison {
  readonly championAuc: number;
  readonly challengerAuc: number;
  /** challenger - champion; above 0 the challenger ranks better. */
  readonly difference: number;
  /** Variance of `difference`. */
  readonly variance: number;
  readonly standardError: number;
  readonly lower: number;
  readonly upper: number;
  /** Two-sided, of the hypothesis that both areas are equal; `log10PValue` does not underflow. */
  readonly pValue: number;
  readonly log10PValue: number;
  /**
   * True when the variance is estimated as 0 although the areas differ (both models order all rows without exception):
   * no evidence can be measured then, so the interval is [-1, 1] and the p-value 1.
   */
  readonly degenerate: boolean;
  readonly positives: number;
  readonly negatives: number;
}

/** For every row, the share of the other class it is ordered rightly against (ties half), and their mean, the AUC. */
export interface Placements {
  readonly auc: number;
  readonly perRow: Float64Array;
}

/** Placements in O(n log n): one walk over the ordered rows instead of all pairs (Sun & Xu 2014). */
export function aucPlacements(labels: Numbers, scores: Numbers, positives: number): Placements {
  const negatives = labels.length - positives;
  const order = ascendingOrder(scores);
  const perRow = new Float64Array(labels.length);
  let positivesBefore = 0;
  let negativesBefore = 0;
  let sum = 0;
  for (let start = 0; start < order.length;) {
    const score = scores[order[start]!]!;
    let end = start;
    let tiedPositives = 0;
    for (; end < order.length && scores[order[end]!] === score; end++) tiedPositives += labels[order[end]!]!;
    const tiedNegatives = end - start - tiedPositives;
    const ofPositive = (negativesBefore + tiedNegatives / 2) / negatives;
    const ofNegative = 1 - (positivesBefore + tiedPositives / 2) / positives;
    for (let i = start; i < end; i++) perRow[order[i]!] = labels[order[i]!] === 1 ? ofPositive : ofNegative;
    sum += tiedPositives * (negativesBefore + tiedNegatives / 2);
    positivesBefore += tiedPositives;
    negativesBefore += tiedNegatives;
    start = end;
  }
  return { auc: sum / (positives * negatives), perRow };
}

/** DeLong's variance of a mean placement (or of the difference of two): S₁₀/n₊ + S₀₁/n₋ with n - 1 in each S. */
function placementVariance(
  labels: Numbers,
  placement: (row: number) => number,
  centre: number,
  positives: number,
): number {
  const negatives = labels.length - positives;
  let ofPositives = 0;
  let ofNegatives = 0;
  for (let row = 0; row < labels.length; row++) {
    const deviation = placement(row) - centre;
    if (labels[row] === 1) ofPositives += deviation * deviation;
    else ofNegatives += deviation * deviation;
  }
  return ofPositives / ((positives - 1) * positives) + ofNegatives / ((negatives - 1) * negatives);
}

/** How an AUC is estimated. */
export interface AucOptions {
  readonly confidence?: number;
  /** A number per row: rows of a cluster err together. */
  readonly clusters?: Numbers | undefined;
}

/** Standard error with the distribution that goes with it. */
interface AucError {
  readonly standardError: number;
  quantile(probability: number): number;
  log10PValue(statistic: number): number;
}

/** DeLong's error, or with clusters that of the jackknife over them. */
function errorOf(
  labels: Numbers,
  placements: { readonly perRow: (row: number) => number; readonly centre: number; readonly positives: number },
  clusters: Numbers | undefined,
): AucError {
  const { perRow, centre, positives } = placements;
  if (clusters === undefined)
    return {
      standardError: Math.sqrt(placementVariance(labels, perRow, centre, positives)),
      quantile: normalQuantile,
      log10PValue: log10NormalTwoSided,
    };
  const negatives = labels.length - positives;
  const influence = filled(
    new Float64Array(labels.length),
    (row) => (perRow(row) - centre) / (labels[row] === 1 ? positives : negatives),
  );
  const { standardError, degreesOfFreedom } = clusteredSpread(influence, clusters);
  return {
    standardError,
    quantile: (probability) => tQuantile(probability, degreesOfFreedom),
    log10PValue: (statistic) => Math.log10(Math.max(Number.MIN_VALUE, tTwoSidedPValue(statistic, degreesOfFreedom))),
  };
}

/**
 * AUC of one model with DeLong's standard error and an interval on the log-odds scale, which keeps it inside [0, 1].
 * At an AUC of 0 or 1 the variance estimate is 0; the bound is then that of min(n₊, n₋) independent concordant pairs,
 * (α/2)^(1/min). Needs two rows of each class. With `clusters` the error is that of the jackknife over clusters with t quantiles, and
 * the bound at 0 or 1 that of no more pairs than clusters. Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837;
 * Obuchowski (1997), Biometrics 53:567 (clustered placements); MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272.
 * @example delongInterval([0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.6, 0.35, 0.8, 0.9]) // => { auc: 0.777778, standardError: 0.248452, lower: 0.172983, upper: 0.983212 }
 */
export function delongInterval(labels: Numbers, scores: Numbers, options: AucOptions = {}): AucEstimate {
  const { confidence = 0.95, clusters } = options;
  const positives = checkComparable(labels, { scores }, confidence);
  const negatives = labels.length - positives;
  const { auc, perRow } = aucPlacements(labels, scores, positives);
  const error = errorOf(labels, { perRow: (row) => perRow[row]!, centre: auc, positives }, clusters);
  const { standardError } = error;
  const estimate = { auc, standardError, positives, negatives };
  if (auc === 0 || auc === 1) {
    const groups = clusters === undefined ? Infinity : clusterCount(clusters).clusters;
    const bound = ((1 - confidence) / 2) ** (1 / Math.min(positives, negatives, groups));
    return auc === 1 ? { ...estimate, lower: bound, upper: 1 } : { ...estimate, lower: 0, upper: 1 - bound };
  }
  const centre = Math.log(auc / (1 - auc));
  const spread = (error.quantile((1 + confidence) / 2) * standardError) / (auc * (1 - auc));
  return { ...estimate, lower: 1 / (1 + Math.exp(spread - centre)), upper: 1 / (1 + Math.exp(-centre - spread)) };
}

/**
 * Compares the AUC of two models scored on the same rows: DeLong's test with the covariance of the pairing, in
 * O(n log n). Needs two rows of each class; rows independent of each other, or in `clusters` that are (then with the error and
 * the t quantiles of the jackknife over clusters).
 * Source: DeLong et al. (1988), Biometrics 44:837; Sun & Xu (2014), IEEE Signal Processing Letters 21:1389; Obuchowski (1997),
 * Biometrics 53:567; MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272.
 * @example delongPaired([0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.6, 0.35, 0.8, 0.9], [0.1, 0.3, 0.2, 0.35, 0.8, 0.9]) // => { championAuc: 0.777778, challengerAuc: 1, difference: 0.222222, degenerate: false }
 */
export function delongPaired(
  labels: Numbers,
  champion: Numbers,
  challenger: Numbers,
  options: AucOptions = {},
): AucComparison {
  const { confidence = 0.95, clusters } = options;
  const positives = checkComparable(labels, { champion, challenger }, confidence);
  const a = aucPlacements(labels, champion, positives);
  const b = aucPlacements(labels, challenger, positives);
  const difference = b.auc - a.auc;
  const perRow = (row: number): number => b.perRow[row]! - a.perRow[row]!;
  const error = errorOf(labels, { perRow, centre: difference, positives }, clusters);
  const { standardError } = error;
  // Rounding leaves a dust of variance where the placements of all rows move alike.
  const degenerate = Math.abs(difference) > 1e-12 && standardError < 1e-12;
  const spread = error.quantile((1 + confidence) / 2) * standardError;
  const log10PValue = standardError < 1e-12 ? 0 : error.log10PValue(difference / standardError);
  return {
    championAuc: a.auc,
    challengerAuc: b.auc,
    difference,
    variance: standardError ** 2,
    standardError,
    lower: degenerate ? -1 : Math.max(-1, difference - spread),
    upper: degenerate ? 1 : Math.min(1, difference + spread),
    pValue: pValueFromLog10(log10PValue),
    log10PValue,
    degenerate,
    positives,
    negatives: labels.length - positives,
  };
}

function checkComparable(labels: Numbers, scores: Record<string, Numbers>, confidence: number): number {
  checkBetween('confidence', confidence, 0, 1);
  const positives = checkBothClasses('labels', labels, 2);
  for (const [field, values] of Object.entries(scores)) {
    checkSameLength(field, values, 'labels', labels);
    checkFinite(field, values);
  }
  return positives;
}
