import { checkAtLeast, checkCount, checkFinite, checkSameLength, type Numbers } from './checks.js';
import { rowsWhere, type Fold } from './fold.js';
import { timeBlocks } from './time-blocks.js';

/**
 * Rolling origins that also hold groups apart, for a model that will meet both later times and unknown groups: time is cut
 * into `folds` + 1 blocks of about equally many rows; each but the first is tested on, and trained on are the rows at
 * least `embargoMs` before it whose group does not occur in it. Oldest first; training rows may be few or none where
 * groups live long. Refused: fewer instants than blocks.
 * Source: Tashman (2000), International Journal of Forecasting 16:437; Roberts et al. (2017), Ecography 40:913.
 * @example groupTimeFolds({ timeMs: [0, 10, 20, 30], groups: [1, 2, 2, 3], folds: 1 }).map(({ train }) => Array.from(train)) // => [[0]]
 */
export function groupTimeFolds(plan: {
  readonly timeMs: Numbers;
  readonly groups: Numbers;
  readonly folds: number;
  readonly embargoMs?: number;
}): Fold[] {
  const { timeMs, groups, folds, embargoMs = 0 } = plan;
  checkFinite('timeMs', timeMs);
  checkSameLength('groups', groups, 'timeMs', timeMs);
  checkFinite('groups', groups);
  checkCount('folds', folds, 1);
  checkAtLeast('embargoMs', embargoMs, 0);
  const [, ...tested] = timeBlocks('timeMs', timeMs, folds + 1);
  return tested.map((test) => {
    const tabu = new Set(Array.from(test, (row) => groups[row]!));
    const from = test.reduce((earliest, row) => Math.min(earliest, timeMs[row]!), Infinity);
    const train = rowsWhere(
      timeMs.length,
      (row) => timeMs[row]! < from && timeMs[row]! <= from - embargoMs && !tabu.has(groups[row]!),
    );
    return { train, test };
  });
}
