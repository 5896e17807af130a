import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { drawPairs, modelReliance } from './index.js';

describe('the reliance on a feature', () => {
  it('is that of pairs that share no row, the same ones for a seed', () => {
    const pairs = drawPairs(101, { pairsMax: 30, seed: 3 });
    expect([pairs.length, new Set(pairs).size]).toEqual([60, 60]);
    expect(drawPairs(101, { pairsMax: 80, seed: 3 }).length).toBe(100);
    expect(drawPairs(101, { pairsMax: 30, seed: 3 })).toEqual(pairs);
    expect(drawPairs(101, { pairsMax: 30, seed: 4 })).not.toEqual(pairs);
  });

  it('lies in its interval about as often as that says', () => {
    // Squared loss of the model x where y = x + noise: switching x costs 2 var(x) = 1/6 on average.
    let held = 0;
    for (let run = 0; run < 600; run++) {
      const random = seededRandom(run);
      const x = Float64Array.from({ length: 200 }, () => random.next());
      const y = x.map((value) => value + random.next() - 0.5);
      const losses = y.map((value, row) => (value - x[row]!) ** 2);
      const switched = y.map((value, row) => (value - x[row ^ 1]!) ** 2);
      const { lower, upper } = modelReliance(losses, switched);
      if (lower <= 1 / 6 && 1 / 6 <= upper) held++;
    }
    expect(held / 600).toBeGreaterThan(0.93);
    expect(held / 600).toBeLessThan(0.97);
  });
});
