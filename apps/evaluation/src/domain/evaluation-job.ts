/** A file of the snapshot. */
export type SplitReference = {
  readonly digest: string;
  readonly rows: number;
  /** Event time, start included, end excluded. */
  readonly startMs: number;
  readonly endMs: number;
};

/** A model by name, version (0 = not registered) and digest of its ONNX file. */
export type ModelReference = { readonly name: string; readonly version: number; readonly digest: string };

/** What the durable job of one evaluation carries. */
export type EvaluationJobInput = {
  readonly cycleId: string;
  readonly pipeline: string;
  readonly generation: number;
  readonly candidate: string;
  readonly idempotencyKey: string;
  readonly model: { readonly digest: string; readonly mediaType: string; readonly sizeBytes: number };
  /** Null before the first champion. */
  readonly champion: ModelReference | null;
  readonly snapshotDigest: string;
  readonly splits: { readonly [name: string]: SplitReference | undefined };
};

/** The same cycle, candidate and request always name the same job. */
export const jobIdOf = (cycleId: string, candidate: string, idempotencyKey: string): string =>
  `${cycleId}/${candidate}/${idempotencyKey}`;

/** Who looked at the sealed test part of a cycle. */
export type SealedTestOpening = {
  readonly pipeline: string;
  readonly candidate: string;
  readonly modelDigest: string;
  readonly testDigest: string;
  readonly jobId: string;
  readonly openedAtMs: number;
};

/**
 * Whether a model may be judged on a test part that was opened before: only the very model it was opened for, because
 * choosing among several by their test results would make the winner's result too good.
 */
export function mayReopen(opening: SealedTestOpening, model: { candidate: string; modelDigest: string }): boolean {
  return opening.candidate === model.candidate && opening.modelDigest === model.modelDigest;
}
