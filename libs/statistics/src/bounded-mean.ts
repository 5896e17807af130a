import { STAKES, type MeanBet } from './betting-e-process.js';
import { checkBetween, invalid } from './checks.js';
import { checkSums, type RunningSums } from './confidence-sequence.js';
import { logMeanExp } from './count-e-process.js';
import type { Interval } from './proportions.js';

const BISECTIONS = 60;

/**
 * ln of an e-value against a mean of values that cannot leave [least, most], from their sums alone, so that it costs three numbers a
 * mean, whatever the order they come in. Values are seen as y = (x - mean)/(mean - least) for `above`, mirrored for `below`: none is
 * less than -1, so exp(λΣy + (λ + ln(1 - λ))Σy²) is at most what {@link bettingLogEValue} has left of the stake λ. Averaged over its
 * stakes. Reject at 1/alpha, at any time; only that given the earlier values none is expected beyond the mean is assumed.
 * Source: Fan, Grama & Liu (2015), Electronic Journal of Probability 20:1, lemma 4.1; Howard et al. (2021), Annals of Statistics 49:1055.
 * @example boundedMeanLogEValue({ n: 400, sum: 20, sumSquares: 16 }, { least: -5, most: 5, mean: 0, side: 'above' }) // => 1.573915
 */
export function boundedMeanLogEValue(sums: RunningSums, bet: Omit<MeanBet, 'repeats'>): number {
  const { least, most, mean, side } = bet;
  checkWithin(sums, bet);
  checkBetween('mean', mean, least, most);
  return side === 'above'
    ? logEValueAbove(sums, mean, least)
    : logEValueAbove(mirrored(sums, bet), least + most - mean, least);
}

/**
 * Confidence sequence of that mean: the means that {@link boundedMeanLogEValue} does not refute, on either side at alpha/2. Covers at
 * all looks together with probability 1 - alpha; [least, most] without values.
 * @example boundedMeanConfidenceSequence({ n: 400, sum: 20, sumSquares: 16 }, { least: -5, most: 5, alpha: 0.05 }) // => { lower: -0.039421, upper: 0.13795 }
 */
export function boundedMeanConfidenceSequence(
  sums: RunningSums,
  range: { readonly least: number; readonly most: number; readonly alpha: number },
): Interval {
  const { least, most, alpha } = range;
  checkWithin(sums, range);
  checkBetween('alpha', alpha, 0, 1);
  const limit = Math.log(2 / alpha);
  return {
    lower: lowerBound(sums, least, limit),
    upper: least + most - lowerBound(mirrored(sums, range), least, limit),
  };
}

function checkWithin(sums: RunningSums, { least, most }: { readonly least: number; readonly most: number }): void {
  if (!(least < most)) throw invalid('most', most, `must be above least (${least})`);
  checkSums('sums', sums);
  const slack = 1e-9 * sums.n * Math.max(Math.abs(least), Math.abs(most));
  if (sums.sum < sums.n * least - slack || sums.sum > sums.n * most + slack)
    throw invalid('sums.sum', sums.sum, `must be that of ${sums.n} values from ${least} to ${most}`);
}

/** The sums of `least + most - x`: seen from the other side a mean that is lower is one that is higher. */
function mirrored({ n, sum, sumSquares }: RunningSums, range: { least: number; most: number }): RunningSums {
  const both = range.least + range.most;
  return { n, sum: n * both - sum, sumSquares: n * both * both - 2 * both * sum + sumSquares };
}

/** λ + ln(1 - λ) of each stake: what the spread of the values costs. */
const COSTS = STAKES.map((stake) => stake + Math.log1p(-stake));

function logEValueAbove({ n, sum, sumSquares }: RunningSums, mean: number, least: number): number {
  const room = mean - least;
  const gain = (sum - n * mean) / room;
  const spread = Math.max(0, (sumSquares - 2 * mean * sum + n * mean * mean) / (room * room));
  return logMeanExp(STAKES.map((stake, i) => stake * gain + COSTS[i]! * spread));
}

/**
 * A mean below the sample's that is refuted, as near to it as can be told; `least` when none is. The logarithm of each stake is a
 * concave parabola in 1/(mean - least), so where one alone reaches what the average needs is known.
 */
function lowerBound(sums: RunningSums, least: number, limit: number): number {
  const { n, sum, sumSquares } = sums;
  const total = sum - n * least;
  const squares = Math.max(0, sumSquares - 2 * least * sum + n * least * least);
  if (n === 0 || total <= 0 || squares === 0) return least;
  const enough = limit + Math.log(STAKES.length);
  const refuted = STAKES.map((stake, i) => {
    // stake·(total·t - n) + cost·(squares·t² - 2·total·t + n) at t = 1/(mean - least).
    const [a, b, c] = [COSTS[i]! * squares, (stake - 2 * COSTS[i]!) * total, (COSTS[i]! - stake) * n - enough];
    return (-b + Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a);
  })
    .map((inverse) => least + 1 / inverse)
    .filter((mean) => logEValueAbove(sums, mean, least) >= limit);
  if (refuted.length === 0) return least;
  let [out, within] = [Math.max(...refuted), sum / n];
  for (let i = 0; i < BISECTIONS; i++) {
    const mean = (out + within) / 2;
    if (logEValueAbove(sums, mean, least) >= limit) out = mean;
    else within = mean;
  }
  return out;
}
