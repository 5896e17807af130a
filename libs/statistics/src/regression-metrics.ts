import { checkBetween, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { weightedMean, type Weighted } from './classification-metrics.js';

/**
 * Mean of |target - prediction|, in the unit of the target; lower is better. Rows: both finite, at least one.
 * @example meanAbsoluteError([1, 2, 4], [1, 3, 2]) // => 1
 */
export function meanAbsoluteError(targets: Numbers, predictions: Numbers, { weights }: Weighted = {}): number {
  checkRows(targets, predictions);
  return weightedMean(
    perRow(targets, (target, row) => Math.abs(target - predictions[row]!)),
    weights,
  );
}

/**
 * Root of the mean of (target - prediction)², in the unit of the target; lower is better.
 * @example rootMeanSquaredError([1, 2, 4], [1, 3, 2]) // => 1.290994
 */
export function rootMeanSquaredError(targets: Numbers, predictions: Numbers, { weights }: Weighted = {}): number {
  checkRows(targets, predictions);
  return Math.sqrt(
    weightedMean(
      perRow(targets, (target, row) => (target - predictions[row]!) ** 2),
      weights,
    ),
  );
}

/**
 * Share of the targets' variance that the predictions explain, 1 - Σ(y - f)² / Σ(y - ȳ)²; at most 1, 0 for always saying
 * the mean, below 0 for worse. Refused: targets that are all equal, for which it is undefined.
 * @example r2Score([1, 2, 3], [1.1, 1.9, 3.2]) // => 0.97
 */
export function r2Score(targets: Numbers, predictions: Numbers, { weights }: Weighted = {}): number {
  checkRows(targets, predictions);
  const centre = weightedMean(Float64Array.from(targets), weights);
  const spread = weightedMean(
    perRow(targets, (target) => (target - centre) ** 2),
    weights,
  );
  if (!valuesVary(targets)) throw invalid('targets', targets[0], 'must not all be equal');
  if (spread === 0) throw invalid('weights', 0, 'must give weight to more than one target');
  const errors = perRow(targets, (target, row) => (target - predictions[row]!) ** 2);
  return 1 - weightedMean(errors, weights) / spread;
}

/** Whether any two values differ. */
export function valuesVary(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return true;
  return false;
}

/**
 * Mean quantile loss: an unexplained excess of the target costs `quantile` per unit, a shortfall 1 - `quantile`; lower is
 * better, smallest in expectation at the true quantile. `quantile` strictly between 0 and 1; at 0.5 half the mean
 * absolute error. Source: Koenker & Bassett (1978), Econometrica 46:33.
 * @example pinballLoss([1, 2, 4], [1, 3, 2], 0.9) // => 0.633333
 */
export function pinballLoss(
  targets: Numbers,
  predictions: Numbers,
  quantile: number,
  { weights }: Weighted = {},
): number {
  return weightedMean(pinballLossPerRow(targets, predictions, quantile), weights);
}

/**
 * The terms whose mean is {@link pinballLoss}, one per row.
 * @example Array.from(pinballLossPerRow([1, 2, 4], [1, 3, 2], 0.9)) // => [0, 0.1, 1.8]
 */
export function pinballLossPerRow(targets: Numbers, predictions: Numbers, quantile: number): Float64Array {
  checkRows(targets, predictions);
  checkBetween('quantile', quantile, 0, 1);
  return perRow(targets, (target, row) => {
    const excess = target - predictions[row]!;
    return excess >= 0 ? quantile * excess : (quantile - 1) * excess;
  });
}

function perRow(targets: Numbers, value: (target: number, row: number) => number): Float64Array {
  const values = new Float64Array(targets.length);
  for (let row = 0; row < values.length; row++) values[row] = value(targets[row]!, row);
  return values;
}

/** Squares of larger numbers, summed over rows, leave the range of doubles. */
const SIZE_MAX = 1e150;

function checkRows(targets: Numbers, predictions: Numbers): void {
  checkSameLength('predictions', predictions, 'targets', targets);
  for (const [field, values] of Object.entries({ targets, predictions })) {
    checkFinite(field, values);
    for (let row = 0; row < values.length; row++) {
      if (Math.abs(values[row]!) > SIZE_MAX)
        throw invalid(`${field}[${row}]`, values[row], `must be at most ${SIZE_MAX} in size`);
    }
  }
}
