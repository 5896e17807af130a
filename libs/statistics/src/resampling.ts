import { invalid, type Numbers } from './checks.js';
import type { CountedDraws } from './draws.js';
import { oneSet, setsByKey, type RowSets } from './row-sets.js';

/** What is redrawn: rows, rows within strata, or whole clusters. */
export interface ResamplingUnits {
  /** A number per row: rows are redrawn within their stratum. Not together with `clusters`. */
  readonly strata?: Numbers;
  /** A number per row: whole clusters are redrawn, for rows that are not independent (one flight, one user). */
  readonly clusters?: Numbers;
}

/** The row sets that resampling works on: all rows as one set, one per stratum, or one per cluster. */
export function resamplingSets(rows: number, { strata, clusters }: ResamplingUnits): RowSets {
  if (strata !== undefined && clusters !== undefined)
    throw invalid('clusters', 'given', 'cannot be combined with strata');
  const keys = strata ?? clusters;
  if (keys === undefined) return oneSet(rows);
  const field = strata === undefined ? 'clusters' : 'strata';
  if (keys.length !== rows) throw invalid(field, keys.length, `must have one value per row (${rows})`);
  const sets = setsByKey(field, keys);
  if (clusters !== undefined && sets.count < 2) throw invalid('clusters', sets.count, 'needs at least 2 clusters');
  return sets;
}

/** Fills the counts of one resample; whole sets are redrawn as units, else rows within each set. */
export function drawing(
  { members, starts, count }: RowSets,
  whole: boolean,
  draws: CountedDraws,
): (counts: Uint16Array) => void {
  if (whole) {
    const ofSet = new Uint32Array(count);
    return (counts) => {
      draws.add(ofSet.fill(0), count);
      for (let set = 0; set < count; set++) {
        const drawn = ofSet[set]!;
        for (let at = starts[set]!; at < starts[set + 1]!; at++) counts[members[at]!] = drawn;
      }
    };
  }
  // Drawing into a block and then spreading it touches memory in order, which halves the time.
  const block = new Uint16Array(members.length);
  return (counts) => {
    block.fill(0);
    for (let set = 0; set < count; set++) {
      const rows = starts[set + 1]! - starts[set]!;
      draws.add(block, rows, { from: starts[set]!, entries: rows });
    }
    for (let at = 0; at < block.length; at++) counts[members[at]!] = block[at]!;
  };
}
