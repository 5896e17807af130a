/** Feature values replaced by the number of their bin, so that a split is a comparison of small integers. */
export interface BinnedTable {
  readonly rows: number;
  /** Per feature, the bin of each row; a missing value has the code `binCounts[feature]`. */
  readonly codes: readonly Uint8Array[];
  /** Per feature, the largest value of each bin; what a split at that bin compares with. Finite. */
  readonly upperBounds: readonly Float32Array[];
  /** Bins of present values per feature, without the one for missing values. */
  readonly binCounts: Int32Array;
}

/** More bins would not fit a byte together with the code for missing values. */
export const binCountMax = 255;

/** Stands for "every present value" and stays finite, so that no runtime has to agree about infinity. */
const largestFloat32 = 3.4028234663852886e38;

/**
 * Cuts every column into at most `maxBins` bins: one per distinct value where they fit, else about equally many rows in
 * each. The bounds are float32 numbers midway between two neighbouring values, so training and scoring compare alike.
 */
export function binColumns(columns: readonly Float32Array[], maxBins: number): BinnedTable {
  const upperBounds = columns.map((column) => boundsOf(column, maxBins));
  const codes = columns.map((column, index) => encode(column, upperBounds[index]!));
  return {
    rows: columns[0]!.length,
    codes,
    upperBounds,
    binCounts: Int32Array.from(upperBounds, (bounds) => bounds.length),
  };
}

function boundsOf(column: Float32Array, maxBins: number): Float32Array {
  const present = column.filter((value) => !Number.isNaN(value)).sort();
  const { values, counts } = distinct(present);
  const bounds = values.length <= maxBins ? midpoints(values) : equalFrequency(values, counts, present.length, maxBins);
  return Float32Array.from([...bounds, largestFloat32]);
}

function distinct(sorted: Float32Array): { values: number[]; counts: number[] } {
  const values: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < sorted.length; i++) {
    if (i > 0 && sorted[i]! === sorted[i - 1]!) {
      counts[counts.length - 1]!++;
    } else {
      values.push(sorted[i]!);
      counts.push(1);
    }
  }
  return { values, counts };
}

function midpoints(values: readonly number[]): number[] {
  const bounds: number[] = [];
  for (let i = 0; i + 1 < values.length; i++) bounds.push(midpoint(values[i]!, values[i + 1]!));
  return bounds;
}

function equalFrequency(values: readonly number[], counts: readonly number[], rows: number, maxBins: number): number[] {
  const bounds: number[] = [];
  let rowsLeft = rows;
  let inBin = 0;
  for (let i = 0; i + 1 < values.length && bounds.length + 1 < maxBins; i++) {
    inBin += counts[i]!;
    if (inBin < rowsLeft / (maxBins - bounds.length)) continue;
    bounds.push(midpoint(values[i]!, values[i + 1]!));
    rowsLeft -= inBin;
    inBin = 0;
  }
  return bounds;
}

/** A float32 number in [low, high): rounding up to `high` would move its rows to the other side. */
function midpoint(low: number, high: number): number {
  const middle = Math.fround((low + high) / 2);
  return middle >= low && middle < high ? middle : low;
}

function encode(column: Float32Array, bounds: Float32Array): Uint8Array {
  const codes = new Uint8Array(column.length);
  const last = bounds.length - 1;
  for (let row = 0; row < column.length; row++) {
    const value = column[row]!;
    if (Number.isNaN(value)) {
      codes[row] = bounds.length;
      continue;
    }
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    codes[row] = low;
  }
  return codes;
}
