import betaCdfOf from '@stdlib/stats-base-dists-beta-cdf';
import betaQuantileOf from '@stdlib/stats-base-dists-beta-quantile';
import binomialCdfOf from '@stdlib/stats-base-dists-binomial-cdf';
import chiSquaredQuantileOf from '@stdlib/stats-base-dists-chisquare-quantile';
import normalCdfOf from '@stdlib/stats-base-dists-normal-cdf';
import normalQuantileOf from '@stdlib/stats-base-dists-normal-quantile';
import tCdfOf from '@stdlib/stats-base-dists-t-cdf';
import tQuantileOf from '@stdlib/stats-base-dists-t-quantile';
import { checkAtLeast, checkBetween, checkCount, invalid } from './checks.js';

const LN10 = Math.LN10;

/**
 * P(Z <= z) of the standard normal; `z` any number, infinities included. Accurate in the lower tail down to z = -38;
 * for an upper tail ask for `normalCdf(-z)`.
 * @example normalCdf(-1.959964) // => 0.025
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) throw invalid('z', z, 'must be a number');
  return normalCdfOf(z, 0, 1);
}

/**
 * The z with P(Z <= z) = `probability`, which is strictly between 0 and 1.
 * @example normalQuantile(0.975) // => 1.959964
 */
export function normalQuantile(probability: number): number {
  checkBetween('probability', probability, 0, 1);
  return probability > 0.5 ? -lowerNormalQuantile(1 - probability) : lowerNormalQuantile(probability);
}

/**
 * The library's quantile works from 2p - 1 and so loses a tail's digits (all of them below 1e-16): below 0.001 Newton
 * steps on ln Φ, from the leading term of the tail, give them back.
 */
function lowerNormalQuantile(probability: number): number {
  if (probability > 0.001) return normalQuantileOf(probability, 0, 1);
  const logP = Math.log(probability);
  let z = -Math.sqrt(-2 * logP - Math.log(-2 * logP * 2 * Math.PI));
  for (let step = 0; step < 6; step++) {
    const below = normalCdfOf(z, 0, 1);
    if (below === 0) break;
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    z -= ((Math.log(below) - logP) * below) / density;
  }
  return z;
}

/**
 * The t with P(T <= t) = `probability` (strictly between 0 and 1) at `degreesOfFreedom` > 0.
 * @example tQuantile(0.975, 10) // => 2.228139
 */
export function tQuantile(probability: number, degreesOfFreedom: number): number {
  checkBetween('probability', probability, 0, 1);
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  return tQuantileOf(probability, degreesOfFreedom);
}

/**
 * P(|T| >= |t|), the two-sided p-value of a t statistic.
 * @example tTwoSidedPValue(2.228139, 10) // => 0.05
 */
export function tTwoSidedPValue(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t)) throw invalid('t', t, 'must be a number');
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  return Math.min(1, 2 * tCdfOf(-Math.abs(t), degreesOfFreedom));
}

/**
 * The x with P(X <= x) = `probability` for a chi-squared X with `degreesOfFreedom` > 0.
 * @example chiSquaredQuantile(0.95, 9) // => 16.918978
 */
export function chiSquaredQuantile(probability: number, degreesOfFreedom: number): number {
  checkBetween('probability', probability, 0, 1);
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  return chiSquaredQuantileOf(probability, degreesOfFreedom);
}

/**
 * The x with P(X <= x) = `probability` for a Beta(`a`, `b`) X, both shapes positive.
 * @example betaQuantile(0.5, 2, 2) // => 0.5
 */
export function betaQuantile(probability: number, a: number, b: number): number {
  checkBetween('probability', probability, 0, 1);
  checkBetween('a', a, 0, Infinity);
  checkBetween('b', b, 0, Infinity);
  return betaQuantileOf(probability, a, b);
}

/**
 * P(X <= x) for a Beta(`a`, `b`) X, both shapes positive; `x` any number.
 * @example betaCdf(0.5, 2, 2) // => 0.5
 */
export function betaCdf(x: number, a: number, b: number): number {
  if (Number.isNaN(x)) throw invalid('x', x, 'must be a number');
  checkBetween('a', a, 0, Infinity);
  checkBetween('b', b, 0, Infinity);
  return betaCdfOf(x, a, b);
}

