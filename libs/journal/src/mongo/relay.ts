import { backoffMs, type Clock, type Random } from '@rondo/kernel';
import type { Bus, Envelope } from '@rondo/messaging';
import type { EntryDoc, NewsDoc, ServiceCollections } from './collections.js';
import { envelopeOf } from './entry-reader.js';
import { Lease, type HeldLease } from './lease.js';
import { NewsTeller } from './news-teller.js';
import type { CommitListener } from './unit-committer.js';

const ENTRIES_PER_PUBLISH_MAX = 1000;
const BYTES_PER_PUBLISH_MAX = 4 * 1024 * 1024;
const HANDED_OVER_MAX = 10_000;
const HANDED_OVER_BYTES_MAX = 16 * 1024 * 1024;
const TIMERS_PER_PUBLISH_MAX = 500;
const PROLONG_EVERY_MS_MAX = 250;
const LOOK_EVERY_MS = 5000;
const RETRY = { initialMs: 20, factor: 2, maxMs: 5000 };
const RETRY_GROWTH_MAX = 12;

/** Something that went wrong in the background and is being tried again. */
export interface MongoTrouble {
  readonly service: string;
  readonly activity: 'commit' | 'publish' | 'lease' | 'watch';
  readonly error: unknown;
}

/** What a relay works with. */
export interface RelayContext {
  readonly collections: ServiceCollections;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
  readonly onTrouble: (trouble: MongoTrouble) => void;
}

interface Run {
  readonly envelopes: readonly Envelope[];
  /** Position of the last one. */
  readonly last: number;
}

/**
 * Publishes the journal of one service in order of position, and fires its timers, while it holds the lease; stands by
 * otherwise. What this process commits is handed over directly, or told to the one that publishes; what others commit is read.
 */
export class Relay implements CommitListener {
  readonly #context: RelayContext;
  readonly #lease: Lease;
  readonly #teller: NewsTeller;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #abandoned = false;
  #wake: () => void = () => undefined;
  #awake = false;
  /** Entries up to here are published. */
  #cursor = 0;
  /** Newest position known to be committed. */
  #known = 0;
  /** There may be entries beyond it. */
  #mustLook = false;
  #handedOver: Envelope[] = [];
  #handedOverBytes = 0;
  /** Position of the first one handed over. */
  #handedOverFrom = 1;
  #timersChanged = false;
  #dueAtMs: number | undefined;
  #cancelDue: () => void = () => undefined;
  #failures = 0;
  #prolonging: NodeJS.Timeout | undefined;
  #prolongedAt = 0;
  #prolongedCursor = 0;

