import { checkBetween, checkCount, checkLabels, checkProbabilities, checkSameLength, type Numbers } from './checks.js';
import { normalCdf, normalQuantile } from './distributions.js';
import { filled } from './filled.js';
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

/** How predictions relate to outcomes on the log-odds scale. */
export type CalibrationLine =
  | {
      readonly kind: 'fitted';
      /** 1 is ideal; below 1 the model is over-confident. */
      readonly slope: number;
      /** 0 is ideal when the slope is 1. */
      readonly intercept: number;
      readonly slopeInterval: Interval;
      readonly interceptInterval: Interval;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'one-class' | 'constant-prediction' | 'separable' };

interface Bin {
  rows: number;
  predicted: number;
  positives: number;
  /** Σ p(1 - p): the variance of `positives` if the predictions are right. */
  variance: number;
}

/**
 * Reliability curve over at most `bins` bins of about equally many rows. Rows with equal predictions share a bin, so
 * the result does not depend on the order of rows and heavy ties give fewer bins.
 * @example reliabilityCurve([0, 1, 1, 1], [0.1, 0.3, 0.8, 0.8], { bins: 2 })[1] // => { rows: 2, meanPredicted: 0.8, observed: 1 }
 */
export function reliabilityCurve(
  labels: Numbers,
  probabilities: Numbers,
  options: { readonly bins?: number; readonly confidence?: number } = {},
): ReliabilityBin[] {
  const { bins = 10, confidence = 0.95 } = options;
  return equalFrequencyBins(labels, probabilities, bins).map(({ rows, predicted, positives }) => ({
    rows,
    meanPredicted: predicted / rows,
    observed: positives / rows,
    interval: wilsonInterval(positives, rows, confidence),
  }));
}

/**
 * Expected calibration error over equal-frequency bins, with its distribution for a perfect model of the same
 * predictions, because the plain number grows as rows get fewer (a perfect model shows about .075 on 200 rows): each
 * bin's |observed - predicted| is then half-normal with variance Σ p(1 - p) / rows². Miscalibration inside a bin is not
 * seen. Source: Roelofs et al. (2022), AISTATS ("Mitigating bias in calibration error estimation"); Kumar, Liang & Ma
 * (2019), NeurIPS ("Verified uncertainty calibration") for the debiasing; Naeini et al. (2015), AAAI.
 * @example expectedCalibrationError([0, 1, 1, 1], [0.1, 0.3, 0.8, 0.8], { bins: 2 }) // => { error: 0.25, debiased: 0.211016, expectedWhenPerfect: 0.222093, bins: 2 }
 */
