import { rollingOrigin } from '@rondo/statistics';

/** Rows of one origin, by their position in the concatenated training and validation parts. */
export interface FoldPlan {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** How many origins there are, and how many rows each may use. */
export interface FoldLimits {
  readonly folds: number;
  readonly embargoMs: number;
  readonly trainRowsMax: number;
  readonly testRowsMax: number;
}

/** The rows that origins are cut from, in parts that follow each other. */
export interface PickRequest {
  /** Event times in ms, and the same columns of each part. */
  readonly parts: readonly {
    readonly times: Float64Array;
    readonly columns: readonly Float32Array[];
    /** A number per row, equal ones err together; absent where rows are independent. */
    readonly clusters?: Float64Array;
  }[];
  readonly limits: FoldLimits;
}

/** One origin with the values of its own rows alone: those to train on, then those to test on. */
export interface FoldRows {
  /** By positions in `columns`. */
  readonly plan: FoldPlan;
  readonly columns: readonly Float32Array[];
  /** Clusters of the rows to test on; null where rows are independent. */
  readonly clusters: Float64Array | null;
}

/** Cuts the origins out of all rows; heavy: call it from a worker. See {@link planFolds}. */
export function pickFolds({ parts, limits }: PickRequest): FoldRows[] {
  const times = joined(
    parts.map((part) => part.times),
    Float64Array,
  );
  const groups = parts.flatMap((part) => (part.clusters ? [part.clusters] : []));
  const clusters = groups.length > 0 ? joined(groups, Float64Array) : null;
  const picked = planFolds(times, limits).map((plan) => ({
    plan,
    columns: [] as Float32Array[],
    clusters: clusters && Float64Array.from(plan.test, (row) => clusters[row]!),
  }));
  // Column by column: all rows of all columns at once would be in memory twice.
  for (let index = 0; index < (parts[0]?.columns.length ?? 0); index++) {
    const column = joined(
      parts.map(({ columns }) => columns[index]!),
      Float32Array,
    );
    for (const { plan, columns } of picked) columns.push(pickFold(plan, column));
  }
  return picked.map(({ plan, ...rows }) => ({ ...rows, plan: withinFold(plan) }));
}

/**
 * Rolling origins: the stretch of time is cut into `folds` + 1 equal slices; slice k is predicted from all slices before it.
 * Rows above the limits are thinned evenly (every k-th), the same ones every time. Oldest first; origins without rows to
 * train or to test on are left out.
 */
export function planFolds(times: Float64Array, limits: FoldLimits): FoldPlan[] {
  if (times.length === 0) return [];
  const [fromMs, lastMs] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  const untilMs = lastMs + 1;
  const testMs = Math.floor((untilMs - fromMs) / (limits.folds + 1));
  if (testMs < 1) return [];
  const origins = rollingOrigin({ fromMs, untilMs, testMs, embargoMs: limits.embargoMs }).slice(-limits.folds);
  return origins
    .map(({ train, test }) => ({
      fromMs: test.fromMs,
      untilMs: test.untilMs,
      train: rowsWithin(times, train, limits.trainRowsMax),
      test: rowsWithin(times, test, limits.testRowsMax),
    }))
    .filter(({ train, test }) => train.length > 0 && test.length > 1);
}

/** Rows of a stretch of time, at most `most` of them: evenly every k-th, the same ones every time. */
function rowsWithin(
  times: Float64Array,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
  most: number,
): Uint32Array {
  let found = 0;
  for (let row = 0; row < times.length; row++) if (times[row]! >= fromMs && times[row]! < untilMs) found++;
  const rows = new Uint32Array(Math.min(found, most));
  let [seen, taken] = [0, 0];
  for (let row = 0; row < times.length && taken < rows.length; row++) {
    if (!(times[row]! >= fromMs && times[row]! < untilMs)) continue;
    if (seen === Math.floor((taken * found) / rows.length)) rows[taken++] = row;
    seen++;
  }
  return rows;
}

function pickFold({ train, test }: FoldPlan, values: Float32Array): Float32Array {
  const picked = new Float32Array(train.length + test.length);
  for (let at = 0; at < train.length; at++) picked[at] = values[train[at]!]!;
  for (let at = 0; at < test.length; at++) picked[train.length + at] = values[test[at]!]!;
  return picked;
}

/** The fold by positions in what {@link pickFold} gives. */
function withinFold(plan: FoldPlan): FoldPlan {
  const positions = Uint32Array.from({ length: plan.train.length + plan.test.length }, (_, at) => at);
  return { ...plan, train: positions.slice(0, plan.train.length), test: positions.slice(plan.train.length) };
}

function joined<T extends Float32Array | Float64Array>(parts: readonly T[], Type: new (length: number) => T): T {
  const all = new Type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
