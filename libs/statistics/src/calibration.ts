import { checkBetween, checkCount, checkLabels, checkProbabilities, checkSameLength, type Numbers } from './checks.js';
import { clusteredShares, clusteredVariance } from './calibration-clusters.js';
import { normalCdf, normalQuantile } from './distributions.js';
import { ascendingOrder } from './order.js';
import { wilsonInterval, type Interval } from './proportions.js';

/** One bin of a reliability curve. */
export interface ReliabilityBin {
  readonly rows: number;
  /** Mean of the predicted probabilities in the bin. */
  readonly meanPredicted: number;
  /** Share of rows whose label is 1. */
  readonly observed: number;
  /** Wilson interval of `observed`. */
  readonly interval: Interval;
}

/** Calibration error with what a perfect model would show on as many rows. */
export interface CalibrationError {
  /** Σ over bins of share of rows · |observed - mean predicted|; 0..1, lower is better. */
  readonly error: number;
  /**
   * `error` less its upward bias as far as the bins show it (each bin's folded-normal excess over |observed - predicted|), not
   * below 0: nearer to comparable between sets of different size; near perfection about half of the bias remains.
   */
  readonly debiased: number;
  /**
   * Holds the calibration error of the bins with probability `confidence` or more: `error` can be off by no more than the
   * sum of the bins' sampling errors, whatever their signs.
   */
  readonly interval: Interval;
  /** What `error` would be for a perfectly calibrated model with these predictions, on average: pure sampling noise. */
  readonly expectedWhenPerfect: number;
  /** What a perfectly calibrated model stays below with probability `confidence`; above it is real miscalibration. */
  readonly upperWhenPerfect: number;
  readonly bins: number;
}

/** Rows of about the same prediction. */
interface Bin {
  rows: number;
  predicted: number;
  positives: number;
  /** Σ p(1 - p): the variance of `positives` if the predictions are right. */
  variance: number;
  /** Its rows are `order[until - rows]` up to, without, `order[until]`. */
  until: number;
}

/** What calibration is measured with. */
export interface CalibrationOptions {
  readonly bins?: number;
  readonly confidence?: number;
  /** A number per row: rows of a cluster err together. */
  readonly clusters?: Numbers | undefined;
}

/**
 * Reliability curve over at most `bins` bins of about equally many rows. Rows with equal predictions share a bin, so
 * the result does not depend on the order of rows and heavy ties give fewer bins. With `clusters` the interval of a bin is that of
 * as many rows as its clusters are worth ({@link effectiveShare}); a bin of one cluster tells nothing of the share.
 * @example reliabilityCurve([0, 1, 1, 1], [0.1, 0.3, 0.8, 0.8], { bins: 2 })[1] // => { rows: 2, meanPredicted: 0.8, observed: 1 }
 */
export function reliabilityCurve(
  labels: Numbers,
  probabilities: Numbers,
  options: CalibrationOptions = {},
): ReliabilityBin[] {
  const { bins: wanted = 10, confidence = 0.95, clusters } = options;
  const { bins, order } = equalFrequencyBins(labels, probabilities, wanted);
  const intervalOf = clusters === undefined ? undefined : clusteredShares(labels, order, clusters);
  return bins.map(({ rows, predicted, positives, until }) => ({
    rows,
    meanPredicted: predicted / rows,
    observed: positives / rows,
    interval: intervalOf?.({ from: until - rows, until }, confidence) ?? wilsonInterval(positives, rows, confidence),
  }));
}

/**
 * Expected calibration error over equal-frequency bins, with its distribution for a perfect model of the same
 * predictions, because the plain number grows as rows get fewer (a perfect model shows about .075 on 200 rows): each
 * bin's |observed - predicted| is then half-normal with variance Σ p(1 - p) / rows². Miscalibration inside a bin is not
 * seen. With `clusters` no variance of a bin is less than the one seen over clusters, and since the bins of a cluster may all be off
 * to one side the reach is that of bins that go together, z·Σ sd. Source: Roelofs et al. (2022), AISTATS ("Mitigating bias in calibration error estimation"); Kumar, Liang & Ma
 * (2019), NeurIPS ("Verified uncertainty calibration") for the debiasing; Naeini et al. (2015), AAAI.
 * @example expectedCalibrationError([0, 1, 1, 1], [0.1, 0.3, 0.8, 0.8], { bins: 2 }) // => { error: 0.25, debiased: 0.211016, expectedWhenPerfect: 0.222093, bins: 2 }
 */
