import type { Engine } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { edgesFromQuantiles } from '@rondo/statistics';
import type { BatchContract, ColumnRule } from '../domain/contract.js';
import type { ColumnSummary, ComparedColumn } from '../domain/history.js';
import type { CheckContext } from './batch-checker.js';

/** Values of one column that are there, sorted (float32), and how many are not. */
interface ColumnValues {
  readonly rule: ColumnRule;
  readonly rows: number;
  readonly nulls: number;
  /** Numbers, or hours of the day for the event time; empty for everything else. */
  readonly sorted: Float32Array;
}

/** What a batch looks like beside those accepted before it. */
export interface ColumnShapes {
  /** Kept with the batch for those that come after it. */
  readonly summaries: readonly ColumnSummary[];
  readonly compared: readonly ComparedColumn[];
}

const DECILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const HOURS = Array.from({ length: 23 }, (_, hour) => hour);
const HOUR_MS = 3_600_000;

/** Up to so many rows are sorted here, all columns at once; it takes about 1 ms a column. */
const SORTED_HERE_MAX = 16_384;

/**
 * Describes every column of the canonical rows, alone and in the bins of earlier batches.
 * @param nulls per column of the contract
 * @param sorted values per column of the contract, see {@link sortedColumns}
 * @param history summaries of accepted batches, newest first
 */
export function describeColumns(
  contract: BatchContract,
  { rows, nulls, sorted }: { rows: number; nulls: readonly number[]; sorted: readonly Float32Array[] },
  history: readonly (readonly ColumnSummary[])[],
  eventTimeColumn: string,
): ColumnShapes {
  const columns = contract.columns.map((rule, index) => ({
    rule,
    rows,
    nulls: nulls[index]!,
    sorted: sorted[index]!,
  }));
  return {
    summaries: columns.map((values) => summaryOf(values, values.rule.name === eventTimeColumn)),
    compared: columns.map(({ rule, sorted: values }) => ({
      column: rule.name,
      against: history
        .flatMap((summaries) => summaries.filter(({ column }) => column === rule.name))
        .map((earlier) => ({ earlier, bins: binsOf(values, earlier.edges) })),
    })),
  };
}

/** Sorted values of each column that are there (float32): numbers, or hours of the day for the event time; of others none. */
export async function sortedColumns(
  engine: Engine,
  { path, rows }: { readonly path: string; readonly rows: number },
  contract: BatchContract,
  { eventTimeColumn, signal }: Pick<CheckContext, 'eventTimeColumn' | 'signal'>,
): Promise<Float32Array[]> {
  const isTime = ({ name, type }: ColumnRule): boolean => name === eventTimeColumn && type === 'TIMESTAMP';
  const times = contract.columns.filter(isTime).map(({ name }) => name);
  const numbers = contract.columns.filter(({ type }) => type === 'BIGINT' || type === 'DOUBLE').map(({ name }) => name);
  const sorted = new Map<string, Float32Array>();
  if (numbers.length + times.length > 0 && rows <= SORTED_HERE_MAX) {
    const read = await engine.readNumbers(path, { numbers, times }, { rows, signal });
    numbers.forEach((name, index) => sorted.set(name, present(read.numbers[index]!.sort())));
    times.forEach((name, index) => sorted.set(name, sortedHours(read.times[index]!)));
  } else {
    // The engine sorts, in threads of its own: a sort of a million here would hold up the event loop. It takes memory of the
    // engine, so not all columns at once.
    for (const name of numbers) {
      const { columns } = await engine.readColumns(path, [name], { orderBy: [name], rows, signal });
      sorted.set(name, present(columns[0]!));
    }
    for (const name of times) sorted.set(name, sortedHours(await engine.readTimes(path, name, { rows, signal })));
  }
  return contract.columns.map(({ name }) => sorted.get(name) ?? new Float32Array());
}

/** Hour of the day of each time that is there. */
function sortedHours(times: Float64Array): Float32Array {
  const rows = new Float64Array(24);
  // Before 1970 the remainder is negative.
  for (const ms of times) if (!Number.isNaN(ms)) rows[((Math.floor(ms / HOUR_MS) % 24) + 24) % 24]!++;
  const sorted = new Float32Array(rows.reduce((sum, n) => sum + n, 0));
  let at = 0;
  rows.forEach((n, hour) => sorted.fill(hour, at, (at += n)));
  return sorted;
}

/** NaN, which stands for NULL, comes last. */
function present(sorted: Float32Array): Float32Array {
  let n = sorted.length;
  while (n > 0 && Number.isNaN(sorted[n - 1])) n--;
  return sorted.subarray(0, n);
}

function summaryOf({ rule, rows, nulls, sorted }: ColumnValues, isEventTime: boolean): ColumnSummary {
  const base = { column: rule.name, rows, nulls };
  if (sorted.length === 0) return { ...base, spread: 0, edges: [], bins: [] };
  const deciles = DECILES.map((share) => sorted[Math.ceil(share * sorted.length) - 1]!);
  const edges = isEventTime ? HOURS : [...edgesFromQuantiles(deciles, sorted.at(-1)!)];
  return { ...base, spread: isEventTime ? 0 : deciles.at(-1)! - deciles[0]!, edges, bins: binsOf(sorted, edges) };
}

/** Rows per bin of ascending values: bin i holds (edges[i - 1], edges[i]]; found by searching the values for the edges. */
function binsOf(sorted: Float32Array, edges: readonly number[]): number[] {
  if (edges.length === 0) return [];
  for (const value of [sorted[0], sorted.at(-1)]) {
    if (value === undefined || Number.isFinite(value)) continue;
    throw new PermanentError('invalid', 'values must be finite', { field: 'values', value, rule: 'must be finite' });
  }
  const upTo = [...edges.map((edge) => countUpTo(sorted, edge)), sorted.length];
  return upTo.map((count, i) => count - (i === 0 ? 0 : upTo[i - 1]!));
}

function countUpTo(sorted: Float32Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
