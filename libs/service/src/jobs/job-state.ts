import { create } from '@bufbuild/protobuf';
import { RunJobSchema } from '@rondo/contracts';
import type { Outgoing, Unit } from '@rondo/journal';
import type { Json } from '@rondo/kernel';

/** Kind of the documents that hold jobs. */
export const JOB_KIND = 'job';

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
  readonly heartbeatAtMs: number | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** Whether nothing more will happen to the job. */
export function isFinal(state: JobState): boolean {
  return state.status === 'succeeded' || state.status === 'failed' || state.status === 'cancelled';
}

/** Saves a job with the values it is found by. */
export function saveJob(unit: Unit, jobId: string, state: JobState, outgoing: readonly Outgoing[] = []): void {
  unit.save({ kind: JOB_KIND, id: jobId, state, index: { status: state.status, jobKind: state.kind }, outgoing });
}

/** The message that makes the service look at a job. */
export function wakeUp(service: string, jobId: string, state: JobState): Outgoing<typeof RunJobSchema> {
  return {
    schema: RunJobSchema,
    message: create(RunJobSchema, { service, jobId, kind: state.kind, attempt: state.attempt }),
    key: state.pipeline || jobId,
  };
}
