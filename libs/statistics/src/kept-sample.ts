import type { CellCounts } from './cell-counts.js';
import { checkCount, checkSameLength, invalid, type Numbers } from './checks.js';
import { checkAscending, ksAsymptotic, ksFromSteps, type KsResult } from './kolmogorov-smirnov.js';
import { mannWhitneyFromPairs, type MannWhitneyResult } from './mann-whitney.js';

/** A sample that was put aside: all of its values, or evenly spaced order statistics of them. */
export interface KeptSample {
  /** Ascending; order statistics come from the middle of their intervals. */
  readonly kept: Numbers;
  /** Rows that `kept` stands for, at least as many. */
  readonly rows: number;
  /** Ascending and distinct: at least the values of `kept`. What the other sample was counted among. */
  readonly breaks: Numbers;
}

/** A kept sample against another. */
export interface KeptComparison {
  /** For any difference of the distributions. */
  readonly ks: KsResult;
  /** For a shift; of the other sample against the kept one. */
  readonly mannWhitney: MannWhitneyResult;
}

/**
 * Kolmogorov-Smirnov and Mann-Whitney of a kept sample against one that was only counted among its values: no sorting, O(kept).
 * Of a whole kept sample both are the tests of the two samples (the second takes values it has not kept for untied, which only
 * makes it more careful). Of order statistics the tests count as much less of the difference as the values left out could hide:
 * one step of theirs.
 * @example compareWithKept({ kept: [1, 2, 3, 4], rows: 4, breaks: [1, 2, 3, 4] }, countCells(Float32Array.of(3, 4, 5, 6), Float32Array.of(1, 2, 3, 4))).ks // => { statistic: 0.5, pValue: 0.771429 }
 */
export function compareWithKept({ kept, rows, breaks }: KeptSample, cells: CellCounts): KeptComparison {
  checkAscending('kept', kept);
  checkCount('rows', rows, kept.length);
  checkSameLength('cells.at', cells.at, 'breaks', breaks);
  const m = cells.rows;
  if (m === 0) throw invalid('cells.rows', m, 'needs at least one row');
  const { steps, pairs, tieTerm } = walked(kept, rows, breaks, cells);
  const n = kept.length;
  if (n === rows) {
    return {
      ks: ksFromSteps(n, m, steps, {}),
      mannWhitney: mannWhitneyFromPairs({ n, m, pairs, tieTerm, hidden: 0 }),
    };
  }
  const statistic = steps / (n * m);
  const certain = Math.max(0, statistic - 1 / n);
  const scale = rows / n;
  return {
    ks: { statistic, ...ksAsymptotic(certain, rows, m) },
    mannWhitney: mannWhitneyFromPairs({ n: rows, m, pairs: pairs * scale, tieTerm, hidden: (rows * m) / (2 * n) }),
  };
}

/** Largest distance in units of 1 / (kept · cells.rows), pairs with the other value above, and the groups of equal values. */
function walked(kept: Numbers, rows: number, breaks: Numbers, { at, between, rows: m }: CellCounts) {
  const n = kept.length;
  const weight = rows / n;
  let steps = 0;
  let pairs = 0;
  let tieTerm = 0;
  let own = 0;
  let below = 0;
  for (let i = 0; i < breaks.length; i++) {
    below += between[i]!;
    steps = Math.max(steps, Math.abs(own * m - below * n));
    const before = own;
    while (own < n && kept[own] === breaks[i]) own++;
    const upTo = below + at[i]!;
    const members = own - before;
    pairs += members * (m - upTo + at[i]! / 2);
    // An order statistic alone stands for many different values; repeated it stands for as many equal ones.
    const ties = (members > 1 ? members * weight : members) + at[i]!;
    tieTerm += ties ** 3 - ties;
    below = upTo;
    steps = Math.max(steps, Math.abs(own * m - below * n));
  }
  if (own < n) throw invalid('breaks', breaks.length, 'must hold every value of kept');
  return { steps, pairs, tieTerm };
}
