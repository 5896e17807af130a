import type kafkajs from 'kafkajs';
import type { Lag } from '../ports.js';

/** Ages are told to a sixteenth, or to this many ms. */
const AGE_RESOLUTION_MS = 50;
const AGE_MS_MAX = 2 ** 40;

/** Where reading stands on one partition, and what the broker has. */
export interface PartitionLag {
  readonly partition: number;
  /** Offset of the first message not yet read by this process, or not yet passed by the group. */
  readonly from: number;
  /** Offset behind the newest message. */
  readonly end: number;
  /** Messages taken in by this process and not yet handled. */
  readonly held: number;
  /** Time of publication of the oldest of those. */
  readonly heldOldestMs?: number | undefined;
}

/** Sums up the partitions of one topic. `nowMs` by the clock of the bus. */
export async function lagOf(
  admin: kafkajs.Admin,
  row: Pick<Lag, 'group' | 'topic'> & { readonly clusterName: string },
  partitions: readonly PartitionLag[],
  nowMs: number,
): Promise<Lag> {
  const messages = partitions.reduce((sum, { held, from, end }) => sum + held + Math.max(0, end - from), 0);
  // Within a partition what is held is older than what is still at the broker.
  const ages = partitions.flatMap(({ heldOldestMs }) => (heldOldestMs === undefined ? [] : [nowMs - heldOldestMs]));
  const unread = partitions.filter(({ held, from, end }) => held === 0 && end > from);
  if (unread.length > 0)
    ages.push(await ageOfOldest(admin, row.clusterName, new Map(unread.map((p) => [p.partition, p.from]))));
  return { group: row.group, topic: row.topic, messages, oldestAgeMs: Math.max(0, ...ages) };
}

/**
 * Age, by the brokers' clock, of the oldest message at the given offsets. A broker tells the first offset of a moment but not
 * the moment of an offset, so the moment is searched for.
 */
async function ageOfOldest(admin: kafkajs.Admin, topic: string, from: ReadonlyMap<number, number>): Promise<number> {
  const nowMs = Date.now();
  /** True when one of the messages is older than that. */
  const older = async (ageMs: number): Promise<boolean> => {
    const firsts = await admin.fetchTopicOffsetsByTimestamp(topic, Math.max(0, nowMs - ageMs));
    return firsts.some(({ partition, offset }) => Number(offset) > (from.get(partition) ?? Infinity));
  };
  let most = AGE_RESOLUTION_MS;
  while (most < AGE_MS_MAX && (await older(most))) most *= 2;
  let least = most === AGE_RESOLUTION_MS ? 0 : most / 2;
  while (most - least > Math.max(AGE_RESOLUTION_MS, most / 16)) {
    const middle = (least + most) / 2;
    if (await older(middle)) least = middle;
    else most = middle;
  }
  return Math.round(most);
}
