import { checkCount, checkFinite, invalid, type Numbers } from './checks.js';
import { quantileOfSorted, sorted } from './order.js';

/**
 * Inner edges that cut a reference sample into at most `bins` bins of about equally many rows: type-7 quantiles, repeated
 * ones dropped. Quantile bins are used because one outlier stretches equal-width bins until they see nothing.
 * @example Array.from(quantileEdges([1, 2, 3, 4, 5, 6, 7, 8], 4)) // => [2.75, 4.5, 6.25]
 */
export function quantileEdges(sample: Numbers, bins: number): Float64Array {
  checkFinite('sample', sample);
  checkCount('bins', bins, 2);
  const ascending = sorted(sample);
  const quantiles = Float64Array.from({ length: bins - 1 }, (_, i) => quantileOfSorted(ascending, (i + 1) / bins));
  return distinctBelow(quantiles, ascending[ascending.length - 1]!);
}

/**
 * Inner edges from quantiles computed elsewhere (a database, a kept profile): ascending, from the first inner quantile
 * to the last. Repeated ones are dropped, and so are those at `max`, the sample's maximum, which would leave the last
 * bin empty.
 * @example Array.from(edgesFromQuantiles([0, 0, 1.5, 4], 4)) // => [0, 1.5]
 */
export function edgesFromQuantiles(quantiles: Numbers, max: number): Float64Array {
  checkFinite('quantiles', quantiles);
  if (!Number.isFinite(max)) throw invalid('max', max, 'must be finite');
  for (let i = 1; i < quantiles.length; i++) {
    if (quantiles[i]! < quantiles[i - 1]!)
      throw invalid(`quantiles[${i}]`, quantiles[i], 'must not be below the one before');
  }
  return distinctBelow(Float64Array.from(quantiles), max);
}

function distinctBelow(quantiles: Float64Array, max: number): Float64Array {
  return quantiles.filter((edge, i) => edge < max && edge !== quantiles[i - 1]);
}

/**
 * Rows per bin: bin i holds the values above `edges[i - 1]` and at or below `edges[i]`, so a spike on an edge (zeros, a
 * default) ends a bin of its own. `edges.length + 1` counts; `edges` strictly ascending.
 * @example Array.from(binCounts([0, 0, 1, 2, 9], [0, 2])) // => [2, 2, 1]
 */
export function binCounts(values: Numbers, edges: Numbers): Float64Array {
  checkFinite('values', values, 0);
  checkFinite('edges', edges, 0);
  for (let i = 1; i < edges.length; i++) {
    if (edges[i]! <= edges[i - 1]!) throw invalid(`edges[${i}]`, edges[i], 'must be above the edge before');
  }
  const counts = new Float64Array(edges.length + 1);
  for (let i = 0; i < values.length; i++) counts[firstAtLeast(edges, values[i]!)]!++;
  return counts;
}

function firstAtLeast(edges: Numbers, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
