import { checkAtLeast, checkBetween, checkFinite, invalid, type Numbers } from './checks.js';
import { tQuantile, tTwoSidedPValue } from './distributions.js';
import type { Interval } from './proportions.js';

/** What paired differences say about the mean difference; the three probabilities sum to 1. */
export interface BayesianComparison {
  /** Of a mean difference below -`rope`. */
  readonly probabilityBelow: number;
  /** Of a mean difference too small to matter: within `rope` of 0. */
  readonly probabilityEquivalent: number;
  /** Of a mean difference above `rope`. */
  readonly probabilityAbove: number;
  readonly mean: number;
  /** Equal-tailed credible interval of the mean difference. */
  readonly interval: Interval;
  readonly n: number;
}

/**
 * Correlated Bayesian t-test: the posterior of the mean of paired differences under the flat reference prior, a t
 * distribution with n - 1 degrees of freedom around their mean and scale √((1/n + ρ/(1 - ρ))·s²). ρ = `correlation` is that
 * between differences: 0 for independent rows; for scores of folds whose training rows overlap, the share of rows that is
 * tested. It answers what a p-value does not: how probable it is that the models are equal for all practical purposes.
 * Chosen over the Bayesian bootstrap because it is closed form (no seed) and accounts for overlapping folds, of which there
 * are few. Differences must be near normal or many; all equal ones are taken for certain.
 * Source: Benavoli, Corani, Demšar & Zaffalon (2017), JMLR 18:77; Corani & Benavoli (2015), Machine Learning 100:285.
 * @example bayesianComparison([-0.02, -0.01, -0.03, 0.01, -0.02], { rope: 0.005 }) // => { probabilityBelow: 0.872402, probabilityEquivalent: 0.103227, mean: -0.014, n: 5 }
 */
export function bayesianComparison(
  differences: Numbers,
  options: { readonly rope?: number; readonly correlation?: number; readonly confidence?: number } = {},
): BayesianComparison {
  const { rope = 0, correlation = 0, confidence = 0.95 } = options;
  checkFinite('differences', differences, 2);
  checkAtLeast('rope', rope, 0);
  if (!(correlation >= 0 && correlation < 1))
    throw invalid('correlation', correlation, 'must be at least 0 and below 1');
  checkBetween('confidence', confidence, 0, 1);
  const n = differences.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += differences[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (differences[i]! - mean) ** 2;
  checkAtLeast('sum of squared differences', squares, 0);
  const scale = Math.sqrt((1 / n + correlation / (1 - correlation)) * (squares / (n - 1)));
  const below = probabilityUpTo(-rope, mean, scale, n - 1);
  const above = 1 - probabilityUpTo(rope, mean, scale, n - 1);
  const spread = tQuantile((1 + confidence) / 2, n - 1) * scale;
  const certain = scale === 0 && Math.abs(mean) <= rope;
  return {
    probabilityBelow: certain ? 0 : below,
    probabilityEquivalent: certain ? 1 : Math.max(0, 1 - below - above),
    probabilityAbove: certain ? 0 : above,
    mean,
    interval: { lower: mean - spread, upper: mean + spread },
    n,
  };
}

function probabilityUpTo(bound: number, mean: number, scale: number, degreesOfFreedom: number): number {
  if (scale === 0) return bound >= mean ? 1 : 0;
  const t = (bound - mean) / scale;
  const tail = tTwoSidedPValue(t, degreesOfFreedom) / 2;
  return t <= 0 ? tail : 1 - tail;
}
