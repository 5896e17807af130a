import { brentRoot } from './brent-root.js';
import { checkAtLeast, checkBetween } from './checks.js';
import { log10ChiSquaredSurvival, logGamma, normalQuantile } from './distributions.js';
import type { Interval } from './proportions.js';

/** Terms of the mixture that are left out weigh less than this. */
const NEGLIGIBLE = 1e-15;

/**
 * P(X <= x) for a noncentral chi-squared X with `degreesOfFreedom` > 0 and `noncentrality` >= 0: the mixture of central ones
 * by Poisson weights, from the largest weight outwards in both directions; O(√noncentrality).
 * Source: Benton & Krishnamoorthy (2003), Computational Statistics & Data Analysis 43:249.
 * @example noncentralChiSquaredCdf(10, 4, 6) // => 0.565536
 */
export function noncentralChiSquaredCdf(x: number, degreesOfFreedom: number, noncentrality: number): number {
  checkAtLeast('x', x, 0);
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  checkAtLeast('noncentrality', noncentrality, 0);
  if (x === 0) return 0;
  const [half, rate] = [x / 2, noncentrality / 2];
  const middle = Math.floor(rate);
  const shape = degreesOfFreedom / 2 + middle;
  const central = 1 - 10 ** log10ChiSquaredSurvival(x, 2 * shape);
  const weight = rate === 0 ? 1 : Math.exp(middle * Math.log(rate) - rate - logGamma(middle + 1));
  // What one more pair of degrees takes from the central probability: x^a e^-x / Γ(a + 1).
  const step = Math.exp(shape * Math.log(half) - half - logGamma(shape + 1));
  let sum = weight * central;
  let [probability, share, change] = [central, weight, step];
  for (let k = middle; share > NEGLIGIBLE; k++) {
    probability = Math.max(0, probability - change);
    change *= half / (shape + (k - middle) + 1);
    share *= rate / (k + 1);
    if (probability === 0) break;
    sum += share * probability;
  }
  [probability, share, change] = [central, weight, step];
  for (let k = middle; k > 0 && share > NEGLIGIBLE; k--) {
    change *= (shape - (middle - k)) / half;
    probability = Math.min(1, probability + change);
    share *= k / rate;
    sum += share * probability;
  }
  return Math.min(1, sum);
}

/**
 * The noncentralities that a chi-squared statistic is compatible with: those under which as large and as small a one both have
 * a chance of at least half of what `confidence` leaves. An end that no noncentrality reaches is 0, so the interval holds 0
 * exactly when the statistic is not significant at that half, whatever the degrees of freedom.
 * Source: Steiger (2004), Psychological Methods 9:164; Smithson (2003), Confidence Intervals, ch. 4.
 * @param options.confidence coverage, 0..1; default 0.95
 * @example noncentralityInterval(20, 4) // => { lower: 4.08046, upper: 37.763923 }
 */
export function noncentralityInterval(
  statistic: number,
  degreesOfFreedom: number,
  options: { readonly confidence?: number } = {},
): Interval {
  const { confidence = 0.95 } = options;
  checkAtLeast('statistic', statistic, 0);
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  checkBetween('confidence', confidence, 0, 1);
  const tail = (1 - confidence) / 2;
  return {
    lower: noncentralityAt(statistic, degreesOfFreedom, 1 - tail),
    upper: noncentralityAt(statistic, degreesOfFreedom, tail),
  };
}

/**
 * The interval of a distance whose sample value, in units of 1/n + 1/m, is noncentral chi-squared where distributions differ
 * little, and normal around distance + degrees of freedom where they differ much; it reaches as far as either does, and holds
 * the sample value itself.
 * @param firstOrderVariance of the value, by the delta method at the shares of the samples
 */
export function distanceInterval(
  value: number,
  degreesOfFreedom: number,
  firstOrderVariance: number,
  confidence: number,
): Interval {
  const small = noncentralityInterval(value, degreesOfFreedom, { confidence });
  // The noise of the shares alone gives a first-order variance of 4·df on average; what they vary by without drift is 2·df.
  const variance = Math.max(firstOrderVariance - 2 * degreesOfFreedom, 2 * degreesOfFreedom);
  const reach = normalQuantile((1 + confidence) / 2) * Math.sqrt(variance);
  return {
    lower: Math.max(0, Math.min(small.lower, value - degreesOfFreedom - reach)),
    upper: Math.max(value, small.upper, value - degreesOfFreedom + reach),
  };
}

/** The noncentrality under which the statistic is the given quantile; 0 where it is below that quantile without any. */
function noncentralityAt(statistic: number, degreesOfFreedom: number, quantile: number): number {
  const above = (noncentrality: number): number =>
    noncentralChiSquaredCdf(statistic, degreesOfFreedom, noncentrality) - quantile;
  if (above(0) <= 0) return 0;
  const spread = Math.sqrt(2 * degreesOfFreedom + 4 * statistic);
  let high = statistic + spread;
  while (above(high) > 0) high += 2 * spread;
  return brentRoot(above, 0, high, 1e-10 * Math.max(1, statistic));
}
