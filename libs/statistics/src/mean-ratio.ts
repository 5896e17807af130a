import {
  checkBetween,
  checkCount,
  checkCounts,
  checkFinite,
  checkSameLength,
  invalid,
  type Numbers,
} from './checks.js';
import { tQuantile } from './distributions.js';
import { magnitudeOf } from './magnitude.js';

/** A ratio of two means with what is known of its error. */
export interface MeanRatio {
  readonly ratio: number;
  /** Both null where the pairs are too few, or the denominators too uncertain to bound the ratio. */
  readonly lower: number | null;
  readonly upper: number | null;
  /** Pairs that overlap no other. */
  readonly independent: number;
}

/**
 * Mean of the numerators over mean of the denominators (>= 0), measured in pairs, with Fieller's interval: every ratio r for which a
 * t test does not find a mean of numerator - r · denominator other than 0. Unlike that of the delta method it stays right when the
 * denominator is uncertain, and then is wide, or without an end. With all denominators 1 it is the t interval of a mean.
 * `overlap` pairs in a row share what they are made of (errors of forecasts that look `overlap` steps ahead): the variance of the mean
 * is `overlap` times that of independent pairs, and only every `overlap`-th counts for the t quantile. Two of those are needed.
 * In units of numerator per denominator.
 * Source: Fieller (1954), J. Royal Statistical Society B 16:175; Franz (2007), arXiv:0710.2024.
 * @example meanRatio([1, 2, 3, 2], [4, 5, 6, 4]) // => { ratio: 0.421053, lower: 0.199584, upper: 0.572296, independent: 4 }
 */
export function meanRatio(
  numerators: Numbers,
  denominators: Numbers,
  options: { readonly confidence?: number; readonly overlap?: number } = {},
): MeanRatio {
  const { confidence = 0.95, overlap = 1 } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkCount('overlap', overlap, 1);
  checkFinite('numerators', numerators);
  checkSameLength('denominators', denominators, 'numerators', numerators);
  if (checkCounts('denominators', denominators) === 0) throw invalid('denominators', 0, 'must not sum to 0');
  const n = numerators.length;
  const independent = Math.max(1, Math.floor(n / overlap));
  const [unitA, unitB] = [magnitudeOf(numerators), magnitudeOf(denominators)];
  const a = meanOf(numerators, unitA);
  const b = meanOf(denominators, unitB);
  const unit = unitA / unitB;
  const ratio = (a / b) * unit;
  if (independent < 2) return { ratio, lower: null, upper: null, independent };
  let [aa, ab, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [ofA, ofB] = [numerators[i]! / unitA - a, denominators[i]! / unitB - b];
    aa += ofA * ofA;
    ab += ofA * ofB;
    bb += ofB * ofB;
  }
  // Of overlapping pairs the sample variance is too small by the share 1 - overlap / n.
  const t2 = tQuantile((1 + confidence) / 2, independent - 1) ** 2 * (overlap / (n * (n - overlap)));
  const [square, product, constant] = [b * b - t2 * bb, a * b - t2 * ab, a * a - t2 * aa];
  if (square <= 0) return { ratio, lower: null, upper: null, independent };
  const root = Math.sqrt(Math.max(0, product * product - square * constant));
  return {
    ratio,
    lower: Math.min(ratio, ((product - root) / square) * unit),
    upper: Math.max(ratio, ((product + root) / square) * unit),
    independent,
  };
}

function meanOf(values: Numbers, unit: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! / unit;
  return sum / values.length;
}
