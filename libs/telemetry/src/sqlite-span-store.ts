import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '@rondo/kernel';
import type { FinishedSpan, SpanStore } from './span-store.js';

const TABLE = `
  CREATE TABLE IF NOT EXISTS span (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL,
    cycle_id TEXT,
    start_ms REAL NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS span_trace ON span (trace_id);
  CREATE INDEX IF NOT EXISTS span_cycle ON span (cycle_id, trace_id) WHERE cycle_id IS NOT NULL;`;

/** Rows written per turn of the event loop: about a millisecond. */
const ROWS_PER_TURN = 100;
const ANSWER_MAX = 5000;

/**
 * Spans in a SQLite file of their own, so that telemetry never shares a transaction or a lock with the state.
 * Keeps the newest `spansMax` (default 200 000, about 150 MB); older ones are dropped in writing order.
 */
export class SqliteSpanStore implements SpanStore {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #spansMax: number;
  #closed = false;

  /** @param path file path, or `:memory:` */
  constructor(path: string, options: { readonly spansMax?: number } = {}) {
    this.#spansMax = options.spansMax ?? 200_000;
    assert(this.#spansMax > 0, 'a span store keeps at least one span');
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    this.#db.exec(TABLE);
    this.#insert = this.#db.prepare('INSERT INTO span (trace_id, cycle_id, start_ms, body) VALUES (?, ?, ?, ?)');
  }

  async write(spans: readonly FinishedSpan[]): Promise<void> {
    for (let from = 0; from < spans.length && !this.#closed; from += ROWS_PER_TURN) {
      if (from > 0) await nextTurn();
      if (!this.#closed) this.#writeChunk(spans.slice(from, from + ROWS_PER_TURN));
    }
  }

  byCycle(cycleId: string): readonly FinishedSpan[] {
    return this.#query('trace_id IN (SELECT DISTINCT trace_id FROM span WHERE cycle_id = ?)', cycleId);
  }

  byTrace(traceId: string): readonly FinishedSpan[] {
    return this.#query('trace_id = ?', traceId);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#db.close();
  }

  #query(where: string, value: string): readonly FinishedSpan[] {
    const rows = this.#db
      .prepare(`SELECT body FROM span WHERE ${where} ORDER BY start_ms, seq LIMIT ${ANSWER_MAX}`)
      .all(value);
    return rows.map((row) => JSON.parse(String(row['body'])) as FinishedSpan);
  }

  #writeChunk(spans: readonly FinishedSpan[]): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const span of spans) {
        this.#insert.run(span.traceId, span.attributes['rondo.cycle.id'] ?? null, span.startMs, JSON.stringify(span));
      }
      this.#db.prepare('DELETE FROM span WHERE seq <= (SELECT max(seq) FROM span) - ?').run(this.#spansMax);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}
