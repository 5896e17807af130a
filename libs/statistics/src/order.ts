import type { Numbers } from './checks.js';

const RADIX = 65_536;
/** Below this a comparator sort beats clearing four histograms of 65,536 slots. */
const RADIX_MIN_ROWS = 4_096;
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A sorted copy, ascending; -0 and 0 are the same value. */
export function sorted(values: Numbers): Float64Array {
  const copy = new Float64Array(values.length);
  for (let i = 0; i < copy.length; i++) copy[i] = values[i]! + 0;
  return copy.sort();
}

/**
 * The row numbers in ascending order of their values, equal values in row order. Least-significant-digit radix sort on
 * the bits of the doubles, so 100,000 rows take a few milliseconds instead of the tens a comparator takes.
 */
export function ascendingOrder(values: Numbers): Uint32Array {
  const rows = values.length;
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  if (rows < RADIX_MIN_ROWS) return order.sort((a, b) => values[a]! - values[b]! || a - b);
  const keys = sortableBits(values);
  let from = order;
  let to = new Uint32Array(rows);
  const starts = new Uint32Array(RADIX);
  for (let digit = 0; digit < 4; digit++) {
    const word = keys[digit >> 1]!;
    const shift = (digit & 1) * 16;
    if (!countDigits(word, shift, starts)) continue;
    for (let i = 0; i < rows; i++) {
      const row = from[i]!;
      to[starts[(word[row]! >>> shift) & 0xffff]!++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Low and high words of keys whose unsigned order is the order of the doubles. */
function sortableBits(values: Numbers): [Uint32Array, Uint32Array] {
  const rows = values.length;
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  const lowAt = littleEndian ? 0 : 1;
  const low = new Uint32Array(rows);
  const high = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    double[0] = values[i]! + 0;
    const highWord = words[1 - lowAt]!;
    const negative = highWord >>> 31 === 1;
    low[i] = negative ? ~words[lowAt]! : words[lowAt]!;
    high[i] = negative ? ~highWord : highWord ^ 0x80000000;
  }
  return [low, high];
}

/** Fills the first slot of every digit; false when all rows share one digit, so that the pass can be skipped. */
function countDigits(word: Uint32Array, shift: number, starts: Uint32Array): boolean {
  starts.fill(0);
  for (let i = 0; i < word.length; i++) starts[(word[i]! >>> shift) & 0xffff]!++;
  if (starts[(word[0]! >>> shift) & 0xffff] === word.length) return false;
  let start = 0;
  for (let digit = 0; digit < RADIX; digit++) {
    const count = starts[digit]!;
    starts[digit] = start;
    start += count;
  }
  return true;
}

/** Type-7 quantile (the default of R and NumPy) of an ascending sample; `probability` in 0..1. */
export function quantileOfSorted(ascending: Numbers, probability: number): number {
  const position = probability * (ascending.length - 1);
  const below = Math.floor(position);
  const low = ascending[below]!;
  const high = ascending[Math.min(below + 1, ascending.length - 1)]!;
  return low + (position - below) * (high - low);
}
