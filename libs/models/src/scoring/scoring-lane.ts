import { setImmediate as nextTurn } from 'node:timers/promises';
import { TransientError } from '@rondo/kernel';
import { ScoringThread } from './scoring-thread.js';

/** What a lane keeps of a model, to load it again into a fresh thread. */
export interface LaneModel {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly features: number;
}

/** Bounds of a lane. */
export interface LaneLimits {
  readonly memoryMb: number;
  /** Longest start of a thread and load of a model together. */
  readonly loadBudgetMs: number;
  /** Calls that may wait. */
  readonly waitingMax: number;
}

interface Job {
  readonly kind: 'load' | 'score' | 'unload';
  readonly model: LaneModel;
  /** Row-major values, only to `score`. */
  readonly rows: Float32Array;
  readonly count: number;
  readonly budgetMs: number;
  /** Ends the wait, until the run begins. */
  readonly patience: NodeJS.Timeout;
  gaveUp: boolean;
  readonly resolve: (probabilities: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Rows scored together at most; beyond this a larger batch is not faster per row. */
const batchRowsMax = 4096;
/** Values copied for the thread before the event loop turns: some 2 ms. */
const COPIED_AT_ONCE = 2 ** 20;

/**
 * A queue in front of one thread. What waits for the same model is scored in one run (no timer: a call that finds the
 * thread free never waits for company). When the thread ends, the next call gets a fresh one and loads what it needs.
 */
export class ScoringLane {
  private thread: ScoringThread | undefined;
  private readonly queue: Job[] = [];
  private running = false;
  private closed = false;

  constructor(private readonly limits: LaneLimits) {}

  /** Loads a model into the thread. */
  async load(model: LaneModel): Promise<void> {
    await this.enqueue('load', model, new Float32Array(), 0, this.limits.loadBudgetMs);
  }

  /**
   * Scores rows; leaves `rows` untouched. The budget counts from the start of the run, and also bounds the wait for it, which
   * includes the start of a fresh thread: the call is over after twice its budget at most.
   */
  score(model: LaneModel, rows: Float32Array, count: number, budgetMs: number): Promise<Float32Array> {
    return this.enqueue('score', model, rows, count, budgetMs);
  }

  /** Forgets a model after the calls that already wait for it. */
  async unload(model: LaneModel): Promise<void> {
    await this.enqueue('unload', model, new Float32Array(), 0, this.limits.loadBudgetMs);
  }

  /** Ends the thread and rejects what waits. */
  async close(): Promise<void> {
    this.closed = true;
    const reason = new TransientError('the scorer is closed');
    for (const job of this.queue.splice(0)) {
      clearTimeout(job.patience);
      job.reject(reason);
    }
    await this.thread?.end(reason);
  }

  private enqueue(
    kind: Job['kind'],
    model: LaneModel,
    rows: Float32Array,
    count: number,
    budgetMs: number,
  ): Promise<Float32Array> {
    if (this.closed) return Promise.reject(new TransientError('the scorer is closed'));
    if (this.queue.length >= this.limits.waitingMax) {
      return Promise.reject(
        new TransientError(`${this.queue.length} calls wait for the scorer already`, { afterMs: budgetMs }),
      );
    }
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => this.giveUp(job), budgetMs);
      const job: Job = { kind, model, rows, count, budgetMs, patience, gaveUp: false, resolve, reject };
      this.queue.push(job);
      void this.pump();
    });
  }

  private giveUp(job: Job): void {
    job.gaveUp = true;
    const index = this.queue.indexOf(job);
    if (index >= 0) this.queue.splice(index, 1);
    job.reject(new TransientError('the scorer is overloaded: the call waited longer than its budget'));
  }

  private async pump(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (let jobs = this.takeBatch(); jobs.length > 0; jobs = this.takeBatch()) await this.serve(jobs);
    } finally {
      this.running = false;
    }
  }

  /** The oldest call and those that can share its run. */
  private takeBatch(): Job[] {
    const first = this.queue.shift();
    if (!first) return [];
    const batch = [first];
    let rows = first.count;
    for (let index = 0; first.kind === 'score' && index < this.queue.length;) {
      const job = this.queue[index]!;
      const fits = job.model.digest === first.model.digest && job.budgetMs === first.budgetMs && job.kind === 'score';
      if (!fits || rows + job.count > batchRowsMax) {
        index++;
        continue;
      }
      rows += job.count;
      batch.push(job);
      this.queue.splice(index, 1);
    }
    return batch;
  }

  private async serve(jobs: readonly Job[]): Promise<void> {
    const { kind, model } = jobs[0]!;
    try {
      if (kind === 'score') return await this.scoreBatch(jobs);
      clearTimeout(jobs[0]!.patience);
      if (kind === 'load') await this.threadWith(model);
      else await this.forget(model.digest);
      jobs[0]!.resolve(new Float32Array());
    } catch (error) {
      for (const job of jobs) {
        clearTimeout(job.patience);
        job.reject(error);
      }
    }
  }

  /** Scores those of the calls that still wait when the thread has the model. */
  private async scoreBatch(batch: readonly Job[]): Promise<void> {
    const { model, budgetMs } = batch[0]!;
    const thread = await this.threadWith(model);
    const jobs = batch.filter((job) => !job.gaveUp);
    if (jobs.length === 0) return;
    for (const job of jobs) clearTimeout(job.patience);
    const count = jobs.reduce((sum, job) => sum + job.count, 0);
    const rows = new Float32Array(count * model.features);
    let start = 0;
    for (const job of jobs) {
      for (let from = 0; from < job.rows.length; from += COPIED_AT_ONCE) {
        if (from > 0) await nextTurn();
        rows.set(job.rows.subarray(from, from + COPIED_AT_ONCE), start + from);
      }
      start += job.rows.length;
    }
    const probabilities = await thread.ask(
      { kind: 'score', digest: model.digest, rows, count, features: model.features },
      [rows.buffer],
      budgetMs,
    );
    start = 0;
    for (const job of jobs) {
      job.resolve(jobs.length === 1 ? probabilities : probabilities.slice(start, start + job.count));
      start += job.count;
    }
  }

  private async threadWith({ digest, bytes }: LaneModel): Promise<ScoringThread> {
    if (!this.thread?.alive) this.thread = new ScoringThread(this.limits.memoryMb);
    const { thread } = this;
    if (!thread.loaded.has(digest)) {
      await thread.ask({ kind: 'load', digest, bytes }, [], this.limits.loadBudgetMs);
      thread.loaded.add(digest);
    }
    return thread;
  }

  private async forget(digest: string): Promise<void> {
    const { thread } = this;
    if (!thread?.alive || !thread.loaded.delete(digest)) return;
    await thread.ask({ kind: 'unload', digest }, [], this.limits.loadBudgetMs);
  }
}
