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
 * its sampling error, `positiveRate` and `meanScore`.
 * @param labels 0 or 1, length n, at least 2 rows
 * @param probabilities in [0, 1], length n
 * @example classificationEstimates([0, 1, 1, 0], [0.2, 0.7, 0.6, 0.4]).map(({ name }) => name) // => ['logLoss', 'brier', 'rocAuc', 'prAuc', 'ece', 'positiveRate', 'meanScore']
 */
export function classificationEstimates(
  labels: Numbers,
  probabilities: Numbers,
  { confidence = 0.95, slice = 'all' }: { readonly confidence?: number; readonly slice?: string } = {},
): MetricEstimate[] {
  const n = labels.length;
  const base = { confidence, n, slice };
  const mean = (name: string, perRow: Numbers): MetricEstimate => {
    const { difference: value, lower, upper } = pairedMeanDifference(perRow, { confidence });
    return { ...base, name, value, lower, upper, method: 'mean, t interval' };
  };
  let positives = 0;
  for (let row = 0; row < n; row++) positives += labels[row] as number;
  const estimates = [
    mean('logLoss', logLossPerRow(labels, probabilities)),
    mean('brier', brierLossPerRow(labels, probabilities)),
  ];
  if (positives >= 2 && n - positives >= 2) {
    const { auc: value, lower, upper } = delongInterval(labels, probabilities, { confidence });
    estimates.push({ ...base, name: 'rocAuc', value, lower, upper, method: 'DeLong' });
    const precision = prAucInterval(labels, probabilities, { confidence });
    const [low, high] = [precision.lower, precision.upper];
    estimates.push({
      ...base,
      name: 'prAuc',
      value: precision.prAuc,
      lower: low,
      upper: high,
      method: 'logit interval, infinitesimal jackknife',
    });
  }
  const { error, interval } = expectedCalibrationError(labels, probabilities, { confidence });
  estimates.push({ ...base, name: 'ece', value: error, ...interval, method: 'equal-frequency bins, sampling reach' });
  return [...estimates, mean('positiveRate', labels), mean('meanScore', probabilities)];
}
