import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { TransientError } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import { GroupMember } from './group-member.js';

const EVENTS = {
  GROUP_JOIN: 'consumer.group_join',
  REBALANCING: 'consumer.rebalancing',
  CRASH: 'consumer.crash',
  COMMIT_OFFSETS: 'consumer.commit_offsets',
} as const;
const OFFSETS = [{ topic: 't', partition: 0, offset: '1' }];

/** Behaves like the consumer of kafkajs 2.2.4: a commit outside of the group does nothing and resolves. */
class FakeConsumer extends EventEmitter {
  readonly events = EVENTS;
  isInGroup = false;
  isConnected = false;
  /** What a connection waits for. */
  reachable: Promise<void> = Promise.resolve();
  async connect(): Promise<void> {
    await this.reachable;
    this.isConnected = true;
  }
  subscribe = (): Promise<void> => Promise.resolve();
  async disconnect(): Promise<void> {
    this.isConnected = false;
  }
  async run(): Promise<void> {
    this.isInGroup = true;
    this.emit(EVENTS.GROUP_JOIN, { payload: { memberAssignment: {} } });
  }
  async commitOffsets(offsets: readonly unknown[]): Promise<void> {
    if (this.isInGroup) this.emit(EVENTS.COMMIT_OFFSETS, { payload: offsets });
  }
}

function memberWith(consumer: FakeConsumer): GroupMember {
  const kafka = { consumer: () => consumer } as unknown as kafkajs.Kafka;
  const ignore = (): void => undefined;
  const options = { group: 'g', topics: ['t'], sessionTimeoutMs: 6000, log: undefined };
  return new GroupMember(kafka, options, { onUncertain: ignore, onAssigned: ignore, onBatch: ignore });
}

describe('GroupMember', () => {
  it('fails a commit that the client leaves out', async () => {
    const consumer = new FakeConsumer();
    const member = memberWith(consumer);
    await member.start();
    await member.commit(OFFSETS);
    consumer.isInGroup = false;
    await expect(member.commit(OFFSETS)).rejects.toThrow(TransientError);
    consumer.isInGroup = true;
    await member.commit(OFFSETS);
    await member.close();
  });

  it('that is closed while it connects leaves nothing connected, and does not join', async () => {
    const consumer = new FakeConsumer();
    let reach = (): void => undefined;
    consumer.reachable = new Promise((resolve) => (reach = resolve));
    const member = memberWith(consumer);
    const started = member.start();
    await member.close();
    reach();
    await expect(started).rejects.toThrow('closed while it joined');
    expect(consumer).toMatchObject({ isConnected: false, isInGroup: false });
  });
});
