import { backoffMs, Defect, messageOf, PermanentError, TransientError, type BackoffPolicy } from '@rondo/kernel';
import type { JobFailure } from '../ports.js';

const RETRY_BACKOFF: BackoffPolicy = { initialMs: 1000, factor: 2, maxMs: 60_000 };
/** Crashes of the process are seldom the job's fault: even a job with one attempt gets this many. */
export const ATTEMPTS_OVER_CRASHES_MIN = 3;

/** What a rejected attempt leads to. */
export type AfterFailure =
  { readonly kind: 'final'; readonly failure: JobFailure } | { readonly kind: 'retry'; readonly afterMs: number };

/** What says of itself that it passes, such as a store that changes its primary, is given about two minutes. */
export const ATTEMPTS_OVER_TROUBLE_MIN = 8;

/** PermanentError and Defect are final at once, others when the attempts are used up; TransientError gets more of them. */
export function afterFailure(error: unknown, attempt: number, attemptsMax: number): AfterFailure {
  const permanent = error instanceof PermanentError || error instanceof Defect;
  const limit = error instanceof TransientError ? Math.max(attemptsMax, ATTEMPTS_OVER_TROUBLE_MIN) : attemptsMax;
  if (permanent || attempt >= limit) return { kind: 'final', failure: failureOf(error, attempt) };
  const askedMs = error instanceof TransientError ? (error.afterMs ?? 0) : 0;
  return { kind: 'retry', afterMs: Math.ceil(Math.max(askedMs, backoffMs(RETRY_BACKOFF, attempt, 0.5))) };
}

/** Describes the last error of a job. */
export function failureOf(error: unknown, attempts: number): JobFailure {
  const known = error instanceof PermanentError || error instanceof Defect || error instanceof TransientError;
  return { code: known ? error.code : 'internal', message: messageOf(error), attempts, error };
}
