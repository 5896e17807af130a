import type { Engine } from './engine.js';
import { checkParquet } from './file-checks.js';
import { scanOf } from './files.js';
import { identifier } from './sql-text.js';

/** Exact summary of one numeric column. */
export interface NumericProfile {
  readonly kind: 'numeric';
  readonly column: string;
  readonly rows: number;
  readonly nulls: number;
  /** Rows that are NaN; counted neither as NULL nor as values. */
  readonly nans: number;
  /** Absent when there is no value. */
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly stddev?: number;
  /** Discrete quantiles (values that occur) at the asked probabilities, ascending. */
  readonly quantiles: readonly number[];
}

/** Exact summary of one column of words. */
export interface CategoryProfile {
  readonly kind: 'category';
  readonly column: string;
  readonly rows: number;
  readonly nulls: number;
  readonly distinct: number;
  /** Most frequent first, ties by name. */
  readonly top: readonly { readonly value: string; readonly n: number }[];
}

export type ColumnProfile = NumericProfile | CategoryProfile;

export interface ProfileOptions {
  /** Ascending, in [0, 1]; default deciles with both ends. */
  readonly probabilities?: readonly number[];
  /** Default 20. */
  readonly topCategories?: number;
}

/** Counts per bin of a numeric column. */
export interface Histogram {
  /** bins[i] counts values in (edges[i-1], edges[i]]; the first bin has no lower, the last no upper bound: edges.length + 1 bins. */
  readonly bins: readonly number[];
  /** NULL and NaN. */
  readonly missing: number;
}

const DECILES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/**
 * Exact profile of columns: nothing approximated, so the same file always gives the same numbers. Means and deviations sum
 * in the order of the file on one thread, for the same reason.
 */
export async function profile(
  engine: Engine,
  path: string,
  columns: readonly { readonly name: string; readonly kind: 'numeric' | 'category' }[],
  options: ProfileOptions = {},
): Promise<ColumnProfile[]> {
  await checkParquet(path, engine.maxFileBytes);
  const out: ColumnProfile[] = [];
  for (const { name, kind } of columns)
    out.push(
      kind === 'numeric' ? await numeric(engine, path, name, options) : await category(engine, path, name, options),
    );
  return out;
}

async function numeric(engine: Engine, path: string, column: string, options: ProfileOptions): Promise<NumericProfile> {
  const probabilities = options.probabilities ?? DECILES;
  const value = `CASE WHEN isnan(${identifier(column)}::DOUBLE) THEN NULL ELSE ${identifier(column)}::DOUBLE END`;
  const [row] = await engine.query(
    `SELECT count(*)::DOUBLE AS n, count(raw)::DOUBLE AS present, count(v)::DOUBLE AS usable, min(v) AS low, max(v) AS high,
       quantile_disc(v, [${probabilities.map(Number).join(', ')}]) AS quantiles
     FROM (SELECT ${identifier(column)} AS raw, ${value} AS v FROM ${scanOf(path, 'parquet')})`,
  );
  const usable = Number(row!['usable']);
  const base = {
    kind: 'numeric' as const,
    column,
    rows: Number(row!['n']),
    nulls: Number(row!['n']) - Number(row!['present']),
    nans: Number(row!['present']) - usable,
  };
  if (usable === 0) return { ...base, quantiles: [] };
  return {
    ...base,
    min: Number(row!['low']),
    max: Number(row!['high']),
    ...(await moments(engine, path, column)),
    quantiles: (row!['quantiles'] as number[]).map(Number),
  };
}

/** Welford's update over the values in file order; SUM and STDDEV of the engine differ in the last bits from run to run. */
async function moments(engine: Engine, path: string, column: string): Promise<{ mean: number; stddev: number }> {
  const { columns } = await engine.readColumns(path, [column]);
  let n = 0;
  let mean = 0;
  let squares = 0;
  for (const value of columns[0]!) {
    if (Number.isNaN(value)) continue;
    n++;
    const delta = value - mean;
    mean += delta / n;
    squares += delta * (value - mean);
  }
  return { mean, stddev: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}

async function category(
  engine: Engine,
  path: string,
  column: string,
  options: ProfileOptions,
): Promise<CategoryProfile> {
  const text = `${identifier(column)}::VARCHAR`;
  const source = scanOf(path, 'parquet');
  const [row] = await engine.query(
    `SELECT count(*)::DOUBLE AS n, count(${text})::DOUBLE AS present, count(DISTINCT ${text})::DOUBLE AS distinct_n FROM ${source}`,
  );
  const top = await engine.query(
    `SELECT ${text} AS value, count(*)::DOUBLE AS n FROM ${source} WHERE ${text} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT ${Math.trunc(options.topCategories ?? 20)}`,
  );
  return {
    kind: 'category',
    column,
    rows: Number(row!['n']),
    nulls: Number(row!['n']) - Number(row!['present']),
    distinct: Number(row!['distinct_n']),
    top: top.map((entry) => ({ value: String(entry['value']), n: Number(entry['n']) })),
  };
}

/** Counts values between the given edges (ascending). See {@link Histogram} for the bounds. */
export async function histogram(
  engine: Engine,
  path: string,
  column: string,
  edges: readonly number[],
): Promise<Histogram> {
  const { columns } = await engine.readColumns(path, [column]);
  const bins = new Array<number>(edges.length + 1).fill(0);
  const limits = Float32Array.from(edges);
  let missing = 0;
  for (const value of columns[0]!) {
    if (Number.isNaN(value)) missing++;
    else bins[binOf(limits, value)]!++;
  }
  return { bins, missing };
}

/** Index of the first edge not below the value. */
function binOf(edges: Float32Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
