import { setImmediate as pause } from 'node:timers/promises';
import type { Engine } from '@rondo/datasets';
import { countCells, type CellCounts } from '@rondo/statistics';
import { radixSort } from '../domain/radix-sort.js';
import type { SortedFeature } from '../domain/reference-profile.js';

/** Columns read at once, so that memory grows with the rows and not with the width. */
const COLUMNS_AT_ONCE = 4;
/** Values sorted or merged at a stretch: about 15 ms, in which the process answers nobody. */
const SLICE_ROWS = 262_144;
/** Values counted at a stretch: about 15 ms. */
const COUNTED_ROWS = 262_144;

interface FeatureSource {
  readonly path: string;
  readonly features: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Reads features of a Parquet file and hands them on one by one, sorted. A feature the file lacks counts as missing in
 * every row. Other work of the process gets its turn between slices.
 * @returns rows of the file
 */
export function eachSortedFeature(
  engine: Engine,
  source: FeatureSource,
  use: (feature: SortedFeature, index: number) => void,
): Promise<number> {
  return eachColumn(engine, source, async (column, index) =>
    use(await sortedFeature(source.features[index]!, column), index),
  );
}

/**
 * Counts the features of a Parquet file among the breaks of their profiles, in the profiles' order, without sorting them.
 * Missing features and turns as in {@link eachSortedFeature}.
 * @returns rows of the file
 */
export function eachCountedFeature(
  engine: Engine,
  source: FeatureSource,
  breaks: readonly Float32Array[],
  use: (cells: CellCounts, index: number) => void,
): Promise<number> {
  return eachColumn(engine, source, async (column, index) => {
    let cells = countCells(column, breaks[index]!, { until: Math.min(column.length, COUNTED_ROWS) });
    for (let from = COUNTED_ROWS; from < column.length; from += COUNTED_ROWS) {
      await pause();
      const until = Math.min(column.length, from + COUNTED_ROWS);
      cells = countCells(column, breaks[index]!, { from, until, into: cells });
    }
    use(cells, index);
  });
}

async function eachColumn(
  engine: Engine,
  { path, features, signal }: FeatureSource,
  use: (column: Float32Array, index: number) => Promise<void>,
): Promise<number> {
  const shape = await engine.inspect(path);
  const present = new Set(shape.columns.map(({ name }) => name));
  for (let first = 0; first < features.length; first += COLUMNS_AT_ONCE) {
    const group = features.slice(first, first + COLUMNS_AT_ONCE);
    const readable = group.filter((feature) => present.has(feature));
    const { columns } =
      readable.length > 0 ? await engine.readColumns(path, readable, signal ? { signal } : {}) : { columns: [] };
    for (const [offset, feature] of group.entries()) {
      const column = columns[readable.indexOf(feature)] ?? new Float32Array(shape.rows).fill(NaN);
      await use(column, first + offset);
      await pause();
      signal?.throwIfAborted();
    }
  }
  return shape.rows;
}

/** Takes the array over: its order is lost. */
async function sortedFeature(feature: string, column: Float32Array): Promise<SortedFeature> {
  let kept = 0;
  for (let row = 0; row < column.length; row++) {
    const value = column[row]!;
    // 0 added, so that -0 and 0 are one value.
    if (Number.isFinite(value)) column[kept++] = value + 0;
  }
  const values = column.subarray(0, kept);
  return {
    feature,
    values: await sortedInSlices(values),
    nulls: column.length - kept,
  };
}

/** Sorts slices, then merges neighbours until one is left. */
async function sortedInSlices(values: Float32Array): Promise<Float32Array> {
  let runs: Float32Array[] = [];
  for (let start = 0; start < values.length; start += SLICE_ROWS) {
    runs.push(radixSort(values.subarray(start, start + SLICE_ROWS)));
    if (values.length > SLICE_ROWS) await pause();
  }
  while (runs.length > 1) {
    const merged: Float32Array[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(runs[i + 1] ? await mergedRuns(runs[i]!, runs[i + 1]!) : runs[i]!);
    }
    runs = merged;
  }
  return runs[0] ?? values;
}

async function mergedRuns(a: Float32Array, b: Float32Array): Promise<Float32Array> {
  const out = new Float32Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < out.length;) {
    const stop = Math.min(out.length, at + SLICE_ROWS);
    for (; at < stop; at++) out[at] = j === b.length || (i < a.length && a[i]! <= b[j]!) ? a[i++]! : b[j++]!;
    await pause();
  }
  return out;
}
