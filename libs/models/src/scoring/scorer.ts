import { digestOf } from '@rondo/artifacts';
import { PermanentError, TransientError } from '@rondo/kernel';
import { scoreTrees, type TreeEnsemble } from '@rondo/learners';
import { decodeAdmitted, type AdmittedModel } from '../admission/admit-onnx.js';
import type { Finding } from '../admission/finding.js';
import { readBuiltinTrees } from '../onnx/read-builtin.js';
import { ScoringLane, type LaneModel } from './scoring-lane.js';

/** Resources a scorer may use. */
export interface ScorerOptions {
  /** Worker threads with ONNX Runtime, started when first needed; 1 to 64, default 1. A model lives in one of them. */
  readonly maxThreads?: number;
  /** WebAssembly memory per thread in MiB, 64 to 4,096, default 512. */
  readonly memoryMb?: number;
  /** Longest run of one call in milliseconds, 1 to 600,000, default 10,000. */
  readonly budgetMs?: number;
}

/** A model that can be scored. */
export interface LoadedModel extends AdmittedModel {
  readonly digest: string;
  /** `builtin`: a tree ensemble of Rondo's own, scored in this thread; `onnxruntime`: anything else, in a worker. */
  readonly engine: 'builtin' | 'onnxruntime';
}

/** Runs models. Every method may be called concurrently. */
export interface Scorer {
  /**
   * Checks and loads a model file; loading it again changes nothing.
   * @throws PermanentError `data-loss` when the bytes are not those of the digest, `invalid` when admission refuses them,
   * `failed-precondition` when ONNX Runtime does, `deadline-exceeded`; TransientError when the worker ended
   */
  load(digest: string, bytes: Uint8Array): Promise<LoadedModel>;
  /** The model, if it is loaded. */
  loaded(digest: string): LoadedModel | undefined;
  /**
   * Probability of class 1 for each of `n` rows, in [0, 1]; a row gets the same answer alone and among others up to 1e-6.
   * @param rows row-major float32 values, n × features, NaN for missing; not changed
   * @throws PermanentError `not-found` for a model that is not loaded, `invalid` for rows of the wrong length,
   * `deadline-exceeded` over budget, `exhausted` out of memory, `failed-precondition` when the model fails or answers
   * something that is no probability; TransientError when the worker ended or too many calls wait
   */
  score(digest: string, rows: Float32Array, n: number, options?: { readonly budgetMs?: number }): Promise<Float32Array>;
  /** Forgets a model; unknown ones are fine. */
  unload(digest: string): Promise<void>;
  /** Ends the workers; calls under way are rejected. */
  close(): Promise<void>;
}

type Run = (rows: Float32Array, n: number, budgetMs: number) => Promise<Float32Array>;

interface Entry {
  readonly model: LoadedModel;
  readonly run: Run;
}

const loadBudgetMs = 30_000;
const waitingMax = 2_000;
/** Rows between two looks at the clock and the event loop: a few milliseconds of work. */
const chunkRows = 512;
/** float32 sums may leave [0, 1] by this much. */
const tolerance = 1e-6;

/**
 * Makes a scorer. Foreign models run in worker threads that can be stopped, with bounded memory and time; built-in tree
 * ensembles run in the calling thread, in slices of a few milliseconds, because a round trip to a worker costs 100 times
 * the work of a single row (0.30 ms against 0.003 ms, 150 trees of 31 leaves) and batches gain nothing from it.
 * @throws PermanentError `invalid` for options outside their bounds
 */
export function createScorer({ maxThreads = 1, memoryMb = 512, budgetMs = 10_000 }: ScorerOptions = {}): Scorer {
  checkInteger('maxThreads', maxThreads, 1, 64);
  checkInteger('memoryMb', memoryMb, 64, 4096);
  checkInteger('budgetMs', budgetMs, 1, 600_000);
  const limits = { memoryMb, loadBudgetMs, waitingMax };
  return new PooledScorer(
    Array.from({ length: maxThreads }, () => new ScoringLane(limits)),
    budgetMs,
  );
}

class PooledScorer implements Scorer {
  private readonly loading = new Map<string, Promise<Entry>>();
  private readonly entries = new Map<string, Entry>();
  private readonly placed = new Map<string, { readonly lane: ScoringLane; readonly model: LaneModel }>();
  private closed = false;

  constructor(
    private readonly lanes: readonly ScoringLane[],
    private readonly budgetMs: number,
  ) {}

  async load(digest: string, bytes: Uint8Array): Promise<LoadedModel> {
    if (this.closed) throw new TransientError('the scorer is closed');
    const known = this.loading.get(digest);
    if (known) return (await known).model;
    const loading = this.prepare(digest, bytes);
    this.loading.set(digest, loading);
    try {
      const entry = await loading;
      if (this.loading.get(digest) === loading) this.entries.set(digest, entry);
      return entry.model;
    } catch (error) {
      if (this.loading.get(digest) === loading) {
        this.loading.delete(digest);
        this.placed.delete(digest);
      }
      throw error;
    }
  }

