import { PermanentError, TransientError } from '@rondo/kernel';
import type { Delivery } from '@rondo/service';

/** With the bus's back-off about two minutes. */
const ATTEMPTS_MAX = 12;

/**
 * Policies and announcements travel on different topics, so an announcement may be here before its pipeline: it is tried again
 * for a while before it is refused for good. Every other error passes as it is.
 */
export async function untilKnown<T>(delivery: Pick<Delivery, 'attempt'>, announce: () => Promise<T>): Promise<T> {
  try {
    return await announce();
  } catch (error) {
    const isUnknown = error instanceof PermanentError && error.detail.reason === 'PIPELINE_UNKNOWN';
    if (isUnknown && delivery.attempt < ATTEMPTS_MAX) throw new TransientError(error.message, { cause: error });
    throw error;
  }
}
