import { backoffMs, Defect, PermanentError, TransientError, messageOf, type BackoffPolicy } from '@rondo/kernel';

/** How often and how patiently a failing message is tried before it is parked. */
export interface RetryPolicy {
  readonly backoff: BackoffPolicy;
  /** Attempts when the error is of no known class. */
  readonly attempts: number;
  /** Attempts when the error says that retrying may help. */
  readonly transientAttempts: number;
}

/** 8 attempts within about ten seconds for unknown errors; about an hour for transient ones. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  backoff: { initialMs: 50, factor: 2, maxMs: 30_000 },
  attempts: 8,
  transientAttempts: 160,
};

/** What to do with a delivery that was rejected. */
export type Verdict =
  { readonly kind: 'park'; readonly reason: string } | { readonly kind: 'retry'; readonly afterMs: number };

/**
 * PermanentError and Defect park at once; others are retried with back-off, never sooner than `afterMs` asks, until their
 * attempts are used up.
 * @param attempt the attempt that failed, from 1
 * @param uniform a number in [0, 1)
 */
export function verdictOn(error: unknown, attempt: number, policy: RetryPolicy, uniform: number): Verdict {
  if (error instanceof PermanentError || error instanceof Defect)
    return { kind: 'park', reason: `${error.code}: ${error.message}` };
  const transient = error instanceof TransientError;
  const attemptsMax = transient ? policy.transientAttempts : policy.attempts;
  if (attempt >= attemptsMax) return { kind: 'park', reason: `failed ${attempt} times: ${messageOf(error)}` };
  const afterMs = Math.max(backoffMs(policy.backoff, attempt, uniform), transient ? (error.afterMs ?? 0) : 0);
  return { kind: 'retry', afterMs: Math.ceil(afterMs) };
}
