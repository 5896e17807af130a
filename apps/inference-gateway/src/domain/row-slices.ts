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
  const edges = features.map(edgesOf);
  return (rows, count) => {
    const slices = new Uint8Array(count * edges.length);
    for (let i = 0; i < edges.length; i++) {
      const { column } = features[i]!;
      for (let row = 0; column < width && row < count; row++)
        slices[row * edges.length + i] = codeOf(edges[i]!, rows[row * width + column]!);
    }
    return slices;
  };
}

interface Edges {
  /** Ascending and in single precision, as features are. */
  readonly at: Float32Array;
  /** Code of a value that is an edge; empty where slices lie between the edges. */
  readonly codes: Uint8Array;
}

function edgesOf({ cuts, values = [] }: SliceFeature): Edges {
  if (cuts) return { at: Float32Array.from(cuts), codes: new Uint8Array(0) };
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  return { at: Float32Array.from(order, (i) => values[i]!), codes: Uint8Array.from(order, (i) => i + 1) };
}

function codeOf({ at, codes }: Edges, value: number): number {
  if (Number.isNaN(value)) return 0;
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  if (codes.length === 0) return low + 1;
  return low > 0 && at[low - 1] === value ? codes[low - 1]! : codes.length + 1;
}
