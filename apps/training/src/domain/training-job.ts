/** What the durable job of one candidate carries. */
export type TrainingJobInput = {
  readonly cycleId: string;
  readonly pipeline: string;
  readonly generation: number;
  readonly candidate: string;
  readonly snapshotDigest: string;
  readonly seed: number;
  readonly trainDigest: string;
  readonly validationDigest: string;
};

/** The same cycle, candidate and request always name the same job. */
export const jobIdOf = (cycleId: string, candidate: string, idempotencyKey: string): string => `${cycleId}/${candidate}/${idempotencyKey}`;
