import type { Engine } from '@rondo/datasets';

/** Columns read at once, so that memory grows with the rows and not with the width. */
const COLUMNS_AT_ONCE = 4;

/**
 * Reads features of a Parquet file, a few at a time, and hands them on in their order. A feature that the file lacks is NaN in
 * every row.
 * @param use takes the array over; the next features are read when it is done with these
 * @returns rows of the file
 */
export async function eachFeature(
  engine: Engine,
  {
    path,
    features,
    signal,
  }: { readonly path: string; readonly features: readonly string[]; readonly signal: AbortSignal },
  use: (column: Float32Array, index: number) => Promise<void>,
): Promise<number> {
  const shape = await engine.inspect(path);
  const present = new Set(shape.columns.map(({ name }) => name));
  for (let first = 0; first < features.length; first += COLUMNS_AT_ONCE) {
    const group = features.slice(first, first + COLUMNS_AT_ONCE);
    const readable = group.filter((feature) => present.has(feature));
    const { columns } = readable.length > 0 ? await engine.readColumns(path, readable, { signal }) : { columns: [] };
    await Promise.all(
      group.map((feature, offset) =>
        use(columns[readable.indexOf(feature)] ?? new Float32Array(shape.rows).fill(NaN), first + offset),
      ),
    );
  }
  return shape.rows;
}
