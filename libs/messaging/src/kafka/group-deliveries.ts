import { PermanentError, type Clock, type Random } from '@rondo/kernel';
import type { CrashGuard } from '../crash-guard.js';
import type { AttemptRef, DeliveryRecords } from '../delivery-records.js';
import { Fifo } from '../fifo.js';
import { parkedMessage } from '../parked-message.js';
import type { Delivery, Envelope, ParkedMessage, SubscribeOptions } from '../ports.js';
import { verdictOn, type RetryPolicy } from '../retry-policy.js';
import type { OpenPartition } from './open-partition.js';

/** A message read and not yet done with. */
export interface HeldMessage {
  readonly partition: OpenPartition;
  readonly offset: number;
  readonly envelope: Envelope;
  /** Why it could not be read; such a message is parked instead of handled. */
  readonly unreadable?: string;
  /** Id of the parked message that this replays. */
  readonly replays?: string;
}

/** Messages that must be handled in order, one in flight at a time. */
interface Lane {
  readonly id: string;
  readonly partition: OpenPartition;
  readonly items: Fifo<HeldMessage>;
  attempt: number;
  busy: boolean;
  /** The partition went to another process: only what is in flight is finished. */
  dropped: boolean;
  cancelWake?: () => void;
}

/** What the groups of one bus share. */
export interface DeliveryContext {
  readonly records: DeliveryRecords;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryPolicy;
  readonly guard: CrashGuard<HeldMessage>;
  readonly onParked: (message: ParkedMessage) => void;
}

/** Hands the messages of one group to its handler: keys in order, different keys at the same time. */
export class GroupDeliveries {
  readonly #context: DeliveryContext;
  readonly #options: SubscribeOptions;
  readonly #concurrency: number;
  readonly #onFinished: (message: HeldMessage) => void;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new Fifo<Lane>();
  /** By lane that was dropped with a message in flight: the lane of the same key that waits for it. */
  readonly #successors = new Map<Lane, Lane>();
  #inFlight = 0;
  #held = true;
  #state: 'running' | 'draining' | 'abandoned' = 'running';
  #onDrained: () => void = () => undefined;

  /** @param onFinished told of every message that is handled or parked */
  constructor(options: SubscribeOptions, context: DeliveryContext, onFinished: (message: HeldMessage) => void) {
    this.#options = options;
    this.#context = context;
    this.#concurrency = options.concurrency ?? 64;
    this.#onFinished = onFinished;
  }

  /** Begins nothing new until {@link resume}: the partitions may be another's by now. */
  hold(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    this.#pump();
  }

  add(messages: readonly HeldMessage[]): void {
    for (const message of messages) this.#enqueue(message);
    this.#pump();
  }

  /** Forgets the messages of a partition that are not in flight. */
  drop(partition: OpenPartition): void {
    for (const lane of this.#lanes.values()) {
      if (lane.partition !== partition) continue;
      lane.dropped = true;
      lane.cancelWake?.();
      if (!lane.busy) this.#lanes.delete(lane.id);
    }
  }

  /** Begins nothing new and resolves when nothing is in flight. */
  async drain(): Promise<void> {
    this.#state = 'draining';
    this.#cancelWakes();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Begins nothing new and takes no note of what is in flight. */
  abandon(): void {
    this.#state = 'abandoned';
    this.#cancelWakes();
    this.#onDrained();
  }

  #cancelWakes(): void {
    for (const lane of this.#lanes.values()) lane.cancelWake?.();
  }

  #enqueue(message: HeldMessage): void {
    const { partition, envelope, replays } = message;
    const { topic, partition: number } = partition.ref;
    const id = replays === undefined ? `${topic}\n${number}\n${envelope.key}` : `replay\n${replays}`;
    let lane = this.#lanes.get(id);
    if (lane?.dropped) {
      // The partition came back while a message of this key is still in flight: the key waits for it.
      lane = this.#takeOver(lane, partition);
    }
    if (!lane) {
      lane = { id, partition, items: new Fifo(), attempt: 1, busy: false, dropped: false };
      this.#lanes.set(id, lane);
      this.#ready.push(lane);
    }
    lane.items.push(message);
  }

