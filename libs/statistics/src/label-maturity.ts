import {
  checkAtLeast,
  checkBetween,
  checkCount,
  checkFinite,
  checkSameLength,
  invalid,
  type Numbers,
} from './checks.js';
import { betaQuantile } from './distributions.js';
import { ascendingOrder } from './order.js';
import type { Interval } from './proportions.js';

/** How complete the labels of predictions of a certain age are. */
export type LabelMaturity =
  | ({
      readonly kind: 'measured';
      /** Estimated share of predictions whose label has come by that age, with its interval. */
      readonly share: number;
      readonly n: number;
      /** The lower bound reaches the share asked for. */
      readonly mature: boolean;
      /** Least age at which the estimate reaches the share asked for; null while no observed age does. */
      readonly matureAtAge: number | null;
    } & Interval)
  | { readonly kind: 'insufficient'; readonly reason: 'no-predictions' | 'none-that-old' };

/**
 * Share of labels that have arrived by `age` (any unit of time), from predictions with and without a label: `ages[i]` is how long
 * prediction i waited for its label, or has waited so far when `labelled[i]` is 0. Kaplan-Meier estimate, so young predictions
 * count for as long as they have been watched. The interval is the beta product confidence procedure with its betas joined by their
 * moments: Clopper and Pearson's when all were watched as long, and as wide as few predictions or many young ones ask for, also when
 * every label has come or none. Labels that come quickly are not like those that come late (a complaint comes sooner than silence),
 * so a comparison on immature rows is biased: hold. Grouped waits have their number of predictions in `options.counts`.
 * Source: Kaplan & Meier (1958), JASA 53:457; Fay, Brittain & Proschan (2013), Biostatistics 14:723.
 * @example labelMaturity([1, 2, 3, 4, 4], [1, 1, 1, 1, 0], { age: 3, share: 0.5 }) // => { kind: 'measured', share: 0.6, n: 5, lower: 0.146633, upper: 0.947255, mature: false, matureAtAge: 3 }
 */
export function labelMaturity(
  ages: Numbers,
  labelled: Numbers,
  options: {
    readonly age: number;
    readonly share: number;
    readonly confidence?: number;
    /** Predictions per entry, whole numbers; default 1 each. */
    readonly counts?: Numbers;
  },
): LabelMaturity {
  const { age, share: wanted, confidence = 0.95, counts } = options;
  checkAtLeast('age', age, 0);
  checkBetween('share', wanted, 0, 1);
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('ages', ages, 0);
  if (labelled.length !== ages.length)
    throw invalid('labelled', labelled.length, `must have as many values as ages (${ages.length})`);
  for (let i = 0; i < ages.length; i++) {
    checkAtLeast(`ages[${i}]`, ages[i]!, 0);
    if (labelled[i] !== 0 && labelled[i] !== 1) throw invalid(`labelled[${i}]`, labelled[i], 'must be 0 or 1');
  }
  if (counts) checkSameLength('counts', counts, 'ages', ages);
  for (let i = 0; counts && i < counts.length; i++) checkCount(`counts[${i}]`, counts[i]!);
  const every = ascendingOrder(ages);
  const order = counts ? every.filter((i) => counts[i] !== 0) : every;
  const n = order.reduce((sum, i) => sum + (counts?.[i] ?? 1), 0);
  if (n === 0) return { kind: 'insufficient', reason: 'no-predictions' };
  if (ages[order.at(-1)!]! < age) return { kind: 'insufficient', reason: 'none-that-old' };
  let waiting = 1;
  let belief = CERTAIN;
  let at = { waiting, belief, watched: n };
  let matureAtAge: number | null = null;
  let risk = n;
  for (let start = 0; start < order.length;) {
    const time = ages[order[start]!]!;
    let arrived = 0;
    let left = 0;
    for (; start < order.length && ages[order[start]!]! === time; start++) {
      const rows = counts?.[order[start]!] ?? 1;
      left += rows;
      arrived += rows * labelled[order[start]!]!;
    }
    waiting *= (risk - arrived) / risk;
    if (arrived > 0) belief = timesBeta(belief, risk - arrived + 1, arrived);
    if (time <= age) at = { waiting, belief, watched: risk - (time === age ? arrived : left) };
    if (matureAtAge === null && 1 - waiting >= wanted) matureAtAge = time;
    risk -= left;
  }
  const most = betaLike(at.belief, (1 + confidence) / 2);
  const least = at.watched === 0 ? 0 : betaLike(timesBeta(at.belief, at.watched, 1), (1 - confidence) / 2);
  const interval = { lower: 1 - most, upper: 1 - least };
  return { kind: 'measured', share: 1 - at.waiting, n, mature: interval.lower >= wanted, matureAtAge, ...interval };
}

/** Product of independent betas by its mean and variance: logarithms of the mean and of 1 + variance / mean². */
interface BetaProduct {
  readonly logMean: number;
  readonly logSpread: number;
}

const CERTAIN: BetaProduct = { logMean: 0, logSpread: 0 };

function timesBeta({ logMean, logSpread }: BetaProduct, a: number, b: number): BetaProduct {
  return {
    logMean: logMean + Math.log1p(-b / (a + b)),
    logSpread: logSpread + Math.log1p(b / (a * (a + b + 1))),
  };
}

/** Quantile of the beta with the mean and the variance of the product. */
function betaLike({ logMean, logSpread }: BetaProduct, probability: number): number {
  if (logSpread === 0) return 1;
  const mean = Math.exp(logMean);
  const spread = Math.expm1(logSpread);
  const a = (-Math.expm1(logMean) - mean * spread) / spread;
  return betaQuantile(probability, a, (a * -Math.expm1(logMean)) / mean);
}