  loaded(digest: string): LoadedModel | undefined {
    return this.entries.get(digest)?.model;
  }

  async score(
    digest: string,
    rows: Float32Array,
    n: number,
    { budgetMs = this.budgetMs }: { readonly budgetMs?: number } = {},
  ): Promise<Float32Array> {
    checkInteger('budgetMs', budgetMs, 1, 600_000);
    const entry = this.entries.get(digest);
    if (!entry)
      throw new PermanentError('not-found', `no model ${digest} is loaded`, {
        field: 'digest',
        value: digest,
        rule: 'loaded',
      });
    if (!Number.isInteger(n) || n < 0 || rows.length !== n * entry.model.features) {
      const { features } = entry.model;
      const rule = `n rows of ${features} features`;
      throw new PermanentError('invalid', `rows: ${rows.length} values are not ${n} rows of ${features} features`, {
        field: 'rows',
        value: rows.length,
        rule,
      });
    }
    return n === 0 ? new Float32Array() : probabilitiesOf(await entry.run(rows, n, budgetMs), digest);
  }

  async unload(digest: string): Promise<void> {
    this.loading.delete(digest);
    this.entries.delete(digest);
    const place = this.placed.get(digest);
    this.placed.delete(digest);
    await place?.lane.unload(place.model);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.loading.clear();
    this.entries.clear();
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }

  private async prepare(digest: string, bytes: Uint8Array): Promise<Entry> {
    const found = digestOf(bytes);
    if (found !== digest) {
      throw new PermanentError('data-loss', `the model's bytes have the digest ${found}, not ${digest}`, {
        field: 'digest',
        value: digest,
        rule: 'digest of the bytes',
      });
    }
    const decoded = decodeAdmitted(bytes, {});
    if ('findings' in decoded) throw refusal(decoded.findings);
    const { graph, summary } = decoded;
    const trees = readBuiltinTrees(graph, summary.features, summary.featureNames);
    if (trees) {
      scoreTrees(trees, new Float32Array(), 0); // prepares the ensemble, so that the first request need not wait for it
      const run: Run = (rows, n, budgetMs) => scoreInSlices(trees, rows, n, budgetMs);
      return { model: { ...summary, digest, engine: 'builtin' }, run };
    }
    // Kept as a copy: the caller's buffer may be reused, and a fresh worker loads it again.
    const kept: LaneModel = { digest, bytes: bytes.slice(), features: summary.features };
    const lane = this.leastUsedLane();
    this.placed.set(digest, { lane, model: kept });
    await lane.load(kept);
    const run: Run = (rows, n, budgetMs) => lane.score(kept, rows, n, budgetMs);
    return { model: { ...summary, digest, engine: 'onnxruntime' }, run };
  }

  private leastUsedLane(): ScoringLane {
    const used = [...this.placed.values()].map(({ lane }) => lane);
    const load = (lane: ScoringLane): number => used.filter((other) => other === lane).length;
    return this.lanes.reduce((best, lane) => (load(lane) < load(best) ? lane : best));
  }
}

async function scoreInSlices(
  model: TreeEnsemble,
  rows: Float32Array,
  n: number,
  budgetMs: number,
): Promise<Float32Array> {
  const width = model.featureNames.length;
  if (n <= chunkRows) return scoreTrees(model, rows, n);
  const probabilities = new Float32Array(n);
  const endMs = performance.now() + budgetMs;
  for (let start = 0; start < n; start += chunkRows) {
    const end = Math.min(n, start + chunkRows);
    probabilities.set(scoreTrees(model, rows.subarray(start * width, end * width), end - start), start);
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() <= endMs) continue;
    throw new PermanentError('deadline-exceeded', `scoring ${n} rows took longer than its ${budgetMs} ms`, {
      field: 'budgetMs',
      value: budgetMs,
      rule: 'the run ends within its budget',
      reason: 'OVER_BUDGET',
    });
  }
  return probabilities;
}

/** Refuses answers that are no probabilities; rounding outside [0, 1] is cut off. */
function probabilitiesOf(values: Float32Array, digest: string): Float32Array {
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value >= 0 && value <= 1) continue;
    if (!(value >= -tolerance && value <= 1 + tolerance)) {
      throw new PermanentError('failed-precondition', `model ${digest} answered ${value} for row ${row}`, {
        field: `probabilities[${row}]`,
        value,
        rule: 'between 0 and 1',
        reason: 'NO_PROBABILITY',
      });
    }
    values[row] = value < 0 ? 0 : 1;
  }
  return values;
}

function refusal(findings: readonly Finding[]): PermanentError {
  const [{ message, field, value, rule, code }] = findings as readonly [Finding];
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more findings)` : '';
  const reason = code.toUpperCase().replaceAll('-', '_');
  return new PermanentError('invalid', `the model is refused: ${message}${more}`, { field, value, rule, reason });
}

function checkInteger(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const rule = `integer from ${min} to ${max}`;
  throw new PermanentError('invalid', `${field}: ${value} breaks the rule "${rule}"`, { field, value, rule });
}