  #takeOver(old: Lane, partition: OpenPartition): Lane {
    const lane: Lane = { id: old.id, partition, items: new Fifo(), attempt: 1, busy: true, dropped: false };
    this.#lanes.set(lane.id, lane);
    this.#successors.set(old, lane);
    return lane;
  }

  #pump(): void {
    while (this.#state === 'running' && !this.#held && this.#inFlight < this.#concurrency) {
      const lane = this.#ready.shift();
      if (!lane) return;
      if (lane.dropped) continue;
      this.#inFlight++;
      lane.busy = true;
      void this.#serve(lane);
    }
  }

  async #serve(lane: Lane): Promise<void> {
    const message = lane.items.peek()!;
    const retryAfterMs = await this.#attempt(lane, message);
    if (this.#state === 'abandoned') return;
    this.#inFlight--;
    lane.busy = false;
    if (retryAfterMs === undefined) this.#finish(lane, message);
    else this.#wait(lane, retryAfterMs);
    if (this.#state === 'draining' && this.#inFlight === 0) this.#onDrained();
    this.#pump();
  }

  /** Resolves to the delay of the next attempt, or to nothing when the message is done with. */
  async #attempt(lane: Lane, message: HeldMessage): Promise<number | undefined> {
    const { guard, records } = this.#context;
    try {
      if (message.unreadable !== undefined) throw new PermanentError('invalid', message.unreadable);
      const handle = (): Promise<void> => this.#options.handle(this.#deliveryOf(message, lane.attempt));
      const outcome = message.partition.suspects(message.offset) ? await guard.watch(message, handle) : await handle();
      if (outcome === 'kills the process')
        await this.#park(lane, message, 'kills the process: handling began several times and never ended');
      else if (message.replays !== undefined && this.#state !== 'abandoned') await records.remove(message.replays);
      return undefined;
    } catch (error) {
      return this.#onFailure(lane, message, error);
    }
  }

  #deliveryOf({ partition, offset, envelope }: HeldMessage, attempt: number): Delivery {
    return { ...envelope, group: this.#options.group, partition: partition.ref.partition, offset, attempt };
  }

  async #onFailure(lane: Lane, message: HeldMessage, error: unknown): Promise<number | undefined> {
    const { retry, random } = this.#context;
    const verdict = verdictOn(error, lane.attempt, retry, random.next());
    if (verdict.kind === 'retry') return verdict.afterMs;
    try {
      await this.#park(lane, message, verdict.reason);
      return undefined;
    } catch {
      // Neither handled nor parked, so the offset must not pass; the store may be well again later.
      return retry.backoff.maxMs;
    }
  }

  async #park(lane: Lane, message: HeldMessage, reason: string): Promise<void> {
    if (this.#state === 'abandoned') return;
    const { records, clock, onParked } = this.#context;
    const parked = parkedMessage(this.#deliveryOf(message, lane.attempt), reason, clock.now(), message.replays);
    await records.park(parked);
    onParked(parked);
  }

  #finish(lane: Lane, message: HeldMessage): void {
    lane.items.shift();
    lane.attempt = 1;
    this.#onFinished(message);
    if (lane.dropped) this.#end(lane);
    else if (lane.items.size > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane.id);
  }

  #end(lane: Lane): void {
    const successor = this.#successors.get(lane);
    if (!successor) {
      if (this.#lanes.get(lane.id) === lane) this.#lanes.delete(lane.id);
      return;
    }
    this.#successors.delete(lane);
    successor.busy = false;
    if (successor.dropped) this.#end(successor);
    else this.#ready.push(successor);
  }

  #wait(lane: Lane, delayMs: number): void {
    lane.attempt++;
    if (lane.dropped) return this.#end(lane);
    if (this.#state !== 'running') return;
    const { clock } = this.#context;
    lane.cancelWake = clock.wakeAt(clock.now() + delayMs, () => {
      this.#ready.push(lane);
      this.#pump();
    });
  }
}

/** Place of a held message in the records. */
export function placeOf({ partition, offset }: HeldMessage): AttemptRef {
  return { ...partition.ref, offset };
}
