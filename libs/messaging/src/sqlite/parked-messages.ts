import { idFrom } from '@rondo/kernel';
import { partitionOf } from '../partition.js';
import type { ParkedMessage } from '../ports.js';
import { rowOf, type LogRow, type Row } from './message-log.js';
import type { SqliteDatabase } from './sqlite-database.js';

const REASON_CHARS_MAX = 4000;

/** The table of parked messages. Every method is synchronous. */
export class ParkedMessages {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  /** To be called inside a transaction. A message that was being replayed takes its old place, with the new reason. */
  park(
    group: string,
    row: LogRow,
    failure: { readonly attempt: number; readonly reason: string; readonly atMs: number },
  ): ParkedMessage {
    const id = idFrom('parked', group, String(row.position));
    const reason = failure.reason.slice(0, REASON_CHARS_MAX);
    this.#database
      .statement(
        `INSERT INTO bus_parked(parked_id, group_name, position, attempt, reason, parked_at_ms, replaying, topic, key, id,
           type, source, time_ms, headers, payload) VALUES(?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)
         ON CONFLICT DO UPDATE SET attempt = excluded.attempt, reason = excluded.reason,
           parked_at_ms = excluded.parked_at_ms, replaying = 0`,
      )
      .run(
        id,
        group,
        row.position,
        failure.attempt,
        reason,
        failure.atMs,
        row.topic,
        row.key,
        row.id,
        row.type,
        row.source,
        row.timeMs,
        JSON.stringify(row.headers),
        row.payload,
      );
    return parkedOf(id, group, row, { ...failure, reason });
  }

  list(): ParkedMessage[] {
    const rows = this.#database
      .statement('SELECT * FROM bus_parked WHERE replaying = 0 ORDER BY parked_at_ms, position')
      .all() as Row[];
    return rows.map((row) =>
      parkedOf(row['parked_id'] as string, row['group_name'] as string, rowOf(row), {
        attempt: row['attempt'] as number,
        reason: row['reason'] as string,
        atMs: row['parked_at_ms'] as number,
      }),
    );
  }

  /** Positions of a group's parked messages, replayed or not. */
  positions(group: string): Set<number> {
    const rows = this.#database.statement('SELECT position FROM bus_parked WHERE group_name = ?').all(group);
    return new Set(rows.map((row) => row['position'] as number));
  }

  /** Marks one for replay and names its group. To be called inside a transaction. */
  beginReplay(id: string): string | undefined {
    const row = this.#database
      .statement('UPDATE bus_parked SET replaying = 1 WHERE parked_id = ? AND replaying = 0 RETURNING group_name')
      .get(id);
    return row?.['group_name'] as string | undefined;
  }

  /** Messages of a group that are marked for replay. */
  toReplay(group: string): LogRow[] {
    const rows = this.#database
      .statement('SELECT * FROM bus_parked WHERE group_name = ? AND replaying = 1 ORDER BY position')
      .all(group);
    return (rows as Row[]).map(rowOf);
  }

  /** Forgets a message whose replay succeeded. To be called inside a transaction. */
  remove(group: string, position: number): void {
    this.#database.statement('DELETE FROM bus_parked WHERE group_name = ? AND position = ?').run(group, position);
  }
}

function parkedOf(
  id: string,
  group: string,
  row: LogRow,
  failure: { readonly attempt: number; readonly reason: string; readonly atMs: number },
): ParkedMessage {
  const { position, ...envelope } = row;
  return {
    id,
    delivery: { ...envelope, group, partition: partitionOf(row.key), offset: position, attempt: failure.attempt },
    reason: failure.reason,
    parkedAtMs: failure.atMs,
  };
}
