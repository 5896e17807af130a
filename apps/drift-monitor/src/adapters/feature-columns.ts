import type { Engine, FileShape } from '@rondo/datasets';

/** Columns read at once, so that memory grows with the rows and not with the width. */
const COLUMNS_AT_ONCE = 4;

/**
 * Reads features of a Parquet file, a few at a time, and hands them on in their order. A feature that the file lacks is NaN in
 * every row.
 * @param use takes the array over; the next few features are read meanwhile
 * @returns rows of the file
 */
export async function eachFeature(
  engine: Engine,
  {
    path,
    features,
    signal,
    ...known
  }: {
    readonly path: string;
    readonly features: readonly string[];
    readonly signal: AbortSignal;
    /** Of the file, where the caller knows. */
    readonly shape?: FileShape;
  },
  use: (column: Float32Array, index: number) => Promise<void>,
): Promise<number> {
  const { rows, columns: inFile } = known.shape ?? (await engine.inspect(path));
  const present = new Set(inFile.map(({ name }) => name));
  const read = async (group: readonly string[]): Promise<Float32Array[]> => {
    const readable = group.filter((feature) => present.has(feature));
    const { columns } =
      readable.length > 0 ? await engine.readColumns(path, readable, { rows, signal }) : { columns: [] };
    return group.map((feature) => columns[readable.indexOf(feature)] ?? new Float32Array(rows).fill(NaN));
  };
  let used: Promise<unknown> = Promise.resolve();
  for (let first = 0; first < features.length; first += COLUMNS_AT_ONCE) {
    const [columns] = await Promise.all([read(features.slice(first, first + COLUMNS_AT_ONCE)), used]);
    used = Promise.all(columns.map((column, offset) => use(column, first + offset)));
  }
  await used;
  return rows;
}
