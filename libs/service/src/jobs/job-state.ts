import { create } from '@bufbuild/protobuf';
import { RunJobSchema } from '@rondo/contracts';
import type { Journal, Outgoing, Stored, Unit } from '@rondo/journal';
import type { Json } from '@rondo/kernel';

/** Kind of the documents that hold jobs. */
export const JOB_KIND = 'job';
/** Kind of the documents that number the jobs of a lane. */
export const LANE_KIND = 'job-lane';

/** State of a job; `succeeded`, `failed` and `cancelled` are final. */
export interface JobState {
  readonly kind: string;
  readonly pipeline: string;
  readonly input: Json;
  readonly status: 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled';
  /** The attempt that runs or comes next, from 1. */
  readonly attempt: number;
  /** Times the job was taken up, counting those given back at a shutdown. */
  readonly starts: number;
  readonly deadlineAtMs: number | null;
  /** While waiting: when the next attempt is due. */
  readonly retryAtMs: number | null;
  /** 0..1, as last told by the job. */
  readonly progress: number | null;
  /** When the process that runs it last gave a sign of life, by its own clock. */
  readonly heartbeatAtMs: number | null;
  /** Of the job, or until it ends of the last attempt that failed. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  /** Name of the replica that runs it or ran it last; absent where there is one process only. */
  readonly owner?: string;
  /** The lane and pipeline that it runs in, and its place there, from 1; absent when it runs as it comes. */
  readonly lane?: string;
  readonly sequence?: number;
}

interface LaneState {
  /** The newest number given out. */
  readonly last: number;
}

/** Whether nothing more will happen to the job. */
export function isFinal(state: JobState): boolean {
  return state.status === 'succeeded' || state.status === 'failed' || state.status === 'cancelled';
}

/** Saves a job with the values it is found by. */
export function saveJob(unit: Unit, jobId: string, state: JobState, outgoing: readonly Outgoing[] = []): void {
  const { lane, sequence } = state;
  const index = {
    status: state.status,
    jobKind: state.kind,
    ...(lane !== undefined && sequence !== undefined && !isFinal(state) && { lane, sequence }),
  };
  unit.save({ kind: JOB_KIND, id: jobId, state, index, outgoing });
}

/**
 * Saves a job that ended, and wakes the next of its lane. The lane is written as well, so that a job that joins it at the same time
 * conflicts: it is either seen here and woken, or looked at once this one has ended.
 */
export async function finishJob(
  unit: Unit,
  service: string,
  jobId: string,
  state: JobState,
  outgoing: readonly Outgoing[] = [],
): Promise<void> {
  const next = state.lane === undefined ? undefined : await nextOf(unit, jobId, state.lane);
  saveJob(unit, jobId, state, [...outgoing, ...(next ? [wakeUp(service, next.id, next.state)] : [])]);
}

async function nextOf(unit: Unit, jobId: string, lane: string): Promise<Stored<JobState> | undefined> {
  const stored = await unit.load<LaneState>(LANE_KIND, lane);
  if (stored) unit.save({ kind: LANE_KIND, id: lane, state: stored.state });
  return (await laneHeads(unit, lane, 2)).find((job) => job.id !== jobId);
}

/** The unfinished jobs of a lane, in their order. */
export async function laneHeads(
  source: Pick<Unit | Journal, 'list'>,
  lane: string,
  limit: number,
): Promise<Stored<JobState>[]> {
  const page = await source.list<JobState>(JOB_KIND, {
    where: { lane },
    orderBy: { index: 'sequence', direction: 'asc' },
    limit,
  });
  return page.items;
}

/** The lane of this name that belongs to a pipeline. */
export const laneOf = (name: string, pipeline: string): string => `${name}/${pipeline}`;

/** The last place in the lane of a pipeline. */
export async function placeInLane(
  unit: Unit,
  name: string,
  pipeline: string,
): Promise<Required<Pick<JobState, 'lane' | 'sequence'>>> {
  const lane = laneOf(name, pipeline);
  const stored = await unit.load<LaneState>(LANE_KIND, lane);
  const sequence = (stored?.state.last ?? 0) + 1;
  unit.save({ kind: LANE_KIND, id: lane, state: { ...stored?.state, last: sequence } });
  return { lane, sequence };
}

/** The message that makes the service look at a job. */
export function wakeUp(service: string, jobId: string, state: JobState): Outgoing<typeof RunJobSchema> {
  return {
    schema: RunJobSchema,
    message: create(RunJobSchema, { service, jobId, kind: state.kind, attempt: state.attempt }),
    key: state.pipeline || jobId,
  };
}
