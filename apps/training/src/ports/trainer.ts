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

export interface TrainerProgress {
  readonly stage: string;
  /** 0..1 */
  readonly progress: number;
}

/** What a trainer answers. Nothing of it is believed before Rondo has checked the file and scored it itself. */
export interface TrainedModel {
  /** An ONNX file. */
  readonly onnx: Uint8Array;
  /** Share of the gain per feature, in feature order; empty when the trainer has none. */
  readonly featureImportance: readonly number[];
  /** Numbers the trainer claims; shown, never decided on. */
  readonly claimedMetrics: Readonly<Record<string, number>>;
}

/** A candidate that cannot be trained, with what people need to see. */
export class TrainerFailure extends Error {
  constructor(
    readonly code: 'TrainerExit' | 'Deadline' | 'NoModel' | 'ModelRefused' | 'SignatureMismatch' | 'BadData' | 'NotAllowed',
    message: string,
    readonly options: { readonly retryable: boolean; readonly logTail?: string },
  ) {
    super(message);
  }
}

/**
 * Trains one candidate. The same job gives the same bytes. Implementations must stop when the signal aborts and must not
 * write outside their own scratch folder.
 */
export interface Trainer {
  train(job: TrainerJob, run: { readonly signal: AbortSignal; report(progress: TrainerProgress): void }): Promise<TrainedModel>;
}
