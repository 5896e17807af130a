/** Closed list of error codes, spelled like gRPC's status names in kebab case. */
export type ErrorCode =
  | 'invalid'
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'failed-precondition'
  | 'unauthenticated'
  | 'denied'
  | 'exhausted'
  | 'out-of-range'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'data-loss'
  | 'internal';

/** Where and why an input was refused: the field's path, the value seen, the rule it broke. */
export interface ErrorDetail {
  readonly field?: string;
  readonly value?: unknown;
  readonly rule?: string;
  /** Short upper-case reason that clients may switch on, for example `ETAG_MISMATCH`. */
  readonly reason?: string;
}

/** Retrying cannot help: the message is parked, an RPC answers with the code. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
  readonly detail: ErrorDetail;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorDetail & { readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const { cause: _cause, ...detail } = options;
    this.detail = detail;
  }
}

/** Retrying may help; `afterMs` is the earliest useful moment. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
  readonly code: ErrorCode = 'unavailable';
  readonly afterMs: number | undefined;

  constructor(message: string, options: { readonly afterMs?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.afterMs = options.afterMs;
  }
}

/** Optimistic concurrency lost: load again and decide again. */
export class ConflictError extends TransientError {
  override readonly name: string = 'ConflictError';
  override readonly code: ErrorCode = 'conflict';
}

/** Our own bug: never retried, kept with its evidence. */
export class Defect extends Error {
  override readonly name: string = 'Defect';
  readonly code: ErrorCode = 'internal';
}

/** Throws a {@link Defect} unless the condition holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Defect(message);
}

/** Marks a `switch` as exhaustive: the compiler refuses an unhandled case. */
export function unreachable(value: never): never {
  throw new Defect(`unhandled case ${JSON.stringify(value)}`);
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
