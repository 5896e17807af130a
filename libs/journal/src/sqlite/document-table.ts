import type { SqliteDatabase } from '@rondo/messaging';
import type { IndexValues, ListQuery } from '../ports.js';
import { indexOf, type DocumentRow, type DocumentSource, type Place } from '../units/document-row.js';

const COLUMNS =
  'd.row, d.id, d.version, d.updated_at_ms AS updatedAtMs, d.state, d.index_values AS indexText, ' +
  'd.stream_version AS streamVersion, d.stream_row AS streamRow, d.stream_hash AS streamHash';

const HAS_VALUE = `EXISTS(SELECT 1 FROM document_index w WHERE w.service = o.service AND w.kind = o.kind
  AND w.name = ? AND w.value = ? AND w.id = o.id)`;

/** A document as stored, with the head of its stream. */
export interface SqliteRow extends DocumentRow {
  readonly row: number;
  readonly streamVersion: number;
  /** Row of the newest entry of the stream. */
  readonly streamRow: number | null;
  readonly streamHash: string;
}

/** What a commit writes for one document. */
export interface DocumentWrite {
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly atMs: number;
  readonly state: string | null;
  readonly index: IndexValues;
  readonly streamVersion: number;
  readonly streamRow: number | null;
  readonly streamHash: string;
}

/** Documents of one service. Every method is synchronous. */
export class DocumentTable implements DocumentSource<SqliteRow> {
  readonly #database: SqliteDatabase;
  readonly #service: string;

  constructor(database: SqliteDatabase, service: string) {
    this.#database = database;
    this.#service = service;
  }

  get(kind: string, id: string): SqliteRow | undefined {
    return this.#database
      .statement(`SELECT ${COLUMNS} FROM document d WHERE d.service = ? AND d.kind = ? AND d.id = ?`)
      .get(this.#service, kind, id) as SqliteRow | undefined;
  }

  /** Whether a document is still what it was when it was read; `before` is absent when it was looked for in vain. */
  isUnchanged(kind: string, id: string, before: SqliteRow | undefined): boolean {
    const now = this.#database
      .statement('SELECT row, version FROM document WHERE service = ? AND kind = ? AND id = ?')
      .get(this.#service, kind, id);
    return now?.['row'] === before?.row && now?.['version'] === before?.version;
  }

  /** Up to `limit` documents after `place`, in order. */
  select(kind: string, query: ListQuery, limit: number, place: Place | undefined): SqliteRow[] {
    const { where = {}, orderBy } = query;
    const filters = Object.entries(where);
    const driver = orderBy ? undefined : filters.shift();
    const parameters: (string | number)[] = [this.#service, kind];
    const tail: string[] = [];
    let from: string;
    if (orderBy || driver) {
      from = `document_index o CROSS JOIN document d ON d.service = o.service AND d.kind = o.kind AND d.id = o.id
        WHERE o.service = ? AND o.kind = ? AND o.name = ?`;
      parameters.push(orderBy ? orderBy.index : driver![0]);
      if (driver) {
        tail.push('AND o.value = ?');
        parameters.push(driver[1]);
      }
    } else {
      from = 'document d WHERE d.service = ? AND d.kind = ?';
    }
    for (const [name, value] of filters) {
      tail.push(`AND EXISTS(SELECT 1 FROM document_index w WHERE w.service = d.service AND w.kind = d.kind
        AND w.name = ? AND w.value = ? AND w.id = d.id)`);
      parameters.push(name, value);
    }
    const descending = orderBy?.direction === 'desc';
    if (place) {
      tail.push(orderBy ? `AND (o.value, o.id) ${descending ? '<' : '>'} (?, ?)` : `AND ${driver ? 'o' : 'd'}.id > ?`);
      parameters.push(...(orderBy ? [place[0]!, place[1]] : [place[1]]));
    }
    const way = descending ? 'DESC' : 'ASC';
    const order = orderBy ? `o.value ${way}, o.id ${way}` : `${driver ? 'o' : 'd'}.id`;
    const sql = `SELECT ${COLUMNS} FROM ${from} ${tail.join(' ')} AND d.state IS NOT NULL ORDER BY ${order} LIMIT ?`;
    return this.#database.statement(sql).all(...parameters, limit) as unknown as SqliteRow[];
  }

  /** How many documents have these indexed values. */
  count(kind: string, where: IndexValues): number {
    const [first, ...rest] = Object.entries(where);
    const from = first
      ? `document_index o WHERE o.service = ? AND o.kind = ? AND o.name = ? AND o.value = ?${rest.map(() => ` AND ${HAS_VALUE}`).join('')}`
      : 'document o WHERE o.service = ? AND o.kind = ? AND o.state IS NOT NULL';
    const parameters = [...(first ?? []), ...rest.flat()];
    const counted = this.#database
      .statement(`SELECT count(*) AS n FROM ${from}`)
      .get(this.#service, kind, ...parameters);
    return Number(counted!['n']);
  }

  /** Heads of all streams, including those of removed documents. */
  heads(): { kind: string; id: string; stream_version: number; stream_hash: string }[] {
    return this.#database
      .statement(
        'SELECT kind, id, stream_version, stream_hash FROM document WHERE service = ? AND stream_version > 0 ORDER BY row',
      )
      .all(this.#service) as never;
  }

  /** To be called inside a transaction. `before` is the row as it stands. */
  write(change: DocumentWrite, before: SqliteRow | undefined): void {
    const indexText = JSON.stringify(change.index);
    if (before) {
      this.#database
        .statement(
          `UPDATE document SET version = ?, updated_at_ms = ?, state = ?, index_values = ?, stream_version = ?,
             stream_row = ?, stream_hash = ? WHERE row = ?`,
        )
        .run(
          change.version,
          change.atMs,
          change.state,
          indexText,
          change.streamVersion,
          change.streamRow,
          change.streamHash,
          before.row,
        );
    } else {
      this.#database
        .statement(
          `INSERT INTO document(service, kind, id, version, updated_at_ms, state, index_values, stream_version, stream_row, stream_hash)
           VALUES(?,?,?,?,?,?,?,?,?,?)`,
        )
        .run(
          this.#service,
          change.kind,
          change.id,
          change.version,
          change.atMs,
          change.state,
          indexText,
          change.streamVersion,
          change.streamRow,
          change.streamHash,
        );
    }
    const beforeText = before?.indexText ?? '{}';
    if (beforeText !== indexText)
      this.#reindex(change.kind, change.id, JSON.parse(beforeText) as IndexValues, change.index);
  }

  /** Deletes a document that has no stream. To be called inside a transaction. */
  delete(kind: string, before: SqliteRow): void {
    this.#database.statement('DELETE FROM document WHERE row = ?').run(before.row);
    this.#reindex(kind, before.id, indexOf(before), {});
  }

  #reindex(kind: string, id: string, before: IndexValues, after: IndexValues): void {
    for (const [name, value] of Object.entries(before)) {
      if (after[name] === value) continue;
      this.#database
        .statement('DELETE FROM document_index WHERE service = ? AND kind = ? AND name = ? AND value = ? AND id = ?')
        .run(this.#service, kind, name, value, id);
    }
    for (const [name, value] of Object.entries(after)) {
      if (before[name] === value) continue;
      this.#database
        .statement('INSERT INTO document_index(service, kind, name, value, id) VALUES(?,?,?,?,?)')
        .run(this.#service, kind, name, value, id);
    }
  }
}
