import { messageOf, TransientError } from '@rondo/kernel';
import { Binary, MongoServerError, type Collection, type Db } from 'mongodb';
import type { AttemptRef, DeliveryRecords, PartitionRef } from '../delivery-records.js';
import type { Delivery, ParkedMessage } from '../ports.js';

const DUPLICATE_KEY = 11_000;

interface ReaderDocument {
  readonly _id: string;
  readonly owner: string;
}

interface AttemptDocument extends AttemptRef {
  readonly _id: string;
  readonly starts: number;
}

interface ParkedDocument extends AttemptRef {
  readonly _id: string;
  readonly delivery: Omit<Delivery, 'payload' | 'headers'> & {
    readonly payload: Binary;
    /** Pairs, because names may contain dots. */
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly reason: string;
  readonly parkedAtMs: number;
  readonly replaying: boolean;
}

/**
 * Delivery records in MongoDB: collections `bus_readers`, `bus_attempts` and `bus_parked`. Writes with majority concern; every
 * failure is a TransientError.
 */
export class MongoDeliveryRecords implements DeliveryRecords {
  readonly #readers: Collection<ReaderDocument>;
  readonly #attempts: Collection<AttemptDocument>;
  readonly #parked: Collection<ParkedDocument>;

  private constructor(db: Db) {
    const safe = {
      writeConcern: { w: 'majority' },
      readConcern: { level: 'majority' },
      readPreference: 'primary',
    } as const;
    this.#readers = db.collection('bus_readers', safe);
    this.#attempts = db.collection('bus_attempts', safe);
    this.#parked = db.collection('bus_parked', safe);
  }

  /** Uses a database; makes the indexes that are missing. */
  static async open(db: Db): Promise<MongoDeliveryRecords> {
    const records = new MongoDeliveryRecords(db);
    await tried(async () => {
      await records.#attempts.createIndex({ group: 1, topic: 1, partition: 1 });
      await records.#parked.createIndex({ group: 1, topic: 1, partition: 1 });
      await records.#parked.createIndex({ replaying: 1, parkedAtMs: 1, offset: 1 });
    });
    return records;
  }

  take(partitions: readonly PartitionRef[], owner: string): Promise<PartitionRef[]> {
    return tried(async () => {
      if (partitions.length === 0) return [];
      const byId = new Map(partitions.map((ref) => [idOf(ref), ref]));
      try {
        await this.#readers.insertMany(
          [...byId.keys()].map((_id) => ({ _id, owner })),
          { ordered: false },
        );
      } catch (error) {
        if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
      }
      const others = await this.#readers.find({ _id: { $in: [...byId.keys()] }, owner: { $ne: owner } }).toArray();
      return others.map(({ _id }) => byId.get(_id)!);
    });
  }

  async seize(partitions: readonly PartitionRef[], owner: string): Promise<void> {
    if (partitions.length === 0) return;
    const writes = partitions.map((ref) => ({
      updateOne: { filter: { _id: idOf(ref) }, update: { $set: { owner } }, upsert: true },
    }));
    await tried(() => this.#readers.bulkWrite(writes, { ordered: false }));
  }

  async release(partitions: readonly PartitionRef[], owner: string): Promise<void> {
    if (partitions.length === 0) return;
    await tried(() => this.#readers.deleteMany({ _id: { $in: partitions.map(idOf) }, owner }));
  }

  begun(partitions: readonly PartitionRef[]): Promise<(AttemptRef & { starts: number })[]> {
    return tried(async () => {
      if (partitions.length === 0) return [];
      const found = await this.#attempts.find({ $or: partitions.map(filterOf) }).toArray();
      return found.map(({ group, topic, partition, offset, starts }) => ({ group, topic, partition, offset, starts }));
    });
  }

  async begin(attempt: AttemptRef): Promise<void> {
    const { group, topic, partition, offset } = attempt;
    const update = { $inc: { starts: 1 }, $setOnInsert: { group, topic, partition, offset } };
    await tried(() => this.#attempts.updateOne({ _id: placeId(attempt) }, update, { upsert: true }));
  }

  async end(attempt: AttemptRef): Promise<void> {
    await tried(() => this.#attempts.deleteOne({ _id: placeId(attempt) }));
  }

  async park(message: ParkedMessage): Promise<void> {
    const { id, delivery, reason, parkedAtMs } = message;
    const { group, topic, partition, offset } = delivery;
    const document: Omit<ParkedDocument, '_id'> = {
      group,
      topic,
      partition,
      offset,
      delivery: { ...delivery, payload: new Binary(delivery.payload), headers: Object.entries(delivery.headers) },
      reason,
      parkedAtMs,
      replaying: false,
    };
    await tried(() => this.#parked.replaceOne({ _id: id }, document, { upsert: true }));
  }

  parked(): Promise<ParkedMessage[]> {
    return this.#find({ replaying: false });
  }

  parkedPlaces(partitions: readonly PartitionRef[]): Promise<(AttemptRef & { messageId: string })[]> {
    return tried(async () => {
      if (partitions.length === 0) return [];
      const projection = { group: 1, topic: 1, partition: 1, offset: 1, 'delivery.id': 1 } as const;
      const found = await this.#parked.find({ $or: partitions.map(filterOf) }, { projection }).toArray();
      return found.map(({ group, topic, partition, offset, delivery: { id: messageId } }) => ({
        group,
        topic,
        partition,
        offset,
        messageId,
      }));
    });
  }

  async beginReplay(id: string): Promise<string | undefined> {
    const filter = { _id: id, replaying: false };
    const found = await tried(() => this.#parked.findOneAndUpdate(filter, { $set: { replaying: true } }));
    return found?.group;
  }

  toReplay(group: string): Promise<ParkedMessage[]> {
    return this.#find({ replaying: true, group });
  }

  async remove(id: string): Promise<void> {
    await tried(() => this.#parked.deleteOne({ _id: id }));
  }

  #find(filter: { readonly replaying: boolean; readonly group?: string }): Promise<ParkedMessage[]> {
    return tried(async () => {
      const found = await this.#parked.find(filter).sort({ parkedAtMs: 1, offset: 1 }).toArray();
      return found.map(({ _id, delivery, reason, parkedAtMs }) => ({
        id: _id,
        delivery: { ...delivery, payload: delivery.payload.value(), headers: Object.fromEntries(delivery.headers) },
        reason,
        parkedAtMs,
      }));
    });
  }
}

const idOf = ({ group, topic, partition }: PartitionRef): string => JSON.stringify([group, topic, partition]);
const placeId = (attempt: AttemptRef): string =>
  JSON.stringify([attempt.group, attempt.topic, attempt.partition, attempt.offset]);
const filterOf = ({ group, topic, partition }: PartitionRef): PartitionRef => ({ group, topic, partition });

async function tried<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new TransientError(`the delivery records could not be reached: ${messageOf(cause)}`, { cause });
  }
}
