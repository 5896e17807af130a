import { PermanentError } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import * as s from './index.js';

const state = { n: 10, sum: 1, sumSquares: 5 };
const made = s.forecast(new Float64Array(40).fill(7), { horizon: 2 }) as Extract<s.Forecast, { kind: 'forecast' }>;

const refused: readonly [what: string, call: () => unknown, field: string][] = [
  ['a label that is not a number', () => s.gwetAgreement([1, 1], [0, NaN]), 'values[1]'],
  ['labels without a unit', () => s.fleissKappa([1], [0, 1]), 'values'],
  ['a label outside the categories', () => s.gwetAgreement([1, 1], [0, 5], { categories: [0, 1] }), 'values'],
  ['a confidence of 100 %', () => s.krippendorffInterval([1, 1], [0, 1], 'nominal', { confidence: 1 }), 'confidence'],
  ['an infinite unit', () => s.krippendorffAlpha([Infinity, 1], [0, 1], 'nominal'), 'units[0]'],
  ['labels without an annotator', () => s.dawidSkene({ items: [1, 2], annotators: [1], values: [0, 1] }), 'annotators'],
  ['negative smoothing', () => s.dawidSkene({ items: [], annotators: [], values: [] }, { smoothing: -1 }), 'smoothing'],
  ['an infinite label', () => s.inferTruth({ items: [1], annotators: [1], values: [Infinity] }), 'values[0]'],
  ['no labels', () => s.labelIssues([], { probabilities: [], classes: 2 }), 'labels'],
  ['an unseen class', () => s.labelIssues([2], { probabilities: [0.5, 0.5], classes: 2 }), 'labels[0]'],
  [
    'rows without probabilities',
    () => s.labelIssues([0, 1], { probabilities: [0.5, 0.5], classes: 2 }),
    'probabilities',
  ],
  [
    'probabilities that do not sum to 1',
    () => s.labelIssues([0], { probabilities: [0.5, 0.4], classes: 2 }),
    'probabilities of row 0',
  ],
  ['more right answers than tasks', () => s.annotatorSkill(3, 2, { floor: 0.8 }), 'right'],
  ['a floor of 1', () => s.annotatorSkill(1, 2, { floor: 1 }), 'floor'],
  ['a committee of one', () => s.committeeDisagreement({ probabilities: [1, 0], members: 1, classes: 2 }), 'members'],
  [
    'a committee member without rows',
    () => s.committeeDisagreement({ probabilities: [1, 0], members: 2, classes: 2 }),
    'probabilities',
  ],
  [
    'more rows than there are',
    () => s.hybridQueue({ uncertainty: [1], draws: [0] }, { count: 2, controlShare: 0 }),
    'count',
  ],
  [
    'shares above 1',
    () => s.hybridQueue({ uncertainty: [1], draws: [0] }, { count: 1, controlShare: 0.6, diverseShare: 0.6 }),
    'diverseShare',
  ],
  [
    'a diverse arm without points',
    () => s.hybridQueue({ uncertainty: [1], draws: [0] }, { count: 1, controlShare: 0, diverseShare: 0.5 }),
    'points',
  ],
  [
    'draws outside [0, 1]',
    () => s.hybridQueue({ uncertainty: [1], draws: [2] }, { count: 1, controlShare: 0 }),
    'draws[0]',
  ],
  [
    'sums that no values have',
    () => s.judgeGuidedQueue({ n: 2, sum: 9, sumSquares: 1 }, { minRows: 1 }),
    'sample.sumSquares',
  ],
  ['no minimum', () => s.judgeGuidedQueue(state, { minRows: 0 }), 'minRows'],
  ['a kappa above 1', () => s.stabilisingPredictions([0.5, 1.2]), 'kappas[1]'],
  ['an interval without width', () => s.labelsForPrecision({ share: 0.5, halfWidth: 0 }), 'halfWidth'],
  ['more events than trials', () => s.proportionConfidenceSequence(3, 2), 'events'],
  ['a sample that is not sorted', () => s.quantileConfidenceSequence([2, 1], { probability: 0.5 }), 'ascending[1]'],
  ['the quantile at 1', () => s.quantileConfidenceSequence([1, 2], { probability: 1 }), 'probability'],
  [
    'bounds upside down',
    () => s.sequentialVerdict({ samples: 9, minSamples: 1, margin: 0, harm: { lower: 1, upper: 0 } }),
    'harm.lower',
  ],
  [
    'a bound that is not a number',
    () => s.sequentialVerdict({ samples: 9, minSamples: 1, margin: 0, harm: { lower: NaN, upper: 0 } }),
    'harm.lower',
  ],
  ['a negative margin', () => s.sequentialVerdict({ samples: 9, minSamples: 1, margin: -1 }), 'margin'],
  ['a negative age', () => s.labelMaturity([-1], [1], { age: 0, share: 0.5 }), 'ages[0]'],
  ['half a label', () => s.labelMaturity([1], [0.5], { age: 0, share: 0.5 }), 'labelled[0]'],
  ['ages without labels', () => s.labelMaturity([1, 2], [1], { age: 0, share: 0.5 }), 'labelled'],
  ['a half count', () => s.labelMaturity([1], [1], { age: 0, share: 0.5, counts: [0.5] }), 'counts[0]'],
  ['ages without counts', () => s.labelMaturity([1], [1], { age: 0, share: 0.5, counts: [] }), 'counts'],
  ['series of unequal length', () => s.seriesDifference([1, 2], [1]), 'canary'],
  [
    'a bet on a value out of range',
    () => s.bettingLogEValue([2], { least: -1, most: 1, mean: 0, side: 'above' }),
    'values[0]',
  ],
  ['a bet on a bound', () => s.bettingLogEValue([0], { least: 0, most: 1, mean: 1, side: 'below' }), 'mean'],
  [
    'a bet that never comes',
    () => s.bettingLogEValue([0], { least: 0, most: 1, mean: 0.5, side: 'below', repeats: 0 }),
    'repeats',
  ],
  ['a range turned around', () => s.bettingConfidenceSequence([0], { least: 1, most: 0, alpha: 0.05 }), 'most'],
  ['a sure confidence', () => s.bettingConfidenceSequence([0], { least: 0, most: 1, alpha: 0 }), 'alpha'],
  [
    'a sum that no values within the range have',
    () => s.boundedMeanLogEValue({ n: 2, sum: 3, sumSquares: 5 }, { least: -1, most: 1, mean: 0, side: 'above' }),
    'sums.sum',
  ],
  [
    'a bounded mean on its bound',
    () => s.boundedMeanLogEValue({ n: 2, sum: 1, sumSquares: 1 }, { least: -1, most: 1, mean: -1, side: 'above' }),
    'mean',
  ],
  [
    'a bounded mean in no range',
    () => s.boundedMeanConfidenceSequence({ n: 0, sum: 0, sumSquares: 0 }, { least: 1, most: 1, alpha: 0.05 }),
    'most',
  ],
  ['no block', () => s.independentBlocks([1], 0), 'blocksMin'],
  ['an infinite point', () => s.addToSeries(s.emptySeries, Infinity), 'value'],
  ['a split without a prior', () => s.startSampleRatioEProcess([1, 1], { concentration: 0 }), 'concentration'],
  ['an empty series', () => s.autocorrelationTime([]), 'series'],
  ['an infinite measurement', () => s.kayentaJudge({ baseline: [1, Infinity], canary: [1] }), 'baseline[1]'],
  [
    'weights above 100',
    () =>
      s.kayentaScore(
        [
          { weight: 80, metrics: [] },
          { weight: 40, metrics: [] },
        ],
        { pass: 90, marginal: 50 },
      ),
    'groups',
  ],
  ['no groups', () => s.kayentaScore([], { pass: 90, marginal: 50 }), 'groups'],
  ['a limit that is not a number', () => s.breachOutlook(made, { threshold: NaN, side: 'above' }), 'threshold'],
  ['an error that is not a number', () => s.lastChangePoint([1, NaN]), 'errors[1]'],
  ['a season of one point', () => s.forecast([1, 2, 3], { horizon: 1, seasonLength: 1 }), 'seasonLength'],
];

describe('bad labels, canaries and series', () => {
  it.each(refused)('%s is refused with the name of the argument', (_, call, field) => {
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
