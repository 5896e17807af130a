import { describe, expect, it } from '@jest/globals';
import { sliceFeature } from './index.js';

describe('the values of a feature that slices are made of', () => {
  it('are its values when there are few, in their order, missing ones last', () => {
    const { values: names, codes: of } = sliceFeature('dow', Float32Array.of(2, NaN, 1, 2, 0.1));
    expect(names).toEqual(['dow=0.1', 'dow=1', 'dow=2', 'dow=missing']);
    expect([...of]).toEqual([2, 3, 1, 2, 0]);
  });

  it('are quartiles when there are many', () => {
    const values = Float32Array.from({ length: 101 }, (_, i) => (i === 100 ? NaN : i));
    const { values: names, codes: of } = sliceFeature('x', values);
    expect(names).toEqual(['x <= 24.75', '24.75 < x <= 49.5', '49.5 < x <= 74.25', 'x > 74.25', 'x=missing']);
    expect(Array.from({ length: 5 }, (_, index) => of.filter((cohort) => cohort === index).length)).toEqual([
      25, 25, 25, 25, 1,
    ]);
  });
});
