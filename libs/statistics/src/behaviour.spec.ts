import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  benjaminiHochbergLog10,
  bootstrapAuc,
  bootstrapAucDifference,
  bootstrapMeanDifference,
  calibrationLine,
  chiSquaredTwoSample,
  cohenKappa,
  countedAuc,
  delongInterval,
  delongPaired,
  differenceConfidenceSequence,
  estimatePerformance,
  expectedCalibrationError,
  holm,
  holmLog10,
  kCenterGreedy,
  krippendorffAlpha,
  ksTwoSample,
  meanConfidenceSequence,
  nonInferiority,
  pairedMeanDifference,
  psi,
  rocAuc,
  rollingOrigin,
  startBreachTracker,
  updateBreachTracker,
} from './index.js';

function rows(count: number, seed: number, lift: number) {
  const random = seededRandom(seed);
  const labels = Uint8Array.from({ length: count }, () => (random.next() < 0.3 ? 1 : 0));
  const noisy = (quality: number) => Float64Array.from(labels, (label) => random.next() + quality * label);
  return { labels, champion: noisy(0.4), challenger: noisy(0.4 + lift) };
}

describe('comparisons on the same rows', () => {
  it('give the same interval by DeLong and by the bootstrap', () => {
    const { labels, champion, challenger } = rows(3_000, 5, 0.1);
    const delong = delongPaired(labels, champion, challenger);
    const bootstrap = bootstrapAucDifference(labels, champion, challenger, { seed: 3, replicates: 1_000 });
    expect(bootstrap.estimate).toBeCloseTo(delong.difference, 12);
    expect(Math.abs(bootstrap.standardError / delong.standardError - 1)).toBeLessThan(0.08);
    expect(Math.abs(bootstrap.bca.lower - delong.lower)).toBeLessThan(0.25 * delong.standardError);
    expect(Math.abs(bootstrap.bca.upper - delong.upper)).toBeLessThan(0.25 * delong.standardError);
  });

  it('agree above and below the row count at which sorting changes its method', () => {
    const { labels, champion } = rows(6_000, 9, 0);
    const shifted = champion.map((score) => score - 0.7);
    const negatives = champion.filter((_, row) => labels[row] === 0).sort();
    let pairs = 0;
    champion.forEach((score, row) => {
      if (labels[row] === 1) pairs += negatives.filter((other) => other < score).length;
    });
    const auc = pairs / (negatives.length * (labels.length - negatives.length));
    expect(delongInterval(labels, shifted).auc).toBeCloseTo(auc, 12);
    expect(rocAuc(labels, shifted)).toBeCloseTo(auc, 12);
  });

  it('never claim evidence from a variance of zero', () => {
    const result = delongPaired([0, 0, 1, 1], [4, 3, 2, 1], [1, 2, 3, 4]);
    expect(result).toMatchObject({ difference: 1, degenerate: true, lower: -1, upper: 1, pValue: 1 });
    expect(delongPaired([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3, 4])).toMatchObject({
      difference: 0,
      pValue: 1,
      degenerate: false,
    });
  });

  it('keep an open interval at a perfect area', () => {
    const { lower, upper } = delongInterval([0, 0, 1, 1], [1, 2, 3, 4]);
    expect(upper).toBe(1);
    expect(lower).toBeCloseTo(Math.sqrt(0.025), 12);
  });

  it('widen when rows err together in clusters', () => {
    const random = seededRandom(2);
    const clusters = Uint32Array.from({ length: 1_000 }, (_, i) => i % 25);
    const shared = Float64Array.from({ length: 25 }, () => random.next() - 0.5);
    const differences = Float64Array.from(clusters, (cluster) => shared[cluster]! + random.next() - 0.5);
    const naive = pairedMeanDifference(differences);
    const robust = pairedMeanDifference(differences, { clusters });
    const resampled = bootstrapMeanDifference(differences, { seed: 4, clusters });
    expect(robust.standardError).toBeGreaterThan(3 * naive.standardError);
    expect(Math.abs(resampled.standardError / robust.standardError - 1)).toBeLessThan(0.1);
  });

  it.each([
    [[2.4e-162, 0, 0]],
    [[5e-324, 0, 0, 0, -5e-324]],
    [[1e-300, 3e-300, -2e-300]],
    [[3e200, -1e200, 2e200, 0]],
    [[0, 0, 0]],
  ])('are as sure of differences of any size: %j', (differences) => {
    const seen = bootstrapMeanDifference(differences, { seed: 3, replicates: 200 });
    // A power of two, so that the same resamples tie with the estimate.
    const largest = Math.max(...differences.map(Math.abs));
    const unit = largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
    const same = bootstrapMeanDifference(
      differences.map((value) => value / unit),
      { seed: 3, replicates: 200 },
    );
    const within = (actual: number, expected: number): void => {
      // Below the smallest number there is none: its rounding is all that may be lost.
      const lost = Math.max(1e-9, 5e-324 / unit);
      expect(Math.abs(actual / unit - expected)).toBeLessThanOrEqual(lost);
    };
    within(seen.bca.lower, same.bca.lower);
    within(seen.bca.upper, same.bca.upper);
    within(seen.standardError, same.standardError);
    const [plain, scaled] = [differences, differences.map((value) => value / unit)].map((rows) =>
      pairedMeanDifference(rows),
    );
    within(plain!.upper, scaled!.upper);
    if (unit > 1e-320) expect(plain!.pValue).toBeCloseTo(scaled!.pValue, 9);
  });

  it('cover the true value about as often as stated, also where the statistic is skewed', () => {
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const random = seededRandom(run);
      const skewed = Float64Array.from({ length: 60 }, () => -Math.log(1 - random.next()));
      const { bca } = bootstrapMeanDifference(skewed, { seed: run, replicates: 400 });
      if (bca.lower <= 1 && 1 <= bca.upper) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(178);
    expect(covered).toBeLessThanOrEqual(198);
  });

  it('accelerate by clusters as they redraw by them: rows told nine times over tell what they tell once', () => {
    const { labels, champion, challenger } = rows(60, 3, 0.3);
    const nineTimes = (values: Uint8Array | Float64Array) =>
      Float64Array.from({ length: 540 }, (_, i) => values[Math.floor(i / 9)]!);
    const one = { seed: 1, clusters: Uint32Array.from(labels, (_, i) => i), replicates: 500 };
    const nine = { ...one, clusters: Uint32Array.from({ length: 540 }, (_, i) => Math.floor(i / 9)) };
    const pairs = [
      [bootstrapAuc(labels, champion, one), bootstrapAuc(nineTimes(labels), nineTimes(champion), nine)],
      [
        bootstrapAucDifference(labels, champion, challenger, one),
        bootstrapAucDifference(nineTimes(labels), nineTimes(champion), nineTimes(challenger), nine),
      ],
      [bootstrapMeanDifference(champion, one), bootstrapMeanDifference(nineTimes(champion), nine)],
    ] as const;
    for (const [single, repeated] of pairs) {
      expect(repeated.bca.lower).toBeCloseTo(single.bca.lower, 12);
      expect(repeated.bca.upper).toBeCloseTo(single.bca.upper, 12);
    }
  });

  it('count a row as often as it was drawn', () => {
    const { labels, champion } = rows(200, 8, 0);
    const counts = Uint16Array.from(labels, (_, i) => i % 4);
    const repeated = Array.from(counts, (count, i) => Array<number>(count).fill(i)).flat();
    const drawn = rocAuc(
      repeated.map((i) => labels[i]!),
      repeated.map((i) => champion[i]!),
    );
    expect(countedAuc(labels, champion)(counts)).toBeCloseTo(drawn, 12);
    expect(countedAuc(labels, champion)(Uint16Array.from(labels))).toBeNaN();
  });

  it('redraw whole clusters when asked', () => {
    const { labels, champion } = rows(400, 8, 0);
    const clusters = Uint32Array.from(labels, (_, i) => i >> 2);
    const result = bootstrapAuc(labels, champion, { seed: 1, clusters, replicates: 300 });
    expect(result.bca.lower).toBeLessThan(result.estimate);
    expect(result.bca.upper).toBeGreaterThan(result.estimate);
  });
});

