/** Exponential back-off with full jitter (Brooker, AWS Architecture Blog, 2015). */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/**
 * Delay before attempt `attempt` (1 = first retry), in ms: uniform in [half, full] of min(maxMs, initialMs * factor^(attempt-1)).
 * @param uniform a number in [0, 1)
 */
export function backoffMs(policy: BackoffPolicy, attempt: number, uniform: number): number {
  const full = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1));
  return full / 2 + (full / 2) * uniform;
}
