import { checkCount, checkFinite, invalid, type Numbers } from './checks.js';
import { foldsOfAssignment, type Fold } from './fold.js';

/**
 * Folds in which the rows of a group (a user, an aircraft) are never on both sides: groups go, largest first, to the fold
 * that has fewest rows so far, so that folds are about equally large. `groups`: any number per row. No randomness.
 * Refused: fewer groups than folds. Source: the greedy rule of Graham (1969), SIAM Journal on Applied Mathematics 17:416.
 * @example groupFolds([7, 7, 8, 9, 9, 9], { folds: 2 }).map(({ test }) => Array.from(test)) // => [[3, 4, 5], [0, 1, 2]]
 */
export function groupFolds(groups: Numbers, options: { readonly folds: number }): Fold[] {
  const { folds } = options;
  checkFinite('groups', groups);
  checkCount('folds', folds, 2);
  const sizes = new Map<number, number>();
  for (let row = 0; row < groups.length; row++) sizes.set(groups[row]!, (sizes.get(groups[row]!) ?? 0) + 1);
  if (sizes.size < folds) throw invalid('groups', sizes.size, `needs at least as many groups as folds (${folds})`);
  const rowsOf = new Float64Array(folds);
  const foldOf = new Map<number, number>();
  for (const [group, size] of [...sizes].sort(([a, m], [b, n]) => n - m || a - b)) {
    const lightest = rowsOf.indexOf(Math.min(...rowsOf));
    foldOf.set(group, lightest);
    rowsOf[lightest]! += size;
  }
  const testedIn = new Uint32Array(groups.length);
  for (let row = 0; row < groups.length; row++) testedIn[row] = foldOf.get(groups[row]!)!;
  return foldsOfAssignment(testedIn, folds);
}