describe('the verdict on a challenger', () => {
  const judge = (lower: number, upper: number, more: object = {}) =>
    nonInferiority({
      difference: (lower + upper) / 2,
      lower,
      upper,
      better: 'higher',
      margin: 0.01,
      rows: 500,
      minRows: 100,
      ...more,
    });

  it.each([
    [0.001, 0.02, 'superior'],
    [-0.009, 0.02, 'non-inferior'],
    [-0.009, -0.001, 'non-inferior'],
    [-0.03, -0.011, 'inferior'],
    [-0.03, 0.02, 'inconclusive'],
    [-0.01, 0.02, 'inconclusive'],
  ])('of an interval %f to %f is %s', (lower, upper, verdict) => {
    expect(judge(lower, upper).verdict).toBe(verdict);
  });

  it('turns a loss around before judging it', () => {
    expect(judge(-0.02, -0.001, { better: 'lower' })).toMatchObject({
      verdict: 'superior',
      gainLower: 0.001,
      gainUpper: 0.02,
    });
  });

  it('is inconclusive below the least number of rows, whatever the interval', () => {
    expect(judge(0.1, 0.2, { rows: 99 })).toMatchObject({ verdict: 'inconclusive', reason: 'too-few-rows' });
  });

  it('says how many rows would be enough', () => {
    expect(judge(-0.02, 0.02).requiredRows).toBe(4_087);
    expect(judge(-0.02, 0.02, { margin: 0 }).requiredRows).toBeNull();
  });

  it('promotes an equal model wrongly no more often than stated', () => {
    let superior = 0;
    for (let run = 0; run < 400; run++) {
      const { labels, champion, challenger } = rows(300, 1_000 + run, 0);
      const { difference, lower, upper } = delongPaired(labels, champion, challenger);
      const { verdict } = nonInferiority({
        difference,
        lower,
        upper,
        better: 'higher',
        margin: 0.01,
        rows: 300,
        minRows: 100,
      });
      if (verdict === 'superior') superior++;
    }
    expect(superior / 400).toBeLessThan(0.045);
  });
});

