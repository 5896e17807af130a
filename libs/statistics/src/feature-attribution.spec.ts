import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { attributeToFeatures } from './index.js';

describe('attribution of a change to features', () => {
  const rates = [0.02, 0.05, 0.1, 0.3, 0.5];
  /** Log loss of `n` rows that the model gives the chance `p` of an event that has the chance `truth`. */
  const losses = (random: Random, n: number, p: number, truth: number) => {
    const sums = { n, sum: 0, sumSquares: 0 };
    for (let row = 0; row < n; row++) {
      const loss = random.next() < truth ? -Math.log(p) : -Math.log(1 - p);
      sums.sum += loss;
      sums.sumSquares += loss * loss;
    }
    return sums;
  };
  const drawn = (random: Random, truth: (p: number, feature: number) => number) =>
    Array.from({ length: 6 }, (_, feature) => ({
      feature: `f${feature}`,
      segments: rates.map((p, i) => ({
        segment: `f${feature}=${i}`,
        // Now one side is small, now the other, as in young and in quiet windows.
        reference: losses(random, feature % 2 === 0 ? 150 : 1500, p, p),
        current: losses(random, feature % 2 === 0 ? 1500 : 150, p, truth(p, feature)),
      })),
    }));

  it('blames nobody when nothing changed, and when all got worse alike', () => {
    let [unchanged, alike] = [0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const random = seededRandom(seed);
      if (attributeToFeatures(drawn(random, (p) => p)).segments.length > 0) unchanged++;
      const features = [{ feature: 'x', segments: [1, 2, 3, 4].map((n) => segmentOf(random, n, 0.08)) }];
      if (attributeToFeatures(features).segments.length > 0) alike++;
    }
    expect(unchanged).toBeLessThanOrEqual(5);
    expect(alike).toBeLessThanOrEqual(5);
  });

  const segmentOf = (random: Random, n: number, truth: number) => ({
    segment: `x=${n}`,
    reference: losses(random, 2000 * n, 0.05, 0.05),
    current: losses(random, 500 * n, 0.05, truth),
  });

  it('finds the segment that got worse, with an interval around what it did', () => {
    const random = seededRandom(5);
    const features = drawn(random, (p, feature) => (feature === 1 && p === 0.3 ? 0.8 : p));
    const { segments, tested, confidence } = attributeToFeatures(features);
    expect(segments.map(({ segment }) => segment)).toEqual(['f1=3']);
    expect(tested).toBe(30);
    expect(confidence).toBeGreaterThan(0.9995);
    // The segment has a fifth of the rows.
    const truth = 0.2 * 0.5 * Math.log(0.7 / 0.3);
    expect(segments[0]!.excess.lower).toBeLessThan(truth);
    expect(segments[0]!.excess.upper).toBeGreaterThan(truth);
    expect(segments[0]).toMatchObject({ feature: 'f1', referenceRows: 1500, currentRows: 150 });
  });

  it('does not test small segments, nor a segment without others', () => {
    const [one] = drawn(seededRandom(6), () => 0.9);
    expect(attributeToFeatures([one!], { minRows: 151 }).tested).toBe(0);
    expect(attributeToFeatures([{ feature: 'x', segments: one!.segments.slice(0, 1) }]).tested).toBe(0);
  });

  it('refuses features without segments or rows', () => {
    expect(() => attributeToFeatures([])).toThrow('features');
    expect(() => attributeToFeatures([{ feature: 'x', segments: [] }])).toThrow('features[0].segments');
  });
});
