import { describe, expect, it } from '@jest/globals';
import { sliceFeature, sliceFeatureAt } from './index.js';

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

describe('slices at cuts that are given', () => {
  it('are the same whatever the column holds', () => {
    const column = Float32Array.of(3, NaN, 1, 7, Infinity);
    const between = sliceFeatureAt('x', column, { edges: [1, 5] });
    expect(between.values).toEqual(['x <= 1', '1 < x <= 5', 'x > 5', 'x=missing']);
    expect([...between.codes]).toEqual([1, 3, 0, 2, 3]);
    const each = sliceFeatureAt('x', column, { values: [1, 2, 3] });
    expect(each.values).toEqual(['x=1', 'x=2', 'x=3', 'x=other', 'x=missing']);
    expect([...each.codes]).toEqual([2, 4, 0, 3, 4]);
    expect(sliceFeatureAt('x', [], { edges: [] })).toEqual({
      name: 'x',
      values: ['x', 'x=missing'],
      codes: new Uint8Array(),
    });
  });

  it('are refused when the cuts do not rise or are too many', () => {
    expect(() => sliceFeatureAt('x', [], { edges: [1, 1] })).toThrow('edges[1]');
    expect(() => sliceFeatureAt('x', [], { values: [NaN] })).toThrow('values[0]');
    expect(() => sliceFeatureAt('x', [], { values: Array.from({ length: 254 }, (_, i) => i) })).toThrow('values');
  });
});
