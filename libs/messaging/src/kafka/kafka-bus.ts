import { PermanentError, randomIds, seededRandom, systemClock } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import { CrashGuard, type AttemptLog } from '../crash-guard.js';
import type { DeliveryRecords } from '../delivery-records.js';
import type { Bus, Envelope, Lag, ParkingLot, SubscribeOptions, Subscription } from '../ports.js';
import { DEFAULT_RETRY_POLICY } from '../retry-policy.js';
import { Connections } from './connections.js';
import { placeOf, type HeldMessage } from './group-deliveries.js';
import { GroupReader, keyOf, type ReaderContext } from './group-reader.js';
import type { KafkaBusOptions } from './kafka-bus-options.js';
import { kafkaClient, startError, transient } from './kafka-client.js';
import { lagOf, type PartitionLag } from './lag.js';
import { Publisher } from './publisher.js';
import { Topics } from './topics.js';

const SESSION_TIMEOUT_MS = 30_000;

/** The bus of the distributed mode: topics and consumer groups of a Kafka cluster. */
export class KafkaBus implements Bus {
  readonly system = 'kafka';
  readonly parked: ParkingLot;
  readonly #options: KafkaBusOptions;
  readonly #topics: Topics;
  readonly #admin: kafkajs.Admin;
  readonly #publisher: Publisher;
  readonly #records: DeliveryRecords;
  readonly #context: ReaderContext;
  readonly #readers = new Map<string, GroupReader>();
  readonly #connections: Connections;
  #abandoned = false;

