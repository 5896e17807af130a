import type { ListQuery } from '../ports.js';
import { indexOf, type DocumentRow, type Place } from './document-row.js';

/** The order of values of every adapter: numbers before text, text by its UTF-8 bytes. */
function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  if (typeof b === 'number') return 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function comparePlaces(a: Place, b: Place): number {
  return (a[0] !== null && b[0] !== null ? compareValues(a[0], b[0]) : 0) || compareValues(a[1], b[1]);
}

const placeIn = (row: DocumentRow, orderBy: ListQuery['orderBy']): Place => [
  orderBy ? indexOf(row)[orderBy.index]! : null,
  row.id,
];

/** Sorts rows the way the list query does. */
export function compareRows(orderBy: ListQuery['orderBy']): (a: DocumentRow, b: DocumentRow) => number {
  const sign = orderBy?.direction === 'desc' ? -1 : 1;
  return (a, b) => sign * comparePlaces(placeIn(a, orderBy), placeIn(b, orderBy));
}

/** Whether a row belongs to the rest of a list after `place`. */
export function matches(row: DocumentRow, query: ListQuery, place: Place | undefined): boolean {
  const index = indexOf(row);
  for (const [name, value] of Object.entries(query.where ?? {})) if (index[name] !== value) return false;
  if (query.orderBy && index[query.orderBy.index] === undefined) return false;
  if (!place) return true;
  const sign = query.orderBy?.direction === 'desc' ? -1 : 1;
  return sign * comparePlaces(placeIn(row, query.orderBy), place) > 0;
}
