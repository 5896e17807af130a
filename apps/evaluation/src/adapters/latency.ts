import type { Scorer } from '@rondo/models';
import { quantileInterval } from '@rondo/statistics';
import type { Latency } from '../domain/measurement.js';

const WARM_UP_REQUESTS = 20;
/** Slow models are timed on fewer requests rather than for minutes: after this long on as many as bound both quantiles. */
const BUDGET_MS = 3_000;
const REQUESTS_FOR_BOUNDS = quantileInterval([0], 0.99).rowsForBounds;
/** The longest, on as few as this. */
const PATIENCE_MS = 20_000;
const REQUESTS_MIN = 20;

/** What is timed: requests of `rows` rows taken from the matrix in turn, wrapping around; it may be {@link timedRows}. */
export interface LatencyPlan {
  readonly digest: string;
  readonly values: Float32Array;
  readonly width: number;
  readonly rows: number;
  readonly requests: number;
}

/** A copy of those rows of a matrix that the requests are made of. */
export function timedRows(
  values: Float32Array,
  { width, rows, requests }: Pick<LatencyPlan, 'width' | 'rows' | 'requests'>,
): Float32Array {
  return values.slice(0, (WARM_UP_REQUESTS + requests) * rows * width);
}

/** Times requests one after another, as one caller sees them, after a warm-up. The event loop turns between requests. */
export async function measureLatency(scorer: Scorer, plan: LatencyPlan): Promise<Latency> {
  const { rows, digest } = plan;
  const timesMs: number[] = [];
  const startedMs = performance.now();
  for (let request = 0; request < WARM_UP_REQUESTS + plan.requests; request++) {
    const batch = batchOf(plan, request);
    await new Promise((resolve) => setImmediate(resolve));
    const fromMs = performance.now();
    await scorer.score(digest, batch, rows);
    const nowMs = performance.now();
    if (request >= WARM_UP_REQUESTS) timesMs.push(nowMs - fromMs);
    const allowedMs = timesMs.length >= REQUESTS_FOR_BOUNDS ? BUDGET_MS : PATIENCE_MS;
    if (timesMs.length >= REQUESTS_MIN && nowMs - startedMs > allowedMs) break;
  }
  const [p50, p99] = [quantileInterval(timesMs, 0.5), quantileInterval(timesMs, 0.99)];
  return {
    rows,
    requests: timesMs.length,
    p50Ms: p50.value,
    p99Ms: p99.value,
    p50Interval: { lower: p50.lower, upper: p50.upper },
    p99Interval: { lower: p99.lower, upper: p99.upper },
    requestsForBounds: Math.max(p50.rowsForBounds, p99.rowsForBounds),
  };
}

function batchOf({ values, width, rows }: LatencyPlan, request: number): Float32Array {
  const available = values.length / width;
  const batch = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = ((request * rows + row) % available) * width;
    batch.set(values.subarray(from, from + width), row * width);
  }
  return batch;
}
