import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import {
  Engine,
  runFeatureSql,
  type FeatureSqlRequest,
  type FeatureSqlResult,
  type FileColumns,
  type NumberMatrix,
  type ReadOptions,
} from '@rondo/datasets';
import { createScorer, type Scorer } from '@rondo/models';
import type { calculated, DriftMonitorOptions } from '@rondo/drift-monitor';
import type { EvaluationOptions } from '@rondo/evaluation';
import type { TrainingOptions } from '@rondo/training';

type Trainer = NonNullable<TrainingOptions['builtin']>;
type Calculate = NonNullable<EvaluationOptions['calculate']>;
type Arithmetic = NonNullable<DriftMonitorOptions['calculate']>;

/**
 * Remembers what pure computations gave, by the digest of everything that went into them (files by their content).
 *
 * Sound because the same inputs give the same bytes: that is Rondo's own promise about feature SQL, snapshots, trainers, scoring and
 * evaluation, and specs of those parts hold it to it. What is remembered was computed by the real engine, trainer, scorer or
 * calculator; nothing is made up. Failures are not remembered.
 */
export class Memo {
  computed = 0;
  reused = 0;
  readonly #results = new Map<string, unknown>();
  readonly #outside: () => Set<Promise<unknown>>;

  /** @param outside where computations under way are told, so that the schedule waits for them */
  constructor(outside: () => Set<Promise<unknown>>) {
    this.#outside = outside;
  }

  /** The result for these inputs: of an earlier call, or computed now. Callers get a copy of their own. */
  async of<T>(kind: string, inputs: unknown, compute: () => Promise<T>): Promise<T> {
    const key = `${kind} ${digestOf(serialize(inputs))}`;
    if (this.#results.has(key)) {
      this.reused++;
      return structuredClone(this.#results.get(key)) as T;
    }
    this.computed++;
    const outside = this.#outside();
    const work = compute();
    outside.add(work);
    try {
      const result = await work;
      this.#results.set(key, structuredClone(result));
      return result;
    } finally {
      outside.delete(work);
    }
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const PATH = /\/(?:[\w.@+-]+\/)+[\w.@+-]+/g;

/** The text with every path of an existing file replaced by the digest of its content, and of others by their last name. */
function withContent(text: string): string {
  return text.replace(PATH, (path) => {
    if (!existsSync(path) || !statSync(path).isFile()) return `new:${path.split('/').at(-1)}`;
    return digestOf(readFileSync(path));
  });
}

/** An engine that computes each thing once. */
export class RememberingEngine extends Engine {
  readonly #memo: Memo;

  constructor(memo: Memo) {
    super({ threads: 1 });
    this.#memo = memo;
  }

  override columnsOf(path: string): Promise<FileColumns> {
    return this.#read('columnsOf', [path], () => super.columnsOf(path));
  }

  override readNumbers(
    path: string,
    columns: Parameters<Engine['readNumbers']>[1],
    { signal, ...rest }: ReadOptions = {},
  ): ReturnType<Engine['readNumbers']> {
    return this.#read('readNumbers', [path, columns, rest], () => super.readNumbers(path, columns, rest), signal);
  }

  override readMatrix(
    path: string,
    columns: readonly string[],
    { signal, ...rest }: ReadOptions = {},
  ): Promise<NumberMatrix> {
    return this.#read('readMatrix', [path, columns, rest], () => super.readMatrix(path, columns, rest), signal);
  }

  override readStrings(
    path: string,
    column: string,
    { signal, ...rest }: ReadOptions = {},
  ): Promise<(string | null)[]> {
    return this.#read('readStrings', [path, column, rest], () => super.readStrings(path, column, rest), signal);
  }

  override readPackedKeys(
    path: string,
    column: string,
    { signal, ...rest }: ReadOptions = {},
  ): ReturnType<Engine['readPackedKeys']> {
    return this.#read('readPackedKeys', [path, column, rest], () => super.readPackedKeys(path, column, rest), signal);
  }

  override query(select: string, signal?: AbortSignal): ReturnType<Engine['query']> {
    return this.#read('query', [select], () => super.query(select), signal);
  }

  override async writeParquet({
    select,
    outPath,
    signal,
  }: Parameters<Engine['writeParquet']>[0]): ReturnType<Engine['writeParquet']> {
    const compute = async () => ({ ...(await super.writeParquet({ select, outPath })), bytes: readFileSync(outPath) });
    const { bytes, ...written } = await this.#read('writeParquet', [select], compute, signal);
    if (!existsSync(outPath)) writeFileSync(outPath, bytes);
    return written;
  }

  /** Feature SQL, with the files it writes. */
  readonly runFeatureSql = async (_engine: Engine, request: FeatureSqlRequest): Promise<FeatureSqlResult> => {
    const { signal, outPath, reviewOutPath, ...inputs } = request;
    const bytesOf = (path: string | undefined) =>
      path !== undefined && existsSync(path) ? readFileSync(path) : undefined;
    const compute = async () => {
      const result = await runFeatureSql(this, {
        ...inputs,
        outPath,
        ...(reviewOutPath !== undefined && { reviewOutPath }),
      });
      return { result, rows: bytesOf(outPath), review: bytesOf(reviewOutPath) };
    };
    const done = await this.#read('runFeatureSql', [inputs], compute, signal);
    if (done.rows && !existsSync(outPath)) writeFileSync(outPath, done.rows);
    if (done.review && reviewOutPath !== undefined && !existsSync(reviewOutPath))
      writeFileSync(reviewOutPath, done.review);
    return done.result;
  };

  #read<T>(kind: string, inputs: readonly unknown[], compute: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    return this.#memo.of(kind, withContent(JSON.stringify(inputs)), compute);
  }
}

/** A scorer that scores the same rows with the same model once. Models stay loaded. */
export function rememberingScorer(memo: Memo): Scorer {
  const inner = createScorer({ maxThreads: 1 });
  return {
    load: (digest, bytes) => memo.of('load', digest, () => inner.load(digest, bytes)),
    loaded: (digest) => inner.loaded(digest),
    score: (digest, rows, n, options) =>
      memo.of('score', [digest, rows, n], () => inner.score(digest, rows, n, options)),
    unload: () => Promise.resolve(),
    close: () => inner.close(),
  };
}

/** A trainer that trains the same recipe on the same rows once. */
export function rememberingTrainer(memo: Memo, inner: Trainer): Trainer {
  return {
    train: ({ jobId: _job, attempt: _attempt, ...job }, run) => {
      run.signal.throwIfAborted();
      const quiet = { signal: new AbortController().signal, report: () => undefined };
      return memo.of('train', withContent(JSON.stringify(job)), () =>
        inner.train({ ...job, jobId: 'any', attempt: 1 }, quiet),
      );
    },
  };
}

/** A calculator that calculates the same thing once. */
export function rememberingCalculate(memo: Memo, inner: Calculate): Calculate {
  return ((calculation: Parameters<Calculate>[0], signal: AbortSignal) => {
    signal.throwIfAborted();
    return memo.of('calculate', calculation, () => inner(calculation, new AbortController().signal));
  }) as Calculate;
}

/** The drift monitor's arithmetic, the same thing once. */
export function rememberingArithmetic(memo: Memo, inner: typeof calculated): Arithmetic {
  return ((calculation: Parameters<Arithmetic>[0], signal: AbortSignal) => {
    signal.throwIfAborted();
    return memo.of('arithmetic', calculation, () => Promise.resolve(inner(calculation)));
  }) as Arithmetic;
}
