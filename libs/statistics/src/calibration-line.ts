import { checkBetween, checkLabels, checkProbabilities, checkSameLength, type Numbers } from './checks.js';
import { clusteredSpread } from './clusters.js';
import { normalQuantile, tQuantile } from './distributions.js';
import { filled } from './filled.js';
import type { Interval } from './proportions.js';

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

const MAX_NEWTON_STEPS = 50;

/**
 * Cox's recalibration line: logistic regression of the label on the log odds of the prediction, by Newton's method,
 * with Wald intervals. Predictions of exactly 0 or 1 count as 1e-12 and 1 - 1e-12. `insufficient` for one class, for
 * one predicted value, and for predictions that separate the classes (no finite slope exists). With `clusters` (a number per row,
 * two at least) the errors are those of the jackknife over clusters, by the rows' influence, with t quantiles.
 * Source: Cox (1958), Biometrika 45:562; MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272 (clusters).
 * @example calibrationLine([0, 1, 0, 1, 0, 1], [0.2, 0.3, 0.4, 0.6, 0.7, 0.8]) // => { kind: 'fitted', slope: 0.71602, intercept: 0 }
 */
export function calibrationLine(
  labels: Numbers,
  probabilities: Numbers,
  options: { readonly confidence?: number; readonly clusters?: Numbers | undefined } = {},
): CalibrationLine {
  const { confidence = 0.95, clusters } = options;
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
  const fit = fitLine(labels, logOdds);
  const probability = (1 + confidence) / 2;
  const around = (centre: number, [ofIntercept, ofSlope]: readonly [number, number], variance: number): Interval => {
    const { standardError, quantile } =
      clusters === undefined
        ? { standardError: Math.sqrt(variance), quantile: normalQuantile(probability) }
        : clusteredLine({ labels, logOdds, clusters, fit }, { ofIntercept, ofSlope, probability });
    return { lower: centre - quantile * standardError, upper: centre + quantile * standardError };
  };
  const { interceptVariance, slopeVariance, covariance } = fit;
  return {
    kind: 'fitted',
    slope: fit.slope,
    intercept: fit.intercept,
    slopeInterval: around(fit.slope, [covariance, slopeVariance], slopeVariance),
    interceptInterval: around(fit.intercept, [interceptVariance, covariance], interceptVariance),
  };
}

/** Error of a coefficient from the influence of the rows: their score (residual, residual · x) through a row of the inverse information. */
function clusteredLine(
  line: {
    readonly labels: Numbers;
    readonly logOdds: Float64Array;
    readonly clusters: Numbers;
    readonly fit: { readonly intercept: number; readonly slope: number };
  },
  coefficient: { readonly ofIntercept: number; readonly ofSlope: number; readonly probability: number },
): { readonly standardError: number; readonly quantile: number } {
  const { labels, logOdds, clusters, fit } = line;
  const { ofIntercept, ofSlope, probability } = coefficient;
  const influence = logOdds.map((x, row) => {
    const residual = labels[row]! - 1 / (1 + Math.exp(-(fit.intercept + fit.slope * x)));
    return residual * (ofIntercept + ofSlope * x);
  });
  const { standardError, degreesOfFreedom } = clusteredSpread(influence, clusters);
  return { standardError, quantile: tQuantile(probability, degreesOfFreedom) };
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
      return {
        intercept,
        slope,
        interceptVariance: h11 / determinant,
        slopeVariance: h00 / determinant,
        covariance: -h01 / determinant,
      };
    }
    previous = logLikelihood;
    intercept += stepIntercept;
    slope += stepSlope;
  }
}
