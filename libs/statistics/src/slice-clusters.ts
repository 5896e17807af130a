import { invalid, type Numbers } from './checks.js';
import { setsByKey, type RowSets } from './row-sets.js';
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
  const sets = setsByKey('clusters', clusters);
  if (sets.count < 2) throw invalid('clusters', sets.count, 'needs at least 2 clusters');
  const all = clusterSums(sets, around);
  const effectiveOfAll = total.n ** 2 / all.sizeSquares;
  /** Variance of one effective cluster's mean. */
  const pooled = (effectiveOfAll * all.sumSquares) / total.n ** 2;
  const ofCells = (cellOf: (row: number) => number, cells: Float64Array): CellSpreads => {
    const size = cells.length / 3;
    const [variance, effective, held] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    const restOf = (cell: number): Rest => {
      const rows = total.n - cells[3 * cell]!;
      return { rows, mean: (total.s1 - cells[3 * cell + 1]!) / rows };
    };
    eachPart({ sets, around, cellOf, size }, (set, cell, n, sum) => {
      const rows = cells[3 * cell]!;
      const own = (sum - (n * cells[3 * cell + 1]!) / rows) / Math.max(1, rows - n);
      effective[cell]! += n ** 2;
      held[cell]!++;
      variance[cell]! += againstRest ? movedAgainstRest(own, { set, n, sum }, all, restOf(cell)) : own ** 2;
    });
    for (let cell = 0; cell < size; cell++) {
      if (againstRest) variance[cell]! += movedRest(all, restOf(cell));
      effective[cell] = held[cell] === 0 ? 0 : cells[3 * cell]! ** 2 / effective[cell]!;
      const groups = againstRest ? sets.count : held[cell]!;
      if (held[cell]! < 2) variance[cell] = Infinity;
      else if (variance[cell]! <= 1e-12 * pooled) variance[cell] = pooled / effective[cell]!;
      else variance[cell]! *= (groups - 1) / groups;
    }
    return { variance, effective };
  };
  return { skewness: skewnessOf(all.sums), ofCells };
}

/** Rows and sum of each cluster, and the sums of their squares and products. */
interface ClusterSums {
  readonly sizes: Float64Array;
  readonly sums: Float64Array;
  readonly sizeSquares: number;
  readonly sumSquares: number;
  readonly products: number;
}

function clusterSums({ members, starts, count }: RowSets, around: CentredValues['around']): ClusterSums {
  const [sizes, sums] = [new Float64Array(count), new Float64Array(count)];
  let [sizeSquares, sumSquares, products] = [0, 0, 0];
  for (let set = 0; set < count; set++) {
    sizes[set] = starts[set + 1]! - starts[set]!;
    for (let at = starts[set]!; at < starts[set + 1]!; at++) sums[set]! += around[members[at]!]!;
    sizeSquares += sizes[set]! ** 2;
    sumSquares += sums[set]! ** 2;
    products += sizes[set]! * sums[set]!;
  }
  return { sizes, sums, sizeSquares, sumSquares, products };
}

/** Visits, cluster by cluster, every cell that holds rows of it, with their number and their sum. */
function eachPart(
  walk: {
    readonly sets: RowSets;
    readonly around: CentredValues['around'];
    readonly cellOf: (row: number) => number;
    readonly size: number;
  },
  visit: (set: number, cell: number, rows: number, sum: number) => void,
): void {
  const { sets, around, cellOf, size } = walk;
  const { members, starts, count } = sets;
  const [rows, sum] = [new Float64Array(size), new Float64Array(size)];
  const touched: number[] = [];
  for (let set = 0; set < count; set++) {
    for (let at = starts[set]!; at < starts[set + 1]!; at++) {
      const row = members[at]!;
      const cell = cellOf(row);
      if (cell < 0) continue;
      if (rows[cell] === 0) touched.push(cell);
      rows[cell]!++;
      sum[cell]! += around[row]!;
    }
    for (const cell of touched) {
      visit(set, cell, rows[cell]!, sum[cell]!);
      rows[cell] = 0;
      sum[cell] = 0;
    }
    touched.length = 0;
  }
}

/** The rows outside a cell. */
interface Rest {
  readonly rows: number;
  readonly mean: number;
}

/** What leaving a cluster out does to the difference, squared, beyond what {@link movedRest} counts for every cluster. */
function movedAgainstRest(
  own: number,
  { set, n, sum }: { readonly set: number; readonly n: number; readonly sum: number },
  { sizes, sums }: ClusterSums,
  { rows, mean }: Rest,
): number {
  const others = (sums[set]! - sum - (sizes[set]! - n) * mean) / rows;
  const alone = (sums[set]! - sizes[set]! * mean) / rows;
  return (own - others) ** 2 - alone ** 2;
}

/** What leaving each cluster out would do to the mean of the rest if no row of it were in the cell, squared and added up. */
function movedRest({ sumSquares, products, sizeSquares }: ClusterSums, { rows, mean }: Rest): number {
  return (sumSquares - 2 * mean * products + mean * mean * sizeSquares) / rows ** 2;
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
