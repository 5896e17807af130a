import { assert, PermanentError } from '@rondo/kernel';
import type { IndexValues, ListQuery, Page, Stored } from '../ports.js';

const LIST_LIMIT_DEFAULT = 100;
const LIST_LIMIT_MAX = 10_000;

/** What every adapter keeps of a document; `state` is the JSON text, null for a removed document whose stream must be continued. */
export interface DocumentRow {
  readonly id: string;
  readonly version: number;
  readonly updatedAtMs: number;
  readonly state: string | null;
  /** JSON text of the index values. */
  readonly indexText: string;
}

/** Place in an ordered list: value of the ordering index (null when ordered by id) and id of the last document seen. */
export type Place = readonly [value: string | number | null, id: string];

/** Committed documents of one service, as a unit of work reads them. */
export interface DocumentSource<Row extends DocumentRow> {
  get(kind: string, id: string): Row | undefined | Promise<Row | undefined>;
  /** Up to `limit` documents after `place`, in order; removed ones are left out. */
  select(kind: string, query: ListQuery, limit: number, place: Place | undefined): Row[] | Promise<Row[]>;
}

/** Key of a document within its service; also the name of its stream. */
export function documentKey(kind: string, id: string): string {
  assert(!kind.includes('/'), `kind ${kind} must not contain a slash`);
  return `${kind}/${id}`;
}

/** Index values of a row. */
export function indexOf(row: DocumentRow): IndexValues {
  return JSON.parse(row.indexText) as IndexValues;
}

/** A stored row as callers see it. */
export function storedOf<S>(kind: string, row: DocumentRow): Stored<S> {
  return { kind, id: row.id, state: JSON.parse(row.state!) as S, version: row.version, updatedAtMs: row.updatedAtMs };
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

/** Place after which a list begins. Throws PermanentError `invalid` for a page token that {@link pageOf} did not write. */
export function placeOf(query: ListQuery): Place | undefined {
  if (!query.pageToken) return beginningOf(query);
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

/** Before every document with the value a list begins from: no id is empty. */
function beginningOf({ orderBy }: ListQuery): Place | undefined {
  return orderBy?.direction === 'asc' && orderBy.from !== undefined ? [orderBy.from, ''] : undefined;
}

/** Cuts `rows` (one more than `limit` were asked for) to a page. */
export function pageOf<S>(kind: string, rows: readonly DocumentRow[], query: ListQuery, limit: number): Page<S> {
  const items = rows.slice(0, limit).map((row) => storedOf<S>(kind, row));
  if (rows.length <= limit) return { items };
  const last = rows[limit - 1]!;
  const value = query.orderBy ? indexOf(last)[query.orderBy.index]! : null;
  return { items, nextPageToken: Buffer.from(JSON.stringify([value, last.id] satisfies Place)).toString('base64url') };
}
