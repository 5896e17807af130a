import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { FakeClock, nextTurn } from '@rondo/testing';
import { bodyOf, message } from '../../testing/index.js';
import { CrashGuard } from '../crash-guard.js';
import type { DeliveryRecords } from '../delivery-records.js';
import { DEFAULT_RETRY_POLICY } from '../retry-policy.js';
import { GroupDeliveries, type HeldMessage } from './group-deliveries.js';
import { OpenPartition } from './open-partition.js';

const REF = { group: 'g', topic: 'rondo.test.v1', partition: 0 };

/** Deliveries whose handler waits for the test, message by message; nothing in here needs records. */
function start() {
  const begun: string[] = [];
  const releases: (() => void)[] = [];
  const attempts = { startsOf: () => 0, begin: () => Promise.resolve(), end: () => Promise.resolve() };
  const context = {
    records: {} as DeliveryRecords,
    clock: new FakeClock(),
    random: seededRandom(1),
    retry: DEFAULT_RETRY_POLICY,
    guard: new CrashGuard<HeldMessage>(attempts),
    onParked: () => undefined,
  };
  const handle = (delivery: Parameters<typeof bodyOf>[0]): Promise<void> => {
    begun.push(bodyOf(delivery));
    return new Promise((resolve) => releases.push(resolve));
  };
  const deliveries = new GroupDeliveries({ group: 'g', topics: [REF.topic], handle }, context, () => undefined);
  return { deliveries, begun, release: () => releases.shift()!() };
}
const held = (partition: OpenPartition, ...bodies: string[]): HeldMessage[] =>
  bodies.map((body, offset) => ({ partition, offset, envelope: message('k', body) }));

describe('GroupDeliveries', () => {
  it('begins nothing while the assignment is uncertain', async () => {
    const { deliveries, begun } = start();
    deliveries.add(held(new OpenPartition(REF), '1'));
    await nextTurn();
    expect(begun).toEqual([]);
    deliveries.resume();
    await nextTurn();
    expect(begun).toEqual(['1']);
  });

  it('lets what is in flight of a lost partition end, and forgets the rest', async () => {
    const { deliveries, begun, release } = start();
    const lost = new OpenPartition(REF);
    deliveries.resume();
    deliveries.add(held(lost, '1', '2', '3'));
    deliveries.drop(lost);
    release();
    await nextTurn();
    expect(begun).toEqual(['1']);
    await deliveries.drain();
  });

  it('keeps a key waiting for its message in flight when the partition comes back', async () => {
    const { deliveries, begun, release } = start();
    const lost = new OpenPartition(REF);
    deliveries.resume();
    deliveries.add(held(lost, '1', '2'));
    deliveries.drop(lost);
    deliveries.add(held(new OpenPartition(REF), 'again 1', 'again 2'));
    await nextTurn();
    expect(begun).toEqual(['1']);
    release();
    await nextTurn();
    expect(begun).toEqual(['1', 'again 1']);
    release();
    await nextTurn();
    expect(begun).toEqual(['1', 'again 1', 'again 2']);
  });
});
