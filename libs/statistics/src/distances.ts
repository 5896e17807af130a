import { checkBetween, checkCounts, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { normalQuantile } from './distributions.js';
import { checkAscending } from './kolmogorov-smirnov.js';
import { sorted } from './order.js';
import type { Interval } from './proportions.js';
import { usedBins } from './psi.js';

/**
 * Wasserstein-1 (earth mover's) distance of two samples: the area between their distribution functions, in the unit of
 * the values; >= 0. Source: Vallender (1974), Theory of Probability 18:784.
 * @example wasserstein1([0, 1, 3], [5, 6, 8]) // => 5
 */
export function wasserstein1(a: Numbers, b: Numbers): number {
  checkFinite('a', a);
  checkFinite('b', b);
  return areaBetween(sorted(a), sorted(b));
}

/**
 * {@link wasserstein1} for samples that are ascending already: O(n + m).
 * @example wasserstein1Sorted([0, 1, 3], [5, 6, 8]) // => 5
 */
export function wasserstein1Sorted(a: Numbers, b: Numbers): number {
  checkAscending('a', a);
  checkAscending('b', b);
  return areaBetween(a, b);
}

/** ∫|F - G|^power. */
function areaBetween(a: Numbers, b: Numbers, power: 1 | 2 = 1): number {
  let i = 0;
  let j = 0;
  let area = 0;
  let previous = Math.min(a[0]!, b[0]!);
  while (i < a.length || j < b.length) {
    const value = Math.min(i < a.length ? a[i]! : Infinity, j < b.length ? b[j]! : Infinity);
    const gap = Math.abs(i / a.length - j / b.length);
    area += (power === 1 ? gap : gap * gap) * (value - previous);
    previous = value;
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
  }
  return area;
}

/**
 * Energy distance of two samples: the root of 2·∫(F - G)², in the root of the unit of the values; 0 when they agree.
 * Source: Székely & Rizzo (2013), Journal of Statistical Planning and Inference 143:1249.
 * @example energyDistance([0, 1, 3], [5, 6, 8]) // => 2.708013
 */
export function energyDistance(a: Numbers, b: Numbers): number {
  checkFinite('a', a);
  checkFinite('b', b);
  return Math.sqrt(2 * areaBetween(sorted(a), sorted(b), 2));
}

/**
 * Jensen-Shannon distance of two samples' counts in the same bins: the root of the divergence in bits; 0 when the shares
 * agree, 1 when no bin is shared. Empty bins need no correction. Source: Endres & Schindelin (2003), IEEE TIT 49:1858.
 * @example jensenShannonDistance([10, 0], [0, 5]) // => 1
 */
export function jensenShannonDistance(referenceCounts: Numbers, currentCounts: Numbers): number {
  const { n, m } = checkedCounts(referenceCounts, currentCounts);
  let divergence = 0;
  for (let i = 0; i < referenceCounts.length; i++) {
    const p = referenceCounts[i]! / n;
    const q = currentCounts[i]! / m;
    const middle = (p + q) / 2;
    if (p > 0) divergence += (p * Math.log2(p / middle)) / 2;
    if (q > 0) divergence += (q * Math.log2(q / middle)) / 2;
  }
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

/** A Jensen-Shannon distance with its interval. */
export interface JensenShannonInterval extends Interval {
  readonly distance: number;
  /** About what sampling alone makes of equal distributions. */
  readonly noise: number;
}

/**
 * {@link jensenShannonDistance} with an interval: that of the divergence, by the delta method over both multinomial samples
 * and the variance that sampling alone gives it (the divergence of equal distributions is about (1/n + 1/m)·χ²(bins - 1)/8 nats),
 * less that mean at its lower end.
 * @param options.confidence coverage, 0..1; default 0.95
 * @example jensenShannonInterval([500, 500], [300, 700]) // => { distance: 0.174084, lower: 0.130749, upper: 0.207736 }
 */
export function jensenShannonInterval(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  options: { readonly confidence?: number } = {},
): JensenShannonInterval {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const distance = jensenShannonDistance(referenceCounts, currentCounts);
  const { n, m } = checkedCounts(referenceCounts, currentCounts);
  const reference = { mean: 0, square: 0 };
  const current = { mean: 0, square: 0 };
  let bins = 0;
  for (let i = 0; i < referenceCounts.length; i++) {
    const p = referenceCounts[i]! / n;
    const q = currentCounts[i]! / m;
    if (p + q === 0) continue;
    bins++;
    const byReference = p > 0 ? Math.log2((2 * p) / (p + q)) / 2 : 0;
    const byCurrent = q > 0 ? Math.log2((2 * q) / (p + q)) / 2 : 0;
    reference.mean += p * byReference;
    reference.square += p * byReference ** 2;
    current.mean += q * byCurrent;
    current.square += q * byCurrent ** 2;
  }
  const unit = (1 / n + 1 / m) / (8 * Math.LN2);
  const firstOrder = (reference.square - reference.mean ** 2) / n + (current.square - current.mean ** 2) / m;
  const error = Math.sqrt(Math.max(0, firstOrder) + 2 * (bins - 1) * unit ** 2);
  const reach = normalQuantile((1 + confidence) / 2) * error;
  const noise = (bins - 1) * unit;
  const rootOf = (divergence: number) => Math.sqrt(Math.min(1, Math.max(0, divergence)));
  return {
    distance,
    lower: rootOf(distance ** 2 - noise - reach),
    upper: rootOf(distance ** 2 + reach),
    noise: rootOf(noise),
  };
}

/**
 * Hellinger distance of two samples' counts in the same bins: √(½ Σ (√p - √q)²), 0..1. Empty bins need no correction.
 * Source: Hellinger (1909), Journal für die reine und angewandte Mathematik 136:210.
 * @example hellingerDistance([10, 10], [5, 15]) // => 0.184592
 */
export function hellingerDistance(referenceCounts: Numbers, currentCounts: Numbers): number {
  const { n, m } = checkedCounts(referenceCounts, currentCounts);
  let squares = 0;
  for (let i = 0; i < referenceCounts.length; i++) {
    squares += (Math.sqrt(referenceCounts[i]! / n) - Math.sqrt(currentCounts[i]! / m)) ** 2;
  }
  return Math.sqrt(Math.min(1, squares / 2));
}

/**
 * Total variation distance of two samples' counts in the same bins: ½ Σ |p - q|, 0..1, the share of rows that would have to
 * change their bin. Two samples of one population differ by about Σ √(p(1 - p)(1/n + 1/m))/√(2π).
 * @example totalVariationDistance([10, 10], [5, 15]) // => 0.25
 */
export function totalVariationDistance(referenceCounts: Numbers, currentCounts: Numbers): number {
  const { n, m } = checkedCounts(referenceCounts, currentCounts);
  let distance = 0;
  for (let i = 0; i < referenceCounts.length; i++)
    distance += Math.abs(referenceCounts[i]! / n - currentCounts[i]! / m);
  return Math.min(1, distance / 2);
}

/**
 * Kullback-Leibler divergence of the current shares from the reference's, Σ q·ln(q / p) in nats, >= 0, not symmetric. As in
 * PSI, bins empty in both samples are left out; if a bin is empty in one, half a row is added to every bin of both, so that
 * the result stays finite. Source: Kullback & Leibler (1951), Annals of Mathematical Statistics 22:79.
 * @example klDivergence([10, 10], [5, 15]) // => 0.130812
 */
export function klDivergence(referenceCounts: Numbers, currentCounts: Numbers): number {
  const { n, m } = checkedCounts(referenceCounts, currentCounts);
  const { bins, pseudoRows } = usedBins(referenceCounts, currentCounts);
  let divergence = 0;
  for (let i = 0; i < referenceCounts.length; i++) {
    if (referenceCounts[i] === 0 && currentCounts[i] === 0) continue;
    const p = (referenceCounts[i]! + pseudoRows) / (n + bins * pseudoRows);
    const q = (currentCounts[i]! + pseudoRows) / (m + bins * pseudoRows);
    divergence += q * Math.log(q / p);
  }
  return Math.max(0, divergence);
}

function checkedCounts(referenceCounts: Numbers, currentCounts: Numbers): { n: number; m: number } {
  checkSameLength('currentCounts', currentCounts, 'referenceCounts', referenceCounts);
  const n = checkCounts('referenceCounts', referenceCounts);
  const m = checkCounts('currentCounts', currentCounts);
  if (n === 0) throw invalid('referenceCounts', n, 'needs at least one row');
  if (m === 0) throw invalid('currentCounts', m, 'needs at least one row');
  return { n, m };
}
