import { PermanentError } from '@rondo/kernel';
import type { Scorer } from './scorer.js';

/** How far a model's answers are from those recorded when it was made. */
export interface GoldenCheck {
  readonly passed: boolean;
  /** Largest absolute difference of two probabilities. */
  readonly maxAbsError: number;
  /** Row with the largest difference. */
  readonly worstRow: number;
}

/**
 * Scores golden rows and compares with the expected probabilities: the last look at a model before it gets traffic.
 * @param rows row-major values, one row for each expected probability
 * @param tolerance largest difference that passes, for example 1e-5
 * @throws PermanentError `invalid` without rows or with a tolerance outside [0, 1]; whatever `score` throws
 */
export async function goldenCheck(
  scorer: Scorer,
  digest: string,
  rows: Float32Array,
  expected: Float32Array,
  tolerance: number,
): Promise<GoldenCheck> {
  if (expected.length === 0) refuse('expected', expected.length, 'at least one row');
  if (!(tolerance >= 0 && tolerance <= 1)) refuse('tolerance', tolerance, 'between 0 and 1');
  const found = await scorer.score(digest, rows, expected.length);
  let maxAbsError = 0;
  let worstRow = 0;
  for (let row = 0; row < expected.length; row++) {
    const error = Math.abs(found[row]! - expected[row]!);
    // A NaN in the expectation must fail, so it is the worst there is.
    if (error <= maxAbsError) continue;
    maxAbsError = Number.isNaN(error) ? Infinity : error;
    worstRow = row;
  }
  return { passed: maxAbsError <= tolerance, maxAbsError, worstRow };
}

function refuse(field: string, value: number, rule: string): never {
  throw new PermanentError('invalid', `${field}: ${value} breaks the rule "${rule}"`, { field, value, rule });
}