export function expectedCalibrationError(
  labels: Numbers,
  probabilities: Numbers,
  options: CalibrationOptions = {},
): CalibrationError {
  const { bins: wanted = 10, confidence = 0.95, clusters } = options;
  checkBetween('confidence', confidence, 0, 1);
  const { bins, order } = equalFrequencyBins(labels, probabilities, wanted);
  const rows = labels.length;
  const seen =
    clusters === undefined ? undefined : bins.map(clusteredVariance({ labels, probabilities, order, clusters }));
  const atLeastSeen = (variance: number, bin: number): number => Math.max(variance, seen?.[bin] ?? 0);
  let error = 0;
  let bias = 0;
  bins.forEach((bin, index) => {
    const distance = Math.abs(bin.positives - bin.predicted);
    error += distance / rows;
    const ofRows = (bin.positives * (bin.rows - bin.positives)) / bin.rows;
    bias += foldedNormalExcess(distance, Math.sqrt(atLeastSeen(ofRows, index))) / rows;
  });
  const sumOfErrors = clusters === undefined ? sumOfHalfNormals : sumOfHalfNormalsTogether;
  const perfect = sumOfErrors(
    bins.map(({ variance }, index) => atLeastSeen(variance, index)),
    confidence,
  );
  const largest = bins.map((bin, index) => atLeastSeen(largestVariance(bin), index));
  const reach = sumOfErrors(largest, confidence).upper / rows;
  return {
    error,
    debiased: Math.max(0, error - bias),
    interval: { lower: Math.max(0, error - reach), upper: Math.min(1, error + reach) },
    expectedWhenPerfect: perfect.mean / rows,
    upperWhenPerfect: perfect.upper / rows,
    bins: bins.length,
  };
}

/** E|X| - |distance| for X normal around `distance` with standard deviation `sd`. */
function foldedNormalExcess(distance: number, sd: number): number {
  if (sd === 0) return 0;
  const z = distance / sd;
  return sd * Math.sqrt(2 / Math.PI) * Math.exp((-z * z) / 2) - 2 * distance * normalCdf(-z);
}

/**
 * Variance of a bin's positives that neither a wrong model nor a bin without (or of only) positives understates: the
 * larger of what the model says and of the observed share with two of each outcome added (Agresti & Coull 1998).
 */
function largestVariance({ rows, positives, variance }: Bin): number {
  const share = (positives + 2) / (rows + 4);
  return Math.max(variance, rows * share * (1 - share));
}

/** Mean of Σ |Xᵢ|, Xᵢ normal around 0 with these variances, and what it stays below with probability `confidence`. */
function sumOfHalfNormals(variances: readonly number[], confidence: number): { mean: number; upper: number } {
  let mean = 0;
  let variance = 0;
  let thirdMoment = 0;
  for (const one of variances) {
    mean += Math.sqrt((2 * one) / Math.PI);
    variance += (1 - 2 / Math.PI) * one;
    thirdMoment += HALF_NORMAL_THIRD_MOMENT * one ** 1.5;
  }
  const z = normalQuantile(confidence);
  // Cornish-Fisher: a sum of a few half-normals still leans to the right.
  const skewed = variance === 0 ? z : z + ((z * z - 1) * thirdMoment) / (6 * variance ** 1.5);
  return { mean, upper: mean + skewed * Math.sqrt(variance) };
}

/** The same where all Xᵢ are one X, scaled: no other dependence has a larger spread. */
function sumOfHalfNormalsTogether(variances: readonly number[], confidence: number): { mean: number; upper: number } {
  const sd = variances.reduce((sum, variance) => sum + Math.sqrt(variance), 0);
  return { mean: sd * Math.sqrt(2 / Math.PI), upper: sd * normalQuantile((1 + confidence) / 2) };
}

const HALF_NORMAL_THIRD_MOMENT = Math.sqrt(2 / Math.PI) * (4 / Math.PI - 1);

function equalFrequencyBins(
  labels: Numbers,
  probabilities: Numbers,
  bins: number,
): { readonly bins: Bin[]; readonly order: Uint32Array } {
  checkLabels('labels', labels);
  checkSameLength('probabilities', probabilities, 'labels', labels);
  checkProbabilities('probabilities', probabilities);
  checkCount('bins', bins, 1);
  const order = ascendingOrder(probabilities);
  const filled: Bin[] = [];
  const empty = { rows: 0, predicted: 0, positives: 0, variance: 0, until: 0 };
  let bin: Bin = { ...empty };
  for (let i = 0; i < order.length; i++) {
    const p = probabilities[order[i]!]!;
    bin.rows++;
    bin.predicted += p;
    bin.positives += labels[order[i]!]!;
    bin.variance += p * (1 - p);
    const last = i + 1 === order.length;
    const full = (i + 1) * bins >= (filled.length + 1) * order.length;
    if (last || (full && probabilities[order[i + 1]!] !== p)) {
      bin.until = i + 1;
      filled.push(bin);
      bin = { ...empty };
    }
  }
  return { bins: filled, order };
}
