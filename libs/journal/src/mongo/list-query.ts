import { assert } from '@rondo/kernel';
import type { Filter, IndexSpecification, Sort } from 'mongodb';
import type { ListQuery } from '../ports.js';
import { documentKey, type Place } from '../units/document-row.js';
import type { DocumentDoc } from './collections.js';

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** A list in MongoDB's terms: numbers come before text there as well, and text is compared by its UTF-8 bytes. */
export interface MongoListQuery {
  readonly filter: Filter<DocumentDoc>;
  readonly sort: Sort;
  /** The index that answers lists of this shape without sorting. */
  readonly index: IndexSpecification;
}

/** Writes a list query; `place` is where the previous page ended. */
export function mongoListQuery(kind: string, query: ListQuery, place: Place | undefined): MongoListQuery {
  const where = Object.entries(query.where ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const order = query.orderBy && fieldOf(query.orderBy.index);
  const direction = query.orderBy?.direction === 'desc' ? -1 : 1;
  const equal = where.map(([name, value]) => ({ [fieldOf(name)]: { $eq: value } }));
  const conditions: Filter<DocumentDoc>[] = [{ kind }, ...equal];
  // Absent is null in an index; only this form lets the planner step over those entries.
  if (order) conditions.push({ [order]: { $ne: null } });
  if (place) conditions.push(afterPlace(kind, order, direction, place));
  const fields = where.map(([name]) => fieldOf(name)).filter((field) => field !== order);
  return {
    filter: { $and: conditions },
    sort: order ? { [order]: direction, _id: direction } : { _id: 1 },
    index: Object.fromEntries(['kind', ...fields, ...(order ? [order] : []), '_id'].map((field) => [field, 1])),
  };
}

function fieldOf(name: string): string {
  assert(NAME.test(name), `${name} cannot be the name of an index value`);
  return `index.${name}`;
}

/** Comparisons find values of the same type only, so the other type is named where it comes later. */
function afterPlace(
  kind: string,
  order: string | undefined,
  direction: 1 | -1,
  [value, id]: Place,
): Filter<DocumentDoc> {
  const key = documentKey(kind, id);
  const beyond = direction === 1 ? '$gt' : '$lt';
  if (!order) return { _id: { $gt: key } };
  const later: Filter<DocumentDoc>[] = [
    { [order]: { [beyond]: value } },
    { [order]: { $eq: value }, _id: { [beyond]: key } } as Filter<DocumentDoc>,
  ];
  if (direction === 1 && typeof value === 'number') later.push({ [order]: { $type: 'string' } });
  if (direction === -1 && typeof value === 'string') later.push({ [order]: { $type: 'number' } });
  return { $or: later };
}
