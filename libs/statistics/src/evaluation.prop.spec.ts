import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bayesianComparison,
  confusionMatrix,
  decidePromotion,
  expectedCalibrationError,
  fairnessGaps,
  groupFolds,
  groupTimeFolds,
  logLoss,
  mcnemar,
  meanAbsoluteError,
  multiclassAuc,
  pinballLoss,
  prAuc,
  prAucInterval,
  proportionDifference,
  purgedFolds,
  r2Score,
  rocAuc,
  rowsToDecide,
  searchSlices,
  sliceFeature,
  stratifiedFolds,
  type Fold,
} from './index.js';

const score = fc.integer({ min: 0, max: 64 }).map((n) => n / 64);
const row = fc.record({
  label: fc.integer({ min: 0, max: 1 }),
  score,
  group: fc.integer({ min: 0, max: 3 }),
  count: fc.integer({ min: 0, max: 3 }),
});
const rows = fc
  .array(row, { maxLength: 40 })
  .map((some) => [
    { label: 0, score: 0.25, group: 0, count: 1 },
    { label: 1, score: 0.5, group: 1, count: 2 },
    ...some,
  ]);
const close = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));

describe('weights', () => {
  it('of whole numbers are repetitions of the row', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const repeated = data.flatMap((one) => Array.from({ length: one.count }, () => one));
        const of = (list: typeof data): [number[], number[]] => [
          list.map((one) => one.label),
          list.map((one) => one.score),
        ];
        const weights = data.map(({ count }) => count);
        if (new Set(repeated.map(({ label }) => label)).size < 2) return;
        for (const metric of [rocAuc, prAuc, logLoss]) close(metric(...of(data), { weights }), metric(...of(repeated)));
        close(meanAbsoluteError(...of(data), { weights }), meanAbsoluteError(...of(repeated)));
        close(pinballLoss(...of(data), 0.3, { weights }), pinballLoss(...of(repeated), 0.3));
        close(r2Score(...of(data), { weights }), r2Score(...of(repeated)));
      }),
    );
  });

  it('may be scaled without a change', () => {
    fc.assert(
      fc.property(rows, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (data, scale) => {
        const [labels, scores] = [data.map(({ label }) => label), data.map((one) => one.score)];
        const weights = data.map(({ count }) => count + 1);
        const scaled = weights.map((weight) => weight * scale);
        for (const metric of [rocAuc, prAuc, logLoss])
          close(metric(labels, scores, { weights: scaled }), metric(labels, scores, { weights }));
      }),
    );
  });
});

describe('metrics of several classes', () => {
  it('do not depend on the order of the classes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), score, score), { maxLength: 30 }), (some) => {
        const data = [[0, 0.5, 0.5] as const, [1, 0.3, 0.1] as const, [2, 0.9, 0.8] as const, ...some];
        const labels = data.map(([label]) => label);
        const flat = data.flatMap(([, a, b]) => [a * b, a * (1 - b), 1 - a]);
        const turned = data.flatMap(([, a, b]) => [1 - a, a * b, a * (1 - b)]);
        const next = labels.map((label) => (label + 1) % 3);
        close(
          multiclassAuc(labels, { probabilities: flat, classes: 3 }),
          multiclassAuc(next, { probabilities: turned, classes: 3 }),
        );
        const matrix = confusionMatrix(labels, next, 3);
        expect(matrix.flat().reduce((sum, count) => sum + count, 0)).toBe(labels.length);
      }),
    );
  });
});

describe('intervals', () => {
  it('hold their estimate and stay in range', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const [labels, scores] = [data.map(({ label }) => label), data.map((one) => one.score)];
        const precision = prAucInterval(labels, scores);
        expect(precision.lower).toBeLessThanOrEqual(precision.prAuc);
        expect(precision.upper).toBeGreaterThanOrEqual(precision.prAuc);
        const { error, debiased, interval } = expectedCalibrationError(labels, scores);
        expect(0 <= interval.lower && interval.lower <= error && error <= interval.upper && interval.upper <= 1).toBe(
          true,
        );
        expect(0 <= debiased && debiased <= error).toBe(true);
      }),
    );
  });

  it('of two shares turn around with the order of the samples', () => {
    const sample = fc
      .tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 50 }))
      .map(([a, b]) => ({ successes: Math.min(a, b), trials: b }));
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const [ab, ba] = [proportionDifference(a, b), proportionDifference(b, a)];
        close(ab.lower, -ba.upper);
        close(ab.difference, -ba.difference);
        expect(ab.lower <= ab.difference && ab.difference <= ab.upper).toBe(true);
      }),
    );
  });
});

