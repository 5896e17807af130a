import type { Cause, Stored, Unit } from '@rondo/journal';
import type { Json } from '@rondo/kernel';
import type { JobDefinition, JobFailure, JobResult, Platform } from '../ports.js';
import {
  finishJob,
  isFinal,
  JOB_KIND,
  laneHeads,
  laneOf,
  LANE_KIND,
  placeInLane,
  saveJob,
  wakeUp,
  type JobState,
} from './job-state.js';

/** A job to be queued. */
export interface NewJob {
  readonly kind: string;
  readonly id: string;
  readonly pipeline: string;
  readonly input: Json;
  readonly deadlineAtMs?: number;
}

/**
 * What is durable of the jobs of a service. Whoever writes about a run names the state it was taken up with: when the job was
 * cancelled or taken up again since, nothing is written.
 */
export class JobRecords {
  readonly #platform: Pick<Platform, 'service' | 'journal' | 'clock' | 'replica'>;
  #renewals = 0;

  constructor(platform: Pick<Platform, 'service' | 'journal' | 'clock' | 'replica'>) {
    this.#platform = platform;
  }

  load(jobId: string): Promise<Stored<JobState> | undefined> {
    return this.#platform.journal.load<JobState>(JOB_KIND, jobId);
  }

  /** The same id is queued once. */
  async enqueue(unit: Unit, job: NewJob, lane: string | undefined): Promise<void> {
    const { kind, id, pipeline, input, deadlineAtMs } = job;
    // The lane as well, because both are read by one request.
    const [known] = await Promise.all([
      unit.load<JobState>(JOB_KIND, id),
      lane !== undefined && unit.load(LANE_KIND, laneOf(lane, pipeline)),
    ]);
    if (known) return;
    const place = lane === undefined ? {} : await placeInLane(unit, lane, pipeline);
    const state: JobState = {
      kind,
      pipeline,
      input,
      status: 'queued',
      attempt: 1,
      starts: 0,
      deadlineAtMs: deadlineAtMs ?? null,
      retryAtMs: null,
      progress: null,
      heartbeatAtMs: null,
      failure: null,
      ...place,
    };
    saveJob(unit, id, state, [wakeUp(this.#platform.service, id, state)]);
  }

  async cancel(unit: Unit, jobId: string): Promise<void> {
    const job = await unit.load<JobState>(JOB_KIND, jobId);
    if (!job || isFinal(job.state)) return;
    const state: JobState = { ...job.state, status: 'cancelled', retryAtMs: null };
    unit.cancelTimer(timerOf(jobId));
    // The wake-up reaches one replica after the commit and stops the job if it runs there; others learn of it when they renew.
    await finishJob(unit, this.#platform.service, jobId, state, [wakeUp(this.#platform.service, jobId, state)]);
  }

  /**
   * The job, when no other of its lane comes before it. One that is not the first is woken by the end of the one before it; once
   * first, it stays first until it ends.
   */
  async loadFirst(jobId: string, lane: string | undefined): Promise<Stored<JobState> | undefined> {
    if (lane === undefined) return this.load(jobId);
    return (await laneHeads(this.#platform.journal, lane, 1)).find(({ id }) => id === jobId);
  }

  /** Takes the job for its start of this number; undefined when it is not to be taken, or another replica was faster. */
  async take(jobId: string, start: number): Promise<JobState | undefined> {
    const done = await this.#platform.journal.once(causeOf(jobId, `claim/${start}`), async (unit) => {
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
    });
    return done.outcome === 'done' ? done.value : undefined;
  }

  /** Commits what the job did, together with its end. */
  async succeed(jobId: string, held: JobState, result: JobResult | void): Promise<void> {
    await this.#write(jobId, `done/${held.starts}`, held, async (unit, current) => {
      await result?.(unit);
      const ended: JobState = { ...current, status: 'succeeded', progress: 1, failure: null };
      await finishJob(unit, this.#platform.service, jobId, ended);
    });
  }

  async fail(jobId: string, held: JobState, definition: JobDefinition<never>, failure: JobFailure): Promise<void> {
    await this.#write(jobId, `failed/${held.starts}`, held, async (unit, current) => {
      await definition.failed(unit, held.input as never, failure, { jobId, pipeline: held.pipeline });
      const told = { code: failure.code, message: failure.message };
      await finishJob(unit, this.#platform.service, jobId, { ...current, status: 'failed', failure: told });
    });
  }

  /** Has the job taken up again at a time. */
  async retry(jobId: string, held: JobState, { code, message }: JobFailure, atMs: number): Promise<void> {
    await this.#write(jobId, `retry/${held.starts}`, held, (unit, current) => {
      const failure = { code, message };
      const next: JobState = { ...current, status: 'waiting', attempt: held.attempt + 1, retryAtMs: atMs, failure };
      saveJob(unit, jobId, next);
      unit.schedule({ id: timerOf(jobId), atMs, outgoing: wakeUp(this.#platform.service, jobId, next) });
    });
  }

  /** Gives a job back that was stopped because its process ends. */
  async release(jobId: string, held: JobState): Promise<void> {
    await this.#write(jobId, `released/${held.starts}`, held, (unit, current) =>
      saveJob(unit, jobId, { ...current, status: 'queued' }),
    );
  }

  /** Queues a job again whose process is gone. */
  async recover(jobId: string, held: JobState, attempt: number): Promise<void> {
    await this.#write(jobId, `recover/${held.starts}`, held, (unit, current) =>
      saveJob(unit, jobId, { ...current, status: 'queued', attempt }),
    );
  }

  /** Writes that a job still runs here; resolves to why it must not, when it must not. */
  async signOfLife(
    jobId: string,
    held: JobState,
    progress: number | null,
  ): Promise<'cancelled' | 'taken-over' | undefined> {
    const cause = causeOf(jobId, `alive/${held.starts}/${++this.#renewals}`);
    const written = await this.#platform.journal.once(cause, async (unit) => {
      const job = await unit.load<JobState>(JOB_KIND, jobId);
      const current = runOf(job, held);
      if (current) {
        saveJob(unit, jobId, { ...current, heartbeatAtMs: this.#platform.clock.now(), progress });
        return undefined;
      }
      if (!job || !isFinal(job.state) || job.state.starts !== held.starts) return 'taken-over';
      return job.state.status === 'cancelled' ? 'cancelled' : undefined;
    });
    return written.outcome === 'done' ? written.value : undefined;
  }

  async #write(
    jobId: string,
    step: string,
    held: JobState,
    work: (unit: Unit, current: JobState) => Promise<void> | void,
  ): Promise<void> {
    await this.#platform.journal.once(causeOf(jobId, step), async (unit) => {
      const current = runOf(await unit.load<JobState>(JOB_KIND, jobId), held);
      if (current) await work(unit, current);
    });
  }
}

/** The job's state if it still is the run that the caller holds: not cancelled and not taken up again since. */
function runOf(job: Stored<JobState> | undefined, held: JobState): JobState | undefined {
  return job?.state.status === 'running' && job.state.starts === held.starts ? job.state : undefined;
}

const causeOf = (jobId: string, step: string): Cause => ({ consumer: 'jobs', messageId: `${jobId}/${step}` });

const timerOf = (jobId: string): string => `job/${jobId}`;
