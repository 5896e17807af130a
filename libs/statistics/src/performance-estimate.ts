import { checkBetween, checkFinite, checkNumber, checkProbabilities, type Numbers } from './checks.js';
import { normalQuantile } from './distributions.js';
import { ascendingOrder } from './order.js';

/** A metric expected before labels exist, with the range sampling alone would explain. */
export interface ExpectedMetric {
  readonly value: number;
  readonly standardError: number;
  readonly lower: number;
  readonly upper: number;
}

/** What a calibrated model would score on rows whose labels are not known yet. */
export interface PerformanceEstimate {
  readonly accuracyScore: ExpectedMetric;
  readonly logLoss: ExpectedMetric;
  readonly brierScoreLoss: ExpectedMetric;
  /** Null when the probabilities imply fewer than one expected row of a class, or are all equal. */
  readonly rocAuc: ExpectedMetric | null;
  readonly rows: number;
}

/**
 * Confidence-based performance estimation: if `probabilities` are calibrated, row i is positive with probability pᵢ,
 * which gives the expectation and the variance of each metric without labels. It sees a change of the inputs, not a
 * change of the relation between inputs and label; where calibration is in doubt it misleads. The AUC's standard error
 * is Hanley & McNeil's. Source: Garg et al. (2022), ICLR; NannyML's CBPE.
 * @example estimatePerformance([0.9, 0.8, 0.3, 0.1], { threshold: 0.5 }) // => { accuracyScore: { value: 0.825 }, brierScoreLoss: { value: 0.1375 } }
 */
export function estimatePerformance(
  probabilities: Numbers,
  options: { readonly threshold: number; readonly confidence?: number },
): PerformanceEstimate {
  const { threshold, confidence = 0.95 } = options;
  checkNumber('threshold', threshold);
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('probabilities', probabilities);
  checkProbabilities('probabilities', probabilities);
  const z = normalQuantile((1 + confidence) / 2);
  const expected = (
    ifPositive: (p: number) => number,
    ifNegative: (p: number) => number,
    high: number,
  ): ExpectedMetric => {
    let sum = 0;
    let variance = 0;
    for (let i = 0; i < probabilities.length; i++) {
      const p = probabilities[i]!;
      // A certain row contributes no doubt, and 0 · ∞ must not become NaN.
      if (p > 0) sum += p * ifPositive(p);
      if (p < 1) sum += (1 - p) * ifNegative(p);
      if (p > 0 && p < 1) variance += p * (1 - p) * (ifPositive(p) - ifNegative(p)) ** 2;
    }
    const rows = probabilities.length;
    return around(sum / rows, Math.sqrt(variance) / rows, z, high);
  };
  return {
    accuracyScore: expected(
      (p) => (p >= threshold ? 1 : 0),
      (p) => (p >= threshold ? 0 : 1),
      1,
    ),
    logLoss: expected(
      (p) => -Math.log(p),
      (p) => -Math.log1p(-p),
      Infinity,
    ),
    brierScoreLoss: expected(
      (p) => (1 - p) ** 2,
      (p) => p ** 2,
      1,
    ),
    rocAuc: expectedAuc(probabilities, z),
    rows: probabilities.length,
  };
}

/** The AUC with every row counted as p of a positive and 1 - p of a negative. */
function expectedAuc(probabilities: Numbers, z: number): ExpectedMetric | null {
  const order = ascendingOrder(probabilities);
  let pairs = 0;
  let positives = 0;
  let negatives = 0;
  for (let start = 0; start < order.length;) {
    const p = probabilities[order[start]!]!;
    let end = start;
    while (end < order.length && probabilities[order[end]!] === p) end++;
    const tied = end - start;
    pairs += tied * p * (negatives + (tied * (1 - p)) / 2);
    positives += tied * p;
    negatives += tied * (1 - p);
    start = end;
  }
  const constant = probabilities[order[0]!] === probabilities[order[order.length - 1]!];
  if (positives < 1 || negatives < 1 || constant) return null;
  const auc = pairs / (positives * negatives);
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const variance =
    (auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)) /
    (positives * negatives);
  return around(auc, Math.sqrt(Math.max(0, variance)), z, 1);
}

function around(value: number, standardError: number, z: number, high: number): ExpectedMetric {
  return {
    value,
    standardError,
    lower: Math.max(0, value - z * standardError),
    upper: Math.min(high, value + z * standardError),
  };
}