describe('comparisons', () => {
  it('swap with champion and challenger', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 }), (b, c) => {
        const one = mcnemar({ onlyChampionRight: b, onlyChallengerRight: c });
        expect(mcnemar({ onlyChampionRight: c, onlyChallengerRight: b })).toEqual(one);
        expect(one.midPValue).toBeLessThanOrEqual(one.pValue);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 20 }), score, (d, rope) => {
        const one = bayesianComparison(d, { rope });
        const other = bayesianComparison(
          d.map((value) => -value),
          { rope },
        );
        close(one.probabilityBelow, other.probabilityAbove);
        close(one.probabilityBelow + one.probabilityEquivalent + one.probabilityAbove, 1);
      }),
    );
  });

  it('that are inconclusive always ask for more rows than there were', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (gain, bound, halfWidth, n) => {
          const needed = rowsToDecide({ gain, bound, halfWidth, rows: n });
          if (needed !== null) expect(needed).toBeGreaterThan(n);
        },
      ),
    );
  });

  it('promote never while a slice is undecided, and name the part that rejects', () => {
    const interval = fc.tuple(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
    );
    const evidence = interval.map(([difference, half]) => ({
      difference,
      lower: difference - half,
      upper: difference + half,
      better: 'higher' as const,
      margin: 0.05,
      rows: 500,
      minRows: 100,
    }));
    fc.assert(
      fc.property(evidence, fc.array(evidence, { maxLength: 4 }), (overall, parts) => {
        const slices = parts.map((part, at) => ({ ...part, slice: `s${at}` }));
        const { verdict, slice, moreLabels } = decidePromotion(overall, slices);
        const all = [{ ...overall, slice: 'all' }, ...slices];
        if (verdict === 'promote') expect(overall.lower).toBeGreaterThan(0);
        if (verdict === 'promote' || verdict === 'non-inferior')
          expect(all.every(({ lower }) => lower > -0.05)).toBe(true);
        if (verdict === 'reject') expect(all.find((part) => part.slice === slice)!.upper).toBeLessThan(-0.05);
        if (verdict === 'inconclusive') expect(moreLabels === null || moreLabels > 0).toBe(true);
        else expect(moreLabels).toBe(0);
      }),
    );
  });
});

describe('fairness gaps', () => {
  it('do not depend on the order of rows or the names of groups', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const of = (list: typeof data, name: (group: number) => number) =>
          fairnessGaps({
            labels: list.map(({ label }) => label),
            scores: list.map((one) => one.score),
            groups: list.map(({ group }) => name(group)),
            threshold: 0.5,
            minRows: 1,
          }).demographicParity;
        const [one, other] = [of(data, (group) => group), of([...data].reverse(), (group) => 10 - group)];
        if (one.kind === 'insufficient' || other.kind === 'insufficient') return expect(one).toEqual(other);
        for (const key of ['gap', 'lower', 'upper'] as const) close(one[key], other[key]);
        expect(one.lower <= one.gap + 1e-12 && one.gap <= one.upper + 1e-12).toBe(true);
      }),
    );
  });
});

