/** Slices by one feature: `cuts` of a number or `values` of a category; one of them. */
export interface SliceFeature {
  /** Position among the features of a row. */
  readonly column: number;
  /** Ascending. */
  readonly cuts?: readonly number[];
  readonly values?: readonly number[];
}

/** Gives the slices of rows: row after row a byte for each feature. */
export type Slicer = (rows: Float32Array, count: number) => Uint8Array;

/**
 * A slicer for rows of so many features. 0 is a missing value; of cuts 1 is before the first, 2 from the first on, and so forth; of
 * values 1 is the first, 2 the second, and one past the last is any other. Costs a few comparisons a row and feature.
 */
export function slicerOf(features: readonly SliceFeature[], width: number): Slicer {
  const codes = features.map(({ column, cuts, values }) => ({
    column,
    codeOf: values ? byValues(values) : byCuts(cuts ?? []),
  }));
  return (rows, count) => {
    const slices = new Uint8Array(count * codes.length);
    codes.forEach(({ column, codeOf }, i) => {
      for (let row = 0; row < count; row++) {
        const value = rows[row * width + column] ?? Number.NaN;
        if (!Number.isNaN(value)) slices[row * codes.length + i] = codeOf(value);
      }
    });
    return slices;
  };
}

/** Features are in single precision, and so is what they are compared with. */
function byCuts(cuts: readonly number[]): (value: number) => number {
  const edges = Float32Array.from(cuts);
  return (value) => {
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (edges[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}

function byValues(values: readonly number[]): (value: number) => number {
  const codes = new Map(values.map((value, i) => [Math.fround(value), i + 1]));
  return (value) => codes.get(value) ?? values.length + 1;
}
