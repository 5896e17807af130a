import { checkBetween, invalid } from './checks.js';

/** Consecutive values summed up; counts are powers of two. */
export interface AdwinBucket {
  readonly count: number;
  readonly sum: number;
  readonly sumSquares: number;
}

/** Plain JSON; holds everything needed to go on after a restart. */
export interface Adwin {
  readonly delta: number;
  /** Oldest first; about 5·log₂(window) of them. */
  readonly buckets: readonly AdwinBucket[];
  readonly values: number;
  /** The last value made the window shrink: the mean has changed. */
  readonly detected: boolean;
}

const BUCKETS_PER_SIZE = 5;
const CHECK_EVERY = 32;
const MIN_SIDE = 5;

/**
 * Starts ADWIN: a window over a stream of values in [0, 1] that grows while its mean is steady and drops its old part
 * when two parts differ, judged every 32 values. `delta` bounds the chance of a false cut at one check.
 * Source: Bifet & Gavaldà (2007), SIAM Data Mining ("Learning from time-changing data with adaptive windowing").
 * @example startAdwin(0.002).detected // => false
 */
export function startAdwin(delta = 0.002): Adwin {
  checkBetween('delta', delta, 0, 1);
  return { delta, buckets: [], values: 0, detected: false };
}

/**
 * The state after one more value.
 * @example updateAdwin(startAdwin(0.002), 1).values // => 1
 */
export function updateAdwin(state: Adwin, value: number): Adwin {
  if (!(value >= 0 && value <= 1)) throw invalid('value', value, 'must be between 0 and 1');
  const values = state.values + 1;
  const grown = merged([...state.buckets, { count: 1, sum: value, sumSquares: value * value }]);
  const kept = values % CHECK_EVERY === 0 ? withoutChange(grown, state.delta) : grown;
  return { delta: state.delta, buckets: kept, values, detected: kept.length < grown.length };
}

/**
 * Mean and number of the values the window holds now; `insufficient` before the first.
 * @example adwinWindow(updateAdwin(startAdwin(), 1)) // => { kind: 'measured', mean: 1, rows: 1 }
 */
export function adwinWindow(
  state: Adwin,
): { readonly kind: 'measured'; readonly mean: number; readonly rows: number } | { readonly kind: 'insufficient' } {
  const { count, sum } = totals(state.buckets);
  return count === 0 ? { kind: 'insufficient' } : { kind: 'measured', mean: sum / count, rows: count };
}

/** Joins the two oldest buckets of every size that has more than five. */
function merged(buckets: AdwinBucket[]): AdwinBucket[] {
  for (let size = 1; ; size *= 2) {
    const first = buckets.findIndex(({ count }) => count === size);
    const ofSize = buckets.reduce((sum, { count }) => sum + (count === size ? 1 : 0), 0);
    if (ofSize <= BUCKETS_PER_SIZE) return buckets;
    buckets.splice(first, 2, totals(buckets.slice(first, first + 2)));
  }
}

function totals(buckets: readonly AdwinBucket[]): AdwinBucket {
  return buckets.reduce(
    (all, { count, sum, sumSquares }) => ({
      count: all.count + count,
      sum: all.sum + sum,
      sumSquares: all.sumSquares + sumSquares,
    }),
    { count: 0, sum: 0, sumSquares: 0 },
  );
}

function withoutChange(buckets: readonly AdwinBucket[], delta: number): readonly AdwinBucket[] {
  let kept = buckets;
  while (kept.length > 1 && hasChange(kept, delta)) kept = kept.slice(1);
  return kept;
}

/** Whether the means on both sides of any cut differ by more than ADWIN's bound. */
function hasChange(buckets: readonly AdwinBucket[], delta: number): boolean {
  const all = totals(buckets);
  const variance = Math.max(0, all.sumSquares / all.count - (all.sum / all.count) ** 2);
  const logTerm = Math.log((2 * Math.log(Math.max(Math.E, all.count))) / delta);
  let older = 0;
  let olderSum = 0;
  for (const { count, sum } of buckets.slice(0, -1)) {
    older += count;
    olderSum += sum;
    const newer = all.count - older;
    if (older < MIN_SIDE || newer < MIN_SIDE) continue;
    const harmonic = 1 / older + 1 / newer;
    const bound = Math.sqrt(2 * harmonic * variance * logTerm) + (2 / 3) * harmonic * logTerm;
    if (Math.abs(olderSum / older - (all.sum - olderSum) / newer) > bound) return true;
  }
  return false;
}
