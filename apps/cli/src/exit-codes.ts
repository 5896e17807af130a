import { PermanentError, TransientError, type ErrorCode } from '@rondo/kernel';

/** Exit codes; 1 means "the answer is no", 2 and above mean that something went wrong (as with grep and diff). */
export const EXIT = {
  done: 0,
  no: 1,
  usage: 2,
  failed: 3,
  notAllowed: 4,
  conflict: 5,
  notFound: 6,
  unavailable: 7,
  timedOut: 124,
  interrupted: 130,
} as const;

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  invalid: EXIT.usage,
  'out-of-range': EXIT.usage,
  unauthenticated: EXIT.notAllowed,
  denied: EXIT.notAllowed,
  conflict: EXIT.conflict,
  'failed-precondition': EXIT.conflict,
  'already-exists': EXIT.conflict,
  exhausted: EXIT.conflict,
  'not-found': EXIT.notFound,
  unavailable: EXIT.unavailable,
  'deadline-exceeded': EXIT.unavailable,
  'data-loss': EXIT.failed,
  internal: EXIT.failed,
};

/** Ends a command with a code that is not an error of ours, its text already written. */
export class Ended extends Error {
  override readonly name = 'Ended';

  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`);
  }
}

/** Exit code for anything thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Ended) return error.exitCode;
  if (error instanceof PermanentError || error instanceof TransientError) return BY_CODE[error.code];
  return EXIT.failed;
}
