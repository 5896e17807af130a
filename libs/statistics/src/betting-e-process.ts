import { checkBetween, checkFinite, invalid, type Numbers } from './checks.js';
import { logMeanExp } from './count-e-process.js';
import type { Interval } from './proportions.js';

/** A bet on the mean of values that cannot leave [least, most]. */
export interface MeanBet {
  readonly least: number;
  readonly most: number;
  /** Mean of the hypothesis, strictly within the range. */
  readonly mean: number;
  /** `above` tests "the mean is at most `mean`", `below` that it is at least that. */
  readonly side: 'above' | 'below';
  /** As if the same values came that many times; 1 by default. */
  readonly repeats?: number;
}

/** Shares of what one may lose that are staked on each value: small ones find small differences, large ones great ones soon. */
export const STAKES: readonly number[] = [0.05, 0.1, 0.2, 0.4, 0.8];
const BISECTIONS = 40;

/**
 * ln of the e-value against a mean of bounded values that come one after the other: what is left, averaged over five stakes λ, of
 * 1 that is bet against the hypothesis, Π(1 + λ(x - m)/(m - least)) for `above`. Reject at 1/alpha, at any time; no variance
 * and no distribution is assumed, only that given the earlier values none is expected beyond the mean.
 * Source: Waudby-Smith & Ramdas (2024), JRSS B 86:1 ("Estimating means of bounded random variables by betting").
 * @example bettingLogEValue([1, 1, 1, 1], { least: -1, most: 1, mean: 0, side: 'above' }) // => 1.339853
 */
export function bettingLogEValue(values: Numbers, bet: MeanBet): number {
  checkWithin(values, bet);
  checkBetween('mean', bet.mean, bet.least, bet.most);
  checkBetween('repeats', bet.repeats ?? 1, 0, Infinity);
  return logCapital(values, bet);
}

/**
 * Confidence sequence of that mean: the means that {@link bettingLogEValue} does not refute, on either side at alpha/2. Covers at
 * all looks together with probability 1 - alpha; [least, most] without values.
 * @example bettingConfidenceSequence(new Array(40).fill(0), { least: -1, most: 1, alpha: 0.05 }) // => { lower: -0.147431, upper: 0.147431 }
 */
export function bettingConfidenceSequence(
  values: Numbers,
  { least, most, alpha }: { readonly least: number; readonly most: number; readonly alpha: number },
): Interval {
  checkWithin(values, { least, most });
  checkBetween('alpha', alpha, 0, 1);
  const limit = Math.log(2 / alpha);
  const bound = (side: MeanBet['side'], outside: number, inside: number): number => {
    let [out, within] = [outside, inside];
    for (let i = 0; i < BISECTIONS; i++) {
      const mean = (out + within) / 2;
      if (logCapital(values, { least, most, mean, side }) >= limit) out = mean;
      else within = mean;
    }
    return out;
  };
  return { lower: bound('above', least, most), upper: bound('below', most, least) };
}

function checkWithin(values: Numbers, { least, most }: Pick<MeanBet, 'least' | 'most'>): void {
  if (!(least < most)) throw invalid('most', most, `must be above least (${least})`);
  checkFinite('values', values, 0);
  for (let i = 0; i < values.length; i++)
    if (values[i]! < least || values[i]! > most)
      throw invalid(`values[${i}]`, values[i], `must be from ${least} to ${most}`);
}

function logCapital(values: Numbers, { least, most, mean, side, repeats = 1 }: MeanBet): number {
  // Seen from the other side a mean that is lower is one that is higher.
  const scale = side === 'above' ? 1 / (mean - least) : -1 / (most - mean);
  const capitals = STAKES.map((stake) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += Math.log1p(stake * scale * (values[i]! - mean));
    return repeats * sum;
  });
  return logMeanExp(capitals);
}
