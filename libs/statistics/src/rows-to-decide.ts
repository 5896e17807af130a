import { checkAtLeast, checkBetween, checkCount, checkNumber } from './checks.js';
import { requiredRows } from './non-inferiority.js';

/**
 * Rows that would probably (power 0.8) settle whether a gain exceeds a bound which the interval of `rows` rows covers: as
 * many as two equal models need where that is more than there were, else as many as the gain seen so far needs if it is
 * the true one. Always more than `rows`; null when no finite number would do (the gain sits on the bound, or beyond 2^53).
 * @example rowsToDecide({ gain: 0.001, bound: -0.005, halfWidth: 0.01, rows: 1000 }) // => 8173
 */
export function rowsToDecide(seen: {
  /** The challenger's gain; positive is better. */
  readonly gain: number;
  /** What the gain is held against: -margin for non-inferiority, +margin for superiority. */
  readonly bound: number;
  /** Half the width of the interval of the gain. */
  readonly halfWidth: number;
  readonly rows: number;
  /** Two-sided, of the interval; 0.95 by default. */
  readonly confidence?: number;
}): number | null {
  const { gain, bound, halfWidth, rows, confidence = 0.95 } = seen;
  checkNumber('gain', gain);
  checkNumber('bound', bound);
  checkAtLeast('halfWidth', halfWidth, 0);
  checkCount('rows', rows, 1);
  checkBetween('confidence', confidence, 0, 1);
  const needed = (distance: number): number => requiredRows({ halfWidth, rows, margin: distance, confidence });
  const ifEqual = bound < 0 ? needed(-bound) : 0;
  const distance = Math.abs(gain - bound);
  const more = ifEqual > rows || distance === 0 ? ifEqual : Math.max(needed(distance), rows + 1);
  return more > rows && Number.isSafeInteger(more) ? more : null;
}
