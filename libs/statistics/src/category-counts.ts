import { invalid } from './checks.js';

/** Two samples of categories, counted in the same order. */
export interface CategoryCounts {
  /** Every category of either sample: the reference's in ascending order, then those it has never seen. */
  readonly categories: readonly string[];
  readonly reference: Float64Array;
  readonly current: Float64Array;
  /** Rows of the current sample whose category the reference has never seen. */
  readonly unseen: number;
}

/** The category of a row without a value. */
const MISSING = '(missing)';

/**
 * Counts two samples of categories for {@link psi}, chi-squared and the distances of counts. Missing values (null,
 * undefined) are a category of their own, named "(missing)"; a category the reference lacks is counted, not dropped.
 * @example categoryCounts(['a', 'b', 'a', null], ['b', 'c']) // => { categories: ['(missing)', 'a', 'b', 'c'], reference: [1, 2, 1, 0], current: [0, 0, 1, 1], unseen: 1 }
 */
export function categoryCounts(
  reference: ArrayLike<string | null | undefined>,
  current: ArrayLike<string | null | undefined>,
): CategoryCounts {
  if (reference.length === 0) throw invalid('reference', 0, 'needs at least 1 value');
  if (current.length === 0) throw invalid('current', 0, 'needs at least 1 value');
  const before = counted(reference);
  const now = counted(current);
  const known = [...before.keys()].sort(byCodeUnit);
  const unseen = [...now.keys()].filter((category) => !before.has(category)).sort(byCodeUnit);
  const categories = [...known, ...unseen];
  return {
    categories,
    reference: Float64Array.from(categories, (category) => before.get(category) ?? 0),
    current: Float64Array.from(categories, (category) => now.get(category) ?? 0),
    unseen: unseen.reduce((rows, category) => rows + now.get(category)!, 0),
  };
}

function counted(values: ArrayLike<string | null | undefined>): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < values.length; i++) {
    const category = values[i] ?? MISSING;
    counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  return counts;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
