import type { Unit } from '@rondo/journal';
import { assert, backoffMs, Defect, PermanentError, type Json } from '@rondo/kernel';
import type { DurableJobs, JobDefinition, JobResult, JobRun, Platform } from '../ports.js';
import { afterFailure, ATTEMPTS_OVER_CRASHES_MIN, failureOf } from './job-outcome.js';
import { JobQueue, type QueuedJob } from './job-queue.js';
import { JobRecords, type NewJob } from './job-records.js';
import { JOB_KIND, type JobState } from './job-state.js';
import { LeaseWatch } from './lease-watch.js';

const ATTEMPTS_MAX_DEFAULT = 3;
const HEARTBEAT_WRITE_MS = 5000;
const SHUTDOWN_MS = 10_000;
const RECOVERY_PAGE = 1000;
const JOB_SECONDS = [0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400];
const SETTLE_BACKOFF = { initialMs: 200, factor: 2, maxMs: 30_000 };

/** Why a running job is told to stop. */
class Stop extends Error {
  constructor(readonly why: 'deadline' | 'cancelled' | 'shutdown' | 'taken-over') {
    super(`the job was stopped: ${why}`);
  }
}

interface Active {
  readonly controller: AbortController;
  /** The run as it was taken up, once it was. */
  held: JobState | undefined;
  progress: number | null;
  ended: Promise<void>;
}

/**
 * Runs the durable jobs of one service. Its state is in the journal; this object holds only what runs in this process. Where several
 * replicas share the work, each renews the jobs it runs and takes up those whose replica is gone; a run that lost its job is told
 * to stop, and its result is refused because the number of starts has moved on.
 */
export class JobRunner implements DurableJobs {
  readonly #platform: Omit<Platform, 'artifacts' | 'ids' | 'bus'>;
  readonly #records: JobRecords;
  readonly #queue: JobQueue;
  readonly #definitions = new Map<string, JobDefinition<never>>();
  readonly #active = new Map<string, Active>();
  readonly #retryWakes = new Set<() => void>();
  readonly #watch: LeaseWatch | undefined;
  readonly #seconds: ReturnType<Platform['telemetry']['histogram']>;
  #stopping = false;

