import type { ReadinessCheck } from '@rondo/rpc';

const KEPT_MS = 5_000;
const LONGEST_MS = 3_000;
/** A server that was away for a moment makes no process unready: those that wait for it would all be taken out at once. */
const FAILURES = 3;

/**
 * A readiness check around something that may be slow: asked at most every 5 s, given 3 s, and told to have failed after three
 * failures in a row.
 */
export function patiently(check: () => Promise<unknown>, now: () => number = Date.now): ReadinessCheck {
  let askedAtMs = -Infinity;
  let failures = 0;
  let asking: Promise<void> | undefined;
  const ask = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), LONGEST_MS);
    });
    try {
      await Promise.race([check(), late]);
      failures = 0;
    } catch {
      failures++;
    } finally {
      clearTimeout(timer);
      askedAtMs = now();
      asking = undefined;
    }
  };
  return async () => {
    if (now() - askedAtMs >= KEPT_MS) await (asking ??= ask());
    return failures < FAILURES;
  };
}
