import { messageOf } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import type { PartitionRef } from '../delivery-records.js';
import type { ParkedMessage, SubscribeOptions } from '../ports.js';
import { readRecord, unreadableId, UNREADABLE_TYPE } from './cloud-event-record.js';
import { GroupDeliveries, type DeliveryContext, type HeldMessage } from './group-deliveries.js';
import { GroupMember, type Assignment } from './group-member.js';
import type { BusLog } from './kafka-bus-options.js';
import { OpenPartition } from './open-partition.js';
import type { Topics } from './topics.js';

/** Least time between two commits; what a crash makes to be delivered again is what was handled in it. */
const COMMIT_EVERY_MS = 250;
/** How long the reader before us may take to give a partition back before it counts as dead. */
const GIVE_BACK_MS = 1000;
const LOOK_AGAIN_MS = 100;
/** Replays asked for in another process are found this often. */
const REPLAY_EVERY_MS = 1000;
const RECORDS_RETRY_MS = 1000;

/** What the readers of one bus share. */
export interface ReaderContext extends DeliveryContext {
  readonly kafka: kafkajs.Kafka;
  readonly topics: Topics;
  /** Name of this process among the readers. */
  readonly owner: string;
  readonly sessionTimeoutMs: number;
  readonly log: BusLog | undefined;
  /** Offset behind the newest message, by partition; `topic` as the cluster names it. */
  readonly ends: (topic: string) => Promise<ReadonlyMap<number, number>>;
}

/** Reads the topics of one group as far as this process has them, delivers, and commits what is handled or parked. */
export class GroupReader {
  readonly #options: SubscribeOptions;
  readonly #context: ReaderContext;
  readonly #member: GroupMember;
  readonly #deliveries: GroupDeliveries;
  readonly #partitions = new Map<string, OpenPartition>();
  readonly #replaying = new Set<string>();
  readonly #begin: ReadonlyMap<string, number>;
  #commitTimer: NodeJS.Timeout | undefined;
  #replayTimer: NodeJS.Timeout | undefined;
  #committing: Promise<unknown> | undefined;
  #commitFails = false;
  #closing = false;

