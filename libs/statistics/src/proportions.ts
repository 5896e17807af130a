import { checkAtLeast, checkBetween, checkCount, invalid } from './checks.js';
import { betaQuantile, normalQuantile } from './distributions.js';

/** Two bounds that hold together at a stated confidence. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Wilson's score interval of a proportion: stays inside [0, 1] and is usable at 0 or all successes.
 * `successes` of `trials` (>= 1) independent trials; `confidence` two-sided.
 * Source: Wilson (1927), JASA 22:209.
 * @example wilsonInterval(8, 10) // => { lower: 0.490162, upper: 0.943318 }
 */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  checkTrials(successes, trials);
  checkBetween('confidence', confidence, 0, 1);
  return scoreInterval(successes / trials, trials, normalQuantile((1 + confidence) / 2));
}

/** Refuses anything but counts, of which there is at least one trial and no more successes than trials. */
export function checkTrials(successes: number, trials: number): void {
  checkCount('trials', trials, 1);
  checkCount('successes', successes);
  if (successes > trials) throw invalid('successes', successes, `must not exceed trials (${trials})`);
}

/** Wilson's interval from a share of any number of trials above 0 and the quantile of its distribution. */
export function scoreInterval(share: number, trials: number, quantile: number): Interval {
  const z2 = quantile ** 2;
  const centre = share + z2 / (2 * trials);
  const spread = Math.sqrt(z2 * ((share * (1 - share)) / trials + z2 / (4 * trials * trials)));
  const scale = 1 + z2 / trials;
  // At the two ends the exact bound is 0 or 1; the formula only misses it by rounding.
  return {
    lower: share === 0 ? 0 : Math.max(0, (centre - spread) / scale),
    upper: share === 1 ? 1 : Math.min(1, (centre + spread) / scale),
  };
}

/** Belief about a proportion after some trials. */
export interface ProportionPosterior extends Interval {
  readonly mean: number;
}

/**
 * Posterior of a proportion under a Beta(`priorSuccesses`, `priorFailures`) prior (default uniform): mean and
 * equal-tailed credible interval. Used for the accuracy of an annotator on gold tasks, where a raw share misleads at
 * ten tasks.
 * @example betaPosterior(9, 1) // => { mean: 0.833333, lower: 0.58722, upper: 0.977169 }
 */
export function betaPosterior(
  successes: number,
  failures: number,
  options: { readonly priorSuccesses?: number; readonly priorFailures?: number; readonly confidence?: number } = {},
): ProportionPosterior {
  const { priorSuccesses = 1, priorFailures = 1, confidence = 0.95 } = options;
  checkAtLeast('successes', successes, 0);
  checkAtLeast('failures', failures, 0);
  checkBetween('priorSuccesses', priorSuccesses, 0, Infinity);
  checkBetween('priorFailures', priorFailures, 0, Infinity);
  checkBetween('confidence', confidence, 0, 1);
  const a = priorSuccesses + successes;
  const b = priorFailures + failures;
  return {
    mean: a / (a + b),
    lower: betaQuantile((1 - confidence) / 2, a, b),
    upper: betaQuantile((1 + confidence) / 2, a, b),
  };
}
