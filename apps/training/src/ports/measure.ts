import type { MetricEstimate } from '@rondo/statistics';

/** Probabilities of a model on rows whose labels (0 or 1) are known, as many of each; taken over by whoever measures them. */
export interface MeasuredRows {
  readonly labels: Float32Array;
  readonly probabilities: Float32Array;
}

/**
 * Metrics of a model with their intervals. Implementations for production must not hold up the event loop.
 * Rejects with PermanentError when the rows break a rule of the metrics, with TransientError when its thread died.
 */
export type Measure = (rows: MeasuredRows, signal: AbortSignal) => Promise<readonly MetricEstimate[]>;