  private constructor(
    options: KafkaBusOptions,
    topics: Topics,
    client: { readonly kafka: kafkajs.Kafka; readonly admin: kafkajs.Admin; readonly connections: Connections },
  ) {
    const { kafka, admin, connections } = client;
    this.#options = options;
    this.#topics = topics;
    this.#admin = admin;
    this.#connections = connections;
    this.#publisher = new Publisher(kafka, topics);
    this.#records = options.records;
    this.#context = {
      kafka,
      topics,
      records: options.records,
      clock: options.clock ?? systemClock,
      random: options.random ?? seededRandom(Date.now() >>> 0),
      retry: options.retry ?? DEFAULT_RETRY_POLICY,
      guard: new CrashGuard(this.#attempts()),
      onParked: options.onParked ?? (() => undefined),
      owner: `${options.clientId} ${randomIds.next()}`,
      sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      log: options.log,
      ends: (topic) => this.#ends(topic),
    };
    this.parked = { list: () => this.#records.parked(), replay: (id) => this.#replay(id) };
  }

  /**
   * Connects, makes the topics that are missing and checks the others.
   * @throws PermanentError `unavailable` (no broker answers), `unauthenticated`, `denied`, `failed-precondition` (topics that fall
   *   short) or `invalid`; the message says what to do
   */
  static async open(options: KafkaBusOptions): Promise<KafkaBus> {
    const topics = new Topics(options);
    const probe = kafkaClient(options, true).admin();
    try {
      await probe.connect();
      await topics.ensure(probe);
    } catch (error) {
      throw startError(error, options);
    } finally {
      await probe.disconnect().catch(() => undefined);
    }
    const connections = new Connections();
    const kafka = kafkaClient(options, false, connections.socketFactory);
    const admin = kafka.admin();
    try {
      await admin.connect();
    } catch (error) {
      connections.close();
      throw startError(error, options);
    }
    return new KafkaBus(options, topics, { kafka, admin, connections });
  }

  publish(messages: readonly Envelope[]): Promise<void> {
    return this.#publisher.publish(messages);
  }

  /** Resolves when the group has taken this process in. */
  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const { group } = options;
    const begin = await this.#newest(options).catch((error: unknown) => {
      throw startError(error, this.#options);
    });
    if (this.#readers.has(group)) {
      throw new PermanentError('already-exists', `group ${group} already consumes in this process`, {
        field: 'group',
        value: group,
        rule: 'one subscription per group and process',
      });
    }
    const reader = new GroupReader(options, this.#context, begin);
    this.#readers.set(group, reader);
    try {
      await reader.start();
    } catch (error) {
      this.#readers.delete(group);
      await reader.abandon();
      throw startError(error, this.#options);
    }
    const close = async (): Promise<void> => {
      if (this.#readers.get(group) !== reader) return;
      this.#readers.delete(group);
      await reader.close();
    };
    return { close };
  }

  /** Rows of this process's groups and of every other group of the installation that has committed something. */
  async lag(isWanted: (group: string) => boolean = () => true): Promise<Lag[]> {
    try {
      const { groups } = await this.#admin.listGroups();
      const prefix = this.#topics.clusterName('');
      const others = groups
        .filter(({ groupId }) => groupId.startsWith(prefix))
        .map(({ groupId }) => this.#topics.nameOf(groupId))
        .filter((group) => isWanted(group) && !this.#readers.has(group));
      const rows: Lag[] = [];
      for (const reader of this.#readers.values())
        if (isWanted(reader.group)) rows.push(...(await this.#lagOfGroup(reader.group, reader.topics, reader)));
      for (const group of others) rows.push(...(await this.#lagOfGroup(group)));
      return rows;
    } catch (error) {
      throw transient('the lag could not be read', error);
    }
  }

  async close(): Promise<void> {
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    await Promise.all(readers.map((reader) => reader.close()));
    await this.#publisher.close();
    await this.#admin.disconnect();
    this.#connections.close();
  }

  /**
   * Lets go of everything at once: deliveries in flight are not waited for and count as never ended, nothing is committed or
   * recorded any more. What waits to be published is refused. For a process that must end before its handlers do; another takes over as after a crash.
   */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    await Promise.all(readers.map((reader) => reader.abandon()));
    this.#publisher.abandon();
    await this.#admin.disconnect();
    this.#connections.close();
  }

  /** Rejects with a TransientError when no broker answers. */
  async check(): Promise<void> {
    try {
      await this.#admin.describeCluster();
    } catch (error) {
      throw transient('no broker answers', error);
    }
  }

  /** Ends of the partitions of which the group never committed anything, when it is to begin with the newest. */
  async #newest({ group, topics, startAt }: SubscribeOptions): Promise<ReadonlyMap<string, number>> {
    const begin = new Map<string, number>();
    if (startAt !== 'newest') return begin;
    const clusterNames = topics.map((topic) => this.#topics.require(topic));
    const committed = await this.#admin.fetchOffsets({
      groupId: this.#topics.clusterName(group),
      topics: clusterNames,
    });
    for (const { topic, partitions } of committed) {
      const passed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      for (const [partition, end] of await this.#ends(topic))
        if ((passed.get(partition) ?? -1) < 0) begin.set(keyOf(this.#topics.nameOf(topic), partition), end);
    }
    return begin;
  }

  #attempts(): AttemptLog<HeldMessage> {
    return {
      startsOf: ({ partition, offset }) => partition.starts.get(offset) ?? 0,
      begin: (message) => this.#records.begin(placeOf(message)),
      end: async (message) => {
        if (this.#abandoned) return;
        await this.#records.end(placeOf(message));
        message.partition.starts.delete(message.offset);
      },
    };
  }

  async #replay(id: string): Promise<boolean> {
    const group = await this.#records.beginReplay(id);
    if (group === undefined) return false;
    await this.#readers.get(group)?.replayMarked();
    return true;
  }

  async #ends(topic: string): Promise<Map<number, number>> {
    const ends = await this.#admin.fetchTopicOffsets(topic);
    return new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  }

  async #lagOfGroup(group: string, topics?: readonly string[], reader?: GroupReader): Promise<Lag[]> {
    const clusterNames = topics?.map((topic) => this.#topics.clusterName(topic));
    const groupId = this.#topics.clusterName(group);
    const committed = await this.#admin.fetchOffsets({ groupId, ...(clusterNames && { topics: clusterNames }) });
    const nowMs = this.#context.clock.now();
    const rows: Lag[] = [];
    for (const { topic: clusterName, partitions } of committed) {
      const topic = this.#topics.nameOf(clusterName);
      if (!this.#topics.has(topic)) continue;
      const passed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      const log = await this.#admin.fetchTopicOffsets(clusterName);
      const lags = log.map(({ partition, low, high }): PartitionLag => {
        const open = reader?.partition(topic, partition);
        if (open)
          return {
            partition,
            from: open.cursor!,
            end: Number(high),
            held: open.unfinished,
            heldOldestMs: open.oldestMs,
          };
        // A group that never committed stands at the oldest message: fetchOffsets says -1.
        return { partition, from: Math.max(passed.get(partition) ?? -1, Number(low)), end: Number(high), held: 0 };
      });
      rows.push(await lagOf(this.#admin, { group, topic, clusterName }, lags, nowMs));
    }
    return rows;
  }
}
