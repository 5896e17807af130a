import type { EstimateValue, ModelReference } from './model-reference.js';

/** A batch to be compared. */
export type DriftRequest = {
  readonly pipeline: string;
  readonly batchId: string;
  readonly featuresDigest: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly generation: number;
  readonly modelDigest: string;
};

/** What a pipeline's batches and traffic are held against: its champion. */
export type Reference = {
  readonly pipeline: string;
  readonly model: ModelReference;
  readonly snapshotDigest: string;
  /** Parquet file of the rows the champion was trained on. */
  readonly rowsDigest: string;
  readonly featureNames: readonly string[];
  readonly importance: readonly number[];
  readonly metrics: readonly EstimateValue[];
  readonly status: 'profiling' | 'ready' | 'failed';
  /** Artifact of the profile; empty until it is ready. */
  readonly profileDigest: string;
  /** Batches that came while the profile was being made. */
  readonly waiting: readonly DriftRequest[];
};
