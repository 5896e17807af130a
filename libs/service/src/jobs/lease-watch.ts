import type { Journal, Stored } from '@rondo/journal';
import type { Clock } from '@rondo/kernel';
import type { Logger } from '@rondo/telemetry';
import { messageOf } from '@rondo/kernel';
import { JOB_KIND, laneHeads, type JobState } from './job-state.js';

/** Looks per lease: a job counts as abandoned after as many looks without a sign of life. */
const LOOKS_PER_LEASE = 3;
const PAGE = 1000;
/** Queued jobs of one kind, and retries, looked at in one look; the others are found when these have gone. */
const UNCLAIMED_PAGE = 50;

/** What the watch needs of the runner of its process. */
export interface WatchedRunner {
  /** Job kinds with the number of jobs that could be taken up at once here. */
  free(): readonly { readonly kind: string; readonly places: number }[];
  isRunningHere(jobId: string): boolean;
  /** A job whose process gave no sign of life for a lease. */
  abandoned(jobId: string, state: JobState): Promise<void>;
  /** A job, or a retry that is due, that waited for more than one look because the process that was told of it is busy or gone. */
  unclaimed(jobId: string, state: JobState): void;
  /** What is done once per look for the jobs that run here. */
  renew(): Promise<void>;
}

interface Sighting {
  readonly version: number;
  readonly looks: number;
  readonly sinceMs: number;
}

/**
 * Looks at the jobs of all replicas several times per lease. What it goes by is that a job's document did not change for a lease on
 * this process's own clock: the clocks of other machines are never compared, and time in which the store could not be read does
 * not count.
 */
export class LeaseWatch {
  readonly #runner: WatchedRunner;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #leaseMs: number;
  #seen = new Map<string, Sighting>();
  #cancelWake = (): void => undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(
    runner: WatchedRunner,
    platform: { readonly journal: Journal; readonly clock: Clock; readonly log: Logger },
    leaseMs: number,
  ) {
    this.#runner = runner;
    this.#journal = platform.journal;
    this.#clock = platform.clock;
    this.#log = platform.log;
    this.#leaseMs = leaseMs;
  }

  /** Begins to look; the first look is at once. */
  start(): void {
    this.#looking = this.#look().finally(() => {
      if (this.#isStopped) return;
      this.#cancelWake = this.#clock.wakeAt(this.#clock.now() + this.#leaseMs / LOOKS_PER_LEASE, () => this.start());
    });
  }

  /** Ends after the look under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelWake();
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      await this.#runner.renew();
      const seen = new Map<string, Sighting>();
      await this.#lookAtRunning(seen);
      await this.#lookAtUnclaimed(seen);
      this.#seen = seen;
    } catch (error) {
      this.#seen = new Map();
      this.#log.warn('the jobs of the other replicas cannot be looked at', { 'error.message': messageOf(error) });
    }
  }

  async #lookAtRunning(seen: Map<string, Sighting>): Promise<void> {
    let pageToken: string | undefined;
    do {
      const query = { where: { status: 'running' }, limit: PAGE, ...(pageToken !== undefined && { pageToken }) };
      const page = await this.#journal.list<JobState>(JOB_KIND, query);
      for (const job of page.items) {
        if (this.#runner.isRunningHere(job.id)) continue;
        const { looks, sinceMs } = this.#sight(seen, job);
        const isAbandoned = looks > LOOKS_PER_LEASE && this.#clock.now() - sinceMs >= this.#leaseMs;
        if (isAbandoned) await this.#runner.abandoned(job.id, job.state);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }

  async #lookAtUnclaimed(seen: Map<string, Sighting>): Promise<void> {
    for (const { kind, places } of this.#runner.free()) {
      const found: Stored<JobState>[] = [];
      for (const status of ['waiting', 'queued']) {
        const where = { status, jobKind: kind };
        const { items } = await this.#journal.list<JobState>(JOB_KIND, { where, limit: UNCLAIMED_PAGE });
        found.push(...items.filter((job) => this.#isDue(job)));
      }
      const patient = (await this.#startable(found)).filter((job) => this.#sight(seen, job).looks > 1);
      for (const job of patient.slice(0, places)) this.#runner.unclaimed(job.id, job.state);
    }
  }

  /** A retry that fell due was told to one replica, which may be busy or gone by now. */
  #isDue({ state }: Stored<JobState>): boolean {
    if (state.status === 'waiting') return (state.retryAtMs ?? 0) <= this.#clock.now();
    return state.status === 'queued';
  }

  /** Those that are in no lane, and the first of each lane, which may be none of them. */
  async #startable(jobs: readonly Stored<JobState>[]): Promise<Stored<JobState>[]> {
    const lanes = new Set(jobs.flatMap(({ state }) => state.lane ?? []));
    const heads = await Promise.all([...lanes].map((lane) => laneHeads(this.#journal, lane, 1)));
    const free = jobs.filter(({ state }) => state.lane === undefined);
    return [...free, ...heads.flat().filter((job) => this.#isDue(job))];
  }

  #sight(seen: Map<string, Sighting>, job: Stored<JobState>): Sighting {
    const known = this.#seen.get(job.id);
    const sighting =
      known?.version === job.version
        ? { ...known, looks: known.looks + 1 }
        : { version: job.version, looks: 1, sinceMs: this.#clock.now() };
    seen.set(job.id, sighting);
    return sighting;
  }
}
