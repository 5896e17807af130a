import { describe, expect, it } from '@jest/globals';
import { slicerOf } from './row-slices.js';

const column = (...values: number[]): Float32Array => Float32Array.from(values);

describe('the slices of rows', () => {
  it('begin at their cut, and the first before it', () => {
    const slicer = slicerOf([{ column: 0, cuts: [-1, 0.1, 500] }], 1);
    const values = [-Infinity, -2, -1, 0, 0.1, 499.9, 500, 1e9, Infinity];
    expect([...slicer(column(...values), values.length)]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 4]);
  });

  it('are one for each value, and one for all others', () => {
    const slicer = slicerOf([{ column: 0, values: [7, 0.1, -3] }], 1);
    expect([...slicer(column(7, 0.1, -3, 6, 0), 5)]).toEqual([1, 2, 3, 4, 4]);
    expect([...slicerOf([{ column: 0, values: [0] }], 1)(column(-0), 1)]).toEqual([1]);
  });

  it('tell a missing value from all of them', () => {
    const slicer = slicerOf(
      [
        { column: 0, cuts: [1] },
        { column: 0, values: [1] },
      ],
      1,
    );
    expect([...slicer(column(Number.NaN, 1), 2)]).toEqual([0, 0, 2, 1]);
  });

  it('run row by row over the features asked for, of which a row has more', () => {
    const slicer = slicerOf(
      [
        { column: 2, cuts: [10] },
        { column: 0, values: [5] },
      ],
      3,
    );
    const rows = column(5, 99, 3, 6, 99, 12);
    expect([...slicer(rows, 2)]).toEqual([1, 1, 2, 2]);
  });

  it('are missing of a feature that the rows do not have', () => {
    expect([...slicerOf([{ column: 4, cuts: [1] }], 2)(column(1, 2), 1)]).toEqual([0]);
  });
});
