import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { topicOf } from '@rondo/contracts';
import { backoffMs, idFrom, messageOf, type Clock } from '@rondo/kernel';
import type { Bus, Envelope } from '@rondo/messaging';
import type { Logger } from '@rondo/telemetry';

const SOURCE = 'rondo/inference-gateway';
const RETRY = { initialMs: 100, factor: 2, maxMs: 10_000 };
/** Messages of one send. */
const SEND_MAX = 200;

/** How a message is keyed and told from others: equal identities of one type give equal ids. */
export interface Addressing {
  readonly key: string;
  readonly identity: readonly string[];
}

/**
 * Publishes to the bus. The record of predictions must never hold up an answer or fill the memory, so what is offered waits in a
 * bounded queue, is sent again while the bus is away, and beyond the bound the oldest is dropped and counted.
 */
export class MessagePublisher {
  readonly #waiting: Envelope[] = [];
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly options: { readonly bytesMax: number; readonly onDropped: () => void },
  ) {}

  /** Queues a message; returns at once. */
  offer<D extends DescMessage>(schema: D, message: MessageShape<D>, addressing: Addressing): void {
    const envelope = envelopeOf(schema, message, addressing, this.clock.now());
    this.#waiting.push(envelope);
    this.#bytes += envelope.payload.byteLength;
    while (this.#bytes > this.options.bytesMax && this.#waiting.length > 1) this.#dropOldest();
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Resolves when the messages are durable on the bus. */
  async publish<D extends DescMessage>(
    messages: readonly { readonly schema: D; readonly message: MessageShape<D>; readonly addressing: Addressing }[],
  ): Promise<void> {
    const nowMs = this.clock.now();
    await this.bus.publish(
      messages.map(({ schema, message, addressing }) => envelopeOf(schema, message, addressing, nowMs)),
    );
  }

  /** Tries once more to send what waits, and takes no time over it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  async #send(): Promise<void> {
    for (let attempt = 1; this.#waiting.length > 0;) {
      const batch = this.#waiting.slice(0, SEND_MAX);
      try {
        await this.bus.publish(batch);
      } catch (error) {
        if (this.#closed) return;
        this.log.warn('the bus does not take predictions', { error: messageOf(error), 'rondo.attempt': attempt });
        await this.#pause(backoffMs(RETRY, attempt++, Math.random()));
        continue;
      }
      attempt = 1;
      this.#forget(batch);
    }
  }

  /** The oldest may have been dropped while the batch was on its way. */
  #forget(batch: readonly Envelope[]): void {
    const sent = new Set(batch);
    while (this.#waiting.length > 0 && sent.has(this.#waiting[0]!))
      this.#bytes -= this.#waiting.shift()!.payload.byteLength;
  }

  #dropOldest(): void {
    const oldest = this.#waiting.shift();
    if (!oldest) return;
    this.#bytes -= oldest.payload.byteLength;
    this.options.onDropped();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.wakeAt(this.clock.now() + ms, resolve));
  }
}

function envelopeOf<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  { key, identity }: Addressing,
  timeMs: number,
): Envelope {
  return {
    id: idFrom(schema.typeName, ...identity),
    type: schema.typeName,
    topic: topicOf(schema),
    key,
    source: SOURCE,
    timeMs,
    payload: toBinary(schema, message),
    headers: {},
  };
}