describe('drift', () => {
  const draw = (seed: number, count: number, bins: number) => {
    const random = seededRandom(seed);
    const counts = new Float64Array(bins);
    for (let i = 0; i < count; i++) counts[random.int(bins)]!++;
    return counts;
  };

  it('is found by PSI in about one of twenty samples without drift, however small they are', () => {
    for (const size of [100, 1_000]) {
      let alarms = 0;
      for (let run = 0; run < 400; run++)
        if (psi(draw(run, size, 10), draw(9_000 + run, size, 10)).significant) alarms++;
      expect(alarms / 400).toBeLessThan(0.09);
      expect(alarms / 400).toBeGreaterThan(0.01);
    }
  });

  it('is never significant with too few rows per bin', () => {
    expect(psi([10, 10, 10], [9, 0, 1])).toMatchObject({ sufficient: false, significant: false });
  });

  it('stays measurable where p-values underflow', () => {
    const result = psi([1e6, 1e6], [1.5e6, 0.5e6]);
    expect(result.pValue).toBe(0);
    expect(result.log10PValue).toBeLessThan(-10_000);
    const far = ksTwoSample(
      Float64Array.from({ length: 5_000 }, (_, i) => i),
      Float64Array.from({ length: 5_000 }, (_, i) => i + 5_000),
    );
    expect(far).toMatchObject({ statistic: 1, method: 'asymptotic', pValue: 0 });
    expect(far.log10PValue).toBeCloseTo(Math.log10(2) - 5_000 / Math.LN10, 6);
  });

  it('is ranked by adjusted p-values that stay apart where they underflow', () => {
    const logs = [-4000, -400, 0];
    expect(Array.from(benjaminiHochbergLog10(logs))).toEqual([
      expect.closeTo(-4000 + Math.log10(3), 9),
      expect.closeTo(-400 + Math.log10(1.5), 9),
      0,
    ]);
    expect(Array.from(holmLog10(logs))).toEqual([
      expect.closeTo(-4000 + Math.log10(3), 9),
      expect.closeTo(-400 + Math.log10(2), 9),
      0,
    ]);
    const plain = [0.01, 0.04, 0.03];
    const adjusted = holmLog10(plain.map(Math.log10));
    holm(plain).forEach((value, i) => expect(10 ** adjusted[i]!).toBeCloseTo(value, 12));
    expect(benjaminiHochbergLog10([])).toHaveLength(0);
  });

  it('of categories pools rare ones and says when nothing can be tested', () => {
    expect(chiSquaredTwoSample([100, 100, 1, 2, 1], [100, 90, 2, 1, 1])).toMatchObject({
      kind: 'tested',
      degreesOfFreedom: 1,
      pooledCategories: 3,
    });
    expect(chiSquaredTwoSample([1, 2], [2, 1])).toEqual({ kind: 'insufficient', reason: 'too-few-rows' });
    // The rare category joins the smallest of the others; two are equally small, and their order must not matter.
    expect(chiSquaredTwoSample([47, 4, 0], [26, 69, 1])).toEqual(chiSquaredTwoSample([4, 47, 0], [69, 26, 1]));
    expect(chiSquaredTwoSample([10, 0], [20, 0])).toEqual({ kind: 'insufficient', reason: 'one-category' });
  });

  it('is detected by two of three checks and cleared only after quiet ones', () => {
    const checks = [true, false, true, false, false, false, true, false, false, false];
    let tracker = startBreachTracker({ needed: 2, window: 3 });
    const seen = checks.map((breached) => (tracker = updateBreachTracker(tracker, breached)).status);
    expect(seen).toEqual([
      'suspected',
      'suspected',
      'detected',
      'detected',
      'detected',
      'clear',
      'suspected',
      'suspected',
      'suspected',
      'clear',
    ]);
  });
});

