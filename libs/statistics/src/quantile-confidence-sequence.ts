import { checkBetween, checkFinite, invalid, type Numbers } from './checks.js';
import { betaCdf, logGamma } from './distributions.js';
import type { Interval } from './proportions.js';

/** An interval for a quantile that may be read at any time; a missing bound is one the sample cannot give yet. */
export interface QuantileInterval {
  readonly estimate: number;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly n: number;
}

/** A quantile interval, or why there is none. */
export type QuantileResult =
  ({ readonly kind: 'estimated' } & QuantileInterval) | { readonly kind: 'insufficient'; readonly reason: 'no-rows' };

/**
 * Confidence sequence of the `probability` quantile from an ascending sample of independent values, of any distribution, with
 * ties. A value x is ruled out from below when so few of the sample lie at or below x that P(X <= x) >= probability is refuted,
 * from above when so few lie at or above it; each side is a one-sided likelihood-ratio mixture at alpha/2, so both hold at all
 * looks together with 1 - alpha. A p99 needs 535 rows before it has an upper bound.
 * Source: Howard & Ramdas (2022), Bernoulli 28:1704, with the beta-binomial mixture in the place of their stitched bound.
 * @example quantileConfidenceSequence(Array.from({ length: 1000 }, (_, i) => i), { probability: 0.5 }) // => { kind: 'estimated', estimate: 499, lower: 444, upper: 555, n: 1000 }
 */
export function quantileConfidenceSequence(
  ascending: Numbers,
  options: { readonly probability: number; readonly alpha?: number },
): QuantileResult {
  const { probability, alpha = 0.05 } = options;
  checkBetween('probability', probability, 0, 1);
  checkBetween('alpha', alpha, 0, 1);
  checkFinite('ascending', ascending, 0);
  const n = ascending.length;
  for (let i = 1; i < n; i++) {
    if (ascending[i]! < ascending[i - 1]!)
      throw invalid(`ascending[${i}]`, ascending[i], 'must not be below the value before it');
  }
  if (n === 0) return { kind: 'insufficient', reason: 'no-rows' };
  const tooFewBelow = leastCount(n, probability, alpha / 2);
  const tooFewAbove = leastCount(n, 1 - probability, alpha / 2);
  return {
    kind: 'estimated',
    estimate: ascending[Math.max(0, Math.ceil(n * probability) - 1)]!,
    // With `tooFewBelow` values at or below it, x is not refuted any more: the value at that rank is the lower bound.
    lower: tooFewBelow === 0 ? null : ascending[tooFewBelow - 1]!,
    upper: tooFewAbove === 0 ? null : ascending[n - tooFewAbove]!,
    n,
  };
}

/**
 * Confidence sequence of quantile(canary) - quantile(baseline), each at alpha/2.
 * Source: {@link quantileConfidenceSequence} and the union bound.
 * @example quantileDifferenceSequence(Array.from({ length: 1000 }, (_, i) => i), Array.from({ length: 1000 }, (_, i) => i + 300), { probability: 0.5 }) // => { lower: 183, upper: 417 }
 */
export function quantileDifferenceSequence(
  baseline: Numbers,
  canary: Numbers,
  options: { readonly probability: number; readonly alpha?: number },
): Interval | null {
  const half = { probability: options.probability, alpha: (options.alpha ?? 0.05) / 2 };
  const before = quantileConfidenceSequence(baseline, half);
  const now = quantileConfidenceSequence(canary, half);
  if (before.kind === 'insufficient' || now.kind === 'insufficient') return null;
  if (before.lower === null || before.upper === null || now.lower === null || now.upper === null) return null;
  return { lower: now.lower - before.upper, upper: now.upper - before.lower };
}

/** The least count of hits in n trials at which "the chance of a hit is at least `chance`" is not refuted at `alpha`. */
function leastCount(n: number, chance: number, alpha: number): number {
  let refuted = -1;
  let open = Math.ceil(n * chance);
  while (open - refuted > 1) {
    const middle = Math.floor((open + refuted) / 2);
    if (logEValueBelow(middle, n, chance) >= -Math.log(alpha)) refuted = middle;
    else open = middle;
  }
  return open;
}

/** ln of the likelihood averaged over a uniform prior on (0, chance), divided by the likelihood of `chance`. */
function logEValueBelow(hits: number, n: number, chance: number): number {
  const logBeta = logGamma(hits + 1) + logGamma(n - hits + 1) - logGamma(n + 2);
  const share = betaCdf(chance, hits + 1, n - hits + 1);
  const logLikelihood = hits * Math.log(chance) + (n - hits) * Math.log1p(-chance);
  return logBeta + Math.log(share) - Math.log(chance) - logLikelihood;
}
