import { checkSameLength, invalid, type Numbers } from './checks.js';
import { filled } from './filled.js';
import { magnitudeOf } from './magnitude.js';
import { setsByKey, sizesOf } from './row-sets.js';

/**
 * Effective clusters below which nothing should be decided: from here on intervals hold the truth in about as many samples as
 * they say, also with clusters of unequal size (bench/error-rates-clusters.mjs).
 */
export const CLUSTERS_MIN = 10;

/** How many clusters rows come from. */
export interface ClusterCount {
  readonly clusters: number;
  /** As many clusters of equal size would tell as much: n² / Σ n_g², from 1 up to `clusters`. */
  readonly effective: number;
}

/**
 * Counts clusters and their effective number, which a few large clusters keep low.
 * Source: Carter, Schnepel & Steigerwald (2017), Review of Economics and Statistics 99:698 (without their term for unequal
 * variances); the formula is Kish's for unequal weights.
 * @param clusters a number per row, equal ones form a cluster
 * @example clusterCount([1, 1, 1, 2, 3, 3]) // => { clusters: 3, effective: 2.571429 }
 */
export function clusterCount(clusters: Numbers): ClusterCount {
  const sets = setsByKey('clusters', clusters);
  return { clusters: sets.count, effective: effectiveOf(sizesOf(sets)) };
}

/** The spread of an estimate. */
export interface Spread {
  readonly standardError: number;
  /** Effective clusters - 1; of the t distribution. */
  readonly degreesOfFreedom: number;
}

/**
 * Standard error of an estimate whose rows err together within clusters, from the influence of each row (its share in how far
 * the estimate is off; sums to about 0). This is the jackknife over clusters (CV3), √((G-1)/G Σ (u_g / (1 - n_g/n))²) with u_g the
 * influence summed over a cluster: exact for a mean, and safer than the sandwich with few or unequal clusters. Clusters that are
 * rows give the usual error. Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272.
 * @throws PermanentError `invalid` with fewer than two clusters
 */
export function clusteredSpread(influence: Numbers, clusters: Numbers): Spread {
  checkSameLength('clusters', clusters, 'rows', influence);
  const sets = setsByKey('clusters', clusters);
  const { members, starts, count } = sets;
  const sums = filled(new Float64Array(count), (set) => {
    let sum = 0;
    for (let at = starts[set]!; at < starts[set + 1]!; at++) sum += influence[members[at]!]!;
    return sum;
  });
  return spreadOfSums(sums, sizesOf(sets));
}

/** The same from sums and sizes per cluster; a cluster of size 0 is none. */
export function spreadOfSums(sums: Float64Array, sizes: Float64Array): Spread {
  const rows = sizes.reduce((total, size) => total + size, 0);
  let count = 0;
  for (const size of sizes) if (size > 0) count++;
  if (count < 2) throw invalid('clusters', count, 'needs at least 2 clusters');
  const unit = magnitudeOf(sums);
  let squares = 0;
  for (let set = 0; set < sums.length; set++) squares += (sums[set]! / unit / (1 - sizes[set]! / rows)) ** 2;
  const standardError = unit * Math.sqrt((squares * (count - 1)) / count);
  return { standardError, degreesOfFreedom: degreesOfFreedomOf(effectiveOf(sizes)) };
}

/** Of a t distribution; below 1 its tails are no use. */
export const degreesOfFreedomOf = (effective: number): number => Math.max(1, effective - 1);

/** Kish's effective number of clusters of these sizes. */
export function effectiveOf(sizes: Float64Array): number {
  const rows = sizes.reduce((total, size) => total + size, 0);
  return rows ** 2 / sizes.reduce((total, size) => total + size * size, 0);
}
