import type { AttemptLog } from '../crash-guard.js';
import type { MessageLog } from './message-log.js';
import type { SqliteDatabase } from './sqlite-database.js';

/** A message in the reading of one group. */
export interface ReadPosition {
  readonly group: string;
  readonly position: number;
}

/** Beginnings of handling in the bus's own file. */
export class BegunAttempts implements AttemptLog<ReadPosition> {
  readonly #database: SqliteDatabase;
  readonly #log: MessageLog;
  readonly #suspectUpTo: number;
  readonly #starts = new Map<string, Map<number, number>>();

  constructor(database: SqliteDatabase, log: MessageLog) {
    this.#database = database;
    this.#log = log;
    this.#suspectUpTo = log.endedUncleanly ? log.newestPosition() : 0;
  }

  /** True for messages that were in the log when the last process died. */
  suspects(position: number): boolean {
    return position <= this.#suspectUpTo;
  }

  startsOf({ group, position }: ReadPosition): number {
    return this.#startsOf(group).get(position) ?? 0;
  }

  async begin({ group, position }: ReadPosition): Promise<void> {
    await this.#database.committer.submit(() => this.#log.recordStart(group, position));
  }

  async end({ group, position }: ReadPosition): Promise<void> {
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
