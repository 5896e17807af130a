import type { Stored, Unit } from '@rondo/journal';
import { idFrom } from '@rondo/kernel';
import type { DurableJobs, JobFailure, JobRun, Platform } from '@rondo/service';
import { dayOf, SERVED_REQUEST } from '../documents.js';
import type { ServedRequest } from '../domain/served-request.js';

/** Kind of the durable job. */
export const FORGET_JOB = 'forget-served';

/** Documents removed in one transaction. */
const PAGE = 200;

/** What the job carries. */
export type ForgetRequest = {
  readonly pipeline: string;
  readonly beforeMs: number;
};

/** Queues the removal of served requests of before a moment of event time. */
export async function forgetBefore(unit: Unit, jobs: DurableJobs, pipeline: string, beforeMs: number): Promise<void> {
  const id = idFrom(FORGET_JOB, pipeline, String(beforeMs));
  await jobs.enqueue(unit, {
    kind: FORGET_JOB,
    id,
    pipeline,
    input: { pipeline, beforeMs } satisfies ForgetRequest,
  });
}

/** Removes served requests that no window needs any more. */
export class ForgetServed {
  constructor(private readonly platform: Pick<Platform, 'journal' | 'log'>) {}

  /** Page by page, each a transaction of its own, so that traffic is not held up; repeating a page removes nothing twice. */
  async run({ pipeline, beforeMs }: ForgetRequest, run: JobRun): Promise<void> {
    const { journal } = this.platform;
    for (let page = 0, more = true; more; page++) {
      run.signal.throwIfAborted();
      const cause = {
        consumer: FORGET_JOB,
        messageId: `${run.jobId}/${run.attempt}/${page}`,
      };
      const done = await journal.once(cause, async (unit) => {
        // Mostly there is nothing to remove, which the day of the oldest one says.
        const [oldest] = await this.oldest(unit, pipeline, 1);
        if (!oldest || dayOf(oldest.state.eventTimeMs) > dayOf(beforeMs - 1)) return false;
        const old = (await this.oldest(unit, pipeline, PAGE)).filter(({ state }) => state.eventTimeMs < beforeMs);
        for (const { id } of old) unit.remove(SERVED_REQUEST, id);
        return old.length === PAGE;
      });
      more = done.outcome === 'duplicate' || done.value;
    }
  }

  private async oldest(unit: Unit, pipeline: string, limit: number): Promise<readonly Stored<ServedRequest>[]> {
    const orderBy = { index: 'day', direction: 'asc' } as const;
    return (await unit.list<ServedRequest>(SERVED_REQUEST, { where: { pipeline }, orderBy, limit })).items;
  }

  failed(_unit: Unit, { pipeline }: ForgetRequest, failure: JobFailure): void {
    const fields = { 'rondo.pipeline.name': pipeline };
    this.platform.log.error(
      `old predictions of ${pipeline} could not be removed (${failure.code})`,
      fields,
      failure.error,
    );
  }
}