  constructor(context: RelayContext) {
    this.#context = context;
    const { collections, leaseMs, onTrouble } = context;
    const { service } = collections;
    this.#lease = new Lease(collections, leaseMs);
    this.#teller = new NewsTeller(collections, (error) => {
      if (!this.#abandoned) onTrouble({ service, activity: 'watch', error });
    });
  }

  /** Begins to take part. */
  start(): void {
    this.#loop ??= this.#run();
  }

  committed(firstPosition: number, envelopes: readonly Envelope[], timersChanged: boolean): void {
    if (timersChanged) this.#timersChanged = true;
    if (envelopes.length > 0) this.#handOver(firstPosition, envelopes);
    if (envelopes.length === 0 && !timersChanged) return;
    if (this.#lease.isUsable) this.#wakeUp();
    else this.#teller.tell({ position: firstPosition + envelopes.length - 1, looks: timersChanged ? 1 : 0 });
  }

  committedUnseen(): void {
    this.lookAgain();
    if (!this.#lease.isUsable) this.#teller.tell({ position: 0, looks: 1 });
  }

  /** Something may have been committed by anybody; what is new will be read. */
  lookAgain(): void {
    this.#mustLook = true;
    this.#timersChanged = true;
    this.#wakeHolder();
  }

  /** Another process tells what it has done. Undefined: not that. */
  hear({ position, looks, handovers }: Partial<NewsDoc>): void {
    if (position !== undefined && position > this.#known) {
      this.#known = position;
      this.#wakeHolder();
    }
    if (looks !== undefined) this.lookAgain();
    if (handovers !== undefined) this.#wakeUp();
  }

  /** Publishes what is committed, as long as that takes less than `withinMs`, and gives the lease back. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    const late = setTimeout(() => this.abandon(), withinMs);
    this.#wakeUp();
    await this.#loop;
    await this.#teller.done();
    clearTimeout(late);
  }

  /** Resolves when it has stopped. */
  async ended(): Promise<void> {
    await this.#loop;
  }

  /** Stops at once; the lease ends by itself. */
  abandon(): void {
    this.#stopping = true;
    this.#abandoned = true;
    this.#wakeUp();
  }

  /** Only whoever publishes keeps entries in memory; what is not kept is read. */
  #handOver(firstPosition: number, envelopes: readonly Envelope[]): void {
    this.#known = Math.max(this.#known, firstPosition + envelopes.length - 1);
    if (!this.#lease.isUsable) return;
    if (this.#handedOver.length === 0) this.#handedOverFrom = firstPosition;
    else if (firstPosition !== this.#handedOverFrom + this.#handedOver.length) return;
    let bytes = 0;
    for (const { payload } of envelopes) bytes += payload.byteLength;
    if (this.#handedOver.length + envelopes.length > HANDED_OVER_MAX) return;
    if (this.#handedOverBytes + bytes > HANDED_OVER_BYTES_MAX) return;
    for (const envelope of envelopes) this.#handedOver.push(envelope);
    this.#handedOverBytes += bytes;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const held = await this.#lease.tryAcquire();
        if (held) await this.#relayUnder(held);
        else await this.#waitFor(this.#context.leaseMs / 3);
      } catch (error) {
        await this.#afterTrouble('lease', error);
      }
    }
  }

  async #relayUnder(held: HeldLease): Promise<void> {
    this.#cursor = held.cursor;
    this.#prolongedCursor = held.cursor;
    this.#prolongedAt = performance.now();
    this.#forgetHandedOver();
    this.#timersChanged = true;
    this.#keepProlonging();
    try {
      while (this.#lease.isUsable && !this.#abandoned) {
        try {
          if (await this.#step()) this.#failures = 0;
          else if (this.#stopping) break;
          else if (!(await this.#waitFor(LOOK_EVERY_MS))) this.lookAgain();
        } catch (error) {
          this.#forgetHandedOver();
          await this.#afterTrouble('publish', error);
        }
      }
    } finally {
      clearTimeout(this.#prolonging);
      this.#armDue(undefined);
      this.#forgetHandedOver();
    }
    if (this.#stopping && !this.#abandoned && this.#lease.isUsable) await this.#lease.release(this.#cursor);
  }

  /** Does what is next; false when there is nothing to do now. */
  async #step(): Promise<boolean> {
    if (this.#timersChanged) await this.#lookAtTimers();
    const run = this.#takeHandedOver() ?? (await this.#readRun());
    // Reading took time; whoever holds the lease now reads the same.
    if (!this.#lease.isUsable) return false;
    if (run) {
      await this.#context.bus.publish(run.envelopes);
      this.#cursor = run.last;
      return true;
    }
    if (this.#dueAtMs === undefined || this.#dueAtMs > this.#context.clock.now()) return false;
    await this.#fireDue();
    return true;
  }

  /** Only what follows the cursor; what came too early or too late is read instead. */
  #takeHandedOver(): Run | undefined {
    const skip = this.#cursor + 1 - this.#handedOverFrom;
    if (skip < 0) return undefined;
    if (skip > 0) this.#takeFirst(skip);
    let bytes = 0;
    let count = 0;
    for (const { payload } of this.#handedOver) {
      bytes += payload.byteLength;
      if (count > 0 && (count === this.#publishMax() || bytes > BYTES_PER_PUBLISH_MAX)) break;
      count++;
    }
    if (count === 0) return undefined;
    const envelopes = this.#takeFirst(count);
    return { envelopes, last: this.#handedOverFrom - 1 };
  }

  #takeFirst(count: number): Envelope[] {
    const taken = this.#handedOver.splice(0, count);
    for (const { payload } of taken) this.#handedOverBytes -= payload.byteLength;
    this.#handedOverFrom += count;
    return taken;
  }

  #forgetHandedOver(): void {
    this.#handedOver = [];
    this.#handedOverBytes = 0;
    this.#mustLook = true;
  }

  async #readRun(): Promise<Run | undefined> {
    if (!this.#mustLook && this.#known <= this.#cursor) return undefined;
    this.#mustLook = false;
    const { entries, service } = this.#context.collections;
    const found: EntryDoc[] = [];
    let bytes = 0;
    const limit = this.#publishMax();
    const cursor = entries
      .find({ _id: { $gt: this.#cursor } })
      .sort({ _id: 1 })
      .limit(limit);
    for await (const entry of cursor) {
      found.push(entry);
      bytes += entry.payload.byteLength;
      if (bytes > BYTES_PER_PUBLISH_MAX) break;
    }
    if (found.length === limit || bytes > BYTES_PER_PUBLISH_MAX) this.#mustLook = true;
    if (found.length === 0) return undefined;
    return { envelopes: found.map((entry) => envelopeOf(service, entry)), last: found.at(-1)!._id };
  }

  /** After failures fewer at once: what one of them is to blame for holds up as little as possible before it. */
  #publishMax(): number {
    return Math.max(1, Math.floor(ENTRIES_PER_PUBLISH_MAX / 8 ** this.#failures));
  }

  async #lookAtTimers(): Promise<void> {
    this.#timersChanged = false;
    const [next] = await this.#context.collections.timers
      .find({}, { projection: { dueAtMs: 1 } })
      .sort({ dueAtMs: 1 })
      .limit(1)
      .toArray();
    this.#armDue(next?.dueAtMs);
  }

  #armDue(dueAtMs: number | undefined): void {
    this.#cancelDue();
    this.#dueAtMs = dueAtMs;
    this.#cancelDue =
      dueAtMs === undefined ? () => undefined : this.#context.clock.wakeAt(dueAtMs, () => this.#wakeUp());
  }

  /** Publishes first and removes then: a crash in between publishes the same message again. */
  async #fireDue(): Promise<void> {
    const { timers, service } = this.#context.collections;
    const nowMs = this.#context.clock.now();
    const due = await timers
      .find({ dueAtMs: { $lte: nowMs } })
      .sort({ dueAtMs: 1, _id: 1 })
      .limit(Math.min(TIMERS_PER_PUBLISH_MAX, this.#publishMax()))
      .toArray();
    const envelopes = due.map(({ messageId, type, topic, key, payload, headers }): Envelope => {
      const read = JSON.parse(headers) as Record<string, string>;
      return { id: messageId, type, topic, key, source: `rondo/${service}`, timeMs: nowMs, payload, headers: read };
    });
    if (due.length > 0) {
      if (!this.#lease.isUsable) return;
      await this.#context.bus.publish(envelopes);
      // One that was set anew meanwhile has another message and stays.
      await timers.bulkWrite(
        due.map(({ _id, messageId }) => ({ deleteOne: { filter: { _id, messageId } } })),
        { ordered: false },
      );
    }
    this.#timersChanged = true;
  }

  /** Prolongs the lease well before its end, and sooner when the cursor moved, so that a crash repeats little. */
  #keepProlonging(): void {
    const everyMs = Math.min(PROLONG_EVERY_MS_MAX, this.#context.leaseMs / 3);
    this.#prolonging = setTimeout(() => {
      void this.#prolong().finally(() => {
        if (this.#lease.isUsable && !this.#abandoned) this.#keepProlonging();
        else this.#wakeUp();
      });
    }, everyMs);
  }

  async #prolong(): Promise<void> {
    const cursor = this.#cursor;
    const isEarly = performance.now() - this.#prolongedAt < this.#context.leaseMs / 3;
    if (isEarly && cursor === this.#prolongedCursor) return;
    try {
      await this.#lease.prolong(cursor);
      this.#prolongedAt = performance.now();
      this.#prolongedCursor = cursor;
    } catch (error) {
      this.#context.onTrouble({ service: this.#context.collections.service, activity: 'lease', error });
    }
  }

  async #afterTrouble(activity: MongoTrouble['activity'], error: unknown): Promise<void> {
    if (this.#abandoned) return;
    this.#context.onTrouble({ service: this.#context.collections.service, activity, error });
    this.#failures++;
    const waitMs = backoffMs(RETRY, Math.min(this.#failures, RETRY_GROWTH_MAX), this.#context.random.next());
    await this.#hold(waitMs);
  }

  /** Whoever stands by has nothing to do with what is committed. */
  #wakeHolder(): void {
    if (this.#lease.isUsable) this.#wakeUp();
  }

  #wakeUp(): void {
    this.#awake = true;
    this.#wake();
  }

  /** Waits until something happens, at most `ms` of real time; whether something did. */
  async #waitFor(ms: number): Promise<boolean> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => undefined;
    }
    const woken = this.#awake;
    this.#awake = false;
    return woken;
  }

  /** Waits whatever happens; the end of the process's patience cuts it short. */
  async #hold(ms: number): Promise<void> {
    const untilMs = performance.now() + ms;
    for (let left = ms; left > 0 && !this.#abandoned; left = untilMs - performance.now()) await this.#waitFor(left);
    this.#awake = true;
  }
}
