import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { featureReliance } from './feature-reliance.js';

const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

/** Rows of `width` features, of which the model reads the first alone. */
function rows(count: number, width: number) {
  const random = seededRandom(3);
  const values = Float32Array.from({ length: count * width }, () => 6 * random.next() - 3);
  const score = (given: Float32Array, n: number) =>
    Promise.resolve(Float32Array.from({ length: n }, (_, row) => logistic(given[row * width]!)));
  const labels = Float32Array.from({ length: count }, (_, row) =>
    random.next() < logistic(values[row * width]!) ? 1 : 0,
  );
  return { features: Array.from({ length: width }, (_, i) => `f${i}`), values, labels, score };
}

describe('what a model relies on', () => {
  it('is what it reads: exactly nothing is lost without any other feature', async () => {
    const { score, ...read } = rows(1000, 3);
    const before = read.values.slice();
    const probabilities = await score(read.values, 1000);
    const found = await featureReliance({ ...read, probabilities }, 1, score);
    expect(found).toMatchObject([
      { name: 'reliance', slice: 'f0', n: 500, confidence: 0.95 },
      { slice: 'f1', value: 0, lower: 0, upper: 0 },
      { slice: 'f2', value: 0 },
    ]);
    // The loss is log(1 + e^z) - y z, so a switched z costs E[y (z - z')] = cov(p(z), z), 0.5408 for z uniform on (-3, 3).
    expect(found[0]!.lower).toBeLessThan(0.5408);
    expect(found[0]!.upper).toBeGreaterThan(0.5408);
    expect(read.values).toEqual(before);
    expect(await featureReliance({ ...read, probabilities }, 1, score)).toEqual(found);
    expect(await featureReliance({ ...read, probabilities }, 2, score)).not.toEqual(found);
  });

  it('costs one more scoring at most, and is not measured on too few rows', async () => {
    const { score, ...read } = rows(3000, 40);
    const probabilities = await score(read.values, 3000);
    let scored = 0;
    const counting = (values: Float32Array, n: number) => {
      scored += n;
      return score(values, n);
    };
    expect((await featureReliance({ ...read, probabilities }, 1, counting))[0]!.n).toBe(250);
    expect(scored).toBe(20_000);
    const few = { ...read, labels: read.labels.slice(0, 59), probabilities: probabilities.slice(0, 59) };
    expect(await featureReliance(few, 1, counting)).toEqual([]);
    expect(scored).toBe(20_000);
  });
});
