import type { Numbers } from './checks.js';

/**
 * The power of two just below the largest magnitude, 1 when all values are 0. Dividing by it changes no digit and keeps squares
 * and cubes of tiny or huge values from becoming 0 or infinite.
 */
export function magnitudeOf(values: Numbers): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
}