/**
 * P(X <= successes) for X binomial with `trials` trials of the given probability.
 * @example binomialCdf(2, 10, 0.5) // => 0.0546875
 */
export function binomialCdf(successes: number, trials: number, probability: number): number {
  checkCount('successes', successes);
  checkCount('trials', trials);
  if (!(probability >= 0 && probability <= 1)) throw invalid('probability', probability, 'must be between 0 and 1');
  return binomialCdfOf(successes, trials, probability);
}

/**
 * log10 P(X >= x) for a chi-squared X: finite where the p-value itself underflows. Series below the mean, Lentz's
 * continued fraction above it (Numerical Recipes, 6.2).
 * @example log10ChiSquaredSurvival(16.918978, 9) // => -1.30103
 */
export function log10ChiSquaredSurvival(x: number, degreesOfFreedom: number): number {
  checkAtLeast('x', x, 0);
  checkBetween('degreesOfFreedom', degreesOfFreedom, 0, Infinity);
  return Math.min(0, logUpperGamma(degreesOfFreedom / 2, x / 2) / LN10);
}

/**
 * log10 P(|Z| >= |z|) for a standard normal Z: finite where the p-value itself underflows.
 * @example log10NormalTwoSided(1.959964) // => -1.30103
 */
export function log10NormalTwoSided(z: number): number {
  const size = Math.abs(z);
  checkAtLeast('|z|', size, 0);
  if (size < 30) return Math.min(0, Math.log10(2 * normalCdfOf(-size, 0, 1)));
  const s = 1 / (size * size);
  const series = 1 - s * (1 - 3 * s * (1 - 5 * s * (1 - 7 * s)));
  return (-(size * size) / 2 - Math.log(size) + Math.log(series) + Math.log(Math.sqrt(2 / Math.PI))) / LN10;
}

/**
 * log10 of the Kolmogorov distribution's upper tail Q(λ) = 2 Σ (-1)^(k-1) exp(-2 k² λ²), λ >= 0; below λ = 1 by the
 * equivalent theta series, which converges there.
 * @example log10KolmogorovSurvival(1.3581) // => -1.301033
 */
export function log10KolmogorovSurvival(lambda: number): number {
  checkAtLeast('lambda', lambda, 0);
  if (lambda < 0.04) return 0;
  if (lambda < 1) {
    let sum = 0;
    for (let k = 1; k <= 7; k += 2) sum += Math.exp((-k * k * Math.PI * Math.PI) / (8 * lambda * lambda));
    return Math.log1p(-(Math.sqrt(2 * Math.PI) / lambda) * sum) / LN10;
  }
  let tail = 1;
  for (let k = 2; k <= 6; k++) tail += (k % 2 === 0 ? -1 : 1) * Math.exp(-2 * (k * k - 1) * lambda * lambda);
  return (Math.LN2 - 2 * lambda * lambda + Math.log(tail)) / LN10;
}

/** 10^`log10P`, which is 0 below the smallest double. */
export function pValueFromLog10(log10P: number): number {
  return Math.min(1, 10 ** log10P);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/**
 * ln Γ(x) for x > 0: Stirling's series from 15 upwards, Lanczos (g = 7, 9 terms) below; relative error under 1e-13.
 * @example logGamma(5) // => 3.178054
 */
export function logGamma(x: number): number {
  checkBetween('x', x, 0, Infinity);
  if (x >= 15) {
    const s = 1 / (x * x);
    const series = (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188))))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
  }
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const t = shifted + 7.5;
  let sum = LANCZOS[0]!;
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (shifted + i);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** ln Q(a, x), the regularised upper incomplete gamma function. */
function logUpperGamma(a: number, x: number): number {
  if (x === 0) return 0;
  const logPrefix = a * Math.log(x) - x - logGamma(a);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; k < 100_000 && term > sum * 1e-17; k++) {
      term *= x / (a + k);
      sum += term;
    }
    return Math.log1p(-Math.min(1, Math.exp(logPrefix + Math.log(sum))));
  }
  return logPrefix + Math.log(upperGammaFraction(a, x));
}

/** Γ(a, x) / (x^a e^-x) by the modified Lentz method. */
function upperGammaFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let i = 1; i < 100_000; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / (numerator * d + b || tiny);
    c = b + numerator / c || tiny;
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return fraction;
}
