import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { radixSort } from './radix-sort.js';

describe('the radix sort of floats', () => {
  it('orders as comparing does, whatever the sign, size and number', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true })), (drawn) => {
        const values = Float32Array.from(drawn, (value) => value + 0);
        expect(Array.from(radixSort(values.slice()))).toEqual(Array.from(values.slice().sort()));
      }),
    );
  });

  it('sorts a part of a longer array and leaves the rest alone', () => {
    const values = Float32Array.of(9, 3, -1, 2, -7, 8);
    radixSort(values.subarray(1, 5));
    expect(Array.from(values)).toEqual([9, -7, -1, 2, 3, 8]);
  });
});
