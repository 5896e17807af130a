import { seededRandom } from '@rondo/kernel';
import { checkCount, checkFinite, invalid, type Numbers } from './checks.js';
import { foldsOfAssignment, type Fold } from './fold.js';

/**
 * Folds in which every class has its share: the rows of each class are shuffled and dealt out one by one, so that two folds
 * differ by at most one row per class and by at most one row in all. `strata`: any number per row. Equal seeds give equal
 * folds. Refused: a class with fewer rows than folds. Not for rows that are related (see groupFolds) or ordered in time.
 * Source: Kohavi (1995), IJCAI.
 * @example stratifiedFolds([0, 0, 0, 0, 1, 1], { folds: 2, seed: 1 }).map(({ test }) => test.length) // => [3, 3]
 */
export function stratifiedFolds(strata: Numbers, options: { readonly folds: number; readonly seed: number }): Fold[] {
  const { folds, seed } = options;
  checkFinite('strata', strata);
  checkCount('folds', folds, 2);
  checkCount('seed', seed);
  const members = new Map<number, number[]>();
  for (let row = 0; row < strata.length; row++) {
    const stratum = members.get(strata[row]!);
    if (stratum === undefined) members.set(strata[row]!, [row]);
    else stratum.push(row);
  }
  const random = seededRandom(seed);
  const testedIn = new Uint32Array(strata.length);
  let dealt = 0;
  for (const [stratum, rows] of [...members].sort(([a], [b]) => a - b)) {
    if (rows.length < folds) throw invalid('strata', stratum, `has ${rows.length} rows, fewer than folds (${folds})`);
    for (let last = rows.length - 1; last > 0; last--) {
      const other = random.int(last + 1);
      [rows[last], rows[other]] = [rows[other]!, rows[last]!];
    }
    for (const row of rows) testedIn[row] = dealt++ % folds;
  }
  return foldsOfAssignment(testedIn, folds);
}
