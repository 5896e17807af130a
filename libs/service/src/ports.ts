import type { DescService } from '@bufbuild/protobuf';
import type { ArtifactStore } from '@rondo/artifacts';
import type { Unit, Journal } from '@rondo/journal';
import type { Clock, Ids, Json } from '@rondo/kernel';
import type { Bus } from '@rondo/messaging';
import type { Principal } from '@rondo/security';
import type { Logger, Telemetry } from '@rondo/telemetry';

/** What every service receives from whoever starts it; it cannot tell embedded from distributed. */
export interface Platform {
  /** Name of the service, for example `training`. */
  readonly service: string;
  /**
   * This process among the replicas of the service, when there may be several; no two have the same name at a time. Left out
   * where the store admits one process only: what an earlier process left unfinished is then known to be abandoned.
   */
  readonly replica?: Replica;
  readonly bus: Bus;
  /** This service's own state. */
  readonly journal: Journal;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly telemetry: Telemetry;
  readonly log: Logger;
}

/** One of the processes that share the work of a service. */
export interface Replica {
  readonly name: string;
  /** A job whose process gave no sign of life for so long is taken up by another, in ms. */
  readonly jobLeaseMs: number;
}

/** Injection token of {@link Platform}. */
export const PLATFORM = Symbol('rondo.platform');

/** Injection token of {@link DurableJobs}. */
export const DURABLE_JOBS = Symbol('rondo.durable-jobs');

/** Who calls an RPC and with what. */
export interface RpcContext {
  readonly principal: Principal;
  readonly traceparent?: string;
  /** Aborted when the caller goes away or the deadline passes. */
  readonly signal: AbortSignal;
}

/** A service of the API with the object whose methods (by local name) carry it out. */
export interface RegisteredRpc {
  readonly service: DescService;
  readonly implementation: Readonly<Record<string, (request: never, context: RpcContext) => unknown>>;
}

/** Passed to a running job. */
export interface JobRun {
  readonly jobId: string;
  /** 1 on the first attempt; rises after a crash or a retry. */
  readonly attempt: number;
  readonly pipeline: string;
  /** Aborted at the deadline, on cancel, on shutdown, and when another replica took the job up. */
  readonly signal: AbortSignal;
  /** Tells that the job is alive; `progress` in 0..1. Written to the job's document every few seconds. */
  heartbeat(progress?: number): void;
}

/** Commits what a finished job means: its effects are committed once, with the job's own end (it may run again after a conflict). */
export type JobResult = (unit: Unit) => Promise<void> | void;

/** Why a job failed for good. */
export interface JobFailure {
  /** Code of the error; `deadline-exceeded` past the deadline, `internal` for unknown errors and for jobs that kill the process. */
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
  readonly error: unknown;
}

/** How jobs of one kind are run. */
export interface JobDefinition<I extends Json> {
  /** Kebab-case, unique in the service. */
  readonly kind: string;
  /** Jobs of this kind running at once in this process. */
  readonly concurrency: number;
  /** Attempts before it fails for good (default 3, and 8 at least for a TransientError); a PermanentError fails at once. */
  readonly maxAttempts?: number;
  /**
   * Jobs of one pipeline and of the kinds with this lane run one after the other, over all replicas, in the order they were queued.
   * Default: as they come.
   */
  readonly lane?: string;
  /** The long work; nothing in it is durable but the result it returns. Called again after a failure or a crash. */
  run(input: I, run: JobRun): Promise<JobResult | void>;
  /** Says what a final failure means (publish StepFailed, for example); runs once, inside a unit of work. */
  failed(
    unit: Unit,
    input: I,
    failure: JobFailure,
    job: { readonly jobId: string; readonly pipeline: string },
  ): Promise<void> | void;
}

/** Long work that survives crashes. */
export interface DurableJobs {
  /** To be called while the service starts, before messages come in. */
  define<I extends Json>(definition: JobDefinition<I>): void;
  /** Queues a job together with the other changes of the unit; the same id is queued once. */
  enqueue(
    unit: Unit,
    job: {
      readonly kind: string;
      readonly id: string;
      readonly pipeline: string;
      readonly input: Json;
      readonly deadlineAtMs?: number;
    },
  ): Promise<void>;
  /** Stops the job if it runs and makes sure it never commits; a finished job is left alone. */
  cancel(unit: Unit, jobId: string): Promise<void>;
}