export function expectedCalibrationError(
  labels: Numbers,
  probabilities: Numbers,
  options: { readonly bins?: number; readonly confidence?: number } = {},
): CalibrationError {
  const { bins: wanted = 10, confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const bins = equalFrequencyBins(labels, probabilities, wanted);
  const rows = labels.length;
  let error = 0;
  let bias = 0;
  for (const bin of bins) {
    const distance = Math.abs(bin.positives - bin.predicted);
    error += distance / rows;
    bias += foldedNormalExcess(distance, Math.sqrt((bin.positives * (bin.rows - bin.positives)) / bin.rows)) / rows;
  }
  const perfect = sumOfHalfNormals(
    bins.map(({ variance }) => variance),
    confidence,
  );
  const reach = sumOfHalfNormals(bins.map(largestVariance), confidence).upper / rows;
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

const HALF_NORMAL_THIRD_MOMENT = Math.sqrt(2 / Math.PI) * (4 / Math.PI - 1);

function equalFrequencyBins(labels: Numbers, probabilities: Numbers, bins: number): Bin[] {
  checkLabels('labels', labels);
  checkSameLength('probabilities', probabilities, 'labels', labels);
  checkProbabilities('probabilities', probabilities);
  checkCount('bins', bins, 1);
  const order = ascendingOrder(probabilities);
  const filled: Bin[] = [];
  let bin: Bin = { rows: 0, predicted: 0, positives: 0, variance: 0 };
  for (let i = 0; i < order.length; i++) {
    const p = probabilities[order[i]!]!;
    bin.rows++;
    bin.predicted += p;
    bin.positives += labels[order[i]!]!;
    bin.variance += p * (1 - p);
    const last = i + 1 === order.length;
    const full = (i + 1) * bins >= (filled.length + 1) * order.length;
    if (last || (full && probabilities[order[i + 1]!] !== p)) {
      filled.push(bin);
      bin = { rows: 0, predicted: 0, positives: 0, variance: 0 };
    }
  }
  return filled;
}

const MAX_NEWTON_STEPS = 50;

/**
 * Cox's recalibration line: logistic regression of the label on the log odds of the prediction, by Newton's method,
 * with Wald intervals. Predictions of exactly 0 or 1 count as 1e-12 and 1 - 1e-12. `insufficient` for one class, for
 * one predicted value, and for predictions that separate the classes (no finite slope exists).
 * Source: Cox (1958), Biometrika 45:562.
 * @example calibrationLine([0, 1, 0, 1, 0, 1], [0.2, 0.3, 0.4, 0.6, 0.7, 0.8]) // => { kind: 'fitted', slope: 0.71602, intercept: 0 }
 */
export function calibrationLine(
  labels: Numbers,
  probabilities: Numbers,
  options: { readonly confidence?: number } = {},
): CalibrationLine {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const positives = checkLabels('labels', labels);
  checkSameLength('probabilities', probabilities, 'labels', labels);
  checkProbabilities('probabilities', probabilities);
  if (positives === 0 || positives === labels.length) return { kind: 'insufficient', reason: 'one-class' };
  const logOdds = filled(new Float64Array(probabilities.length), (row) => {
    const inside = Math.min(1 - 1e-12, Math.max(1e-12, probabilities[row]!));
    return Math.log(inside / (1 - inside));
  });
  if (logOdds.every((value) => value === logOdds[0])) return { kind: 'insufficient', reason: 'constant-prediction' };
  if (isSeparated(labels, logOdds)) return { kind: 'insufficient', reason: 'separable' };
  const z = normalQuantile((1 + confidence) / 2);
  const fit = fitLine(labels, logOdds);
  const around = (centre: number, variance: number): Interval => {
    const spread = z * Math.sqrt(variance);
    return { lower: centre - spread, upper: centre + spread };
  };
  return {
    kind: 'fitted',
    slope: fit.slope,
    intercept: fit.intercept,
    slopeInterval: around(fit.slope, fit.slopeVariance),
    interceptInterval: around(fit.intercept, fit.interceptVariance),
  };
}

/** One explanatory value separates the classes when their ranges meet in at most one point. */
function isSeparated(labels: Numbers, x: Float64Array): boolean {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  x.forEach((value, i) => {
    const label = labels[i]!;
    low[label] = Math.min(low[label]!, value);
    high[label] = Math.max(high[label]!, value);
  });
  return high[0]! <= low[1]! || high[1]! <= low[0]!;
}

function fitLine(labels: Numbers, x: Float64Array) {
  let intercept = 0;
  let slope = 0;
  let previous = -Infinity;
  for (let step = 0; ; step++) {
    let logLikelihood = 0;
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (let i = 0; i < x.length; i++) {
      const xi = x[i]!;
      const eta = intercept + slope * xi;
      const p = 1 / (1 + Math.exp(-eta));
      const residual = labels[i]! - p;
      logLikelihood -= Math.log1p(Math.exp(-Math.abs(eta))) + Math.max(0, labels[i] === 1 ? -eta : eta);
      g0 += residual;
      g1 += residual * xi;
      const weight = p * (1 - p);
      h00 += weight;
      h01 += weight * xi;
      h11 += weight * xi * xi;
    }
    const determinant = h00 * h11 - h01 * h01;
    const stepIntercept = (h11 * g0 - h01 * g1) / determinant;
    const stepSlope = (h00 * g1 - h01 * g0) / determinant;
    const settled = Math.abs(stepIntercept) + Math.abs(stepSlope) < 1e-12;
    if (settled || step === MAX_NEWTON_STEPS || logLikelihood < previous - 1e-9 * Math.abs(previous)) {
      return { intercept, slope, interceptVariance: h11 / determinant, slopeVariance: h00 / determinant };
    }
    previous = logLikelihood;
    intercept += stepIntercept;
    slope += stepSlope;
  }
}
