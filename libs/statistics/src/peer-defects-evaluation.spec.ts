import { seededRandom } from '@rondo/kernel';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  decidePromotion,
  delongPaired,
  expectedCalibrationError,
  fairnessGaps,
  nonInferiority,
  normalQuantile,
  pairedMeanDifference,
  searchSlices,
  sliceFeature,
} from './index.js';

const TABLE = Float64Array.from({ length: 4_096 }, (_, i) => normalQuantile((i + 0.5) / 4_096));
let random = seededRandom(1);
const normal = (): number => TABLE[random.int(4_096)]!;

beforeEach(() => {
  random = seededRandom(2026);
});

/** Labels, and scores of models that share a signal; more noise of its own ranks worse. */
function scored(rows: number, noises: readonly number[]) {
  const labels = new Uint8Array(rows);
  const models = noises.map(() => new Float64Array(rows));
  for (let row = 0; row < rows; row++) {
    const label = random.next() < 0.3 ? 1 : 0;
    labels[row] = label;
    const common = 1.3 * label + normal();
    noises.forEach((noise, model) => (models[model]![row] = common + noise * normal()));
  }
  return { labels, models };
}

const judged = (compared: { difference: number; lower: number; upper: number }, rows: number, margin: number) =>
  nonInferiority({ ...compared, better: 'higher', margin, rows, minRows: 100 }).verdict;
const times = (n: number, wrong: () => boolean): number => {
  let hits = 0;
  for (let i = 0; i < n; i++) if (wrong()) hits++;
  return hits;
};

describe('defects of other evaluators that are not ours', () => {
  it('an equal model is not promoted because its mean is better: half of the time a point comparison does', () => {
    let better = 0;
    const promoted = times(200, () => {
      const { labels, models } = scored(300, [0.6, 0.6]);
      const compared = delongPaired(labels, models[0]!, models[1]!);
      if (compared.difference > 0) better++;
      return judged(compared, 300, 0) === 'superior';
    });
    expect(better).toBeGreaterThan(80);
    expect(promoted).toBeLessThanOrEqual(11);
  });

  it('a model that is 0.01 AUC worse is not let through at n = 500: a point gate does 28 % of the time', () => {
    let notBelow = 0;
    const through = times(200, () => {
      const { labels, models } = scored(500, [0.6, 0.69599]);
      const compared = delongPaired(labels, models[0]!, models[1]!);
      if (compared.difference >= 0) notBelow++;
      return ['superior', 'non-inferior'].includes(judged(compared, 500, 0.01));
    });
    expect(notBelow).toBeGreaterThan(40);
    expect(through).toBeLessThanOrEqual(14);
  });

  it('a model compared with itself is no better than itself', () => {
    const { labels, models } = scored(500, [0.6]);
    const { difference, pValue } = delongPaired(labels, models[0]!, models[0]!);
    expect([difference, pValue]).toEqual([0, 1]);
    expect(judged({ difference: 0, lower: 0, upper: 0 }, 500, 0.01)).toBe('non-inferior');
  });

  it('too little data is not a no: it says how many labels are missing, and where', () => {
    const overall = {
      difference: 0.01,
      lower: 0.002,
      upper: 0.018,
      better: 'higher',
      margin: 0.01,
      rows: 5_000,
      minRows: 1_000,
    } as const;
    const night = {
      ...overall,
      difference: -0.004,
      lower: -0.03,
      upper: 0.022,
      rows: 400,
      minRows: 100,
      slice: 'night',
    };
    expect(decidePromotion(overall, [night])).toMatchObject({ verdict: 'inconclusive', slice: 'night' });
    expect(decidePromotion(overall, [night]).moreLabels).toBeGreaterThan(1_000);
    expect(decidePromotion({ ...overall, difference: -0.02, lower: -0.08, upper: 0.04, rows: 60 })).toMatchObject({
      verdict: 'inconclusive',
      slice: 'all',
    });
  });

  it('fifty slices of a healthy model do not accuse it: uncorrected tests do 93 % of the time', () => {
    let uncorrected = 0;
    const flagged = times(60, () => {
      const differences = Float64Array.from({ length: 2_500 }, () => Math.exp(normal()) * normal());
      const features = Array.from({ length: 10 }, (_, f) =>
        sliceFeature(
          `f${f}`,
          differences.map(() => random.int(5)),
        ),
      );
      const plain = features.some(({ codes }) =>
        [0, 1, 2, 3, 4].some(
          (code) => pairedMeanDifference(differences.filter((_, row) => codes[row] === code)).pValue < 0.05,
        ),
      );
      if (plain) uncorrected++;
      return searchSlices(features, differences, { depth: 1 }).slices.length > 0;
    });
    expect(uncorrected).toBeGreaterThan(45);
    expect(flagged).toBeLessThanOrEqual(8);
  });

  it('a perfect model of 200 rows is not called miscalibrated for an error of 0.075', () => {
    let error = 0;
    const above = times(200, () => {
      const probabilities = Float64Array.from({ length: 200 }, () => 1 / (1 + Math.exp(0.5 - 1.2 * normal())));
      const seen = expectedCalibrationError(
        probabilities.map((p) => (random.next() < p ? 1 : 0)),
        probabilities,
      );
      error += seen.error / 200;
      expect(Math.abs(seen.expectedWhenPerfect - 0.075)).toBeLessThan(0.01);
      return seen.error > seen.upperWhenPerfect;
    });
    expect(Math.abs(error - 0.075)).toBeLessThan(0.01);
    expect(above).toBeLessThanOrEqual(20);
  });

  it('the best of eight equal candidates is judged on rows that did not choose it', () => {
    const noises = Array.from({ length: 9 }, () => 0.6);
    let phantom = 0;
    const promoted = times(40, () => {
      const validation = scored(600, noises);
      const gains = validation.models
        .slice(1)
        .map((model) => delongPaired(validation.labels, validation.models[0]!, model).difference);
      const best = gains.indexOf(Math.max(...gains));
      phantom += gains[best]! / 40;
      const test = scored(600, noises);
      return judged(delongPaired(test.labels, test.models[0]!, test.models[best + 1]!), 600, 0) === 'superior';
    });
    expect(phantom).toBeGreaterThan(0.005);
    expect(promoted).toBeLessThanOrEqual(4);
  });

  it('many small groups treated alike are not called unequal for their largest difference', () => {
    let large = 0;
    const accused = times(100, () => {
      const groups = Uint8Array.from({ length: 2_000 }, (_, row) => row % 10);
      const scores = Float64Array.from(groups, () => (random.next() < 0.3 ? 1 : 0));
      const gap = fairnessGaps({
        labels: groups.map(() => random.int(2)),
        scores,
        groups,
        threshold: 0.5,
      }).demographicParity;
      if (gap.kind === 'insufficient') throw new Error('every group has 200 rows');
      if (gap.gap > 0.08) large++;
      return gap.lower > 0;
    });
    expect(large).toBeGreaterThan(50);
    expect(accused).toBeLessThanOrEqual(10);
  });
});
