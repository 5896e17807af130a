import type { MessageLog } from './message-log.js';
import type { SqliteDatabase } from './sqlite-database.js';

/** Beginnings without an end after which a message is taken for the killer. */
export const STARTS_MAX = 5;
/** From this many on a message is handled with no other suspect beside it, so that bystanders are cleared. */
const STARTS_ALONE = 2;

/**
 * Finds the message that kills the process. After an unclean end, messages that were in the log by then are suspects: the
 * beginning of their handling is made durable first, and erased when it ends. Messages that came later pay nothing.
 */
export class CrashGuard {
  readonly #database: SqliteDatabase;
  readonly #log: MessageLog;
  readonly #suspectUpTo: number;
  readonly #starts = new Map<string, Map<number, number>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: SqliteDatabase, log: MessageLog) {
    this.#database = database;
    this.#log = log;
    this.#suspectUpTo = log.endedUncleanly ? log.newestPosition() : 0;
  }

  suspects(position: number): boolean {
    return position <= this.#suspectUpTo;
  }

  /** Runs `handle` on record; returns without running it when the message has used up its chances. */
  async watch(group: string, position: number, handle: () => Promise<void>): Promise<'handled' | 'kills the process'> {
    const starts = this.#startsOf(group).get(position) ?? 0;
    if (starts >= STARTS_MAX) {
      await this.#end(group, position);
      return 'kills the process';
    }
    if (starts < STARTS_ALONE) return this.#onRecord(group, position, handle);
    const mine = this.#turn.then(() => this.#onRecord(group, position, handle));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #onRecord(group: string, position: number, handle: () => Promise<void>): Promise<'handled'> {
    await this.#database.committer.submit(() => this.#log.recordStart(group, position));
    try {
      await handle();
      return 'handled';
    } finally {
      await this.#end(group, position);
    }
  }

  async #end(group: string, position: number): Promise<void> {
    await this.#database.committer.submit(() => this.#log.recordEnd(group, position));
    this.#startsOf(group).delete(position);
  }

  #startsOf(group: string): Map<number, number> {
    let starts = this.#starts.get(group);
    if (!starts) {
      starts = this.#log.starts(group);
      this.#starts.set(group, starts);
    }
    return starts;
  }
}
