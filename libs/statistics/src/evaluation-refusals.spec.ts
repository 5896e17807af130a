import { PermanentError } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import * as s from './index.js';

const labels = [0, 1, 0, 1];
const scores = [0.1, 0.7, 0.4, 0.6];
const classes = { probabilities: [0.5, 0.5, 0.2, 0.8], classes: 2 };
const half = { standardDeviation: 1, trueGain: 0, margin: 0.1 };
const twelve = Array.from({ length: 12 }, (_, i) => i % 2);
const feature = s.sliceFeature('g', twelve);
const groups = { labels, scores, groups: [1, 1, 2, 2], threshold: 0.5 };
const stretch = { startMs: [0, 1, 2], endMs: [1, 2, 3], folds: 2 };

const refused: [string, () => unknown, string][] = [
  ['a negative weight', () => s.rocAuc(labels, scores, { weights: [1, -1, 1, 1] }), 'weights[1]'],
  ['weights that sum to 0', () => s.logLoss(labels, scores, { weights: [0, 0, 0, 0] }), 'weights'],
  [
    'weights that overflow',
    () => s.brierScoreLoss(labels, scores, { weights: [1e308, 1e308, 1e308, 1] }),
    'sum of weights',
  ],
  ['a weight that is not a number', () => s.prAuc(labels, scores, { weights: [1, NaN, 1, 1] }), 'weights[1]'],
  ['weights of other rows', () => s.accuracyScore(labels, scores, 0.5, { weights: [1] }), 'weights'],
  ['a class without weight', () => s.rocAuc(labels, scores, { weights: [1, 0, 1, 0] }), 'weights'],
  ['a class without weight', () => s.balancedAccuracyScore(labels, scores, 0.5, { weights: [0, 1, 0, 1] }), 'weights'],
  ['one class', () => s.balancedAccuracyScore([1, 1], [0.1, 0.2], 0.5), 'labels'],
  ['one class', () => s.prAucInterval([0, 0], [0.1, 0.2]), 'labels'],
  ['no rows', () => s.meanAbsoluteError([], []), 'targets'],
  ['unequal lengths', () => s.rootMeanSquaredError([1, 2], [1]), 'predictions'],
  ['an infinite target', () => s.pinballLoss([Infinity], [1], 0.5), 'targets[0]'],
  ['a target whose square overflows', () => s.rootMeanSquaredError([1e200], [1]), 'targets[0]'],
  ['a quantile of 0', () => s.pinballLossPerRow([1], [1], 0), 'quantile'],
  ['targets that are all equal', () => s.r2Score([2, 2, 2], [1, 2, 3]), 'targets'],
  ['weight on a single target', () => s.r2Score([1, 2], [1, 2], { weights: [1, 0] }), 'weights'],
  ['a single row', () => s.regressionEstimates([1], [1]), 'targets'],
  ['a label beyond the classes', () => s.multiclassLogLoss([0, 2], classes), 'labels[1]'],
  ['half a label', () => s.multiclassLogLossPerRow([0, 0.5], classes), 'labels[1]'],
  [
    'probabilities that do not sum to 1',
    () => s.multiclassLogLoss([0], { probabilities: [0.5, 0.2], classes: 2 }),
    'probabilities of row 0',
  ],
  ['probabilities of other rows', () => s.multiclassLogLoss([0], classes), 'probabilities'],
  ['a class that never occurs', () => s.multiclassAuc([0, 0], classes), 'labels'],
  ['a single class to choose from', () => s.confusionMatrix([0], [0], 1), 'classes'],
  ['a decision beyond the classes', () => s.confusionMatrix([0], [5], 2), 'decisions[0]'],
  ['a single row', () => s.multiclassEstimates([0], { probabilities: [0.5, 0.5], classes: 2 }), 'labels'],
  ['a single difference', () => s.bayesianComparison([0.1]), 'differences'],
  ['a negative region of equivalence', () => s.bayesianComparison([0.1, 0.2], { rope: -1 }), 'rope'],
  ['a correlation of 1', () => s.bayesianComparison([0.1, 0.2], { correlation: 1 }), 'correlation'],
  ['no spread to plan with', () => s.pairedRowsRequired({ ...half, standardDeviation: 0 }), 'standardDeviation'],
  ['a gain that can never clear the margin', () => s.pairedPower({ ...half, trueGain: -0.1, rows: 9 }), 'trueGain'],
  ['a negative margin', () => s.pairedPower({ ...half, margin: -1, rows: 9 }), 'margin'],
  ['a power of 1', () => s.pairedRowsRequired({ ...half, power: 1 }), 'power'],
  [
    'more gain than disagreement',
    () => s.mcnemarRowsRequired({ discordantShare: 0.1, gainShare: 0.2 }),
    'discordantShare',
  ],
  ['an interval of negative width', () => s.rowsToDecide({ gain: 0, bound: 0, halfWidth: -1, rows: 9 }), 'halfWidth'],
  [
    'a comparison of no rows',
    () => s.decidePromotion({ difference: 0, lower: -1, upper: 1, better: 'higher', margin: 0, rows: 0, minRows: 0 }),
    'rows',
  ],
  [
    'more successes than trials',
    () => s.proportionDifference({ successes: 2, trials: 1 }, { successes: 0, trials: 1 }),
    'successes',
  ],
  ['groups of other rows', () => s.fairnessGaps({ ...groups, groups: [1] }), 'groups'],
  ['a group that is not a number', () => s.fairnessGaps({ ...groups, groups: [1, NaN, 2, 2] }), 'groups[1]'],
  ['a threshold that is not a number', () => s.fairnessGaps({ ...groups, threshold: NaN }), 'threshold'],
  ['an empty column', () => s.sliceFeature('x', []), 'column'],
  ['more values than codes', () => s.sliceFeature('x', [1], { valuesMax: 255 }), 'valuesMax'],
  [
    'a value that is not a number',
    () =>
      s.searchSlices(
        [feature],
        twelve.map(() => NaN),
      ),
    'perRow[0]',
  ],
  [
    'values that overflow',
    () =>
      s.searchSlices(
        [feature],
        twelve.map((code) => code * 1e200),
      ),
    'perRow',
  ],
  ['no features', () => s.searchSlices([], twelve), 'features'],
  ['a feature of other rows', () => s.searchSlices([feature], [1, 2]), 'codes of g'],
  ['slices too small for a t-test', () => s.searchSlices([feature], twelve, { minRows: 2 }), 'minRows'],
  ['a code without a value', () => s.searchSlices([{ ...feature, values: ['g=0'] }], twelve), 'codes of g'],
  ['nothing to hold against', () => s.searchSlices([feature], twelve, { against: NaN }), 'against'],
  ['a class smaller than the folds', () => s.stratifiedFolds([0, 0, 0, 1], { folds: 2, seed: 1 }), 'strata'],
  ['fewer groups than folds', () => s.groupFolds([1, 1, 1], { folds: 2 }), 'groups'],
  ['a label known before its features', () => s.purgedFolds({ ...stretch, endMs: [1, 0, 3] }), 'endMs[1]'],
  ['fewer instants than folds', () => s.purgedFolds({ ...stretch, startMs: [1, 1, 1], endMs: [1, 1, 1] }), 'startMs'],
  [
    'a negative embargo',
    () => s.groupTimeFolds({ timeMs: [1, 2], groups: [1, 2], folds: 1, embargoMs: -1 }),
    'embargoMs',
  ],
];

