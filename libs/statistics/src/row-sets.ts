import { checkFinite, type Numbers } from './checks.js';
import { filled } from './filled.js';
import { ascendingOrder } from './order.js';

/** Rows in disjoint sets: those of set `s` are `members[starts[s]]` up to, without, `members[starts[s + 1]]`, ascending. */
export interface RowSets {
  readonly members: Uint32Array;
  readonly starts: Uint32Array;
  readonly count: number;
}

/** All rows as one set. */
export function oneSet(rows: number): RowSets {
  return { members: filled(new Uint32Array(rows), (row) => row), starts: Uint32Array.of(0, rows), count: 1 };
}

/**
 * Rows with equal keys as a set each, in the order of their first rows. Sorts instead of looking keys up, because a table of
 * millions of small sets takes more memory than the rows.
 * @throws PermanentError `invalid` naming `field` for a key that is not finite
 */
export function setsByKey(field: string, keys: Numbers): RowSets {
  checkFinite(field, keys);
  const rows = keys.length;
  const order = ascendingOrder(keys);
  // Where the set that a row is the first of begins and ends in `order`; 0 and 0 for all other rows.
  const from = new Uint32Array(rows);
  const until = new Uint32Array(rows);
  let count = 0;
  for (let at = 0; at < rows; count++) {
    const first = order[at]!;
    from[first] = at;
    while (at < rows && keys[order[at]!] === keys[first]) at++;
    until[first] = at;
  }
  const members = new Uint32Array(rows);
  const starts = new Uint32Array(count + 1);
  let [set, next] = [0, 0];
  for (let row = 0; row < rows; row++) {
    if (until[row] === 0) continue;
    for (let at = from[row]!; at < until[row]!; at++) members[next++] = order[at]!;
    starts[++set] = next;
  }
  return { members, starts, count };
}

/** Rows of each set. */
export function sizesOf({ starts, count }: RowSets): Float64Array {
  return filled(new Float64Array(count), (set) => starts[set + 1]! - starts[set]!);
}

/** The place of each row's set. */
export function setOfEachRow({ members, starts, count }: RowSets): Uint32Array {
  const sets = new Uint32Array(members.length);
  for (let set = 0; set < count; set++)
    for (let at = starts[set]!; at < starts[set + 1]!; at++) sets[members[at]!] = set;
  return sets;
}
