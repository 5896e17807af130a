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
  /** Rises within the partition; gaps are allowed. */
  readonly offset: number;
  /** 1 on the first attempt; counts the attempts of this process. */
  readonly attempt: number;
}

/** What became of a delivery; decides whether its offset may pass. */
export type Handler = (delivery: Delivery) => Promise<void>;

export interface SubscribeOptions {
  /**
   * Processes of one group share the messages; a group of its own per process makes each see all of them. One subscription per
   * group and process.
   */
  readonly group: string;
  /**
   * Where a group begins that was never seen before: with the oldest message kept (default), or with what is published after
   * `subscribe` resolved. For those who only want to hear what changes, such as a console.
   */
  readonly startAt?: 'oldest' | 'newest';
  readonly topics: readonly string[];
  /** Which message types are wanted; the others of the topics pass by unseen and are never seen again. All when left out. */
  readonly wants?: (type: string) => boolean;
  /** Handles one delivery. Resolves when its effects are durable; rejects to have it retried or parked. */
  readonly handle: Handler;
  /** Deliveries with different keys in flight at once, default 64. */
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
  /** Oldest first; those being replayed are not listed. */
  list(): Promise<ParkedMessage[]>;
  /** Hands the message to its group again with a fresh count of attempts; false when there is none. */
  replay(id: string): Promise<boolean>;
}

/** Messages published and not yet handled by one group on one topic; parked ones do not count. */
export interface Lag {
  readonly group: string;
  readonly topic: string;
  readonly messages: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly oldestAgeMs: number;
}

/**
 * An ordered log with topics, keys and consumer groups.
 * Promises at-least-once delivery; per topic, key and group in order of publication; a message that keeps failing is
 * parked and the key goes on. Implementations must not acknowledge before the message is durable, and must not pass an
 * offset whose delivery has neither succeeded nor been parked.
 */
export interface Bus {
  /** What carries the messages, as spans call it (OpenTelemetry `messaging.system`). */
  readonly system: 'rondo' | 'kafka';
  /**
   * Appends in the given order; durable when the promise resolves. All or nothing where an envelope is refused (PermanentError). When
   * it rejects with a TransientError, some may have been appended: publish all of them again, with the same ids.
   */
  publish(messages: readonly Envelope[]): Promise<void>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  readonly parked: ParkingLot;
  /** One row per topic that was ever subscribed of every group that is wanted; of all groups when nothing is said. */
  lag(isWanted?: (group: string) => boolean): Promise<Lag[]>;
  /** Stops every subscription, then closes. */
  close(): Promise<void>;
}