describe('bad input to an evaluation', () => {
  it.each(refused)('of %s is refused with the name of the argument', (_, call, field) => {
    let caught: unknown;
    try {
      call();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PermanentError);
    expect(caught).toMatchObject({ code: 'invalid', detail: { field } });
  });
});

describe('data too scarce or too even for a statement', () => {
  it('is said to be insufficient for a fairness gap', () => {
    const { demographicParity, equalisedOdds, groups: rates } = s.fairnessGaps({ ...groups, minRows: 3 });
    expect(demographicParity).toEqual({ kind: 'insufficient', groups: 0, minRows: 3 });
    expect(equalisedOdds.kind).toBe('insufficient');
    expect(rates[0]).toMatchObject({ selectionRate: null, truePositiveRate: null });
  });

  it('gives no slice where none has rows enough', () => {
    expect(s.searchSlices([feature], twelve)).toEqual({
      slices: [],
      suspect: null,
      tested: 0,
      discoveries: 0,
      examined: 0,
    });
  });

  it('gives no slice where nothing varies', () => {
    const flat = Array.from({ length: 400 }, () => 0.1);
    const halves = s.sliceFeature(
      'g',
      flat.map((_, row) => row % 2),
    );
    expect(s.searchSlices([halves], flat, { against: 0.1 }).slices).toEqual([]);
    expect(s.searchSlices([halves], flat, { against: 'rest' }).slices).toEqual([]);
    const all = s.searchSlices([halves], flat, { against: 0, depth: 1 });
    expect(all.discoveries).toBe(2);
    expect(all.slices.every(({ lower, upper, pValue }) => [lower, upper, pValue].every(Number.isFinite))).toBe(true);
  });

  it('never calls ten equal values certain', () => {
    const values = Array.from({ length: 1_000 }, (_, row) => (row < 10 ? 0.01 : Math.sin(row)));
    const first = s.sliceFeature(
      'first',
      values.map((_, row) => (row < 10 ? 1 : 0)),
    );
    const { suspect } = s.searchSlices([first], values, { depth: 1, minRows: 10 });
    expect(suspect!.pValue).toBeGreaterThan(0.1);
  });

  it('keeps the interval of a perfect or hopeless ranking finite', () => {
    expect(s.prAucInterval([0, 1], [0.1, 0.2])).toMatchObject({ prAuc: 1, upper: 1, lower: expect.closeTo(0.025, 9) });
    const { lower, upper } = s.prAucInterval([1, 0, 0], [0.1, 0.2, 0.3]);
    expect(lower).toBeGreaterThanOrEqual(0);
    expect(upper).toBeLessThanOrEqual(1);
  });

  it('is certain only of differences that do not vary', () => {
    expect(s.bayesianComparison([0.5, 0.5], { rope: 0.1 })).toMatchObject({
      probabilityAbove: 1,
      probabilityEquivalent: 0,
    });
    expect(s.bayesianComparison([0, 0])).toMatchObject({
      probabilityBelow: 0,
      probabilityEquivalent: 1,
      probabilityAbove: 0,
    });
  });
});
