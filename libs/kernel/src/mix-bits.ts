/**
 * Spreads the bits of a 32-bit integer, so that numbers that differ in one bit have nothing in common: the last step of a hash.
 * Bijective; from 0 to 2^32 - 1. Source: Appleby, MurmurHash3, `fmix32`.
 * @example mixBits(1) // => 1364076727
 */
export function mixBits(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
