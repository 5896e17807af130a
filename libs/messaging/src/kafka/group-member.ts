import { messageOf, TransientError } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import type { BusLog } from './kafka-bus-options.js';
import { isHopeless } from './kafka-client.js';

/** How long an empty fetch waits at the broker; also the longest delay of a resumed partition and of a close. */
const FETCH_WAIT_MS = 250;
const BYTES_PER_PARTITION_MAX = 1024 * 1024;
const PARTITIONS_AT_ONCE = 32;
const RESTART_MS = { first: 500, most: 10_000 };
/** A broker that has just started is not ready for groups at once. */
const FIRST_JOIN_MS = 60_000;

/** Partitions by topic, under their names in the cluster. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** What a member tells of. */
export interface MemberEvents {
  /** The partitions may be given to others from now on. */
  onUncertain(): void;
  /** These partitions are this member's now, and no others. Called before anything is fetched. */
  onAssigned(assignment: Assignment): void;
  onBatch(batch: kafkajs.Batch, resolve: (offset: string) => void): void;
}

export interface MemberOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly log: BusLog | undefined;
}

/**
 * This process as a member of a consumer group. kafkajs ends a consumer when a broker stays away too long; this one then begins
 * another, for as long as it is open.
 */
export class GroupMember {
  readonly #kafka: kafkajs.Kafka;
  readonly #options: MemberOptions;
  readonly #events: MemberEvents;
  #consumer: kafkajs.Consumer | undefined;
  #restart: NodeJS.Timeout | undefined;
  #restartMs = RESTART_MS.first;
  #commits = 0;
  #closed = false;

  constructor(kafka: kafkajs.Kafka, options: MemberOptions, events: MemberEvents) {
    this.#kafka = kafka;
    this.#options = options;
    this.#events = events;
  }

  /** Resolves when the group has taken the member in; rejects with what kafkajs says when it does not within a minute. */
  async start(): Promise<void> {
    const until = performance.now() + FIRST_JOIN_MS;
    for (;;) {
      try {
        return await this.#join();
      } catch (error) {
        if (this.#closed || isHopeless(error) || performance.now() > until) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS.first));
    }
  }

  async #join(): Promise<void> {
    const { group, sessionTimeoutMs } = this.#options;
    const consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / 10),
      rebalanceTimeout: Math.max(sessionTimeoutMs, 30_000),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: BYTES_PER_PARTITION_MAX,
      allowAutoTopicCreation: false,
      // It begins again by itself: kafkajs would go on even after it was told to stop.
      retry: { retries: 4, restartOnFailure: () => Promise.resolve(false) },
    });
    this.#consumer = consumer;
    try {
      await this.#run(consumer);
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when the group has taken the consumer in. Rejects when it is no longer wanted: kafkajs would go on connecting. */
  async #run(consumer: kafkajs.Consumer): Promise<void> {
    const { REBALANCING, GROUP_JOIN, CRASH, COMMIT_OFFSETS } = consumer.events;
    let joined = false;
    const checkWanted = (): void => {
      if (this.#closed || this.#consumer !== consumer)
        throw new TransientError('the consumer was closed while it joined its group');
    };
    const taken = new Promise<void>((resolve, reject) => {
      consumer.on(REBALANCING, () => this.#events.onUncertain());
      consumer.on(COMMIT_OFFSETS, () => (this.#commits += 1));
      consumer.on(GROUP_JOIN, ({ payload }) => {
        if (this.#consumer !== consumer || this.#closed) return;
        joined = true;
        this.#restartMs = RESTART_MS.first;
        this.#events.onAssigned(payload.memberAssignment as Assignment);
        resolve();
      });
      consumer.on(CRASH, ({ payload }) => {
        if (this.#consumer !== consumer || this.#closed) return;
        reject(payload.error);
        if (joined) this.#beginAgain(payload.error);
      });
    });
    taken.catch(() => undefined);
    await consumer.connect();
    checkWanted();
    await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    checkWanted();
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: ({ batch, resolveOffset }) => {
        if (this.#consumer === consumer) this.#events.onBatch(batch, resolveOffset);
        return Promise.resolve();
      },
    });
    checkWanted();
    await taken;
  }

  /** Rejects when the group does not take the offsets, for example because it is being rebalanced. */
  async commit(offsets: readonly kafkajs.TopicPartitionOffset[]): Promise<void> {
    const before = this.#commits;
    await this.#consumer?.commitOffsets([...offsets]);
    // kafkajs leaves it out and says nothing while its consumer is about to join.
    if (this.#commits === before) throw new TransientError('the consumer is not in its group');
  }

  pause(topic: string, partition: number): void {
    this.#consumer?.pause([{ topic, partitions: [partition] }]);
  }

  resume(topic: string, partition: number): void {
    this.#consumer?.resume([{ topic, partitions: [partition] }]);
  }

  /** Goes on reading a partition at an offset. */
  seek(topic: string, partition: number, offset: number): void {
    this.#consumer?.seek({ topic, partition, offset: String(offset) });
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.disconnect();
  }

  #beginAgain(error: Error): void {
    this.#events.onUncertain();
    const afterMs = this.#restartMs;
    this.#restartMs = Math.min(2 * afterMs, RESTART_MS.most);
    this.#options.log?.warn('the consumer has lost its broker and begins again', {
      group: this.#options.group,
      error: messageOf(error),
      afterMs,
    });
    this.#restart = setTimeout(() => {
      this.#join().catch((failure: unknown) => {
        if (this.#closed) return;
        this.#beginAgain(failure instanceof Error ? failure : new Error(String(failure)));
      });
    }, afterMs);
  }
}
