/** A message as it travels: a CloudEvent whose data is one protobuf message. */
export interface Envelope {
  /** CloudEvents `id`; unique per source, the key of every inbox. */
  readonly id: string;
  /** Full protobuf type name, for example `rondo.data.v1.BatchReady`. */
  readonly type: string;
  readonly topic: string;
  /** Messages with the same key on one topic are handled in order, one at a time per consumer group. */
  readonly key: string;
  /** CloudEvents `source`, for example `rondo/data-prep`. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly payload: Uint8Array;
  /** `traceparent`, `cycleid` and other small text attributes. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An envelope read from the log. */
export interface Delivery extends Envelope {
  readonly group: string;
  readonly partition: number;
  /** Rises by one per message of the partition. */
  readonly offset: number;
  /** 1 on the first attempt. */
  readonly attempt: number;
}

/** What became of a delivery; decides whether its offset may pass. */
export type Handler = (delivery: Delivery) => Promise<void>;

export interface SubscribeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** Handles one delivery. Resolves when its effects are durable; rejects to have it retried or parked. */
  readonly handle: Handler;
  /** Deliveries with different keys in flight at once. */
  readonly concurrency?: number;
}

/** A running consumer. */
export interface Subscription {
  /** Stops taking messages, waits for those in flight, commits offsets. */
  close(): Promise<void>;
}

/** A message that failed for good, kept with its reason until a person replays it. */
export interface ParkedMessage {
  readonly id: string;
  readonly delivery: Delivery;
  readonly reason: string;
  readonly parkedAtMs: number;
}

/** Messages set aside. */
export interface ParkingLot {
  list(): Promise<ParkedMessage[]>;
  /** Hands the message to its group again with a fresh count of attempts; false when there is none. */
  replay(id: string): Promise<boolean>;
}

/**
 * An ordered log with topics, keys and consumer groups.
 * Promises at-least-once delivery; per topic, key and group in order of publication; a message that keeps failing is
 * parked and the key goes on. Implementations must not acknowledge before the message is durable, and must not pass an
 * offset whose delivery has neither succeeded nor been parked.
 */
export interface Bus {
  /** Appends in the given order; durable when the promise resolves. */
  publish(messages: readonly Envelope[]): Promise<void>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  readonly parked: ParkingLot;
  /** Messages published and not yet handled, per group. */
  lag(): Promise<{ group: string; topic: string; messages: number; oldestAgeMs: number }[]>;
  close(): Promise<void>;
}
