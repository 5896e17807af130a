import type { Json } from '@rondo/kernel';

/** Which columns of the review artifact are what. */
export interface ReviewColumns {
  readonly key: string;
  readonly reviewReason: string;
  /** The champion's inputs, in its order. */
  readonly features: readonly string[];
  /** Never shown to annotators: the answer they are to give. */
  readonly target: string;
  /** Never shown either: the known answer of gold tasks; absent without them. */
  readonly gold?: string;
}

/** Rows with a review reason, in the order of their keys. */
export interface ReviewTable {
  readonly rowKeys: readonly string[];
  readonly reviewReasons: readonly string[];
  /** `1` or `0` where the answer is known, else null. */
  readonly knownAnswers: readonly (string | null)[];
  /** Row-major, rows × features, NaN for missing. */
  readonly features: Float32Array;
}

/** The rows of a review artifact. */
export interface ReviewRows {
  read(digest: string, columns: ReviewColumns, signal: AbortSignal): Promise<ReviewTable>;
  /** What people see of these rows, in the order of the keys: every column but key, reason, target and gold, in the file's order. */
  show(digest: string, columns: ReviewColumns, rowKeys: readonly string[], signal: AbortSignal): Promise<Json[]>;
}
