import type { Journal, Unit } from '@rondo/journal';
import { assert, backoffMs, Defect, PermanentError, type Json } from '@rondo/kernel';
import type { DurableJobs, JobDefinition, JobFailure, JobResult, JobRun, Platform } from '../ports.js';
import { afterFailure, ATTEMPTS_OVER_CRASHES_MIN, failureOf } from './job-outcome.js';
import { finishJob, isFinal, JOB_KIND, laneHeads, placeInLane, saveJob, wakeUp, type JobState } from './job-state.js';
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

interface Queued {
  readonly jobId: string;
  readonly traceparent: string | undefined;
}

/**
 * Runs the durable jobs of one service. Its state is in the journal; this object holds only what runs in this process. Where several
 * replicas share the work, each renews the jobs it runs and takes up those whose replica is gone; a run that lost its job is told
 * to stop, and its result is refused because the number of starts has moved on.
 */
export class JobRunner implements DurableJobs {
  readonly #platform: Omit<Platform, 'artifacts' | 'ids' | 'bus'>;
  readonly #definitions = new Map<string, JobDefinition<never>>();
  readonly #queues = new Map<string, Queued[]>();
  readonly #running = new Map<string, number>();
  readonly #active = new Map<string, Active>();
  readonly #known = new Set<string>();
  readonly #wokenMeanwhile = new Map<string, Queued>();
  readonly #retryWakes = new Set<() => void>();
  readonly #settled = new Set<() => void>();
  readonly #watch: LeaseWatch | undefined;
  readonly #seconds: ReturnType<Platform['telemetry']['histogram']>;
  #renewals = 0;
  #stopping = false;

