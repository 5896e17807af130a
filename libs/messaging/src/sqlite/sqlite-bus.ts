import { PermanentError, seededRandom, systemClock, type Clock, type Random } from '@rondo/kernel';
import { CrashGuard } from '../crash-guard.js';
import type { Bus, Envelope, Lag, ParkedMessage, ParkingLot, SubscribeOptions, Subscription } from '../ports.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../retry-policy.js';
import { BegunAttempts } from './begun-attempts.js';
import { GroupDispatcher, type DispatcherContext } from './group-dispatcher.js';
import { MessageLog } from './message-log.js';
import { ParkedMessages } from './parked-messages.js';
import { SqliteDatabase } from './sqlite-database.js';

const SAFETY_POLL_MS = 5000;
const TRIM_ROWS = 2000;

/** Settings of the embedded bus; all have defaults. */
export interface SqliteBusOptions {
  readonly clock?: Clock;
  /** Spreads the retries. */
  readonly random?: Random;
  readonly retry?: RetryPolicy;
  /** Messages that every group has passed are deleted at this age; 7 days by default. */
  readonly retentionMs?: number;
  /** Told of every message that is set aside. */
  readonly onParked?: (message: ParkedMessage) => void;
}

/** The bus of the embedded mode: one table in a SQLite file, read by the groups of this process. */
export class SqliteBus implements Bus {
  readonly system = 'rondo';
  readonly database: SqliteDatabase;
  readonly parked: ParkingLot;
  readonly #log: MessageLog;
  readonly #parked: ParkedMessages;
  readonly #context: DispatcherContext;
  readonly #retentionMs: number;
  readonly #dispatchers = new Map<string, GroupDispatcher>();
  readonly #idleWaiters = new Set<() => void>();
  #appendedTopics = new Set<string>();
  #cancelPoll: () => void = () => undefined;

  private constructor(database: SqliteDatabase, options: SqliteBusOptions) {
    this.database = database;
    this.#log = new MessageLog(database);
    this.#parked = new ParkedMessages(database);
    this.#retentionMs = options.retentionMs ?? 7 * 24 * 3_600_000;
    const attempts = new BegunAttempts(database, this.#log);
    this.#context = {
      database,
      log: this.#log,
      parked: this.#parked,
      clock: options.clock ?? systemClock,
      random: options.random ?? seededRandom(Date.now() >>> 0),
      retry: options.retry ?? DEFAULT_RETRY_POLICY,
      attempts,
      guard: new CrashGuard(attempts),
      onParked: options.onParked ?? (() => undefined),
      onSettled: () => this.#onSettled(),
    };
    this.parked = { list: () => Promise.resolve(this.#parked.list()), replay: (id) => this.#replay(id) };
    database.committer.onCommit(() => {
      if (this.#appendedTopics.size > 0) this.#wakeAppended();
      this.#onSettled();
    });
    database.committer.onRollback(() => this.#onSettled());
    this.#armPoll();
  }

  /** Opens (and creates) a bus in a file of its own, or in `:memory:`. */
  static open(path: string, options: SqliteBusOptions = {}): SqliteBus {
    return new SqliteBus(SqliteDatabase.open(path), options);
  }

  async publish(messages: readonly Envelope[]): Promise<void> {
    await this.database.committer.submit(() => this.appendInTransaction(messages));
  }

  /** For a store in the same file: appends inside the transaction that the committer is running. */
  appendInTransaction(messages: readonly Envelope[]): void {
    this.#log.append(messages);
    for (const { topic } of messages) this.#appendedTopics.add(topic);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const { group } = options;
    if (this.#dispatchers.has(group)) {
      throw new PermanentError('already-exists', `group ${group} already consumes in this process`, {
        field: 'group',
        value: group,
        rule: 'one subscription per group and process',
      });
    }
    const dispatcher = new GroupDispatcher(options, this.#context);
    this.#dispatchers.set(group, dispatcher);
    const close = async (): Promise<void> => {
      if (this.#dispatchers.get(group) !== dispatcher) return;
      await dispatcher.close();
      this.#dispatchers.delete(group);
      this.#onSettled();
    };
    // The group exists from now on: retention must wait for it even if it never gets to handle anything.
    await this.database.committer.submit(() => dispatcher.saveProgress());
    return { close };
  }

  lag(isWanted: (group: string) => boolean = () => true): Promise<Lag[]> {
    const nowMs = this.#context.clock.now();
    const running = [...this.#dispatchers].filter(([group]) => isWanted(group));
    const stopped = this.#log
      .allProgress()
      .filter(({ group }) => isWanted(group) && !this.#dispatchers.has(group))
      .map(({ group, topic, progress }) => {
        const ahead = this.#log.remaining(topic, progress.position);
        const first = progress.unfinished[0];
        const oldestMs = (first === undefined ? undefined : this.#log.at(first)?.timeMs) ?? ahead.oldestMs;
        const messages = progress.unfinished.length + ahead.count;
        return { group, topic, messages, oldestAgeMs: oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs) };
      });
    return Promise.resolve([...running.flatMap(([, dispatcher]) => dispatcher.lag()), ...stopped]);
  }

  /** The messages of a topic that are still kept, oldest first, at most 10,000 after `afterOffset`. */
  published(topic: string, afterOffset = 0): Envelope[] {
    return this.#log.after(topic, afterOffset, 10_000);
  }

  /** True when no message can be delivered before one is published or time passes. */
  get isIdle(): boolean {
    return this.database.committer.idle && [...this.#dispatchers.values()].every((dispatcher) => dispatcher.idle);
  }

  /** Resolves when the bus is idle: everything deliverable is handled; what waits for a retry does not count. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await new Promise<void>((resolve) => this.#idleWaiters.add(resolve));
    }
  }

  /** Deletes messages past their retention; happens by itself now and then. Resolves to the number deleted. */
  trim(): Promise<number> {
    const beforeMs = this.#context.clock.now() - this.#retentionMs;
    return this.database.committer.submit(() => this.#log.trim(beforeMs, TRIM_ROWS));
  }

  async close(): Promise<void> {
    if (!this.database.isOpen) return;
    this.#cancelPoll();
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.close()));
    this.#dispatchers.clear();
    this.database.committer.close();
    this.#log.markClosed();
    this.database.close();
  }

  async #replay(id: string): Promise<boolean> {
    const group = await this.database.committer.submit(() => this.#parked.beginReplay(id));
    if (group === undefined) return false;
    this.#dispatchers.get(group)?.replayMarked();
    return true;
  }

  #wakeAppended(): void {
    const topics = this.#appendedTopics;
    this.#appendedTopics = new Set();
    for (const dispatcher of this.#dispatchers.values()) dispatcher.wake(topics);
  }

  #onSettled(): void {
    for (const waiter of this.#idleWaiters) waiter();
    this.#idleWaiters.clear();
  }

  #armPoll(): void {
    const { clock } = this.#context;
    this.#cancelPoll = clock.wakeAt(clock.now() + SAFETY_POLL_MS, () => {
      if (!this.database.isOpen) return;
      for (const dispatcher of this.#dispatchers.values()) dispatcher.wake();
      void this.trim().catch(() => undefined);
      this.#armPoll();
    });
  }
}
