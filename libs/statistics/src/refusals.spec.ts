import { PermanentError } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import * as s from './index.js';

const labels = [0, 1, 0, 1];
const scores = [0.1, 0.7, 0.4, 0.6];

const refused: [string, () => unknown, string][] = [
  ['one class', () => s.rocAuc([1, 1], [0.1, 0.2]), 'labels'],
  ['a label that is neither 0 nor 1', () => s.logLoss([0, 2], [0.1, 0.2]), 'labels[1]'],
  ['no rows', () => s.brierScoreLoss([], []), 'labels'],
  ['unequal lengths', () => s.rocAuc(labels, [0.1]), 'scores'],
  ['a score that is not a number', () => s.prAuc(labels, [0.1, NaN, 0.2, 0.3]), 'scores[1]'],
  ['an infinite score', () => s.delongPaired(labels, scores, [0, 1, 2, Infinity]), 'challenger[3]'],
  ['a probability above 1', () => s.expectedCalibrationError(labels, [0.1, 1.2, 0.3, 0.4]), 'probabilities[1]'],
  ['a single row of a class for a variance', () => s.delongInterval([0, 0, 1], [0.1, 0.2, 0.3]), 'labels'],
  ['a confidence of 1', () => s.wilsonInterval(1, 2, 1), 'confidence'],
  ['more successes than trials', () => s.wilsonInterval(3, 2), 'successes'],
  ['too few resamples', () => s.bootstrapAuc(labels, scores, { seed: 1, replicates: 5 }), 'replicates'],
  [
    'strata together with clusters',
    () => s.bootstrapMeanDifference(scores, { seed: 1, strata: labels, clusters: labels }),
    'clusters',
  ],
  ['one cluster', () => s.pairedMeanDifference([1, 2, 3], { clusters: [5, 5, 5] }), 'clusters'],
  ['losses that are no pairs', () => s.modelReliance([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]), 'losses'],
  ['too few rows for pairs', () => s.drawPairs(3, { pairsMax: 2, seed: 1 }), 'rows'],
  ['a single cluster with trials', () => s.clusteredShare([1, 0], [2, 0]), 'trials'],
  ['more successes than trials in a cluster', () => s.clusteredShare([1, 3], [2, 2]), 'successes[1]'],
  ['denominators of 0', () => s.meanRatio([1, 2], [0, 0]), 'denominators'],
  ['an overlap of 0', () => s.meanRatio([1, 2], [1, 2], { overlap: 0 }), 'overlap'],
  ['an empty sample', () => s.ksTwoSample([], [1]), 'a'],
  ['a sample that is not sorted', () => s.ksTwoSampleSorted([2, 1], [1]), 'a[1]'],
  ['negative counts', () => s.psi([1, -1], [1, 1]), 'referenceCounts[1]'],
  ['a sample without rows', () => s.psi([0, 0], [1, 1]), 'referenceCounts'],
  ['edges out of order', () => s.binCounts([1], [2, 1]), 'edges[1]'],
  ['a p-value above 1', () => s.holm([0.1, 1.1]), 'pValues[1]'],
  ['an infinite e-value', () => s.eBenjaminiHochberg([Infinity], 0.1), 'logEValues[0]'],
  ['ratios on both sides of the null', () => s.startCountEProcess({ ratios: [0.5, 2] }), 'ratios'],
  [
    'events without exposure',
    () =>
      s.updateCountEProcess(s.startCountEProcess(), {
        canaryEvents: 1,
        canaryExposure: 0,
        baselineEvents: 0,
        baselineExposure: 10,
      }),
    'canaryEvents',
  ],
  ['half a loss', () => s.updatePairedEProcess(s.startPairedEProcess(), { losses: 0.5, wins: 0 }), 'losses'],
  ['sums that no values have', () => s.meanConfidenceSequence({ n: 2, sum: 10, sumSquares: 1 }), 'sample.sumSquares'],
  ['a split with one arm', () => s.sampleRatioMismatch([5], [1]), 'shares'],
  ['negative values at ratio level', () => s.krippendorffAlpha([1, 1], [-1, 2], 'ratio'), 'values'],
  [
    'probabilities that do not sum to 1',
    () => s.entropyScore({ probabilities: [0.5, 0.2], classes: 2 }),
    'probabilities of row 0',
  ],
  ['more picks than points', () => s.kCenterGreedy({ points: [1, 2], dimensions: 1 }, 3), 'count'],
  ['an impossible m-of-n rule', () => s.startBreachTracker({ needed: 4, window: 3 }), 'needed'],
  ['importances that are all 0', () => s.importanceWeightedDrift([0.1], [0]), 'importances'],
  ['no time to train on', () => s.temporalSplit({ fromMs: 0, untilMs: 10, testMs: 9, embargoMs: 1 }), 'testMs'],
  ['steps too small to list', () => s.rollingOrigin({ fromMs: 0, untilMs: 1e12, testMs: 10, stepMs: 1 }), 'stepMs'],
  [
    'an interval upside down',
    () => s.nonInferiority({ difference: 0, lower: 1, upper: -1, better: 'higher', margin: 0, rows: 9, minRows: 1 }),
    'lower',
  ],
];

describe('bad input', () => {
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
