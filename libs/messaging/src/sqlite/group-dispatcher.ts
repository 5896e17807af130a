import type { Clock, Random } from '@rondo/kernel';
import type { CrashGuard } from '../crash-guard.js';
import { Fifo } from '../fifo.js';
import { partitionOf } from '../partition.js';
import type { Lag, ParkedMessage, SubscribeOptions } from '../ports.js';
import { verdictOn, type RetryPolicy } from '../retry-policy.js';
import type { BegunAttempts, ReadPosition } from './begun-attempts.js';
import type { LogRow, MessageLog } from './message-log.js';
import type { ParkedMessages } from './parked-messages.js';
import type { SqliteDatabase } from './sqlite-database.js';

const FETCH_ROWS = 512;
/** Messages held in memory before fetching pauses; those of keys that wait for a retry do not count. */
const DELIVERABLE_MAX = 1024;
/** Beyond this many messages of one key only their positions are kept in memory. */
const LANE_ROWS_MAX = 16;
/** Positions written with the offset; when more are unfinished, the offset stays behind the rest. */
const UNFINISHED_MAX = 2048;
const SAVE_INTERVAL_MS = 250;

/** Messages of one key on one topic, one in flight at a time. */
interface Lane {
  readonly id: string;
  readonly items: Fifo<LogRow | number>;
  attempt: number;
  waiting: boolean;
  cancelWake?: () => void;
}

interface TopicState {
  readonly name: string;
  /** Everything up to here has been fetched. */
  cursor: number;
  mayHaveMore: boolean;
  /** Fetched and not yet handled: position → time of publication. In order of position. */
  readonly unfinished: Map<number, number>;
}

/** What a dispatcher shares with the others of its bus. */
export interface DispatcherContext {
  readonly database: SqliteDatabase;
  readonly log: MessageLog;
  readonly parked: ParkedMessages;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: RetryPolicy;
  readonly attempts: BegunAttempts;
  readonly guard: CrashGuard<ReadPosition>;
  readonly onParked: (message: ParkedMessage) => void;
  /** Called whenever the dispatcher may have run out of work. */
  readonly onSettled: () => void;
}

/** Delivers the log to one consumer group. */
export class GroupDispatcher {
  readonly #context: DispatcherContext;
  readonly #options: SubscribeOptions;
  readonly #concurrency: number;
  readonly #topics = new Map<string, TopicState>();
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new Fifo<Lane>();
  readonly #replaying = new Set<number>();
  readonly #parkedBefore: ReadonlySet<number>;
  readonly #removeRider: () => void;
  #inFlight = 0;
  #waitingRows = 0;
  #heldRows = 0;
  #dirty = false;
  #savedAtMs = 0;
  #pumpScheduled = false;
  #closing = false;

  constructor(options: SubscribeOptions, context: DispatcherContext) {
    this.#options = options;
    this.#context = context;
    this.#concurrency = options.concurrency ?? 64;
    this.#parkedBefore = context.parked.positions(options.group);
    this.#removeRider = context.database.committer.addRider(() => this.#rideAlong());
    for (const topic of options.topics) this.#open(topic);
    this.replayMarked();
    this.#schedulePump();
  }

  get group(): string {
    return this.#options.group;
  }

