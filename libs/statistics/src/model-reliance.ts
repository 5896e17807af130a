import { seededRandom } from '@rondo/kernel';
import { checkCount, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { pairedMeanDifference } from './mean-difference.js';

/** By how much a model's loss rises without a feature, in the unit of the loss. */
export interface ModelReliance {
  /** May be below 0 by chance, or for a feature that misleads. */
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly pairs: number;
}

/**
 * Rows drawn at random without replacement, as pairs: entries 2k and 2k + 1 are mates, whose values {@link modelReliance} switches.
 * At most `pairsMax` pairs, of `rows` >= 4 rows; equal seeds give equal pairs.
 * @example drawPairs(4, { pairsMax: 9, seed: 1 }).length // => 4
 */
export function drawPairs(
  rows: number,
  options: { readonly pairsMax: number; readonly seed: number },
): Uint32Array<ArrayBuffer> {
  const { pairsMax, seed } = options;
  checkCount('rows', rows, 4);
  checkCount('pairsMax', pairsMax, 2);
  const random = seededRandom(seed);
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  const drawn = 2 * Math.min(pairsMax, Math.floor(rows / 2));
  for (let at = 0; at < drawn; at++) {
    const other = at + random.int(rows - at);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order.slice(0, drawn);
}

/**
 * Model reliance on a feature (permutation importance): how much the mean loss rises when each row gets the feature's value of its
 * mate, rows 2k and 2k + 1 being mates. Each pair gives one difference and shares no row with another, so the t interval over pairs is
 * that of independent differences; a permutation of all rows would make each row depend on two others.
 * It tells what this model uses on such rows, not what causes the target; switched rows of features that depend on each other may be
 * like none that exist.
 * Source: Fisher, Rudin & Dominici (2019), JMLR 20:177, the estimator e_divide, as a difference.
 * @param losses per row, as the rows are
 * @param switched per row, with the feature switched
 * @example modelReliance([0.1, 0.2, 0.3, 0.2], [0.5, 0.4, 0.3, 0.6]) // => { value: 0.25, lower: -0.385310, upper: 0.885310, pairs: 2 }
 */
export function modelReliance(
  losses: Numbers,
  switched: Numbers,
  options: { readonly confidence?: number } = {},
): ModelReliance {
  checkFinite('losses', losses, 4);
  checkFinite('switched', switched, 4);
  checkSameLength('switched', switched, 'losses', losses);
  if (losses.length % 2 !== 0) throw invalid('losses', losses.length, 'must be pairs of rows');
  const rises = Float64Array.from({ length: losses.length / 2 }, (_, pair) => {
    const [first, second] = [2 * pair, 2 * pair + 1];
    return (switched[first]! - losses[first]! + (switched[second]! - losses[second]!)) / 2;
  });
  const { difference: value, lower, upper, rows: pairs } = pairedMeanDifference(rises, options);
  return { value, lower, upper, pairs };
}
