import { describe, expect, it } from '@jest/globals';
import { attributeToSegments, earlierFeatures, segmentSums, standsForAll, withFeatures } from './feature-losses.js';
import type { FeatureProfile } from './reference-profile.js';

const distance: FeatureProfile = {
  kind: 'continuous',
  feature: 'distance',
  rows: 6,
  nulls: 0,
  min: 0,
  max: 9,
  edges: [2, 5],
  counts: [2, 2, 2],
  kept: '',
};
const day: FeatureProfile = { kind: 'category', feature: 'day', rows: 3, nulls: 0, values: [1, 2], counts: [1, 2] };

describe('losses by segment', () => {
  it('go to the bin or value of the reference that the row had, also when there was none', () => {
    const column = Float32Array.of(9, 2, NaN, 3, 1);
    const rows = Int32Array.of(4, 0, 1, 2, 3, 3);
    const losses = Float64Array.of(1, 2, 3, 4, 5, 6);
    const sums = (profile: FeatureProfile) =>
      segmentSums(profile, { column, rows, losses }).segments.map(({ segment, n, sum, sumSquares }) => [
        segment,
        n,
        sum,
        sumSquares,
      ]);
    expect(sums(distance)).toEqual([
      ['distance <= 2', 2, 4, 10],
      ['2 < distance <= 5', 2, 11, 61],
      ['distance > 5', 1, 2, 4],
      ['distance=missing', 1, 4, 16],
    ]);
    expect(sums(day)).toEqual([
      ['day=1', 1, 1, 1],
      ['day=2', 1, 3, 9],
      ['day=other', 3, 13, 65],
      ['day=missing', 1, 4, 16],
    ]);
  });

  it('stand for all rows when nearly all were joined', () => {
    expect([standsForAll(90, 100), standsForAll(89, 100), standsForAll(0, 0)]).toEqual([true, false, false]);
  });
});

describe('what earlier windows lost', () => {
  const week = (n: number) => ({ startMs: n * 100, endMs: n * 100 + 100 });
  const features = (n: number, sum = n) => [{ feature: 'x', segments: [{ segment: 'x=0', n, sum, sumSquares: sum }] }];
  const after = (weeks: readonly number[], modelDigest = 'a') =>
    weeks.reduce<ReturnType<typeof withFeatures> | undefined>(
      (losses, n) => withFeatures(losses, modelDigest, week(n), features(10 ** n)),
      undefined,
    )!;
  const rowsBefore = (losses: ReturnType<typeof after>, n: number, modelDigest = 'a') =>
    earlierFeatures(losses, modelDigest, week(n))?.[0]!.segments[0]!.n;

  it('adds up, whatever is listed still, and leaves later windows out', () => {
    expect(rowsBefore(after([0, 1, 2, 3]), 4)).toBe(1111);
    expect(rowsBefore(after([0, 1, 2, 3]), 3)).toBe(111);
    expect(rowsBefore(after([0]), 0)).toBeUndefined();
  });

  it('counts a window once when it is stated anew', () => {
    const restated = withFeatures(after([0, 1, 2]), 'a', week(1), features(20));
    expect(rowsBefore(restated, 3)).toBe(121);
  });

  it('is another for another champion', () => {
    expect(rowsBefore(after([0, 1]), 2, 'b')).toBeUndefined();
    expect(rowsBefore(withFeatures(after([0, 1]), 'b', week(2), features(7)), 3, 'b')).toBe(7);
  });

  it('keep what a newer release adds to them, as long as the model is the same', () => {
    const newer = { ...after([0, 1])!, added: 'by the next release' };
    expect(withFeatures(newer, 'a', week(2), features(7))).toHaveProperty('added', 'by the next release');
    expect(withFeatures(newer, 'b', week(2), features(7))).not.toHaveProperty('added');
  });
});

describe('a rise of the log loss', () => {
  it('is laid to the segment that rose more than the others', () => {
    const sums = (wrong: readonly number[]) => [
      {
        feature: 'x',
        segments: wrong.map((sum, i) => ({ segment: `x=${i}`, n: 500, sum, sumSquares: sum })),
      },
    ];
    const found = attributeToSegments(sums([50, 50, 50, 50]), sums([50, 50, 150, 50]));
    expect(found).toMatchObject({ tested: 4, rows: 2000 });
    expect(found.segments).toMatchObject([
      {
        feature: 'x',
        segment: 'x=2',
        excess: { name: 'logLossSegmentExcess', value: expect.closeTo(0.05, 10), n: 500, slice: 'x=2' },
        rate: { name: 'logLossRate', value: expect.closeTo(0.05, 10) },
        mix: { name: 'logLossMix', value: expect.closeTo(0, 10) },
        referenceRows: 500,
        rows: 500,
      },
    ]);
    expect(found.segments[0]!.excess.confidence).toBeGreaterThan(0.99);
  });
});