  /** @param begin offsets at which the group begins in partitions it never committed anything of, by {@link keyOf} */
  constructor(options: SubscribeOptions, context: ReaderContext, begin: ReadonlyMap<string, number> = new Map()) {
    this.#begin = begin;
    const { kafka, topics, sessionTimeoutMs, log } = context;
    this.#options = options;
    this.#context = context;
    this.#deliveries = new GroupDeliveries(options, context, (message) => this.#onFinished(message));
    const member = {
      group: topics.clusterName(options.group),
      topics: options.topics.map((topic) => topics.require(topic)),
      sessionTimeoutMs,
      log,
    };
    this.#member = new GroupMember(kafka, member, {
      onUncertain: () => this.#deliveries.hold(),
      onAssigned: (assignment) => this.#onAssigned(assignment),
      onBatch: (batch, resolve) => this.#onBatch(batch, resolve),
    });
  }

  get group(): string {
    return this.#options.group;
  }

  get topics(): readonly string[] {
    return this.#options.topics;
  }

  /** The partition, when this process reads it and has begun to. */
  partition(topic: string, partition: number): OpenPartition | undefined {
    const open = this.#partitions.get(keyOf(topic, partition));
    return open?.cursor === undefined ? undefined : open;
  }

  /** Resolves when the group has taken this process in. */
  async start(): Promise<void> {
    await this.#member.start();
    this.#armReplays();
  }

  /** Takes up the parked messages of its partitions that are marked for replay. */
  async replayMarked(): Promise<void> {
    const marked = await this.#context.records.toReplay(this.group);
    if (this.#closing) return;
    this.#deliveries.add(marked.flatMap((message) => this.#replay(message) ?? []));
  }

  /** Waits for what is in flight, commits, leaves the group. */
  async close(): Promise<void> {
    this.#stop();
    await this.#deliveries.drain();
    await this.#committing;
    await this.#commit().catch((error: unknown) => this.#warn('the last offsets could not be committed', error));
    const refs = [...this.#partitions.values()].map(({ ref }) => ref);
    await this.#context.records
      .release(refs, this.#context.owner)
      .catch((error: unknown) => this.#warn('the partitions could not be given back on record', error));
    await this.#member.close();
  }

  /** Leaves the group at once; takes note of nothing any more. */
  async abandon(): Promise<void> {
    this.#stop();
    this.#deliveries.abandon();
    await this.#member.close();
  }

  #stop(): void {
    this.#closing = true;
    clearTimeout(this.#commitTimer);
    clearTimeout(this.#replayTimer);
  }

  #onAssigned(assignment: Assignment): void {
    const { topics, records, owner } = this.#context;
    const mine = new Set<string>();
    const added: OpenPartition[] = [];
    for (const [clusterName, numbers] of Object.entries(assignment)) {
      const topic = topics.nameOf(clusterName);
      for (const partition of numbers) {
        const key = keyOf(topic, partition);
        mine.add(key);
        const known = this.#partitions.get(key);
        const open = known ?? new OpenPartition({ group: this.group, topic, partition });
        // The group only knows what was committed; what is held in memory need not be fetched again.
        open.cursor ??= this.#begin.get(key);
        if (open.cursor !== undefined) this.#member.seek(clusterName, partition, open.cursor);
        this.#partitions.set(key, open);
        this.#restore(open);
        if (!known) added.push(open);
      }
    }
    const lost = [...this.#partitions].filter(([key]) => !mine.has(key));
    for (const [key, partition] of lost) {
      this.#partitions.delete(key);
      this.#deliveries.drop(partition);
    }
    this.#replaying.clear();
    this.#deliveries.resume();
    if (lost.length > 0)
      void records
        .release(
          lost.map(([, { ref }]) => ref),
          owner,
        )
        .catch((error: unknown) => this.#warn('lost partitions could not be given back on record', error));
    if (added.length > 0) void this.#open(added);
  }

  /** A consumer that is new, or has joined anew, fetches everything it was given. */
  #restore(partition: OpenPartition): void {
    partition.fetching = true;
    this.#steer(partition);
    if (partition.fetching)
      this.#member.resume(this.#context.topics.clusterName(partition.ref.topic), partition.ref.partition);
  }

  /** Lets a partition be fetched as long as it is open and not full; one that was full needs some room first. */
  #steer(partition: OpenPartition): void {
    const { topic, partition: number } = partition.ref;
    const wanted = partition.opened && (partition.fetching ? !partition.full : partition.hasRoom);
    if (wanted === partition.fetching) return;
    partition.fetching = wanted;
    const clusterName = this.#context.topics.clusterName(topic);
    if (wanted) this.#member.resume(clusterName, number);
    else this.#member.pause(clusterName, number);
  }

  /** Learns what is on record of new partitions, then lets them be fetched; tries until it knows or they are lost. */
  async #open(partitions: readonly OpenPartition[]): Promise<void> {
    const wanted = partitions.filter((partition) => this.#has(partition));
    if (wanted.length === 0 || this.#closing) return;
    try {
      const refs = wanted.map(({ ref }) => ref);
      const taken = new Set((await this.#context.records.take(refs, this.#context.owner)).map(nameOf));
      const free = wanted.filter(({ ref }) => !taken.has(nameOf(ref)));
      await this.#learn(free, false);
      await this.#openAbandoned(wanted.filter((partition) => !free.includes(partition)));
    } catch (error) {
      this.#warn('the records of the partitions could not be read; they are tried again', error);
      setTimeout(() => void this.#open(wanted), RECORDS_RETRY_MS).unref();
    }
  }

  /** A live reader gives its partitions back within moments; those that stay taken were left by a process that died. */
  async #openAbandoned(partitions: readonly OpenPartition[]): Promise<void> {
    const { records, owner } = this.#context;
    let waiting = partitions;
    const until = performance.now() + GIVE_BACK_MS;
    while (waiting.length > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
      const taken = new Set(
        (
          await records.take(
            waiting.map(({ ref }) => ref),
            owner,
          )
        ).map(nameOf),
      );
      const free = waiting.filter(({ ref }) => !taken.has(nameOf(ref)));
      await this.#learn(free, false);
      waiting = waiting.filter((partition) => !free.includes(partition));
    }
    const left = waiting.filter((partition) => this.#has(partition));
    if (this.#closing || left.length === 0) return;
    await records.seize(
      left.map(({ ref }) => ref),
      owner,
    );
    await this.#learn(left, true);
  }

  async #learn(partitions: readonly OpenPartition[], afterDeath: boolean): Promise<void> {
    if (partitions.length === 0 || this.#closing) return;
    const { records, topics, ends } = this.#context;
    const refs = partitions.map(({ ref }) => ref);
    const byName = new Map(partitions.map((partition) => [nameOf(partition.ref), partition]));
    for (const attempt of await records.begun(refs))
      byName.get(nameOf(attempt))!.starts.set(attempt.offset, attempt.starts);
    for (const place of await records.parkedPlaces(refs))
      byName.get(nameOf(place))!.setAside(place.offset, place.messageId);
    if (afterDeath) {
      for (const partition of partitions) {
        const { topic, partition: number } = partition.ref;
        partition.suspectBelow = (await ends(topics.clusterName(topic))).get(number) ?? 0;
      }
    }
    for (const partition of partitions) {
      partition.opened = true;
      if (this.#has(partition)) this.#steer(partition);
    }
    await this.replayMarked();
  }

  #has(partition: OpenPartition): boolean {
    return this.#partitions.get(keyOf(partition.ref.topic, partition.ref.partition)) === partition;
  }

  #onBatch(batch: kafkajs.Batch, resolve: (offset: string) => void): void {
    const topic = this.#context.topics.nameOf(batch.topic);
    let partition = this.#partitions.get(keyOf(topic, batch.partition));
    const last = batch.messages.at(-1);
    if (!partition?.opened || !last || this.#closing) return;
    if (Number(batch.highWatermark) < (partition.cursor ?? 0)) partition = this.#beginAnew(partition);
    const held: HeldMessage[] = [];
    partition.cursor ??= Number(batch.messages[0]!.offset);
    for (const message of batch.messages) {
      const read = this.#read(partition, topic, message);
      if (read) held.push(read);
    }
    partition.cursor = Math.max(partition.cursor, Number(last.offset) + 1);
    resolve(last.offset);
    this.#steer(partition);
    this.#deliveries.add(held);
    this.#armCommit();
  }

  /**
   * The log ends before what was read of it: its topic was deleted and made again, or a broker took over that had not all of it. What is in
   * it now is new under old offsets; what was handled before counts once by its id.
   */
  #beginAnew(old: OpenPartition): OpenPartition {
    const { topic, partition: number } = old.ref;
    this.#context.log?.warn('a partition is shorter than what was read of it; it is read from its first message', {
      group: this.group,
      topic,
      partition: number,
    });
    const begun = new OpenPartition(old.ref);
    begun.opened = true;
    begun.fetching = old.fetching;
    this.#partitions.set(nameOf(old.ref), begun);
    this.#deliveries.drop(old);
    return begun;
  }

  /** The message to be held, when it is new and wanted. */
  #read(partition: OpenPartition, topic: string, message: kafkajs.KafkaMessage): HeldMessage | undefined {
    const offset = Number(message.offset);
    if (offset < partition.cursor!) return undefined;
    const record = {
      topic,
      partition: partition.ref.partition,
      offset,
      key: message.key,
      value: message.value,
      headers: message.headers ?? {},
      timestampMs: Number(message.timestamp),
    };
    const { envelope, unreadable } = readRecord(record);
    // What was parked as unreadable may be readable to the code of today; it waits for its replay all the same.
    if ([envelope.id, unreadableId(record)].some((id) => partition.isSetAside(offset, id))) return undefined;
    if (unreadable === undefined && this.#options.wants?.(envelope.type) === false) return undefined;
    partition.hold(offset, envelope.timeMs, envelope.payload.byteLength);
    return { partition, offset, envelope, ...(unreadable !== undefined && { unreadable }) };
  }

  #replay({ id, delivery }: ParkedMessage): HeldMessage | undefined {
    const { topic, partition: number, offset, group: _group, attempt: _attempt, ...rest } = delivery;
    const partition = this.#partitions.get(keyOf(topic, number));
    if (!partition?.opened || this.#replaying.has(id)) return undefined;
    this.#replaying.add(id);
    if (delivery.type !== UNREADABLE_TYPE) return { partition, offset, envelope: { topic, ...rest }, replays: id };
    const { key, payload, headers, timeMs } = delivery;
    const bytes = new TextEncoder().encode(key);
    // What could not be read then may be readable to the code of today.
    const read = readRecord({
      topic,
      partition: number,
      offset,
      key: bytes,
      value: payload,
      headers,
      timestampMs: timeMs,
    });
    return { partition, offset, replays: id, ...read };
  }

  #onFinished({ partition, offset, envelope, replays }: HeldMessage): void {
    if (replays !== undefined) this.#replaying.delete(replays);
    else partition.finish(offset, envelope.payload.byteLength);
    if (!this.#has(partition)) return;
    this.#steer(partition);
    this.#armCommit();
  }

  #armCommit(): void {
    if (this.#closing || this.#commitTimer !== undefined) return;
    this.#commitTimer = setTimeout(() => {
      this.#committing = this.#commit()
        .then(() => (this.#commitFails = false))
        // A group that is being rebalanced takes no offsets; they go with the next commit. Told once until one succeeds.
        .catch((error: unknown) => {
          if (!this.#commitFails)
            this.#context.log?.info('offsets not committed', { group: this.group, error: messageOf(error) });
          this.#commitFails = true;
        })
        .finally(() => {
          this.#commitTimer = undefined;
          if (this.#uncommitted().length > 0) this.#armCommit();
        });
    }, COMMIT_EVERY_MS);
  }

  #uncommitted(): OpenPartition[] {
    return [...this.#partitions.values()].filter(
      ({ passed, committed }) => passed !== undefined && passed !== committed,
    );
  }

  async #commit(): Promise<void> {
    const dirty = this.#uncommitted().map((partition) => ({ partition, passed: partition.passed! }));
    if (dirty.length === 0) return;
    await this.#member.commit(
      dirty.map(({ partition: { ref }, passed }) => ({
        topic: this.#context.topics.clusterName(ref.topic),
        partition: ref.partition,
        offset: String(passed),
      })),
    );
    for (const { partition, passed } of dirty) partition.committed = passed;
  }

  #armReplays(): void {
    if (this.#closing) return;
    this.#replayTimer = setTimeout(() => {
      this.replayMarked()
        .catch((error: unknown) => this.#warn('messages to replay could not be looked for', error))
        .finally(() => this.#armReplays());
    }, REPLAY_EVERY_MS);
    this.#replayTimer.unref();
  }

  #warn(what: string, error: unknown): void {
    this.#context.log?.warn(what, { group: this.group, error: messageOf(error) });
  }
}

/** Name of a partition. */
export const keyOf = (topic: string, partition: number): string => `${topic}\n${partition}`;
const nameOf = ({ topic, partition }: PartitionRef): string => keyOf(topic, partition);
