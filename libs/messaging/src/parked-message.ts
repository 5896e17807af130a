import { idFrom } from '@rondo/kernel';
import type { Delivery, ParkedMessage } from './ports.js';

const REASON_CHARS_MAX = 4000;

/**
 * A delivery set aside. The same message of the same group has the same id whenever it is parked; another one at its place, which a
 * topic that was made again brings, has its own.
 * @param replays id it was parked under before, when this was its replay
 */
export function parkedMessage(
  delivery: Delivery,
  reason: string,
  parkedAtMs: number,
  replays: string | undefined,
): ParkedMessage {
  const { group, topic, partition, offset, id } = delivery;
  return {
    id: replays ?? idFrom('parked', group, topic, String(partition), String(offset), id),
    delivery,
    reason: reason.slice(0, REASON_CHARS_MAX),
    parkedAtMs,
  };
}
