import { expectedCalibrationError } from './calibration.js';
import type { Numbers } from './checks.js';
import { brierLossPerRow, logLossPerRow } from './classification-metrics.js';
import { delongInterval } from './delong.js';
import { pairedMeanDifference } from './mean-difference.js';
import { prAucInterval } from './pr-auc-interval.js';

/** A metric with its interval and its n, ready to be reported. */
export interface MetricEstimate {
  readonly name: string;
  readonly value: number;
  /** Absent when the method gives no interval. */
  readonly lower?: number;
  readonly upper?: number;
  /** Coverage of the interval, 0 to 1. */
  readonly confidence: number;
  readonly n: number;
  readonly slice: string;
  readonly method: string;
}

/**
 * The usual report on a binary classifier: `logLoss` and `brier` with the t interval of a mean, `rocAuc` with DeLong's
 * interval and `prAuc` with {@link prAucInterval} (both left out with fewer than two rows of a class), `ece` with the reach of
 * its sampling error, `positiveRate` and `meanScore` with the t interval of a mean. With `clusters` (a number per row, at least
 * two different ones) all intervals allow for rows that err together within a cluster.
 * @param labels 0 or 1, length n, at least 2 rows
 * @param probabilities in [0, 1], length n
 * @example classificationEstimates([0, 1, 1, 0], [0.2, 0.7, 0.6, 0.4]).map(({ name }) => name) // => ['logLoss', 'brier', 'rocAuc', 'prAuc', 'ece', 'positiveRate', 'meanScore']
 */
export function classificationEstimates(
  labels: Numbers,
  probabilities: Numbers,
  options: { readonly confidence?: number; readonly slice?: string; readonly clusters?: Numbers | undefined } = {},
): MetricEstimate[] {
  const { confidence = 0.95, slice = 'all', clusters } = options;
  const given = { confidence, clusters };
  const over = clusters === undefined ? '' : ', over clusters';
  const n = labels.length;
  const base = { confidence, n, slice };
  const mean = (name: string, perRow: Numbers): MetricEstimate => {
    const { difference: value, lower, upper } = pairedMeanDifference(perRow, given);
    return { ...base, name, value, lower, upper, method: `mean, t interval${over}` };
  };
  let positives = 0;
  for (let row = 0; row < n; row++) positives += labels[row] as number;
  const estimates = [
    mean('logLoss', logLossPerRow(labels, probabilities)),
    mean('brier', brierLossPerRow(labels, probabilities)),
  ];
  if (positives >= 2 && n - positives >= 2) {
    const { auc: value, lower, upper } = delongInterval(labels, probabilities, given);
    estimates.push({
      ...base,
      name: 'rocAuc',
      value,
      lower,
      upper,
      method: clusters === undefined ? 'DeLong' : `jackknife of placements${over}`,
    });
    const precision = prAucInterval(labels, probabilities, given);
    const [low, high] = [precision.lower, precision.upper];
    estimates.push({
      ...base,
      name: 'prAuc',
      value: precision.prAuc,
      lower: low,
      upper: high,
      method: `logit interval, infinitesimal jackknife${over}`,
    });
  }
  const { error, interval } = expectedCalibrationError(labels, probabilities, given);
  estimates.push({
    ...base,
    name: 'ece',
    value: error,
    ...interval,
    method: `equal-frequency bins, sampling reach${over}`,
  });
  return [...estimates, mean('positiveRate', labels), mean('meanScore', probabilities)];
}