  constructor(platform: Omit<Platform, 'artifacts' | 'ids' | 'bus'>) {
    this.#platform = platform;
    this.#records = new JobRecords(platform);
    this.#queue = new JobQueue({
      concurrencyOf: (kind) => this.#definition(kind).concurrency,
      run: (kind, job) => this.#run(this.#definition(kind), job),
    });
    this.#seconds = platform.telemetry.histogram(
      'rondo_job_duration_seconds',
      'Time of one attempt of a job.',
      ['kind', 'result'],
      JOB_SECONDS,
    );
    const { replica } = platform;
    if (!replica) return;
    const runner = {
      free: () => this.#free(),
      isRunningHere: (jobId: string) => this.#active.has(jobId),
      abandoned: (jobId: string, state: JobState) => this.#recoverOne(jobId, state),
      unclaimed: (jobId: string, state: JobState) => this.#add(jobId, state),
      renew: () => this.#renew(),
    };
    this.#watch = new LeaseWatch(runner, platform, replica.jobLeaseMs);
  }

  define<I extends Json>(definition: JobDefinition<I>): void {
    assert(!this.#definitions.has(definition.kind), `job kind ${definition.kind} is defined twice`);
    assert(definition.concurrency >= 1, `job kind ${definition.kind} needs a concurrency of 1 or more`);
    this.#definitions.set(definition.kind, definition as unknown as JobDefinition<never>);
  }

  async enqueue(unit: Unit, job: NewJob): Promise<void> {
    const definition = this.#definitions.get(job.kind);
    assert(definition, `job kind ${job.kind} is not defined`);
    await this.#records.enqueue(unit, job, definition.lane);
  }

  cancel(unit: Unit, jobId: string): Promise<void> {
    return this.#records.cancel(unit, jobId);
  }

  /** Looks at a job because a wake-up came in. */
  async wake(jobId: string, attempt: number, traceparent?: string): Promise<void> {
    const job = await this.#records.load(jobId);
    if (!job) throw new Defect(`job ${jobId} was announced but does not exist`);
    if (job.state.status === 'cancelled') this.#active.get(jobId)?.controller.abort(new Stop('cancelled'));
    const startable = job.state.status === 'queued' || job.state.status === 'waiting';
    if (startable && job.state.attempt === attempt) this.#add(jobId, job.state, traceparent);
  }

  /**
   * Takes up what an earlier process left: queued jobs, overdue retries, and jobs it ran when it died (as a further attempt). Where
   * there are replicas, another may still run those: they are left to the watch, which waits for a lease.
   */
  async recover(): Promise<void> {
    const statuses = ['queued', 'waiting', ...(this.#watch ? [] : ['running'])] as const;
    for (const status of statuses) {
      let pageToken: string | undefined;
      do {
        const page = await this.#platform.journal.list<JobState>(JOB_KIND, {
          where: { status },
          limit: RECOVERY_PAGE,
          ...(pageToken !== undefined && { pageToken }),
        });
        for (const job of page.items) await this.#recoverOne(job.id, job.state);
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
    }
    this.#watch?.start();
  }

  /** Jobs of this process by kind, for the gauges. */
  load(): { readonly kind: string; readonly running: number; readonly queued: number }[] {
    return [...this.#definitions.keys()].map((kind) => ({ kind, ...this.#queue.countsOf(kind) }));
  }

  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  /** Resolves when a job ends, or at once when none is known. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Stops the running jobs and gives them back, to be taken up by the next process with the same attempt. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const cancel of this.#retryWakes) cancel();
    this.#queue.close();
    const ends = [...this.#active.values()].map(({ controller, ended }) => {
      controller.abort(new Stop('shutdown'));
      return ended;
    });
    const { clock } = this.#platform;
    let cancelWake = (): void => undefined;
    const patience = new Promise<void>((resolve) => {
      cancelWake = clock.wakeAt(clock.now() + SHUTDOWN_MS, resolve);
    });
    await Promise.race([Promise.all([...ends, this.#watch?.stop()]), patience]);
    cancelWake();
  }

  async #recoverOne(jobId: string, state: JobState): Promise<void> {
    if (this.#queue.has(jobId)) return;
    if (state.status === 'waiting' && (state.retryAtMs ?? 0) > this.#platform.clock.now()) {
      this.#wakeForRetry(jobId, state);
      return;
    }
    if (state.status === 'running') {
      const definition = this.#definition(state.kind);
      const attempt = state.attempt + 1;
      if (attempt > Math.max(definition.maxAttempts ?? ATTEMPTS_MAX_DEFAULT, ATTEMPTS_OVER_CRASHES_MIN)) {
        const error = new Defect(endedMeanwhile(state));
        await this.#records.fail(jobId, state, definition, failureOf(error, state.attempt));
        return;
      }
      await this.#records.recover(jobId, state, attempt);
      this.#platform.log.warn('a job of a process that is gone is taken up', {
        'rondo.job.id': jobId,
        'rondo.job.attempt': attempt,
        ...(state.owner !== undefined && { 'rondo.replica': state.owner }),
      });
    }
    this.#add(jobId, state);
  }

  /** By this process's own clock: the durable timer may have come by the clock of an earlier process, which was ahead. */
  #wakeForRetry(jobId: string, state: JobState): void {
    const cancel = this.#platform.clock.wakeAt(state.retryAtMs!, () => {
      this.#retryWakes.delete(cancel);
      this.#add(jobId, state);
    });
    this.#retryWakes.add(cancel);
  }

  #definition(kind: string): JobDefinition<never> {
    const definition = this.#definitions.get(kind);
    if (!definition) throw new Defect(`job kind ${kind} is not defined in ${this.#platform.service}`);
    return definition;
  }

  #add(jobId: string, { kind, lane }: Pick<JobState, 'kind' | 'lane'>, traceparent?: string): void {
    this.#definition(kind);
    this.#queue.add(kind, { jobId, lane, traceparent });
  }

  /** Looks at a job and runs it when it is to be run. */
  #run(definition: JobDefinition<never>, queued: QueuedJob): Promise<void> {
    const { jobId } = queued;
    const active: Active = {
      controller: new AbortController(),
      held: undefined,
      progress: null,
      ended: Promise.resolve(),
    };
    this.#active.set(jobId, active);
    active.ended = this.#execute(definition, queued, active)
      .catch((error: unknown) =>
        this.#platform.log.error('a job could not be settled', { 'rondo.job.id': jobId }, error),
      )
      .then(() => void this.#active.delete(jobId));
    return active.ended;
  }

  async #execute(definition: JobDefinition<never>, queued: QueuedJob, active: Active): Promise<void> {
    const state = await this.#claim(queued);
    if (!state) return;
    active.held = state;
    const { controller } = active;
    const { jobId, traceparent } = queued;
    const { clock, telemetry } = this.#platform;
    const overdue = (): void => controller.abort(new Stop('deadline'));
    const cancelDeadline = state.deadlineAtMs === null ? undefined : clock.wakeAt(state.deadlineAtMs, overdue);
    if (state.deadlineAtMs !== null && state.deadlineAtMs <= clock.now()) overdue();
    const options = {
      root: true,
      links: traceparent === undefined ? [] : [traceparent],
      attributes: { 'rondo.pipeline.name': state.pipeline, 'rondo.job.id': jobId, 'rondo.job.attempt': state.attempt },
    };
    const startedAtMs = clock.now();
    let result = 'succeeded';
    try {
      await telemetry.span(`job ${definition.kind}`, options, () => this.#attempt(definition, jobId, state, active));
    } catch (error) {
      result = error instanceof Stop ? error.why : 'failed';
      await this.#persist(jobId, 'the end of a job could not be written yet', () =>
        this.#settleFailure(definition, jobId, state, error),
      );
    } finally {
      cancelDeadline?.();
      const seconds = (clock.now() - startedAtMs) / 1000;
      this.#seconds.observe(seconds, { kind: definition.kind, result });
    }
  }

  /** Runs the work and commits its result. Rejects with the reason when told to stop, once the work has let go. */
  async #attempt(definition: JobDefinition<never>, jobId: string, state: JobState, active: Active): Promise<void> {
    const { signal } = active.controller;
    signal.throwIfAborted();
    const run: JobRun = {
      jobId,
      attempt: state.attempt,
      pipeline: state.pipeline,
      signal,
      heartbeat: this.#heartbeat(jobId, state, active),
    };
    let result: JobResult | void;
    try {
      result = await definition.run(state.input as never, run);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
    signal.throwIfAborted();
    await this.#records.succeed(jobId, state, result);
  }

  async #settleFailure(
    definition: JobDefinition<never>,
    jobId: string,
    state: JobState,
    error: unknown,
  ): Promise<void> {
    if (error instanceof Stop && (error.why === 'cancelled' || error.why === 'taken-over')) return;
    if (error instanceof Stop && error.why === 'shutdown') {
      await this.#records.release(jobId, state);
      return;
    }
    if (error instanceof Stop) {
      const late = new PermanentError('deadline-exceeded', 'the job did not end before its deadline');
      await this.#records.fail(jobId, state, definition, failureOf(late, state.attempt));
      return;
    }
    const next = afterFailure(error, state.attempt, definition.maxAttempts ?? ATTEMPTS_MAX_DEFAULT);
    this.#platform.log.warn('an attempt of a job failed', {
      'rondo.job.id': jobId,
      'rondo.job.attempt': state.attempt,
      'rondo.job.final': next.kind === 'final',
      'error.message': failureOf(error, state.attempt).message,
    });
    if (next.kind === 'final') {
      await this.#records.fail(jobId, state, definition, next.failure);
      return;
    }
    const atMs = this.#platform.clock.now() + next.afterMs;
    await this.#records.retry(jobId, state, failureOf(error, state.attempt), atMs);
  }

  /**
   * Takes the job, once the store answers. An answer may have been lost after the job was taken: then the job names the very start
   * that was asked for, and this process as its owner.
   */
  async #claim({ jobId, lane }: QueuedJob): Promise<JobState | undefined> {
    let asked: number | undefined;
    return this.#persist(jobId, 'a job could not be taken yet', async () => {
      // Looked at before the unit, because a unit that finds nothing to do uses up the name of the next start all the same.
      const known = await this.#records.loadFirst(jobId, lane);
      if (!known) return undefined;
      const { status, starts, owner } = known.state;
      if (status === 'running' && starts === asked && owner === this.#platform.replica?.name) return known.state;
      if (status !== 'queued' && status !== 'waiting') return undefined;
      asked = starts + 1;
      return this.#records.take(jobId, asked);
    });
  }

  #heartbeat(jobId: string, state: JobState, active: Active): (progress?: number) => void {
    let writtenAtMs = this.#platform.clock.now();
    return (progress) => {
      active.progress = progress ?? null;
      const nowMs = this.#platform.clock.now();
      if (nowMs - writtenAtMs < HEARTBEAT_WRITE_MS) return;
      writtenAtMs = nowMs;
      this.#signOfLife(jobId, state, active).catch((error: unknown) =>
        this.#platform.log.warn('a heartbeat was not written', {
          'rondo.job.id': jobId,
          'error.message': String(error),
        }),
      );
    };
  }

  async #renew(): Promise<void> {
    const running = [...this.#active].filter(([, { held, controller }]) => held && !controller.signal.aborted);
    await Promise.all(running.map(([jobId, active]) => this.#signOfLife(jobId, active.held!, active)));
  }

  /** Writes that a job still runs here, or learns that it must not. */
  async #signOfLife(jobId: string, held: JobState, { progress, controller }: Active): Promise<void> {
    const lost = await this.#records.signOfLife(jobId, held, progress);
    if (lost !== undefined) controller.abort(new Stop(lost));
  }

  /** Kinds of which this process could run more now. */
  #free(): { kind: string; places: number }[] {
    return [...this.#definitions.values()].flatMap(({ kind, concurrency }) => {
      const { running, queued } = this.#queue.countsOf(kind);
      return running + queued < concurrency ? [{ kind, places: concurrency - running - queued }] : [];
    });
  }

  /** Repeats a write until the store takes it: a job must not be forgotten because the disk was full for a minute. */
  async #persist<T>(jobId: string, complaint: string, write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (this.#stopping) throw error;
        this.#platform.log.error(complaint, { 'rondo.job.id': jobId, attempt }, error);
        const { clock } = this.#platform;
        const delayMs = backoffMs(SETTLE_BACKOFF, attempt, 0.5);
        await new Promise<void>((resolve) => clock.wakeAt(clock.now() + delayMs, resolve));
      }
    }
  }
}

/** Why a job is given up whose process is gone; an attempt that failed by itself is said to have done so. */
function endedMeanwhile({ attempt, failure }: JobState): string {
  if (!failure) return `the process ended ${attempt} times while the job ran`;
  return `the process ended while attempt ${attempt} of the job ran; an attempt before it failed: ${failure.message}`;
}
