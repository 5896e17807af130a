import { invalid, type Numbers } from './checks.js';

/** Where the values of a sample lie among breaks. */
export interface CellCounts {
  /** Values equal to each break. */
  readonly at: Float64Array;
  /** Values below the first break, between neighbours, above the last: one more than breaks. */
  readonly between: Float64Array;
  /** Finite values. */
  readonly rows: number;
  /** NaN and infinities. */
  readonly missing: number;
}

/** Slots of the table; 1 MiB. */
const SLOTS_MAX = 1 << 18;
/** Breaks of one slot that are passed one by one; more are halved first. */
const PASSED_MAX = 8;

/**
 * Counts unsorted values among ascending breaks (distinct, finite), without sorting them: a table over the leading bits of
 * the numbers leaves a few breaks to pass. 1 million values among 5,000 breaks take some 20 ms, so a batch can be held
 * against a kept reference at the speed of reading it.
 * Both are taken as float32: arrays of another type are converted.
 * @example Array.from(countCells(Float32Array.of(1, 2, 2, 9), Float32Array.of(2, 5)).at) // => [2, 0]
 */
export function countCells(values: Numbers, breaks: Numbers): CellCounts {
  const floats = floatsOf(values);
  const cuts = floatsOf(breaks);
  checkBreaks(cuts);
  const words = wordsOf(floats);
  const { keys, first, shift } = tableOf(cuts, floats.length);
  const lowest = keys[0]!;
  const highest = cuts.length > 0 ? keys[cuts.length - 1]! : lowest;
  // Between and at by turns, so that no branch depends on which it is.
  const cells = new Uint32Array(2 * cuts.length + 2);
  let missing = 0;
  for (let row = 0; row < words.length; row++) {
    const word = words[row]!;
    // An exponent of all ones: NaN or infinite.
    if ((word & 0x7f800000) === 0x7f800000) {
      missing++;
      continue;
    }
    const key = keyOf(word);
    let at = 0;
    if (key > highest) at = cuts.length;
    else if (key >= lowest) {
      const slot = (key - lowest) >>> shift;
      at = first[slot]!;
      for (let end = first[slot + 1]!; end - at > PASSED_MAX;) {
        const middle = (at + end) >>> 1;
        if (keys[middle]! < key) at = middle + 1;
        else end = middle;
      }
      while (keys[at]! < key) at++;
    }
    cells[2 * at + (keys[at] === key ? 1 : 0)]!++;
  }
  return {
    at: Float64Array.from({ length: cuts.length }, (_, i) => cells[2 * i + 1]!),
    between: Float64Array.from({ length: cuts.length + 1 }, (_, i) => cells[2 * i]!),
    rows: floats.length - missing,
    missing,
  };
}

function floatsOf(values: Numbers): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

function wordsOf(floats: Float32Array): Int32Array {
  return new Int32Array(floats.buffer, floats.byteOffset, floats.length);
}

/** A whole number whose order is that of the floats; -0 counts as 0. */
function keyOf(word: number): number {
  const key = word ^ ((word >> 31) & 0x7fffffff);
  return word === -2147483648 ? 0 : key;
}

/** The keys of the breaks, ended by one above all floats, and for every slot the first break that is in it or above. */
function tableOf(
  breaks: Float32Array,
  values: number,
): { readonly keys: Int32Array; readonly first: Uint32Array; readonly shift: number } {
  const keys = new Int32Array(breaks.length + 1).fill(0x7fffffff);
  keys.set(wordsOf(breaks).map(keyOf));
  const span = breaks.length > 0 ? (keys[breaks.length - 1]! - keys[0]!) >>> 0 : 0;
  // For few values a large table costs more than it saves; two slots need a shift of 31 bits at most, and there are no more.
  const slotsMax = Math.min(SLOTS_MAX, Math.max(2, values));
  let shift = 0;
  while (span >>> shift >= slotsMax) shift++;
  const first = new Uint32Array((span >>> shift) + 2);
  for (let slot = 0, at = 0; slot < first.length; slot++) {
    while (at < breaks.length && (keys[at]! - keys[0]!) >>> shift < slot) at++;
    first[slot] = at;
  }
  return { keys, first, shift };
}

function checkBreaks(breaks: Float32Array): void {
  for (let i = 0; i < breaks.length; i++) {
    if (!Number.isFinite(breaks[i])) throw invalid(`breaks[${i}]`, breaks[i], 'must be finite');
    if (i > 0 && !(breaks[i]! > breaks[i - 1]!))
      throw invalid(`breaks[${i}]`, breaks[i], 'must be above the one before');
  }
}
