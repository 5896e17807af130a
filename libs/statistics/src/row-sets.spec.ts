import { describe, expect, it } from '@jest/globals';
import { setsByKey } from './row-sets.js';

const setsOf = (keys: readonly number[]) => {
  const { members, starts, count } = setsByKey('clusters', keys);
  return Array.from({ length: count }, (_, set) => [...members.subarray(starts[set], starts[set + 1])]);
};

describe('rows with equal keys', () => {
  it('form sets in the order of their first rows, each in the order of the rows', () => {
    expect(setsOf([7.5, -1, 7.5, 0, -1, 7.5])).toEqual([[0, 2, 5], [1, 4], [3]]);
  });

  it('take both zeros for one, many and few rows alike', () => {
    expect(setsOf([0, 1, -0])).toEqual([[0, 2], [1]]);
    const keys = Array.from({ length: 10_000 }, (_, row) => (row % 3) - 1);
    expect(setsOf(keys)).toEqual([0, 1, 2].map((first) => keys.flatMap((_, row) => (row % 3 === first ? [row] : []))));
  });

  it('are none for a key that is no number', () => {
    expect(() => setsByKey('clusters', [1, NaN])).toThrow('clusters[1] must be finite');
  });
});