describe('the search for slices', () => {
  const values = Array.from({ length: 600 }, (_, i) => Math.sin(i * i) + (i % 6 === 1 ? 0.9 : 0));
  const columns = [2, 3, 5].map((width) =>
    sliceFeature(
      `f${width}`,
      values.map((_, i) => i % width),
    ),
  );

  it('does not depend on scale or on the order of features', () => {
    const one = searchSlices(columns, values, { minRows: 20 });
    const other = searchSlices(
      [...columns].reverse(),
      values.map((value) => value * 1000),
      { minRows: 20 },
    );
    expect(one.slices.map(({ rows: n }) => n)).toEqual(other.slices.map(({ rows: n }) => n));
    expect(one.slices[0]!.slice).toBe('f2=1 & f3=1');
    expect(one.slices).toHaveLength(1);
    expect(one.discoveries).toBeGreaterThan(1);
    close(one.slices[0]!.lower * 1000, other.slices[0]!.lower);
  });

  it('leaves its input untouched and repeats itself', () => {
    const before = JSON.stringify([columns, values]);
    expect(searchSlices(columns, values, { depth: 3, minRows: 10 })).toEqual(
      searchSlices(columns, values, { depth: 3, minRows: 10 }),
    );
    expect(JSON.stringify([columns, values])).toBe(before);
  });

  it('against the rest finds what is worse than elsewhere, not what is high everywhere', () => {
    const raised = values.map((value) => value + 5);
    expect(searchSlices(columns, raised, { minRows: 20, against: 'rest' }).slices.map(({ slice }) => slice)).toEqual([
      'f2=1 & f3=1',
    ]);
    expect(searchSlices(columns, raised, { minRows: 20 }).discoveries).toBeGreaterThan(20);
  });
});

const partition = (folds: readonly Fold[], n: number): void =>
  expect(folds.flatMap(({ test }) => Array.from(test)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: n }, (_, i) => i),
  );

describe('folds', () => {
  const groups = fc
    .array(fc.integer({ min: 0, max: 8 }), { maxLength: 60 })
    .map((some) => [0, 1, 2, 3, 0, 1, 2, 3, ...some]);

  it('test every row once and keep a share of each class', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 60 }),
        fc.integer({ min: 0, max: 99 }),
        (some, seed) => {
          const strata = [0, 0, 0, 1, 1, 1, 2, 2, 2, ...some];
          const folds = stratifiedFolds(strata, { folds: 3, seed });
          partition(folds, strata.length);
          for (const stratum of [0, 1, 2]) {
            const counts = folds.map(({ test }) => test.filter((at) => strata[at] === stratum).length);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  it('hold groups apart', () => {
    fc.assert(
      fc.property(groups, (all) => {
        const folds = groupFolds(all, { folds: 3 });
        partition(folds, all.length);
        for (const { train, test } of folds) {
          const tested = new Set(Array.from(test, (at) => all[at]!));
          expect(train.some((at) => tested.has(all[at]!))).toBe(false);
        }
      }),
    );
  });

  it('never train on what overlaps the test or follows it within the embargo', () => {
    const stretches = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 9 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(stretches, fc.integer({ min: 0, max: 9 }), (some, embargoMs) => {
        const data = [[0, 2], [10, 2], [20, 2], [30, 2], ...some] as const;
        const startMs = data.map(([start]) => start);
        const endMs = data.map(([start, length]) => start! + length!);
        const folds = purgedFolds({ startMs: startMs as number[], endMs, folds: 3, embargoMs });
        partition(folds, data.length);
        for (const { train, test } of folds) {
          const from = Math.min(...Array.from(test, (at) => startMs[at]!));
          const until = Math.max(...Array.from(test, (at) => endMs[at]!));
          for (const at of train) {
            expect(endMs[at]! < from || startMs[at]! > until).toBe(true);
            expect(startMs[at]! > until && startMs[at]! < until + embargoMs).toBe(false);
          }
        }
      }),
    );
  });

  it('of later times meet unknown groups only', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 5 }), (all, embargoMs) => {
        const timeMs = all.map((_, at) => Math.floor(at / 2));
        for (const { train, test } of groupTimeFolds({ timeMs, groups: all, folds: 2, embargoMs })) {
          const tested = new Set(Array.from(test, (at) => all[at]!));
          const from = Math.min(...Array.from(test, (at) => timeMs[at]!));
          for (const at of train) {
            expect(tested.has(all[at]!)).toBe(false);
            expect(timeMs[at]!).toBeLessThan(from);
            expect(timeMs[at]!).toBeLessThanOrEqual(from - embargoMs);
          }
        }
      }),
    );
  });
});
