import { checkFinite, type Numbers } from './checks.js';
import { filled } from './filled.js';

/** The distinct values, ascending, and the position of each value among them. */
export interface ValueScale {
  readonly scale: Float64Array;
  readonly index: Uint32Array;
}

/** Finite values as positions on their own scale; -0 and 0 are the same value. */
export function valueScale(values: Float64Array): ValueScale {
  return denseScale(values) ?? sparseScale(values);
}

/**
 * The same in fewer passes, for values that are not checked yet; the scale may hold whole numbers that do not occur.
 * @throws PermanentError `invalid` that names `field` for a value that is not finite
 */
export function looseScale(field: string, values: Numbers): ValueScale {
  const copy = new Float64Array(values);
  const range = wholeRange(copy);
  if (range === undefined) {
    checkFinite(field, copy, 0);
    return sparseScale(copy);
  }
  const { low, high } = range;
  const index = new Uint32Array(copy.length);
  for (let i = 0; i < index.length; i++) index[i] = copy[i]! - low;
  const scale = new Float64Array(high - low + 1);
  for (let offset = 0; offset < scale.length; offset++) scale[offset] = low + offset;
  return { scale, index };
}

/** Bounds of whole numbers that lie close together, so that a table can take the place of a map; undefined for others. */
function wholeRange(values: Float64Array): { readonly low: number; readonly high: number } | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Math.floor(value) !== value) return undefined;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return values.length > 0 && high - low <= 4 * values.length + 1_024 ? { low, high } : undefined;
}

function denseScale(values: Float64Array): ValueScale | undefined {
  const range = wholeRange(values);
  if (range === undefined) return undefined;
  const { low, high } = range;
  const position = new Uint32Array(high - low + 1);
  for (let i = 0; i < values.length; i++) position[values[i]! - low] = 1;
  let distinct = 0;
  for (let offset = 0; offset < position.length; offset++) if (position[offset] === 1) position[offset] = ++distinct;
  const scale = new Float64Array(distinct);
  for (let offset = 0; offset < position.length; offset++) {
    if (position[offset]! > 0) scale[position[offset]! - 1] = low + offset;
  }
  const index = new Uint32Array(values.length);
  for (let i = 0; i < index.length; i++) index[i] = position[values[i]! - low]! - 1;
  return { scale, index };
}

function sparseScale(values: Numbers): ValueScale {
  const distinct = new Set<number>();
  for (let i = 0; i < values.length; i++) distinct.add(values[i]! + 0);
  const scale = Float64Array.from(distinct).sort();
  const position = new Map(Array.from(scale, (value, i) => [value, i]));
  return { scale, index: filled(new Uint32Array(values.length), (i) => position.get(values[i]! + 0)!) };
}
