import { PermanentError } from '@rondo/kernel';
import type { SqliteDatabase } from '@rondo/messaging';
import type { EntryQuery, JournalEntry } from '../ports.js';
import { limitOf } from '../units/document-row.js';
import { textHash } from './text-hash.js';

type Row = Record<string, string | number | null | Uint8Array>;

/** The hash-chained entries of one service. Every method is synchronous. */
export class EntryTable {
  readonly #database: SqliteDatabase;
  readonly #service: string;
  #newestPosition: number | undefined;

  constructor(database: SqliteDatabase, service: string) {
    this.#database = database;
    this.#service = service;
    database.committer.onRollback(() => (this.#newestPosition = undefined));
  }

  /** Position for the next entry; taken, even when it is not used. To be called inside a transaction. */
  takePosition(): number {
    if (this.#newestPosition === undefined) {
      const row = this.#database
        .statement('SELECT max(position) AS newest FROM journal_entry WHERE service = ?')
        .get(this.#service);
      this.#newestPosition = (row!['newest'] as number | null) ?? 0;
    }
    return ++this.#newestPosition;
  }

  /** Adds an entry behind `previous`, the row of the stream's newest one; returns its row. To be called inside a transaction. */
  insert(entry: JournalEntry, previous: number | null): number {
    const cycleId = entry.headers['cycleid'] ?? null;
    const result = this.#database
      .statement(
        `INSERT INTO journal_entry(service, position, stream, version, previous, message_id, type, payload, key, headers,
           cycle_id, actor, at_ms, hash, key_hash, cycle_hash) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
      )
      .run(
        entry.service,
        entry.position,
        entry.stream,
        entry.version,
        previous,
        entry.messageId,
        entry.type,
        entry.payload,
        entry.key,
        JSON.stringify(entry.headers),
        cycleId,
        entry.actor,
        entry.atMs,
        entry.hash,
        textHash(entry.key),
        cycleId === null ? null : textHash(cycleId),
      );
    return result.lastInsertRowid as number;
  }

  /** Entries of a stream from the row of its newest one, oldest first. Throws PermanentError `data-loss` when one is missing. */
  backFrom(newest: number | null): JournalEntry[] {
    const select = this.#database.statement('SELECT * FROM journal_entry WHERE row = ?');
    const found: JournalEntry[] = [];
    for (let at = newest; at !== null;) {
      const row = select.get(at) as Row | undefined;
      if (!row)
        throw new PermanentError(
          'data-loss',
          `an entry of the journal of ${this.#service} is missing; verify names it`,
        );
      found.push(entryOf(row));
      at = row['previous'] as number | null;
    }
    return found.reverse();
  }

  select(query: EntryQuery): JournalEntry[] {
    return this.rows(query).map(entryOf);
  }

  /** The rows of a query as they are, for whoever must not trust them. */
  rows(query: EntryQuery): Row[] {
    const conditions = ['service = ?'];
    const parameters: (string | number)[] = [this.#service];
    const add = (condition: string, value: string | number | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      parameters.push(value);
    };
    add('position > ?', query.afterPosition);
    add('position < ?', query.beforePosition);
    add('key_hash = ?', query.key === undefined ? undefined : textHash(query.key));
    add('key = ?', query.key);
    add('cycle_hash = ?', query.cycleId === undefined ? undefined : textHash(query.cycleId));
    add('cycle_id = ?', query.cycleId);
    add('actor = ?', query.actor);
    // Rows and positions of one service rise together, and an index on a hash is in order of rows.
    const byHash = query.key !== undefined || query.cycleId !== undefined;
    const way = query.newestFirst ? 'DESC' : 'ASC';
    const sql = `SELECT * FROM journal_entry WHERE ${conditions.join(' AND ')} ORDER BY ${byHash ? 'row' : 'position'} ${way} LIMIT ?`;
    return this.#database.statement(sql).all(...parameters, limitOf(query)) as Row[];
  }
}

/** Reads a row. Throws a SyntaxError when its headers are not JSON. */
export function entryOf(row: Row): JournalEntry {
  return {
    position: row['position'] as number,
    service: row['service'] as string,
    stream: row['stream'] as string,
    version: row['version'] as number,
    messageId: row['message_id'] as string,
    type: row['type'] as string,
    payload: row['payload'] as Uint8Array,
    key: row['key'] as string,
    headers: JSON.parse(row['headers'] as string) as Record<string, string>,
    actor: row['actor'] as string,
    atMs: row['at_ms'] as number,
    hash: row['hash'] as string,
  };
}