  constructor(platform: Omit<Platform, 'artifacts' | 'ids' | 'bus'>) {
    this.#platform = platform;
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
      unclaimed: (jobId: string, state: JobState) => this.#queue(jobId, state.kind, undefined),
      renew: () => this.#renew(),
    };
    this.#watch = new LeaseWatch(runner, platform, replica.jobLeaseMs);
  }

  define<I extends Json>(definition: JobDefinition<I>): void {
    assert(!this.#definitions.has(definition.kind), `job kind ${definition.kind} is defined twice`);
    assert(definition.concurrency >= 1, `job kind ${definition.kind} needs a concurrency of 1 or more`);
    this.#definitions.set(definition.kind, definition as unknown as JobDefinition<never>);
  }

  async enqueue(
    unit: Unit,
    job: {
      readonly kind: string;
      readonly id: string;
      readonly pipeline: string;
      readonly input: Json;
      readonly deadlineAtMs?: number;
    },
  ): Promise<void> {
    const definition = this.#definitions.get(job.kind);
    assert(definition, `job kind ${job.kind} is not defined`);
    if (await unit.load<JobState>(JOB_KIND, job.id)) return;
    const { lane } = definition;
    const place = lane === undefined ? {} : await placeInLane(unit, lane, job.pipeline);
    const state: JobState = {
      kind: job.kind,
      pipeline: job.pipeline,
      input: job.input,
      status: 'queued',
      attempt: 1,
      starts: 0,
      deadlineAtMs: job.deadlineAtMs ?? null,
      retryAtMs: null,
      progress: null,
      heartbeatAtMs: null,
      failure: null,
      ...place,
    };
    saveJob(unit, job.id, state, [wakeUp(this.#platform.service, job.id, state)]);
  }

  async cancel(unit: Unit, jobId: string): Promise<void> {
    const job = await unit.load<JobState>(JOB_KIND, jobId);
    if (!job || isFinal(job.state)) return;
    const state: JobState = { ...job.state, status: 'cancelled', retryAtMs: null };
    unit.cancelTimer(timerOf(jobId));
    // The wake-up reaches one replica after the commit and stops the job if it runs there; others learn of it when they renew.
    await finishJob(unit, this.#platform.service, jobId, state, [wakeUp(this.#platform.service, jobId, state)]);
  }

  /** Looks at a job because a wake-up came in. */
  async wake(jobId: string, attempt: number, traceparent?: string): Promise<void> {
    const job = await this.#journal.load<JobState>(JOB_KIND, jobId);
    if (!job) throw new Defect(`job ${jobId} was announced but does not exist`);
    if (job.state.status === 'cancelled') this.#active.get(jobId)?.controller.abort(new Stop('cancelled'));
    const startable = job.state.status === 'queued' || job.state.status === 'waiting';
    if (startable && job.state.attempt === attempt) this.#queue(jobId, job.state.kind, traceparent);
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
        const page = await this.#journal.list<JobState>(JOB_KIND, {
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
    return [...this.#definitions.keys()].map((kind) => ({
      kind,
      running: this.#running.get(kind) ?? 0,
      queued: this.#queues.get(kind)?.length ?? 0,
    }));
  }

  get isIdle(): boolean {
    return this.#known.size === 0;
  }

  /** Resolves when a job ends, or at once when none is known. */
  settled(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => this.#settled.add(resolve));
  }

  /** Stops the running jobs and gives them back, to be taken up by the next process with the same attempt. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const cancel of this.#retryWakes) cancel();
    for (const queue of this.#queues.values()) for (const { jobId } of queue.splice(0)) this.#known.delete(jobId);
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

  get #journal(): Journal {
    return this.#platform.journal;
  }

  async #recoverOne(jobId: string, state: JobState): Promise<void> {
    if (this.#known.has(jobId)) return;
    if (state.status === 'waiting' && (state.retryAtMs ?? 0) > this.#platform.clock.now()) {
      this.#wakeForRetry(jobId, state.kind, state.retryAtMs!);
      return;
    }
    if (state.status === 'running') {
      const definition = this.#definition(state.kind);
      const attempt = state.attempt + 1;
      if (attempt > Math.max(definition.maxAttempts ?? ATTEMPTS_MAX_DEFAULT, ATTEMPTS_OVER_CRASHES_MIN)) {
        const error = new Defect(endedMeanwhile(state));
        await this.#fail(jobId, state, definition, failureOf(error, state.attempt));
        return;
      }
      await this.#transition(jobId, `recover/${state.starts}`, state, { status: 'queued', attempt });
      this.#platform.log.warn('a job of a process that is gone is taken up', {
        'rondo.job.id': jobId,
        'rondo.job.attempt': attempt,
        ...(state.owner !== undefined && { 'rondo.replica': state.owner }),
      });
    }
    this.#queue(jobId, state.kind, undefined);
  }

  /** By this process's own clock: the durable timer may have come by the clock of an earlier process, which was ahead. */
  #wakeForRetry(jobId: string, kind: string, atMs: number): void {
    const cancel = this.#platform.clock.wakeAt(atMs, () => {
      this.#retryWakes.delete(cancel);
      this.#queue(jobId, kind, undefined);
    });
    this.#retryWakes.add(cancel);
  }

  #definition(kind: string): JobDefinition<never> {
    const definition = this.#definitions.get(kind);
    if (!definition) throw new Defect(`job kind ${kind} is not defined in ${this.#platform.service}`);
    return definition;
  }

  #queue(jobId: string, kind: string, traceparent: string | undefined): void {
    this.#definition(kind);
    if (this.#stopping) return;
    if (this.#known.has(jobId)) {
      this.#wokenMeanwhile.set(jobId, { jobId, traceparent });
      return;
    }
    this.#known.add(jobId);
    const queue = this.#queues.get(kind) ?? [];
    queue.push({ jobId, traceparent });
    this.#queues.set(kind, queue);
    this.#pump(kind);
  }

  #pump(kind: string): void {
    const definition = this.#definition(kind);
    const queue = this.#queues.get(kind) ?? [];
    while (!this.#stopping && queue.length > 0 && (this.#running.get(kind) ?? 0) < definition.concurrency) {
      this.#running.set(kind, (this.#running.get(kind) ?? 0) + 1);
      this.#start(definition, queue.shift()!);
    }
  }

  #start(definition: JobDefinition<never>, queued: Queued): void {
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
      .then(() => {
        this.#active.delete(jobId);
        this.#known.delete(jobId);
        this.#running.set(definition.kind, this.#running.get(definition.kind)! - 1);
        this.#lookAgain(jobId, definition.kind);
        this.#pump(definition.kind);
        for (const waiter of this.#settled) waiter();
        this.#settled.clear();
      });
  }

  /** What woke the job while it was held here may have come after the last look at it: the end of the one before it in its lane, or its retry. */
  #lookAgain(jobId: string, kind: string): void {
    const woken = this.#wokenMeanwhile.get(jobId);
    if (!woken) return;
    this.#wokenMeanwhile.delete(jobId);
    this.#queue(jobId, kind, woken.traceparent);
  }

  async #execute(definition: JobDefinition<never>, { jobId, traceparent }: Queued, active: Active): Promise<void> {
    const state = await this.#claim(jobId);
    if (!state) return;
    active.held = state;
    const { controller } = active;
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
    await this.#journal.once(this.#cause(jobId, `done/${state.starts}`), async (unit) => {
      const current = await this.#mine(unit, jobId, state);
      if (!current) return;
      await result?.(unit);
      await finishJob(unit, this.#platform.service, jobId, {
        ...current,
        status: 'succeeded',
        progress: 1,
        failure: null,
      });
    });
  }

  async #settleFailure(
    definition: JobDefinition<never>,
    jobId: string,
    state: JobState,
    error: unknown,
  ): Promise<void> {
    if (error instanceof Stop && (error.why === 'cancelled' || error.why === 'taken-over')) return;
    if (error instanceof Stop && error.why === 'shutdown') {
      await this.#transition(jobId, `released/${state.starts}`, state, { status: 'queued' });
      return;
    }
    if (error instanceof Stop) {
      const late = new PermanentError('deadline-exceeded', 'the job did not end before its deadline');
      await this.#fail(jobId, state, definition, failureOf(late, state.attempt));
      return;
    }
    const next = afterFailure(error, state.attempt, definition.maxAttempts ?? ATTEMPTS_MAX_DEFAULT);
    this.#platform.log.warn('an attempt of a job failed', {
      'rondo.job.id': jobId,
      'rondo.job.attempt': state.attempt,
      'rondo.job.final': next.kind === 'final',
      'error.message': failureOf(error, state.attempt).message,
    });
    if (next.kind === 'final') await this.#fail(jobId, state, definition, next.failure);
    else await this.#retry(jobId, state, failureOf(error, state.attempt), this.#platform.clock.now() + next.afterMs);
  }

  async #fail(jobId: string, state: JobState, definition: JobDefinition<never>, failure: JobFailure): Promise<void> {
    await this.#journal.once(this.#cause(jobId, `failed/${state.starts}`), async (unit) => {
      const current = await this.#mine(unit, jobId, state);
      if (!current) return;
      await definition.failed(unit, state.input as never, failure, { jobId, pipeline: state.pipeline });
      const told = { code: failure.code, message: failure.message };
      await finishJob(unit, this.#platform.service, jobId, { ...current, status: 'failed', failure: told });
    });
  }

  async #retry(jobId: string, state: JobState, { code, message }: JobFailure, atMs: number): Promise<void> {
    await this.#journal.once(this.#cause(jobId, `retry/${state.starts}`), async (unit) => {
      const current = await this.#mine(unit, jobId, state);
      if (!current) return;
      const failure = { code, message };
      const next: JobState = { ...current, status: 'waiting', attempt: state.attempt + 1, retryAtMs: atMs, failure };
      saveJob(unit, jobId, next);
      unit.schedule({ id: timerOf(jobId), atMs, outgoing: wakeUp(this.#platform.service, jobId, next) });
    });
  }

  /**
   * Takes the job, once the store answers. An answer may have been lost after the job was taken: then the job names the very start
   * that was asked for, and this process as its owner.
   */
  async #claim(jobId: string): Promise<JobState | undefined> {
    let asked: number | undefined;
    return this.#persist(jobId, 'a job could not be taken yet', async () => {
      const known = await this.#journal.load<JobState>(JOB_KIND, jobId);
      if (!known) return undefined;
      const { status, starts, owner } = known.state;
      if (status === 'running' && starts === asked && owner === this.#platform.replica?.name) return known.state;
      // Looked at before the unit, because a unit that finds nothing to do uses up the name of the next start all the same.
      if (!(await this.#isStartable(jobId, known.state))) return undefined;
      asked = starts + 1;
      const done = await this.#journal.once(this.#cause(jobId, `claim/${asked}`), (unit) => this.#take(unit, jobId));
      // Another replica was faster when the start has been carried out already.
      return done.outcome === 'done' ? done.value : undefined;
    });
  }

  async #take(unit: Unit, jobId: string): Promise<JobState | undefined> {
    const job = await unit.load<JobState>(JOB_KIND, jobId);
    if (!job || (job.state.status !== 'queued' && job.state.status !== 'waiting')) return undefined;
    const { replica, clock } = this.#platform;
    const taken: JobState = {
      ...job.state,
      status: 'running',
      starts: job.state.starts + 1,
      retryAtMs: null,
      progress: null,
      ...(replica && { owner: replica.name, heartbeatAtMs: clock.now() }),
    };
    saveJob(unit, jobId, taken);
    return taken;
  }

  /** A job that is not the first of its lane is woken by the end of the one before it; once first, it stays first until it ends. */
  async #isStartable(jobId: string, state: JobState): Promise<boolean> {
    if (state.status !== 'queued' && state.status !== 'waiting') return false;
    return state.lane === undefined || (await laneHeads(this.#journal, state.lane, 1))[0]?.id === jobId;
  }

  async #transition(jobId: string, step: string, from: JobState, change: Partial<JobState>): Promise<void> {
    await this.#journal.once(this.#cause(jobId, step), async (unit) => {
      const current = await this.#mine(unit, jobId, from);
      if (current) saveJob(unit, jobId, { ...current, ...change });
    });
  }

  /** The job's state if it still is the run that the caller holds: not cancelled and not taken up again since. */
  async #mine(unit: Unit, jobId: string, held: JobState): Promise<JobState | undefined> {
    const job = await unit.load<JobState>(JOB_KIND, jobId);
    return job?.state.status === 'running' && job.state.starts === held.starts ? job.state : undefined;
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
  async #signOfLife(jobId: string, held: JobState, active: Active): Promise<void> {
    const cause = this.#cause(jobId, `alive/${held.starts}/${++this.#renewals}`);
    let lost: 'cancelled' | 'taken-over' | undefined;
    await this.#journal.once(cause, async (unit) => {
      lost = undefined;
      const job = await unit.load<JobState>(JOB_KIND, jobId);
      const isMine = job?.state.status === 'running' && job.state.starts === held.starts;
      if (isMine) {
        const change = { heartbeatAtMs: this.#platform.clock.now(), progress: active.progress };
        saveJob(unit, jobId, { ...job.state, ...change });
      } else if (!job || !isFinal(job.state) || job.state.starts !== held.starts) lost = 'taken-over';
      else if (job.state.status === 'cancelled') lost = 'cancelled';
    });
    if (lost !== undefined) active.controller.abort(new Stop(lost));
  }

  /** Kinds of which this process could run more now. */
  #free(): { kind: string; places: number }[] {
    return [...this.#definitions.values()].flatMap(({ kind, concurrency }) => {
      const taken = (this.#running.get(kind) ?? 0) + (this.#queues.get(kind)?.length ?? 0);
      return taken < concurrency ? [{ kind, places: concurrency - taken }] : [];
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

  #cause(jobId: string, step: string): { consumer: string; messageId: string } {
    return { consumer: 'jobs', messageId: `${jobId}/${step}` };
  }
}

function timerOf(jobId: string): string {
  return `job/${jobId}`;
}

/** Why a job is given up whose process is gone; an attempt that failed by itself is said to have done so. */
function endedMeanwhile({ attempt, failure }: JobState): string {
  if (!failure) return `the process ended ${attempt} times while the job ran`;
  return `the process ended while attempt ${attempt} of the job ran; an attempt before it failed: ${failure.message}`;
}
