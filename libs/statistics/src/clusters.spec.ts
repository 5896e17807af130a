import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import {
  calibrationLine,
  classificationEstimates,
  clusterCount,
  delongPaired,
  expectedCalibrationError,
  fairnessGaps,
  pairedMeanDifference,
  reliabilityCurve,
  searchSlices,
  sliceFeature,
} from './index.js';

/** Rows of some days; all rows of a day are shifted alike. */
function daysOf(days: number, each: number, effect: number, seed: number) {
  const random = seededRandom(seed);
  const noise = () => random.next() + random.next() + random.next() - 1.5;
  const shifts = Array.from({ length: days }, () => effect * noise());
  const clusters = Float64Array.from({ length: days * each }, (_, row) => row % days);
  const probabilities = Float64Array.from(clusters, () => 0.1 + 0.8 * random.next());
  const labels = Float64Array.from(probabilities, (p, row) => (random.next() < p + shifts[row % days]! ? 1 : 0));
  const values = Float64Array.from(clusters, (_, row) => noise() + shifts[row % days]!);
  const scores = Float64Array.from(probabilities, (p) => Math.min(1, Math.max(0, p + 0.05 * noise())));
  const groups = Float64Array.from(clusters, () => random.int(2));
  return { clusters, labels, probabilities, values, scores, groups };
}

const width = ({ lower, upper }: { readonly lower?: number; readonly upper?: number }): number => upper! - lower!;
const rows = daysOf(30, 100, 0.4, 1);
const { clusters, labels, probabilities, values, scores, groups } = rows;
const alone = Float64Array.from(clusters, (_, row) => row);

describe('rows that err together within clusters', () => {
  it('tell less: the intervals of everything that a day moves are wider', () => {
    const given = { confidence: 0.95, clusters };
    const [plain, clustered] = [{}, given].map((options) => classificationEstimates(labels, probabilities, options));
    for (const name of ['logLoss', 'brier', 'ece', 'positiveRate']) {
      const [before, after] = [plain!, clustered!].map((all) => all.find((metric) => metric.name === name)!);
      expect(after!.value).toBe(before!.value);
      expect(width(after!)).toBeGreaterThan(1.3 * width(before!));
      expect(after!.method).toMatch(/over clusters/);
    }
    expect(width(pairedMeanDifference(values, given))).toBeGreaterThan(1.5 * width(pairedMeanDifference(values)));
    const bins = reliabilityCurve(labels, probabilities);
    reliabilityCurve(labels, probabilities, { clusters }).forEach(({ interval }, bin) =>
      expect(width(interval)).toBeGreaterThanOrEqual(width(bins[bin]!.interval)),
    );
    const perfect = expectedCalibrationError(labels, probabilities);
    expect(expectedCalibrationError(labels, probabilities, given).upperWhenPerfect).toBeGreaterThan(
      perfect.upperWhenPerfect,
    );
  });

  it('are as rows when every row is a cluster of its own', () => {
    const { lower, upper, pValue } = pairedMeanDifference(values);
    const own = pairedMeanDifference(values, { clusters: alone });
    expect([own.lower, own.upper, own.pValue].map((x, at) => x / [lower, upper, pValue][at]!)).toEqual([
      expect.closeTo(1, 9),
      expect.closeTo(1, 9),
      expect.closeTo(1, 9),
    ]);
    const [delong, jackknife] = [{}, { clusters: alone }].map((options) =>
      delongPaired(labels, probabilities, scores, options),
    );
    expect(jackknife!.standardError / delong!.standardError).toBeCloseTo(1, 3);
    const [line, robust] = [{}, { clusters: alone }].map((options) => calibrationLine(labels, probabilities, options));
    if (line!.kind !== 'fitted' || robust!.kind !== 'fitted') throw new Error('not fitted');
    expect(width(robust!.slopeInterval) / width(line!.slopeInterval)).toBeCloseTo(1, 1);
  });

  it('do not depend on how clusters are called, nor on the order of rows', () => {
    const renamed = clusters.map((day) => (day === 3 ? -7.5 : 1000 - day));
    const back = (column: Float64Array): Float64Array => column.toReversed();
    const features = (column: Float64Array) => [sliceFeature('g', column)];
    const search = (column: Float64Array, of: Float64Array, perRow: Float64Array) =>
      searchSlices(features(column), perRow, { depth: 1, clusters: of }).suspect!.pValue;
    const once = search(groups, clusters, values);
    expect(search(groups, renamed, values)).toBeCloseTo(once, 12);
    expect(search(back(groups), back(clusters), back(values))).toBeCloseTo(once, 9);
    const difference = pairedMeanDifference(values, { clusters });
    expect(pairedMeanDifference(back(values), { clusters: back(renamed) }).pValue).toBeCloseTo(difference.pValue, 9);
  });

  it('decide nothing where there are too few clusters', () => {
    const few = daysOf(6, 200, 0, 2);
    const found = searchSlices([sliceFeature('g', few.groups)], few.values, { depth: 1, clusters: few.clusters });
    expect(found).toMatchObject({ tested: 0, slices: [], suspect: null });
    const gaps = fairnessGaps({ ...few, threshold: 0.5 });
    expect(gaps.demographicParity).toMatchObject({ kind: 'insufficient', groups: 0 });
    expect(gaps.groups.map(({ selectionRate }) => selectionRate)).toEqual([null, null]);
    const one = new Float64Array(few.labels.length);
    expect(fairnessGaps({ ...few, clusters: one, threshold: 0.5 }).demographicParity.kind).toBe('insufficient');
    expect(() => pairedMeanDifference(few.values, { clusters: one })).toThrow(/clusters needs at least 2/);
    expect(() => searchSlices([sliceFeature('g', few.groups)], few.values, { clusters: one })).toThrow(/at least 2/);
  });

  it('count for fewer where a large cluster leads', () => {
    expect(clusterCount(Array.from({ length: 100 }, (_, row) => (row < 50 ? 0 : row)))).toMatchObject({
      clusters: 51,
      effective: expect.closeTo(10_000 / 2_550, 9),
    });
    expect(() => clusterCount([1, NaN])).toThrow(/clusters\[1\]/);
    expect(() => delongPaired(labels, probabilities, scores, { clusters: [1, 2] })).toThrow(/clusters/);
  });

  it('find harm in one slice, and no harm where a day alone was bad', () => {
    const spoilt = Float64Array.from(values, (value, row) => value + (groups[row] === 1 ? 0.4 : 0));
    const options = { depth: 1 as const, clusters };
    const found = searchSlices([sliceFeature('g', groups)], spoilt, options);
    expect(found.slices.map(({ slice }) => slice)).toEqual(['g=1']);
    const badDay = Float64Array.from(values, (_, row) => (clusters[row]! < 2 ? 1 : 0) + 1e-3 * (row % 7));
    expect(searchSlices([sliceFeature('g', groups)], badDay, { depth: 1 }).slices).not.toEqual([]);
    expect(searchSlices([sliceFeature('g', groups)], badDay, options).slices).toEqual([]);
  });
});
