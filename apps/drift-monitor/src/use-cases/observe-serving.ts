import type { Cause, Unit } from '@rondo/journal';
import type { DurableJobs, Platform } from '@rondo/service';
import { dayOf, loadPerformance, PERFORMANCE_RECORD, SERVED_REQUEST, servedId, servedIndex } from '../documents.js';
import { withLateRows, type PerformanceRecord } from '../domain/performance.js';
import { joinLabels, scoredRows, type ServedRequest } from '../domain/served-request.js';
import { enqueuePerformance } from './evaluate-performance.js';
import { forgetBefore } from './forget-served.js';

const DAY_MS = 86_400_000;

/** Outcomes as they were sent. */
export interface ObservedLabels {
  readonly endpoint: string;
  readonly requestId: string;
  readonly rowIndexes: readonly number[];
  readonly labels: Uint8Array;
}

/** Keeps what was served and joins what became of it. */
export class ObserveServing {
  constructor(
    private readonly platform: Pick<Platform, 'journal' | 'log'>,
    private readonly jobs: DurableJobs,
    private readonly keepDays: number,
  ) {}

  /** Keeps an answered request; the same request id again is ignored. */
  async predictions(endpoint: string, request: ServedRequest, cause: Cause): Promise<void> {
    await this.platform.journal.once(cause, async (unit) => {
      const id = servedId(endpoint, request.requestId);
      if (await unit.load(SERVED_REQUEST, id))
        return this.ignored(endpoint, request.requestId, {
          repeatedRequests: 1,
        });
      unit.save<ServedRequest>({
        kind: SERVED_REQUEST,
        id,
        state: request,
        index: servedIndex(request),
      });
      await this.late(unit, await this.dayTurned(unit, request), request, scoredRows(request));
    });
  }

  /** Joins outcomes; what fits no row is ignored and told in the log. */
  async labels(observed: ObservedLabels, cause: Cause): Promise<void> {
    await this.platform.journal.once(cause, async (unit) => {
      const { endpoint, requestId } = observed;
      const id = servedId(endpoint, requestId);
      const served = (await unit.load<ServedRequest>(SERVED_REQUEST, id))?.state;
      if (!served) return this.ignored(endpoint, requestId, { unknownRequests: 1 });
      const { request, joined, duplicate, contradictory, invalid } = joinLabels(served, observed);
      if (duplicate + contradictory + invalid > 0)
        this.ignored(endpoint, requestId, {
          duplicate,
          contradictory,
          invalid,
        });
      if (joined === 0) return;
      unit.save<ServedRequest>({
        kind: SERVED_REQUEST,
        id,
        state: request,
        index: servedIndex(request),
      });
      await this.late(unit, await loadPerformance(unit, request.pipeline), request, joined);
    });
  }

  /** The first request of a new day lets go of the oldest, so that traffic without batches does not pile up. */
  private async dayTurned(unit: Unit, { pipeline, eventTimeMs }: ServedRequest): Promise<PerformanceRecord> {
    const record = await loadPerformance(unit, pipeline);
    const day = dayOf(eventTimeMs);
    if (day <= record.newestDay) return record;
    const turned = { ...record, newestDay: day };
    unit.save<PerformanceRecord>({
      kind: PERFORMANCE_RECORD,
      id: pipeline,
      state: turned,
    });
    await forgetBefore(unit, this.jobs, pipeline, (day - this.keepDays) * DAY_MS);
    return turned;
  }

  private async late(unit: Unit, record: PerformanceRecord, request: ServedRequest, rows: number): Promise<void> {
    const { pipeline, eventTimeMs, modelDigest } = request;
    const after = withLateRows(record, { eventTimeMs, modelDigest, rows });
    if (!after) return;
    unit.save<PerformanceRecord>({
      kind: PERFORMANCE_RECORD,
      id: pipeline,
      state: after.record,
    });
    if (after.restate) await enqueuePerformance(unit, this.jobs, pipeline, after.restate);
  }

  private ignored(endpoint: string, requestId: string, counts: Readonly<Record<string, number>>): void {
    this.platform.log.warn('part of the traffic was ignored', {
      endpoint,
      requestId,
      ...counts,
    });
  }
}
