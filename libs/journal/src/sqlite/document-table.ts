import { PermanentError } from '@rondo/kernel';
import type { SqliteDatabase } from '@rondo/messaging';
import type { IndexValues, ListQuery, Page, Stored } from '../ports.js';

export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 10_000;
const COLUMNS =
  'd.row, d.id, d.version, d.updated_at_ms, d.state, d.index_values, d.stream_version, d.stream_row, d.stream_hash';

/** A document as stored; `state` is the JSON text, null for a removed document whose stream must be continued. */
export interface DocumentRow {
  readonly row: number;
  readonly id: string;
  readonly version: number;
  readonly updated_at_ms: number;
  readonly state: string | null;
  /** JSON text of the index values. */
  readonly index_values: string;
  readonly stream_version: number;
  /** Row of the newest entry of the stream. */
  readonly stream_row: number | null;
  readonly stream_hash: string;
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

/** Place in an ordered list: value of the ordering index (null when ordered by id) and id of the last document seen. */
export type Place = readonly [value: string | number | null, id: string];

/** Documents of one service. Every method is synchronous. */
export class DocumentTable {
  readonly #database: SqliteDatabase;
  readonly #service: string;

  constructor(database: SqliteDatabase, service: string) {
    this.#database = database;
    this.#service = service;
  }

  get(kind: string, id: string): DocumentRow | undefined {
    return this.#database
      .statement(`SELECT ${COLUMNS} FROM document d WHERE d.service = ? AND d.kind = ? AND d.id = ?`)
      .get(this.#service, kind, id) as DocumentRow | undefined;
  }

  /** Whether a document is still what it was when it was read; `before` is absent when it was looked for in vain. */
  isUnchanged(kind: string, id: string, before: DocumentRow | undefined): boolean {
    const now = this.#database
      .statement('SELECT row, version FROM document WHERE service = ? AND kind = ? AND id = ?')
      .get(this.#service, kind, id);
    return now?.['row'] === before?.row && now?.['version'] === before?.version;
  }

  /** Up to `limit` documents after `place`, in order. */
  select(kind: string, query: ListQuery, limit: number, place: Place | undefined): DocumentRow[] {
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
    return this.#database.statement(sql).all(...parameters, limit) as unknown as DocumentRow[];
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
  write(change: DocumentWrite, before: DocumentRow | undefined): void {
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
    const beforeText = before?.index_values ?? '{}';
    if (beforeText !== indexText)
      this.#reindex(change.kind, change.id, JSON.parse(beforeText) as IndexValues, change.index);
  }

  /** Deletes a document that has no stream. To be called inside a transaction. */
  delete(kind: string, before: DocumentRow): void {
    this.#database.statement('DELETE FROM document WHERE row = ?').run(before.row);
    this.#reindex(kind, before.id, JSON.parse(before.index_values) as IndexValues, {});
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

/** A stored row as callers see it. */
export function storedOf<S>(kind: string, row: DocumentRow): Stored<S> {
  return { kind, id: row.id, state: JSON.parse(row.state!) as S, version: row.version, updatedAtMs: row.updated_at_ms };
}

/** Limit of a query. Throws PermanentError `invalid` outside 1..10000. */
export function limitOf(query: { readonly limit?: number }): number {
  const limit = query.limit ?? LIST_LIMIT_DEFAULT;
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT_MAX) return limit;
  throw new PermanentError('invalid', `limit ${limit} is not in 1..${LIST_LIMIT_MAX}`, {
    field: 'limit',
    value: limit,
    rule: `1..${LIST_LIMIT_MAX}`,
  });
}

/** Reads a page token. Throws PermanentError `invalid` for anything that {@link pageOf} did not write. */
export function placeOf(query: ListQuery): Place | undefined {
  if (!query.pageToken) return undefined;
  try {
    const place: unknown = JSON.parse(Buffer.from(query.pageToken, 'base64url').toString());
    if (Array.isArray(place) && place.length === 2 && typeof place[1] === 'string') {
      const value: unknown = place[0];
      if (query.orderBy ? typeof value === 'string' || typeof value === 'number' : value === null)
        return place as never;
    }
  } catch {
    // Falls through: not ours.
  }
  throw new PermanentError('invalid', 'page token was not issued for this list', {
    field: 'pageToken',
    value: query.pageToken.slice(0, 100),
    rule: 'token of the previous page of the same query',
  });
}

/** Cuts `rows` (one more than `limit` were asked for) to a page. */
export function pageOf<S>(kind: string, rows: readonly DocumentRow[], query: ListQuery, limit: number): Page<S> {
  const items = rows.slice(0, limit).map((row) => storedOf<S>(kind, row));
  if (rows.length <= limit) return { items };
  const last = rows[limit - 1]!;
  const value = query.orderBy ? (JSON.parse(last.index_values) as IndexValues)[query.orderBy.index]! : null;
  return { items, nextPageToken: Buffer.from(JSON.stringify([value, last.id] satisfies Place)).toString('base64url') };
}
