import { checkBetween, checkFinite, type Numbers } from './checks.js';
import { quantileOfSorted, sorted } from './order.js';

/** Whether forecast errors say that the series is not what it was. */
export interface ChangePoint {
  /** Position of the error at which the last change was noticed; null without one. */
  readonly at: number | null;
}

/** Of a normal sample, the standard deviation is this many times the median absolute deviation. */
const MAD_TO_SD = 1.4826;

/**
 * The last change of level in a series of one-step forecast errors, by two-sided cumulative sums of errors scaled by their
 * median absolute deviation: `tolerance` per step is ignored, `threshold` in all is a change, after which the sums start
 * afresh; both in standard deviations. Independent normal errors reach the defaults about once in 100,000 steps; a single error of 9 does.
 * Source: Page (1954), Biometrika 41:100; Lucas & Crosier (1982), Technometrics 24:199.
 * @example lastChangePoint([0.1, -0.2, 0.2, -0.1, 0.1, 5, 0.1, -0.2]) // => { at: 5 }
 */
export function lastChangePoint(
  errors: Numbers,
  options: { readonly tolerance?: number; readonly threshold?: number } = {},
): ChangePoint {
  const { tolerance = 0.5, threshold = 8 } = options;
  checkBetween('tolerance', tolerance, 0, Infinity);
  checkBetween('threshold', threshold, 0, Infinity);
  checkFinite('errors', errors, 0);
  if (errors.length === 0) return { at: null };
  const centre = quantileOfSorted(sorted(errors), 0.5);
  const spread =
    MAD_TO_SD * quantileOfSorted(sorted(Float64Array.from(errors, (error) => Math.abs(error - centre))), 0.5);
  let above = 0;
  let below = 0;
  let at: number | null = null;
  for (let i = 0; i < errors.length; i++) {
    const distance = errors[i]! - centre;
    // Half of the errors are equal: any other is infinitely far away.
    const scaled = distance === 0 ? 0 : spread > 0 ? distance / spread : Math.sign(distance) * Infinity;
    above = Math.max(0, above + scaled - tolerance);
    below = Math.max(0, below - scaled - tolerance);
    if (above <= threshold && below <= threshold) continue;
    at = i;
    above = 0;
    below = 0;
  }
  return { at };
}
