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
  connect = (): Promise<void> => Promise.resolve();
  subscribe = (): Promise<void> => Promise.resolve();
  disconnect = (): Promise<void> => Promise.resolve();
  async run(): Promise<void> {
    this.isInGroup = true;
    this.emit(EVENTS.GROUP_JOIN, { payload: { memberAssignment: {} } });
  }
  async commitOffsets(offsets: readonly unknown[]): Promise<void> {
    if (this.isInGroup) this.emit(EVENTS.COMMIT_OFFSETS, { payload: offsets });
  }
}

describe('GroupMember', () => {
  it('fails a commit that the client leaves out', async () => {
    const consumer = new FakeConsumer();
    const kafka = { consumer: () => consumer } as unknown as kafkajs.Kafka;
    const ignore = (): void => undefined;
    const options = { group: 'g', topics: ['t'], sessionTimeoutMs: 6000, log: undefined };
    const member = new GroupMember(kafka, options, { onUncertain: ignore, onAssigned: ignore, onBatch: ignore });
    await member.start();
    await member.commit(OFFSETS);
    consumer.isInGroup = false;
    await expect(member.commit(OFFSETS)).rejects.toThrow(TransientError);
    consumer.isInGroup = true;
    await member.commit(OFFSETS);
    await member.close();
  });
});
