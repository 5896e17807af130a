import { invalid, type Numbers } from './checks.js';
import { setsByKey } from './row-sets.js';
import type { CentredValues } from './slice-cells.js';

/** Spread of the mean of each cell, held against a number or against all other rows. */
export interface CellSpreads {
  /** Of the difference; infinite in a cell of one cluster. */
  readonly variance: Float64Array;
  /** Clusters of equal size that would tell as much. */
  readonly effective: Float64Array;
}

/** Knows how values spread over clusters. */
export interface ClusterSpreads {
  /** Third standardised moment of the sums of clusters. */
  readonly skewness: number;
  /**
   * @param cellOf the cell of a row, or -1
   * @param cells count and power sums of each cell, as a search adds them up
   */
  ofCells(cellOf: (row: number) => number, cells: Float64Array): CellSpreads;
}

/**
 * Jackknife over clusters (CV3) for the means of many cells at once: one walk over the rows, cluster by cluster. Against the rest
 * a cluster moves both means, so what it does to their difference is added up. Where no cluster of a cell deviates, the spread of
 * all rows stands in. Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232:272.
 */
export function clusterSpreads(
  { around, total }: CentredValues,
  clusters: Numbers,
  againstRest: boolean,
): ClusterSpreads {
  const { members, starts, count } = setsByKey('clusters', clusters);
  if (count < 2) throw invalid('clusters', count, 'needs at least 2 clusters');
  const sizes = new Float64Array(count);
  const sums = new Float64Array(count);
  let [sizeSquares, sumSquares, products] = [0, 0, 0];
  for (let set = 0; set < count; set++) {
    sizes[set] = starts[set + 1]! - starts[set]!;
    for (let at = starts[set]!; at < starts[set + 1]!; at++) sums[set]! += around[members[at]!]!;
    sizeSquares += sizes[set]! ** 2;
    sumSquares += sums[set]! ** 2;
    products += sizes[set]! * sums[set]!;
  }
  const effectiveOfAll = total.n ** 2 / sizeSquares;
  /** Variance of one effective cluster's mean. */
  const pooled = (effectiveOfAll * sumSquares) / total.n ** 2;
  const ofCells = (cellOf: (row: number) => number, cells: Float64Array): CellSpreads => {
    const size = cells.length / 3;
    const [variance, effective, held] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    const [n, s] = [new Float64Array(size), new Float64Array(size)];
    const restOf = (cell: number) => {
      const rows = total.n - cells[3 * cell]!;
      return { rows, mean: (total.s1 - cells[3 * cell + 1]!) / rows };
    };
    const touched: number[] = [];
    for (let set = 0; set < count; set++) {
      for (let at = starts[set]!; at < starts[set + 1]!; at++) {
        const row = members[at]!;
        const cell = cellOf(row);
        if (cell < 0) continue;
        if (n[cell] === 0) touched.push(cell);
        n[cell]!++;
        s[cell]! += around[row]!;
      }
      for (const cell of touched) {
        const rows = cells[3 * cell]!;
        const own = (s[cell]! - (n[cell]! * cells[3 * cell + 1]!) / rows) / Math.max(1, rows - n[cell]!);
        effective[cell]! += n[cell]! ** 2;
        held[cell]!++;
        if (againstRest) {
          const rest = restOf(cell);
          const others = (sums[set]! - s[cell]! - (sizes[set]! - n[cell]!) * rest.mean) / rest.rows;
          const alone = (sums[set]! - sizes[set]! * rest.mean) / rest.rows;
          variance[cell]! += (own - others) ** 2 - alone ** 2;
        } else variance[cell]! += own ** 2;
        n[cell] = 0;
        s[cell] = 0;
      }
      touched.length = 0;
    }
    for (let cell = 0; cell < size; cell++) {
      if (againstRest) {
        const { rows, mean } = restOf(cell);
        variance[cell]! += (sumSquares - 2 * mean * products + mean * mean * sizeSquares) / rows ** 2;
      }
      effective[cell] = held[cell] === 0 ? 0 : cells[3 * cell]! ** 2 / effective[cell]!;
      const groups = againstRest ? count : held[cell]!;
      if (held[cell]! < 2) variance[cell] = Infinity;
      else if (variance[cell]! <= 1e-12 * pooled) variance[cell] = pooled / effective[cell]!;
      else variance[cell]! *= (groups - 1) / groups;
    }
    return { variance, effective };
  };
  return { skewness: skewnessOf(sums), ofCells };
}

function skewnessOf(sums: Float64Array): number {
  const mean = sums.reduce((all, sum) => all + sum, 0) / sums.length;
  let [squares, cubes] = [0, 0];
  for (const sum of sums) {
    squares += (sum - mean) ** 2 / sums.length;
    cubes += (sum - mean) ** 3 / sums.length;
  }
  return squares > 0 ? cubes / squares ** 1.5 : 0;
}
