import type { CellCounts } from './cell-counts.js';
import { checkNumber, checkSameLength, invalid, type Numbers } from './checks.js';
import { type KeptSample } from './kept-sample.js';
import { checkAscending } from './kolmogorov-smirnov.js';

/** How far the values beyond an end lie from it. */
export interface TailSums {
  readonly sum: number;
  readonly squares: number;
}

/** Values below a lowest and above a highest break. */
export interface Tails {
  readonly below: TailSums;
  readonly above: TailSums;
}

/** A distance in the unit of the values. */
export interface KeptWasserstein {
  /** Area between the distribution functions, >= 0. */
  readonly distance: number;
  /** What sampling alone adds on average when nothing differs. */
  readonly noise: number;
  /** Sampling error of the distance, both samples' together; of a difference that is there. */
  readonly standardError: number;
}

/**
 * The finite values beyond two ends, in one pass.
 * @example tailsBeyond([0, 1, 4, 7], 1, 4).above // => { sum: 3, squares: 9 }
 */
export function tailsBeyond(values: Numbers, lowest: number, highest: number): Tails {
  checkNumber('lowest', lowest);
  checkNumber('highest', highest);
  if (lowest > highest) throw invalid('lowest', lowest, `must not exceed highest (${highest})`);
  const below = { sum: 0, squares: 0 };
  const above = { sum: 0, squares: 0 };
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value >= lowest && value <= highest) continue;
    if (!Number.isFinite(value)) continue;
    const tail = value < lowest ? below : above;
    const excess = value < lowest ? lowest - value : value - highest;
    tail.sum += excess;
    tail.squares += excess * excess;
  }
  return { below, above };
}

/**
 * Wasserstein-1 distance of a kept sample and one that was only counted among its values, O(breaks). Exact when the other
 * sample has no values between breaks; those it has are taken for evenly spread there. The sampling error is that of the
 * influence of each value, ∫ sign(F - G) up to it; without a difference the distance is about √(2/π)·√(1/n + 1/m)·∫√(P(1 - P)).
 * @param tails of both samples beyond the first and the last break
 * @example wassersteinWithKept({ kept: [0, 1, 3], rows: 3, breaks: [0, 1, 3] }, countCells([5, 6, 8], [0, 1, 3]), { kept: tailsBeyond([0, 1, 3], 0, 3), other: tailsBeyond([5, 6, 8], 0, 3) }).distance // => 5
 */
export function wassersteinWithKept(
  { kept, rows: n, breaks }: KeptSample,
  { at, between, rows: m }: CellCounts,
  tails: { readonly kept: Tails; readonly other: Tails },
): KeptWasserstein {
  checkAscending('kept', kept);
  checkSameLength('cells.at', at, 'breaks', breaks);
  if (m === 0) throw invalid('cells.rows', m, 'needs at least one row');
  const last = breaks.length - 1;
  const belowGap = tails.other.below.sum / m - tails.kept.below.sum / n;
  const aboveGap = tails.other.above.sum / m - tails.kept.above.sum / n;
  let distance = Math.abs(belowGap) + Math.abs(aboveGap);
  let spread = 0;
  const ofKept = { mean: 0, square: 0 };
  const ofOther = { mean: 0, square: 0 };
  /** ∫ sign(F - G) from the first break. */
  let influence = 0;
  const signBelow = -Math.sign(belowGap);
  const keptTail = n / kept.length;
  addTail(ofOther, tails.other.below, { rows: between[0]!, influence: 0, slope: -signBelow }, m);
  addTail(ofKept, tails.kept.below, { rows: 0, influence: 0, slope: -signBelow }, n);
  let own = 0;
  let below = between[0]!;
  for (let i = 0; i <= last; i++) {
    const first = own;
    while (own < kept.length && kept[own] === breaks[i]) own++;
    add(ofKept, ((own - first) * keptTail) / n, influence);
    add(ofOther, at[i]! / m, influence);
    below += at[i]!;
    if (i === last) break;
    const width = breaks[i + 1]! - breaks[i]!;
    const f = own / kept.length;
    const g = below / m;
    const next = (below + between[i + 1]!) / m;
    distance += width * meanGap(f, g, next);
    const pooled = (f * n + ((g + next) / 2) * m) / (n + m);
    spread += width * Math.sqrt(Math.max(0, pooled * (1 - pooled)));
    const step = Math.sign(f - (g + next) / 2) * width;
    add(ofOther, between[i + 1]! / m, influence + step / 2);
    influence += step;
    below += between[i + 1]!;
  }
  if (own < kept.length) throw invalid('breaks', breaks.length, 'must hold every value of kept');
  const signAbove = Math.sign(aboveGap);
  addTail(ofOther, tails.other.above, { rows: between[last + 1]!, influence, slope: signAbove }, m);
  addTail(ofKept, tails.kept.above, { rows: 0, influence, slope: signAbove }, n);
  const variance =
    Math.max(0, ofKept.square - ofKept.mean ** 2) / n + Math.max(0, ofOther.square - ofOther.mean ** 2) / m;
  return {
    distance,
    noise: Math.sqrt((2 / Math.PI) * (1 / n + 1 / m)) * spread,
    standardError: Math.sqrt(variance),
  };
}

interface Moments {
  mean: number;
  square: number;
}

function add(moments: Moments, share: number, influence: number): void {
  moments.mean += share * influence;
  moments.square += share * influence ** 2;
}

/** Values beyond an end: their influence goes on at `slope` from what it is there. */
function addTail(
  moments: Moments,
  { sum, squares }: TailSums,
  { rows, influence, slope }: { readonly rows: number; readonly influence: number; readonly slope: number },
  of: number,
): void {
  add(moments, rows / of, influence);
  moments.mean += (slope * sum) / of;
  moments.square += (2 * influence * slope * sum + slope ** 2 * squares) / of;
}

/** Mean of |f - g| while g rises evenly. */
function meanGap(f: number, g: number, next: number): number {
  if (f <= g || f >= next) return Math.abs(f - (g + next) / 2);
  return ((f - g) ** 2 + (next - f) ** 2) / (2 * (next - g));
}
