import { checkBetween } from './checks.js';
import { plainShare, shareDifference } from './clustered-shares.js';
import { checkTrials, type Interval } from './proportions.js';

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
  for (const { successes, trials } of [first, second]) checkTrials(successes, trials);
  checkBetween('confidence', confidence, 0, 1);
  const [a, b] = [plainShare(first.successes, first.trials), plainShare(second.successes, second.trials)];
  return { difference: a.share - b.share, ...shareDifference(a, b, confidence) };
}
