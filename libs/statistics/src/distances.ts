import { checkCounts, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { checkAscending } from './kolmogorov-smirnov.js';
import { sorted } from './order.js';

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

function areaBetween(a: Numbers, b: Numbers): number {
  let i = 0;
  let j = 0;
  let area = 0;
  let previous = Math.min(a[0]!, b[0]!);
  while (i < a.length || j < b.length) {
    const value = Math.min(i < a.length ? a[i]! : Infinity, j < b.length ? b[j]! : Infinity);
    area += Math.abs(i / a.length - j / b.length) * (value - previous);
    previous = value;
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
  }
  return area;
}

/**
 * Jensen-Shannon distance of two samples' counts in the same bins: the root of the divergence in bits; 0 when the shares
 * agree, 1 when no bin is shared. Empty bins need no correction. Source: Endres & Schindelin (2003), IEEE TIT 49:1858.
 * @example jensenShannonDistance([10, 0], [0, 5]) // => 1
 */
export function jensenShannonDistance(referenceCounts: Numbers, currentCounts: Numbers): number {
  checkSameLength('currentCounts', currentCounts, 'referenceCounts', referenceCounts);
  const n = checkCounts('referenceCounts', referenceCounts);
  const m = checkCounts('currentCounts', currentCounts);
  if (n === 0) throw invalid('referenceCounts', n, 'needs at least one row');
  if (m === 0) throw invalid('currentCounts', m, 'needs at least one row');
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
