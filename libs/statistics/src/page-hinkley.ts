import { checkAtLeast, checkBetween, checkCount, checkNumber } from './checks.js';

/** Plain JSON; holds everything needed to go on after a restart. */
export interface PageHinkley {
  readonly tolerance: number;
  readonly threshold: number;
  readonly minValues: number;
  readonly values: number;
  readonly mean: number;
  readonly cumulated: number;
  readonly lowest: number;
  readonly detected: boolean;
}

/**
 * Starts Page and Hinkley's detector of a rise of a stream's mean (an error rate, a lag). `tolerance` is the rise that is
 * ignored and `threshold` the accumulated excess that counts, both in the unit of the values; nothing is detected before
 * `minValues` (default 30). It has no stated false alarm rate: choose the threshold on history.
 * Source: Page (1954), Biometrika 41:100.
 * @example startPageHinkley({ tolerance: 0.01, threshold: 5 }).detected // => false
 */
export function startPageHinkley(rule: {
  readonly tolerance: number;
  readonly threshold: number;
  readonly minValues?: number;
}): PageHinkley {
  const { tolerance, threshold, minValues = 30 } = rule;
  checkAtLeast('tolerance', tolerance, 0);
  checkBetween('threshold', threshold, 0, Infinity);
  checkCount('minValues', minValues, 1);
  return { tolerance, threshold, minValues, values: 0, mean: 0, cumulated: 0, lowest: 0, detected: false };
}

/**
 * The state after one more value. After a detection the next value starts afresh.
 * @example updatePageHinkley(updatePageHinkley(startPageHinkley({ tolerance: 0, threshold: 1, minValues: 2 }), 0), 9).detected // => true
 */
export function updatePageHinkley(state: PageHinkley, value: number): PageHinkley {
  checkNumber('value', value);
  const before = state.detected ? startPageHinkley(state) : state;
  const values = before.values + 1;
  const mean = before.mean + (value - before.mean) / values;
  const cumulated = before.cumulated + value - mean - before.tolerance;
  const lowest = Math.min(before.lowest, cumulated);
  const detected = values >= before.minValues && cumulated - lowest > before.threshold;
  return { ...before, values, mean, cumulated, lowest, detected };
}
