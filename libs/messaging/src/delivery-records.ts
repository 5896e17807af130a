import type { ParkedMessage } from './ports.js';

/** A partition as one group reads it. */
export interface PartitionRef {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** The place of one message in the reading of one group. */
export interface AttemptRef extends PartitionRef {
  readonly offset: number;
}

/**
 * What a bus must remember of its deliveries beside offsets: messages set aside, and which attempts began. Shared by all
 * processes of an installation. Every write is durable when its promise resolves; every method may be called twice.
 */
export interface DeliveryRecords {
  /** Notes that `owner` now reads those of the partitions that nobody has. Resolves to the others. */
  take(partitions: readonly PartitionRef[], owner: string): Promise<PartitionRef[]>;
  /** Notes that `owner` reads these partitions, whoever had them. */
  seize(partitions: readonly PartitionRef[], owner: string): Promise<void>;
  /** Gives them back, as far as they still are the owner's. */
  release(partitions: readonly PartitionRef[], owner: string): Promise<void>;
  /** How often the handling of messages of these partitions began without an end. */
  begun(partitions: readonly PartitionRef[]): Promise<(AttemptRef & { readonly starts: number })[]>;
  /** Counts one more beginning. */
  begin(attempt: AttemptRef): Promise<void>;
  /** Forgets all beginnings of a message. */
  end(attempt: AttemptRef): Promise<void>;
  /** Sets a message aside; one that was being replayed takes its old place, with the new reason. */
  park(message: ParkedMessage): Promise<void>;
  /** Oldest first, without those being replayed. */
  parked(): Promise<ParkedMessage[]>;
  /** Places and ids of the parked messages of these partitions, replayed or not. */
  parkedPlaces(partitions: readonly PartitionRef[]): Promise<(AttemptRef & { readonly messageId: string })[]>;
  /** Marks a parked message for replay and names its group; undefined when there is none, or it is being replayed. */
  beginReplay(id: string): Promise<string | undefined>;
  /** Messages of a group that are marked for replay, oldest first. */
  toReplay(group: string): Promise<ParkedMessage[]>;
  /** Forgets a message whose replay succeeded. */
  remove(id: string): Promise<void>;
}
