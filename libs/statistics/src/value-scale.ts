import type { Numbers } from './checks.js';

/** The distinct values, ascending, and the position of each value among them. */
export interface ValueScale {
  readonly scale: Float64Array;
  readonly index: Uint32Array;
}

/** Finite values as positions on their own scale; -0 and 0 are the same value. */
export function valueScale(values: Float64Array): ValueScale {
  return denseScale(values) ?? sparseScale(values);
}

/** By a table instead of a map, for whole numbers that lie close together; undefined for others. */
function denseScale(values: Float64Array): ValueScale | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Math.floor(value) !== value) return undefined;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (values.length === 0 || !(high - low <= 4 * values.length + 1_024)) return undefined;
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
  const scale = Float64Array.from(new Set(Array.from(values, (value) => value + 0))).sort();
  const position = new Map(Array.from(scale, (value, i) => [value, i]));
  return { scale, index: Uint32Array.from(values, (value) => position.get(value + 0)!) };
}
