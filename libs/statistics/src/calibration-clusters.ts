import type { Numbers } from './checks.js';
import { effectiveInterval, effectiveShare } from './clustered-shares.js';
import { clusteredSpread } from './clusters.js';
import { filled } from './filled.js';
import type { Interval } from './proportions.js';
import { setOfEachRow, setsByKey } from './row-sets.js';

/** Rows of a bin by their places in the order of predictions. */
interface BinRows {
  readonly from: number;
  readonly until: number;
}

/** The interval of a bin's share of positives whose rows come in clusters; [0, 1] for one cluster. */
export function clusteredShares(
  labels: Numbers,
  order: Uint32Array,
  clusters: Numbers,
): (bin: BinRows, confidence: number) => Interval {
  const sets = setsByKey('clusters', clusters);
  const setOf = setOfEachRow(sets);
  return ({ from, until }, confidence) => {
    const trials = new Float64Array(sets.count);
    const successes = new Float64Array(sets.count);
    for (let at = from; at < until; at++) {
      const row = order[at]!;
      trials[setOf[row]!]!++;
      successes[setOf[row]!]! += labels[row]!;
    }
    const several = trials.filter((size) => size > 0).length > 1;
    return several ? effectiveInterval(effectiveShare({ trials, successes }), confidence) : { lower: 0, upper: 1 };
  };
}

/** Variance of a bin's positives around what is predicted, as it is seen over clusters; with one cluster the largest there is. */
export function clusteredVariance(rows: {
  readonly labels: Numbers;
  readonly probabilities: Numbers;
  readonly order: Uint32Array;
  readonly clusters: Numbers;
}): (bin: {
  readonly rows: number;
  readonly until: number;
  readonly positives: number;
  readonly predicted: number;
}) => number {
  const { labels, probabilities, order, clusters } = rows;
  return ({ rows: count, until, positives, predicted }) => {
    const mean = (positives - predicted) / count;
    const own = order.subarray(until - count, until);
    const clustersOfBin = filled(new Float64Array(count), (at) => clusters[own[at]!]!);
    if (clustersOfBin.every((cluster) => cluster === clustersOfBin[0])) return count * count;
    const residuals = filled(new Float64Array(count), (at) => labels[own[at]!]! - probabilities[own[at]!]! - mean);
    return clusteredSpread(residuals, clustersOfBin).standardError ** 2;
  };
}
