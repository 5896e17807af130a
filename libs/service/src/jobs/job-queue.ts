/** A job to look at, and the trace that woke it. */
export interface QueuedJob {
  readonly jobId: string;
  /** The lane that it runs in, if any. */
  readonly lane: string | undefined;
  readonly traceparent: string | undefined;
}

/** What the queue is told of the jobs of a kind. */
export interface QueueOptions {
  /** Jobs of the kind running at once. */
  concurrencyOf(kind: string): number;
  /** Looks at the job and runs it if it may; never rejects. */
  run(kind: string, job: QueuedJob): Promise<void>;
}

/** The jobs that wait for a place in this process or have one; nothing here outlives it. */
export class JobQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Map<string, QueuedJob[]>();
  readonly #running = new Map<string, number>();
  readonly #known = new Set<string>();
  readonly #wokenMeanwhile = new Map<string, QueuedJob>();
  readonly #settled = new Set<() => void>();
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Looks at a job once there is a place for it; one that is here already is looked at once more afterwards. */
  add(kind: string, job: QueuedJob): void {
    if (this.#closed) return;
    if (this.#known.has(job.jobId)) {
      this.#wokenMeanwhile.set(job.jobId, job);
      return;
    }
    this.#known.add(job.jobId);
    const waiting = this.#waiting.get(kind) ?? [];
    waiting.push(job);
    this.#waiting.set(kind, waiting);
    this.#pump(kind);
  }

  has(jobId: string): boolean {
    return this.#known.has(jobId);
  }

  countsOf(kind: string): { readonly running: number; readonly queued: number } {
    return { running: this.#running.get(kind) ?? 0, queued: this.#waiting.get(kind)?.length ?? 0 };
  }

  get isIdle(): boolean {
    return this.#known.size === 0;
  }

  /** Resolves when a job ends, or at once when none is here. */
  settled(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => this.#settled.add(resolve));
  }

  /** Forgets what waits and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.values()) for (const { jobId } of waiting.splice(0)) this.#known.delete(jobId);
  }

  #pump(kind: string): void {
    const waiting = this.#waiting.get(kind) ?? [];
    while (!this.#closed && waiting.length > 0 && this.countsOf(kind).running < this.#options.concurrencyOf(kind)) {
      this.#running.set(kind, this.countsOf(kind).running + 1);
      void this.#start(kind, waiting.shift()!);
    }
  }

  async #start(kind: string, job: QueuedJob): Promise<void> {
    await this.#options.run(kind, job);
    this.#known.delete(job.jobId);
    this.#running.set(kind, this.countsOf(kind).running - 1);
    // What woke it while it was here may have come after the last look at it: the end of the one before it in its lane, or its retry.
    const woken = this.#wokenMeanwhile.get(job.jobId);
    this.#wokenMeanwhile.delete(job.jobId);
    if (woken) this.add(kind, woken);
    this.#pump(kind);
    for (const waiter of this.#settled) waiter();
    this.#settled.clear();
  }
}
