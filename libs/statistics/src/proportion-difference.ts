import { wilsonInterval, type Interval } from './proportions.js';

/** Two proportions of independent samples. */
export interface ProportionDifference extends Interval {
  /** Share of the first sample - share of the second. */
  readonly difference: number;
}

/**
 * Difference of two independent proportions with Newcombe's hybrid score interval, built from the Wilson intervals of both:
 * stays inside [-1, 1] and is usable where one share is 0 or 1. Samples as {@link wilsonInterval} takes them.
 * Source: Newcombe (1998), Statistics in Medicine 17:873, method 10.
 * @example proportionDifference({ successes: 56, trials: 70 }, { successes: 48, trials: 80 }) // => { difference: 0.2, lower: 0.052431, upper: 0.333873 }
 */
export function proportionDifference(
  first: { readonly successes: number; readonly trials: number },
  second: { readonly successes: number; readonly trials: number },
  confidence = 0.95,
): ProportionDifference {
  const a = wilsonInterval(first.successes, first.trials, confidence);
  const b = wilsonInterval(second.successes, second.trials, confidence);
  const [p, q] = [first.successes / first.trials, second.successes / second.trials];
  return {
    difference: p - q,
    lower: Math.max(-1, p - q - Math.hypot(p - a.lower, b.upper - q)),
    upper: Math.min(1, p - q + Math.hypot(a.upper - p, q - b.lower)),
  };
}
