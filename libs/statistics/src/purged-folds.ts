import { checkAtLeast, checkCount, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { rowsWhere, type Fold } from './fold.js';
import { timeBlocks } from './time-blocks.js';

/**
 * Cross-validation over rows that each cover a stretch of time (features known at `startMs`, label known at `endMs`): each of
 * `folds` consecutive blocks of about equally many rows is tested once. Trained on are the rows before and after it but for
 * those whose stretch overlaps the block's (purged: they share its outcomes) and those that start less than `embargoMs`
 * after it ends (embargo: their features still carry it). Rows of one instant stay in one block; blocks in order of time.
 * Refused: fewer instants than folds. Source: López de Prado (2018), "Advances in Financial Machine Learning", ch. 7.
 * @example purgedFolds({ startMs: [0, 10, 20, 30], endMs: [5, 25, 25, 35], folds: 2 }).map(({ train }) => Array.from(train)) // => [[3], [0]]
 */
export function purgedFolds(plan: {
  readonly startMs: Numbers;
  readonly endMs: Numbers;
  readonly folds: number;
  readonly embargoMs?: number;
}): Fold[] {
  const { startMs, endMs, folds, embargoMs = 0 } = plan;
  checkFinite('startMs', startMs);
  checkSameLength('endMs', endMs, 'startMs', startMs);
  checkFinite('endMs', endMs);
  checkCount('folds', folds, 2);
  checkAtLeast('embargoMs', embargoMs, 0);
  for (let row = 0; row < startMs.length; row++) {
    if (endMs[row]! < startMs[row]!)
      throw invalid(`endMs[${row}]`, endMs[row], `must not be before startMs (${startMs[row]})`);
  }
  return timeBlocks('startMs', startMs, folds).map((test) => {
    let [from, until] = [Infinity, -Infinity];
    for (const row of test) {
      from = Math.min(from, startMs[row]!);
      until = Math.max(until, endMs[row]!);
    }
    const train = rowsWhere(
      startMs.length,
      (row) => endMs[row]! < from || (startMs[row]! > until && startMs[row]! >= until + embargoMs),
    );
    return { train, test };
  });
}
