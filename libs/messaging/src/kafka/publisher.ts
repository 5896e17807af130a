import { TransientError } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import { checkEnvelope, PAYLOAD_BYTES_MAX } from '../envelope-limits.js';
import { Fifo } from '../fifo.js';
import type { Envelope } from '../ports.js';
import { recordOf } from './cloud-event-record.js';
import { keyPartitioner } from './key-partitioner.js';
import { transient } from './kafka-client.js';
import type { Topics } from './topics.js';

const RECORDS_PER_SEND_MAX = 4096;
/** A send may put everything into one partition, where it is one batch to the broker. */
const BYTES_PER_SEND_MAX = PAYLOAD_BYTES_MAX;

/** One call of `publish`; settled when the last of its records is. */
interface Publication {
  outstanding: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface QueuedRecord {
  readonly topic: string;
  readonly bytes: number;
  readonly message: kafkajs.Message;
  readonly publication: Publication;
}

/**
 * Sends what concurrent callers publish in as few requests as possible: one at a time, and all that has gathered meanwhile in the
 * next. Idempotent and acks=all, so that a retry inside kafkajs neither loses nor repeats. When a request fails for good, so does
 * everything queued behind it: nothing may overtake what its caller is going to publish again.
 */
export class Publisher {
  readonly #kafka: kafkajs.Kafka;
  readonly #topics: Topics;
  readonly #queue = new Fifo<QueuedRecord>();
  #producer: kafkajs.Producer | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(kafka: kafkajs.Kafka, topics: Topics) {
    this.#kafka = kafka;
    this.#topics = topics;
  }

  /** Every envelope is checked before the first is queued. */
  publish(messages: readonly Envelope[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new TransientError('the bus is closed');
      const publication: Publication = { outstanding: messages.length, resolve, reject };
      const records = messages.map((envelope): QueuedRecord => {
        checkEnvelope(envelope);
        const message = recordOf(envelope);
        return { topic: this.#topics.require(envelope.topic), bytes: message.value.byteLength, message, publication };
      });
      if (records.length === 0) return resolve();
      for (const record of records) this.#queue.push(record);
      this.#sending ??= this.#drain();
    });
  }

  /** Sends what is queued, refuses what comes later. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
    await this.#producer?.disconnect();
  }

  /** Refuses what is queued and what comes later, and waits for nothing. */
  abandon(): void {
    this.#closed = true;
    const failed = new Set<Publication>();
    for (let record = this.#queue.shift(); record; record = this.#queue.shift()) failed.add(record.publication);
    for (const { reject } of failed) reject(new TransientError('the bus is closed'));
    void this.#producer?.disconnect().catch(() => undefined);
  }

  async #drain(): Promise<void> {
    // Whatever else this turn of the event loop publishes comes along.
    await new Promise(setImmediate);
    while (this.#queue.size > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#send(batch);
        for (const { publication } of batch) if (--publication.outstanding === 0) publication.resolve();
      } catch (error) {
        await this.#fail(batch, error);
      }
    }
    this.#sending = undefined;
  }

  #nextBatch(): QueuedRecord[] {
    const batch: QueuedRecord[] = [];
    let bytes = 0;
    while (batch.length < RECORDS_PER_SEND_MAX) {
      const next = this.#queue.peek();
      if (!next || (batch.length > 0 && bytes + next.bytes > BYTES_PER_SEND_MAX)) break;
      bytes += next.bytes;
      batch.push(this.#queue.shift()!);
    }
    return batch;
  }

  async #send(batch: readonly QueuedRecord[]): Promise<void> {
    const byTopic = new Map<string, kafkajs.Message[]>();
    for (const { topic, message } of batch) {
      const messages = byTopic.get(topic);
      if (messages) messages.push(message);
      else byTopic.set(topic, [message]);
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    const producer = (this.#producer ??= await this.#connect());
    await producer.sendBatch({ topicMessages, acks: -1 });
  }

  async #connect(): Promise<kafkajs.Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: keyPartitioner,
      // Named here because kafkajs would otherwise retry an idempotent send for ever.
      retry: { retries: 8 },
    });
    await producer.connect();
    return producer;
  }

  async #fail(batch: readonly QueuedRecord[], cause: unknown): Promise<void> {
    const error = transient('the messages could not be published, or not all of them; publish them again', cause);
    const failed = new Set(batch.map(({ publication }) => publication));
    for (let record = this.#queue.shift(); record; record = this.#queue.shift()) failed.add(record.publication);
    for (const { reject } of failed) reject(error);
    // Its sequence numbers may have a gap now; the next send begins with a producer of its own.
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch(() => undefined);
  }
}