  /** True when nothing can be delivered before new messages come or time passes. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#ready.size === 0 && !this.#pumpScheduled && !this.#mayFetch();
  }

  /** Looks for new messages on these of the topics it reads, or on all. */
  wake(topics?: ReadonlySet<string>): void {
    if (this.#closing) return;
    let concerned = false;
    for (const topic of this.#topics.values()) {
      if (topics && !topics.has(topic.name)) continue;
      topic.mayHaveMore = true;
      concerned = true;
    }
    if (concerned) this.#schedulePump();
  }

  /** Takes up the parked messages that were marked for replay. */
  replayMarked(): void {
    for (const row of this.#context.parked.toReplay(this.group)) {
      if (this.#replaying.has(row.position)) continue;
      this.#replaying.add(row.position);
      this.#enqueue(`replay\n${row.position}`, row);
    }
    this.#schedulePump();
  }

  lag(): Lag[] {
    return [...this.#topics.values()].map((topic) => {
      const ahead = this.#context.log.remaining(topic.name, topic.cursor);
      const [oldestFetchedMs] = topic.unfinished.values();
      const oldestMs = oldestFetchedMs ?? ahead.oldestMs;
      return {
        group: this.group,
        topic: topic.name,
        messages: topic.unfinished.size + ahead.count,
        oldestAgeMs: oldestMs === null ? 0 : Math.max(0, this.#context.clock.now() - oldestMs),
      };
    });
  }

  /** Writes how far the group has come. To be called inside a transaction. */
  saveProgress(): void {
    for (const topic of this.#topics.values()) {
      const unfinished = [...topic.unfinished.keys()];
      const beyond = unfinished[UNFINISHED_MAX];
      const position = beyond === undefined ? topic.cursor : beyond - 1;
      this.#context.log.saveProgress(this.group, topic.name, {
        position,
        unfinished: unfinished.slice(0, UNFINISHED_MAX),
      });
    }
    this.#dirty = false;
    this.#savedAtMs = this.#context.clock.now();
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const lane of this.#lanes.values()) lane.cancelWake?.();
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.#checkDrained();
    });
    this.#removeRider();
    await this.#context.database.committer.submit(() => this.saveProgress());
  }

  #onDrained: () => void = () => undefined;

  #checkDrained(): void {
    if (this.#closing && this.#inFlight === 0) this.#onDrained();
  }

  #open(name: string): void {
    const { log } = this.#context;
    const beginsAfter = this.#options.startAt === 'newest' ? log.newestPosition() : 0;
    const progress = log.progress(this.group, name, beginsAfter);
    const topic: TopicState = { name, cursor: progress.position, mayHaveMore: true, unfinished: new Map() };
    this.#topics.set(name, topic);
    for (const position of progress.unfinished) {
      const row = log.at(position);
      if (row) this.#accept(topic, row);
    }
  }

  #accept(topic: TopicState, row: LogRow): void {
    if (this.#options.wants && !this.#options.wants(row.type)) return;
    if (this.#parkedBefore.has(row.position)) return;
    topic.unfinished.set(row.position, row.timeMs);
    this.#enqueue(`${row.topic}\n${row.key}`, row);
  }

  #enqueue(laneId: string, row: LogRow): void {
    let lane = this.#lanes.get(laneId);
    if (!lane) {
      lane = { id: laneId, items: new Fifo(), attempt: 1, waiting: false };
      this.#lanes.set(laneId, lane);
      this.#ready.push(lane);
    }
    lane.items.push(lane.items.size < LANE_ROWS_MAX || this.#replaying.has(row.position) ? row : row.position);
    this.#heldRows++;
    if (lane.waiting) this.#waitingRows++;
  }

  #mayFetch(): boolean {
    if (this.#closing || this.#heldRows - this.#waitingRows >= DELIVERABLE_MAX) return false;
    for (const topic of this.#topics.values()) if (topic.mayHaveMore) return true;
    return false;
  }

  #fetch(): void {
    for (const topic of this.#topics.values()) {
      if (!topic.mayHaveMore) continue;
      const rows = this.#context.log.after(topic.name, topic.cursor, FETCH_ROWS);
      topic.mayHaveMore = rows.length === FETCH_ROWS;
      if (rows.length === 0) continue;
      for (const row of rows) this.#accept(topic, row);
      topic.cursor = rows.at(-1)!.position;
      this.#dirty = true;
    }
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closing || !this.#context.database.isOpen) return;
    while (this.#inFlight < this.#concurrency) {
      if (this.#ready.size === 0 && this.#mayFetch()) this.#fetch();
      const lane = this.#ready.shift();
      if (!lane) {
        if (this.#mayFetch()) continue;
        break;
      }
      this.#inFlight++;
      void this.#serve(lane);
    }
    if (this.idle) this.#context.onSettled();
  }

  async #serve(lane: Lane): Promise<void> {
    const item = lane.items.peek()!;
    const row = typeof item === 'number' ? this.#context.log.at(item) : item;
    let retryAfterMs: number | undefined;
    if (row) retryAfterMs = await this.#attempt(lane, row);
    this.#inFlight--;
    if (retryAfterMs === undefined) this.#finish(lane, row);
    else this.#wait(lane, retryAfterMs);
    this.#checkDrained();
    this.#schedulePump();
  }

  /** Resolves to the delay of the next attempt, or to nothing when the message is done with. */
  async #attempt(lane: Lane, row: LogRow): Promise<number | undefined> {
    const { attempts, guard } = this.#context;
    try {
      const outcome = attempts.suspects(row.position)
        ? await guard.watch({ group: this.group, position: row.position }, () => this.#handle(lane, row))
        : await this.#handle(lane, row);
      if (outcome === 'kills the process') {
        await this.#park(lane, row, 'kills the process: handling began several times and never ended');
      } else if (this.#replaying.has(row.position)) {
        await this.#context.database.committer.submit(() => this.#context.parked.remove(this.group, row.position));
      }
      return undefined;
    } catch (error) {
      return this.#onFailure(lane, row, error);
    }
  }

  async #handle(lane: Lane, row: LogRow): Promise<void> {
    await this.#options.handle({
      id: row.id,
      type: row.type,
      topic: row.topic,
      key: row.key,
      source: row.source,
      timeMs: row.timeMs,
      payload: row.payload,
      headers: row.headers,
      group: this.group,
      partition: partitionOf(row.key),
      offset: row.position,
      attempt: lane.attempt,
    });
  }

  async #onFailure(lane: Lane, row: LogRow, error: unknown): Promise<number | undefined> {
    const { retry, random } = this.#context;
    const verdict = verdictOn(error, lane.attempt, retry, random.next());
    if (verdict.kind === 'retry') return verdict.afterMs;
    try {
      await this.#park(lane, row, verdict.reason);
      return undefined;
    } catch {
      // Neither handled nor parked, so the offset must not pass; the store may be well again later.
      return retry.backoff.maxMs;
    }
  }

  async #park(lane: Lane, row: LogRow, reason: string): Promise<void> {
    const { database, parked, clock, onParked } = this.#context;
    const failure = { attempt: lane.attempt, reason, atMs: clock.now() };
    onParked(await database.committer.submit(() => parked.park(this.group, row, failure)));
  }

  #finish(lane: Lane, row: LogRow | undefined): void {
    const item = lane.items.shift()!;
    const position = typeof item === 'number' ? item : item.position;
    this.#heldRows--;
    lane.attempt = 1;
    if (!this.#replaying.delete(position)) {
      for (const topic of row ? [this.#topics.get(row.topic)!] : this.#topics.values())
        topic.unfinished.delete(position);
      this.#dirty = true;
    }
    if (lane.items.size > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane.id);
  }

  #wait(lane: Lane, delayMs: number): void {
    lane.attempt++;
    lane.waiting = true;
    this.#waitingRows += lane.items.size;
    if (this.#closing) return;
    const { clock } = this.#context;
    lane.cancelWake = clock.wakeAt(clock.now() + delayMs, () => {
      lane.waiting = false;
      this.#waitingRows -= lane.items.size;
      this.#ready.push(lane);
      this.#schedulePump();
    });
  }

  #rideAlong(): void {
    if (this.#dirty && this.#context.clock.now() - this.#savedAtMs >= SAVE_INTERVAL_MS) this.saveProgress();
  }
}
