import type { PipelineSpec } from '@rondo/policy';

/** One of the policy's recipes. */
export type CandidateRecipe = PipelineSpec['training']['candidates'][number];

/** What a trainer gets. Files are Parquet: key, event time, features (float32), target (float32 0/1). */
export interface TrainerJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly seed: number;
  readonly recipe: CandidateRecipe;
  readonly features: readonly string[];
  readonly target: string;
  readonly trainPath: string;
  readonly validationPath: string;
}

/** How far a trainer is. */
export interface TrainerProgress {
  /** What it does, in its own words. */
  readonly stage: string;
  /** 0..1 */
  readonly progress: number;
}

/** How a trainer is told to stop, and how it tells that it lives. */
export interface TrainerRun {
  /** Aborted at the deadline, on cancel and on shutdown. */
  readonly signal: AbortSignal;
  report(progress: TrainerProgress): void;
}

/** What a trainer answers. Nothing of it is believed before Rondo has checked the file and scored it itself. */
export interface TrainedModel {
  /** An ONNX file. */
  readonly onnx: Uint8Array;
  /** Share of the gain per feature, in feature order; empty when the trainer has none. */
  readonly featureImportance: readonly number[];
  /** Numbers the trainer claims; shown, never decided on. */
  readonly claimedMetrics: Readonly<Record<string, number>>;
  /** Last lines of the trainer's log; empty when it has none. */
  readonly logTail: string;
}

/** One thing that is wrong with a model file. */
export interface ModelFinding {
  readonly code: string;
  readonly message: string;
  readonly field: string;
  readonly rule: string;
}

/** Why a candidate could not be trained. */
export type FailureCode =
  'TrainerExit' | 'Deadline' | 'NoModel' | 'ModelRefused' | 'SignatureMismatch' | 'BadData' | 'NotAllowed';

/** A candidate that cannot be trained, with what people need to see. */
export class TrainerFailure extends Error {
  override readonly name = 'TrainerFailure';

  constructor(
    readonly code: FailureCode,
    message: string,
    readonly options: {
      /** Whether the same job may succeed when it is run again. */
      readonly retryable: boolean;
      readonly logTail?: string;
      readonly findings?: readonly ModelFinding[];
    },
  ) {
    super(message);
  }
}

/**
 * Trains one candidate. The same job gives the same bytes. Implementations must stop when the signal aborts, settle soon
 * after, and must not write outside their own scratch folder. Rejects with TrainerFailure.
 */
export interface Trainer {
  train(job: TrainerJob, run: TrainerRun): Promise<TrainedModel>;
}
