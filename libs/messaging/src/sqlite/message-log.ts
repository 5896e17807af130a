import type { SQLOutputValue } from 'node:sqlite';
import { checkEnvelope } from '../envelope-limits.js';
import type { Envelope } from '../ports.js';
import type { SqliteDatabase } from './sqlite-database.js';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS bus_log(
  position INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
  source TEXT NOT NULL, time_ms INTEGER NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS bus_log_by_topic ON bus_log(topic);
CREATE TABLE IF NOT EXISTS bus_offset(
  group_name TEXT NOT NULL, topic TEXT NOT NULL, position INTEGER NOT NULL, unfinished TEXT NOT NULL,
  PRIMARY KEY(group_name, topic)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bus_start(
  group_name TEXT NOT NULL, position INTEGER NOT NULL, starts INTEGER NOT NULL,
  PRIMARY KEY(group_name, position)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bus_parked(
  parked_id TEXT PRIMARY KEY, group_name TEXT NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL,
  reason TEXT NOT NULL, parked_at_ms INTEGER NOT NULL, replaying INTEGER NOT NULL, topic TEXT NOT NULL,
  key TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL, time_ms INTEGER NOT NULL,
  headers TEXT NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS bus_process(one INTEGER PRIMARY KEY CHECK(one = 1), running INTEGER NOT NULL) STRICT;
`;
const COLUMNS = 'position, topic, key, id, type, source, time_ms, headers, payload';

/** An envelope with its place in the log. */
export interface LogRow extends Envelope {
  readonly position: number;
}

/** How far a group has come on a topic: everything up to `position` is handled, except what is listed. */
export interface Progress {
  readonly position: number;
  readonly unfinished: readonly number[];
}

/** A row of a table as node:sqlite gives it. */
export type Row = Record<string, SQLOutputValue>;

/** Reads the envelope columns that `bus_log` and `bus_parked` share. */
export function rowOf(row: Row): LogRow {
  return {
    position: row['position'] as number,
    topic: row['topic'] as string,
    key: row['key'] as string,
    id: row['id'] as string,
    type: row['type'] as string,
    source: row['source'] as string,
    timeMs: row['time_ms'] as number,
    headers: JSON.parse(row['headers'] as string) as Record<string, string>,
    payload: row['payload'] as Uint8Array,
  };
}

/** The append-only table behind the bus, and how far each group has come. Every method is synchronous. */
export class MessageLog {
  readonly #database: SqliteDatabase;
  /** True when the last process that used the file did not close it. */
  readonly endedUncleanly: boolean;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    database.connection.exec(SCHEMA);
    const running = database.statement('SELECT running FROM bus_process').get() as { running: number } | undefined;
    this.endedUncleanly = running?.running === 1;
    this.#markRunning(1);
  }

  markClosed(): void {
    this.#markRunning(0);
  }

  /** To be called inside a transaction. */
  append(envelopes: readonly Envelope[]): void {
    const insert = this.#database.statement(
      'INSERT INTO bus_log(topic, key, id, type, source, time_ms, headers, payload) VALUES(?,?,?,?,?,?,?,?)',
    );
    for (const e of envelopes) {
      checkEnvelope(e);
      insert.run(e.topic, e.key, e.id, e.type, e.source, e.timeMs, JSON.stringify(e.headers), e.payload);
    }
  }

  newestPosition(): number {
    const row = this.#database.statement('SELECT max(position) AS newest FROM bus_log').get() as {
      newest: number | null;
    };
    return row.newest ?? 0;
  }

  after(topic: string, position: number, limit: number): LogRow[] {
    const select = `SELECT ${COLUMNS} FROM bus_log WHERE topic = ? AND position > ? ORDER BY position LIMIT ?`;
    return (this.#database.statement(select).all(topic, position, limit) as Row[]).map(rowOf);
  }

  at(position: number): LogRow | undefined {
    const row = this.#database.statement(`SELECT ${COLUMNS} FROM bus_log WHERE position = ?`).get(position);
    return row && rowOf(row as Row);
  }

  /** Number and oldest time of the messages of a topic after a position. */
  remaining(topic: string, position: number): { count: number; oldestMs: number | null } {
    const select = 'SELECT count(*) AS count, min(time_ms) AS oldestMs FROM bus_log WHERE topic = ? AND position > ?';
    return this.#database.statement(select).get(topic, position) as { count: number; oldestMs: number | null };
  }

  /** How far the group came; one never seen before stands after the given position. */
  progress(group: string, topic: string, beginsAfter: number): Progress {
    const select = 'SELECT position, unfinished FROM bus_offset WHERE group_name = ? AND topic = ?';
    const row = this.#database.statement(select).get(group, topic) as
      { position: number; unfinished: string } | undefined;
    return row
      ? { position: row.position, unfinished: JSON.parse(row.unfinished) as number[] }
      : { position: beginsAfter, unfinished: [] };
  }

  allProgress(): { group: string; topic: string; progress: Progress }[] {
    const rows = this.#database.statement('SELECT * FROM bus_offset ORDER BY group_name, topic').all();
    return rows.map((row) => ({
      group: row['group_name'] as string,
      topic: row['topic'] as string,
      progress: {
        position: row['position'] as number,
        unfinished: JSON.parse(row['unfinished'] as string) as number[],
      },
    }));
  }

  /** To be called inside a transaction. */
  saveProgress(group: string, topic: string, progress: Progress): void {
    this.#database
      .statement(
        `INSERT INTO bus_offset(group_name, topic, position, unfinished) VALUES(?,?,?,?)
         ON CONFLICT DO UPDATE SET position = excluded.position, unfinished = excluded.unfinished`,
      )
      .run(group, topic, progress.position, JSON.stringify(progress.unfinished));
  }

  /** How often the handling of messages of this group began without an end, in processes that died. */
  starts(group: string): Map<number, number> {
    const rows = this.#database.statement('SELECT position, starts FROM bus_start WHERE group_name = ?').all(group);
    return new Map(rows.map((row) => [row['position'] as number, row['starts'] as number]));
  }

  /** To be called inside a transaction. */
  recordStart(group: string, position: number): void {
    this.#database
      .statement(
        `INSERT INTO bus_start(group_name, position, starts) VALUES(?,?,1)
         ON CONFLICT DO UPDATE SET starts = starts + 1`,
      )
      .run(group, position);
  }

  /** To be called inside a transaction. */
  recordEnd(group: string, position: number): void {
    this.#database.statement('DELETE FROM bus_start WHERE group_name = ? AND position = ?').run(group, position);
  }

  /**
   * Removes rows older than `beforeMs` that every group of their topic has passed; at most `limit` of them. The newest row
   * stays, so that positions are never used twice. To be called inside a transaction.
   */
  trim(beforeMs: number, limit: number): number {
    const passed = new Map<string, number>();
    for (const { topic, progress } of this.allProgress()) {
      const safe = progress.unfinished.reduce((least, position) => Math.min(least, position - 1), progress.position);
      passed.set(topic, Math.min(passed.get(topic) ?? Infinity, safe));
    }
    let removed = 0;
    for (const [topic, position] of passed) {
      const result = this.#database
        .statement(
          `DELETE FROM bus_log WHERE position IN (
             SELECT position FROM bus_log WHERE topic = ? AND position <= ? AND time_ms < ? AND position < ? LIMIT ?)`,
        )
        .run(topic, position, beforeMs, this.newestPosition(), limit - removed);
      removed += Number(result.changes);
    }
    return removed;
  }

  #markRunning(running: 0 | 1): void {
    this.#database
      .statement(
        'INSERT INTO bus_process(one, running) VALUES(1, ?) ON CONFLICT DO UPDATE SET running = excluded.running',
      )
      .run(running);
  }
}