describe('calibration', () => {
  it('of a perfect model stays below its bound although the plain error is far from 0', () => {
    let above = 0;
    for (let run = 0; run < 600; run++) {
      const random = seededRandom(run);
      const probabilities = Float64Array.from({ length: 200 }, () => random.next());
      const labels = probabilities.map((p) => (random.next() < p ? 1 : 0));
      const result = expectedCalibrationError(labels, probabilities);
      expect(result.expectedWhenPerfect).toBeGreaterThan(0.05);
      if (result.error > result.upperWhenPerfect) above++;
    }
    expect(above / 600).toBeLessThan(0.08);
  });

  it('cannot be fitted to one class, one prediction or separated classes', () => {
    expect(calibrationLine([1, 1], [0.2, 0.3])).toMatchObject({ reason: 'one-class' });
    expect(calibrationLine([0, 1], [0.3, 0.3])).toMatchObject({ reason: 'constant-prediction' });
    expect(calibrationLine([0, 0, 1], [0.1, 0.2, 0.9])).toMatchObject({ reason: 'separable' });
  });

  it('makes performance known without labels', () => {
    const random = seededRandom(77);
    const probabilities = Float64Array.from({ length: 20_000 }, () => random.next() ** 2);
    const labels = probabilities.map((p) => (random.next() < p ? 1 : 0));
    const estimate = estimatePerformance(probabilities, { threshold: 0.5 });
    const auc = rocAuc(labels, probabilities);
    expect(auc).toBeGreaterThan(estimate.rocAuc!.lower);
    expect(auc).toBeLessThan(estimate.rocAuc!.upper);
    expect(estimatePerformance([0, 1, 0, 1], { threshold: 0.5 }).logLoss.value).toBe(0);
    expect(estimatePerformance([0.5, 0.5], { threshold: 0.5 }).rocAuc).toBeNull();
  });
});

describe('agreement', () => {
  it('is undefined, not perfect, when there is nothing to disagree on', () => {
    expect(krippendorffAlpha([1, 2, 3], [0, 1, 0], 'nominal')).toEqual({
      kind: 'insufficient',
      reason: 'no-unit-labelled-twice',
    });
    expect(krippendorffAlpha([1, 1, 2, 2], [4, 4, 4, 4], 'interval')).toEqual({
      kind: 'insufficient',
      reason: 'one-value',
    });
    expect(cohenKappa([1, 1], [1, 1])).toEqual({ kind: 'insufficient', reason: 'one-value' });
  });

  it('picks duplicates only after everything else, and no point twice', () => {
    const picked = kCenterGreedy({ points: [0, 0, 5, 9], dimensions: 1 }, 4);
    expect(Array.from(picked)).toEqual([3, 0, 2, 1]);
  });
});

describe('confidence sequences', () => {
  it('reproduce the sequential test of GrowthBook on proportions', () => {
    const result = differenceConfidenceSequence(
      { n: 3_000, sum: 1_396, sumSquares: 1_396 },
      { n: 3_461, sum: 2_422, sumSquares: 2_422 },
      { scale: 'relative', tunedForRows: 5_000 },
    );
    if (result.kind !== 'estimated') throw new Error(result.reason);
    expect(result.estimate).toBeCloseTo(0.50386, 5);
    expect(result.lower).toBeCloseTo(0.40098, 4);
    expect(result.upper).toBeCloseTo(0.60675, 4);
  });

  it('give no interval without rows, variance or a baseline', () => {
    expect(meanConfidenceSequence({ n: 1, sum: 1, sumSquares: 1 })).toMatchObject({ reason: 'too-few-rows' });
    expect(meanConfidenceSequence({ n: 4, sum: 4, sumSquares: 4 })).toMatchObject({ reason: 'constant' });
    const zero = { n: 2, sum: 0, sumSquares: 2 };
    expect(differenceConfidenceSequence(zero, zero, { scale: 'relative' })).toMatchObject({
      reason: 'baseline-mean-zero',
    });
  });
});

describe('splits', () => {
  it('never let a training row be younger than the embargo before the test', () => {
    const folds = rollingOrigin({ fromMs: 0, untilMs: 1_000, testMs: 100, embargoMs: 30, stepMs: 50 });
    expect(folds).toHaveLength(18);
    for (const { train, test } of folds) expect(test.fromMs - train.untilMs).toBe(30);
    expect(folds.at(-1)!.test.untilMs).toBe(1_000);
  });
});
