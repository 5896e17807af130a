import { checkBetween, checkFinite, type Numbers } from './checks.js';
import type { MetricEstimate } from './classification-estimates.js';
import { tQuantile } from './distributions.js';
import { pairedMeanDifference } from './mean-difference.js';
import { meanAbsoluteError, pinballLossPerRow, r2Score, valuesVary } from './regression-metrics.js';

/**
 * The usual report on a regression: `mae` with the t interval of a mean, `rmse` as the root of the interval of the mean
 * squared error, `r2` by the delta method (left out where all targets are equal), and `pinball` of each quantile asked
 * for. At least two rows.
 * @example regressionEstimates([1, 2, 3, 5], [1.1, 1.9, 3.2, 4.6]).map(({ name }) => name) // => ['mae', 'rmse', 'r2']
 */
export function regressionEstimates(
  targets: Numbers,
  predictions: Numbers,
  options: {
    readonly confidence?: number;
    readonly slice?: string;
    /** Each strictly between 0 and 1; the predictions are judged as that quantile. */
    readonly quantiles?: readonly number[];
  } = {},
): MetricEstimate[] {
  const { confidence = 0.95, slice = 'all', quantiles = [] } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('targets', targets, 2);
  const n = targets.length;
  const base = { confidence, n, slice };
  const value = meanAbsoluteError(targets, predictions);
  const absolute = errorsOf(targets, predictions, Math.abs);
  const squared = errorsOf(targets, predictions, (error) => error * error);
  const mse = pairedMeanDifference(squared, { confidence });
  const estimates: MetricEstimate[] = [
    { ...base, name: 'mae', ...bounds(absolute, confidence), value, method: 'mean, t interval' },
    {
      ...base,
      name: 'rmse',
      value: Math.sqrt(mse.difference),
      lower: Math.sqrt(Math.max(0, mse.lower)),
      upper: Math.sqrt(mse.upper),
      method: 'root of the t interval of the mean squared error',
    },
  ];
  if (valuesVary(targets))
    estimates.push({ ...base, name: 'r2', ...r2Interval(targets, predictions, squared, confidence) });
  for (const quantile of quantiles) {
    const losses = pinballLossPerRow(targets, predictions, quantile);
    const { difference } = pairedMeanDifference(losses);
    const name = `pinball${quantile}`;
    estimates.push({ ...base, name, value: difference, ...bounds(losses, confidence), method: 'mean, t interval' });
  }
  return estimates;
}

function bounds(perRow: Float64Array, confidence: number): { lower: number; upper: number } {
  const { lower, upper } = pairedMeanDifference(perRow, { confidence });
  return { lower: Math.max(0, lower), upper };
}

function errorsOf(targets: Numbers, predictions: Numbers, of: (error: number) => number): Float64Array {
  const values = new Float64Array(targets.length);
  for (let row = 0; row < values.length; row++) values[row] = of(targets[row]! - predictions[row]!);
  return values;
}

/** 1 - A/B with A the mean squared error and B the variance: each row moves it by -(a - A·b/B)/B. */
function r2Interval(targets: Numbers, predictions: Numbers, squared: Float64Array, confidence: number) {
  const n = targets.length;
  const value = r2Score(targets, predictions);
  let centre = 0;
  for (let row = 0; row < n; row++) centre += targets[row]! / n;
  let spread = 0;
  for (let row = 0; row < n; row++) spread += (targets[row]! - centre) ** 2 / n;
  let squares = 0;
  for (let row = 0; row < n; row++) {
    const influence = (squared[row]! - (1 - value) * (targets[row]! - centre) ** 2) / spread;
    squares += influence * influence;
  }
  const half = tQuantile((1 + confidence) / 2, n - 1) * Math.sqrt(squares / ((n - 1) * n));
  return { value, lower: value - half, upper: Math.min(1, value + half), method: 'delta method, t interval' };
}
