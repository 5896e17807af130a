import { systemClock, type Clock } from '@rondo/kernel';
import { SqliteBus, type SqliteBusOptions } from '@rondo/messaging';
import type { Journal } from '../ports.js';
import { JOURNAL_SCHEMA } from './schema.js';
import { SqliteJournal } from './sqlite-journal.js';
import { TimerTable } from './timer-table.js';

/** Settings of one service's journal. */
export interface JournalOptions {
  /** traceparent of the active span, written to the headers of what is published. */
  readonly currentTraceparent?: () => string | undefined;
}

/** Settings of the store: the clock, and a bus that is already open or the settings of the one to open. */
export type SqliteStoreOptions = { readonly clock?: Clock } & (
  { readonly bus?: SqliteBus } | { readonly busOptions?: Omit<SqliteBusOptions, 'clock'> }
);

/** One SQLite file with the journals of all services of this process and the bus they publish to. */
export class SqliteStore {
  /** The bus whose log is written by the same transactions as the journals. */
  readonly bus: SqliteBus;
  readonly #clock: Clock;
  readonly #timers: TimerTable;

  private constructor(bus: SqliteBus, clock: Clock) {
    this.bus = bus;
    this.#clock = clock;
    bus.database.connection.exec(JOURNAL_SCHEMA);
    this.#timers = new TimerTable(bus, clock);
    this.#timers.arm();
  }

  /**
   * @param path a file, or `:memory:`; ignored when a bus is given
   * @throws PermanentError `failed-precondition` when another process has the file open
   */
  static open(path: string, options: SqliteStoreOptions = {}): SqliteStore {
    const clock = options.clock ?? systemClock;
    const given = 'bus' in options ? options.bus : undefined;
    const busOptions = 'busOptions' in options ? options.busOptions : undefined;
    return new SqliteStore(given ?? SqliteBus.open(path, { clock, ...busOptions }), clock);
  }

  /** The state of one service; services do not see each other's. */
  journal(service: string, options: JournalOptions = {}): Journal {
    return new SqliteJournal(service, {
      bus: this.bus,
      clock: this.#clock,
      timers: this.#timers,
      currentTraceparent: options.currentTraceparent ?? (() => undefined),
    });
  }

  /** Stops the timers and the bus, commits what is queued, closes the file. */
  async close(): Promise<void> {
    this.#timers.close();
    await this.bus.close();
  }
}
