import { idFrom } from '@rondo/kernel';
import type { Delivery, ParkedMessage } from './ports.js';

const REASON_CHARS_MAX = 4000;

/** A delivery set aside. The same message of the same group has the same id whenever it is parked. */
export function parkedMessage(delivery: Delivery, reason: string, parkedAtMs: number): ParkedMessage {
  const { group, topic, partition, offset } = delivery;
  return {
    id: idFrom('parked', group, topic, String(partition), String(offset)),
    delivery,
    reason: reason.slice(0, REASON_CHARS_MAX),
    parkedAtMs,
  };
}
