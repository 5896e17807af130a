import { autocorrelationTime } from './autocorrelation.js';
import { checkCount, checkFinite, checkNumber, type Numbers } from './checks.js';

/** Neighbouring values averaged over blocks so long that one hardly knows of the next, or how many more points that takes. */
export type IndependentBlocks =
  | { readonly kind: 'blocks'; readonly means: Float64Array; readonly blockLength: number }
  | { readonly kind: 'insufficient'; readonly pointsNeeded: number };

/** A block is this many autocorrelation times long. */
const TIMES_PER_BLOCK = 3;

/**
 * Means over blocks of three autocorrelation times of the newest points of an evenly spaced series, which may be taken for
 * independent; `insufficient` while there are fewer than `blocksMin`.
 * Source: batch means as in Flegal & Jones (2010), Annals of Statistics 38:1034; {@link autocorrelationTime}.
 * @example independentBlocks([1, 2, 1, 2, 1, 2], 2).blockLength // => 3
 */
export function independentBlocks(series: Numbers, blocksMin: number): IndependentBlocks {
  checkFinite('series', series);
  checkCount('blocksMin', blocksMin, 1);
  const blockLength = Math.ceil(TIMES_PER_BLOCK * autocorrelationTime(series));
  const blocks = Math.floor(series.length / blockLength);
  if (blocks < blocksMin) return { kind: 'insufficient', pointsNeeded: blocksMin * blockLength - series.length };
  const means = new Float64Array(blocks);
  const first = series.length - blocks * blockLength;
  for (let i = 0; i < blocks * blockLength; i++) means[Math.floor(i / blockLength)]! += series[first + i]!;
  // Divided last, so that no mean lies outside of the values.
  for (let block = 0; block < blocks; block++) means[block]! /= blockLength;
  return { kind: 'blocks', means, blockLength };
}

/** A series of any length in bounded room: sums of `span` neighbours each. Plain JSON. */
export interface EvenSeries {
  /** Values that one point sums up; a power of two. */
  readonly span: number;
  readonly sums: readonly number[];
  /** Values of the point that is not complete, and their sum. */
  readonly open: number;
  readonly openSum: number;
}

/** Points kept; with one more, neighbours are put together. */
const POINTS_MAX = 256;

/** No value. */
export const emptySeries: EvenSeries = { span: 1, sums: [], open: 0, openSum: 0 };

/**
 * The series with one more value. Up to 256 points are kept; when they are full, two neighbours become one.
 * @example addToSeries(emptySeries, 3).sums // => [3]
 */
export function addToSeries(series: EvenSeries, value: number): EvenSeries {
  checkNumber('value', value);
  const open = series.open + 1;
  const openSum = series.openSum + value;
  if (open < series.span) return { ...series, open, openSum };
  const sums = [...series.sums, openSum];
  if (sums.length < POINTS_MAX) return { span: series.span, sums, open: 0, openSum: 0 };
  const halved = Array.from({ length: POINTS_MAX / 2 }, (_, i) => sums[2 * i]! + sums[2 * i + 1]!);
  return { span: 2 * series.span, sums: halved, open: 0, openSum: 0 };
}
