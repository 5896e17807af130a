import fc from 'fast-check';
import * as s from '../../src/index.js';
import type { Checked, Invariance } from './checked.js';

const finite = fc.integer({ min: -50_000, max: 50_000 }).map((value) => value / 1_000);
const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
/** Labels of both classes, twice at least, and a value per label. */
const labelled = (value: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), value, value), { minLength: 1, maxLength: 25 }).map((rows) => {
    const all = [...rows, ...rows.map(([label, a, b]) => [1 - label, b, a] as const), [0, 0.5, 0.4], [1, 0.5, 0.7]];
    return { labels: all.map(([label]) => label!), first: all.map(([, a]) => a!), second: all.map(([, , b]) => b!) };
  });
const resampling = { seed: 5, replicates: 100 };
const values = fc.array(finite, { minLength: 2, maxLength: 25 });
const sums = (sample: readonly number[]) => ({
  n: sample.length,
  sum: sample.reduce((total, value) => total + value, 0),
  sumSquares: sample.reduce((total, value) => total + value * value, 0),
});
const reversedAll: Invariance = {
  name: 'the order of rows',
  changed: (args) => args.map((arg) => (Array.isArray(arg) ? [...(arg as unknown[])].reverse() : arg)),
};
const scores = { probabilities: [0.2, 0.8, 0.6, 0.4, 0.5, 0.5], classes: 2 };

/** What was here before the table and has no counterpart in another library. */
export const firstChecks: Checked = {
  estimators: [
    { name: 'bootstrapAuc', args: labelled(finite).map(({ labels, first }) => [labels, first, resampling]), runs: 10 },
    {
      name: 'bootstrapAucDifference',
      args: labelled(finite).map(({ labels, first, second }) => [labels, first, second, resampling]),
      runs: 10,
    },
    { name: 'bootstrapMeanDifference', args: values.map((sample) => [sample, resampling]), runs: 10 },
    { name: 'brierLossPerRow', args: labelled(share).map(({ labels, first }) => [labels, first]) },
    { name: 'logLossPerRow', args: labelled(share).map(({ labels, first }) => [labels, first]) },
    { name: 'classificationEstimates', args: labelled(share).map(({ labels, first }) => [labels, first]), runs: 10 },
    {
      name: 'expectedCalibrationError',
      args: labelled(share).map(({ labels, first }) => [labels, first]),
      invariances: [reversedAll],
    },
    { name: 'reliabilityCurve', args: labelled(share).map(({ labels, first }) => [labels, first]) },
    {
      name: 'estimatePerformance',
      args: fc.array(share, { minLength: 1, maxLength: 30 }).map((all) => [all, { threshold: 0.5 }]),
      invariances: [reversedAll],
    },
    { name: 'meanConfidenceSequence', args: values.map((sample) => [sums(sample)]) },
    {
      name: 'differenceConfidenceSequence',
      args: fc.tuple(values, values).map(([a, b]) => [sums(a), sums(b), { scale: 'absolute' }]),
    },
    {
      name: 'eBenjaminiHochberg',
      args: fc
        .array(fc.double({ min: -9, max: 20, noNaN: true }), { minLength: 1, maxLength: 12 })
        .map((e) => [e, 0.1]),
    },
    { name: 'leastConfidenceScore', args: fc.constant([scores]) },
    { name: 'marginUncertaintyScore', args: fc.constant([scores]) },
    {
      name: 'kCenterGreedy',
      args: fc.array(finite, { minLength: 3, maxLength: 12 }).map((points) => [{ points, dimensions: 1 }, 2]),
    },
    {
      name: 'nonInferiority',
      args: fc.tuple(finite, share).map(([difference, reach]) => [
        {
          difference,
          lower: difference - reach,
          upper: difference + reach,
          better: 'higher',
          margin: 0.01,
          rows: 500,
          minRows: 100,
        },
      ]),
    },
  ],
  machines: [
    {
      functions: ['startCountEProcess', 'updateCountEProcess', 'readCountEProcess'],
      start: () => s.startCountEProcess(),
      step: (state, random) =>
        s.updateCountEProcess(state as s.CountEProcess, {
          canaryEvents: random.int(6),
          canaryExposure: 10 + random.int(90),
          baselineEvents: random.int(6),
          baselineExposure: 10 + random.int(90),
        }),
      read: (state) => s.readCountEProcess(state as s.CountEProcess, 0.05),
    },
    {
      functions: ['startPairedEProcess', 'updatePairedEProcess', 'readPairedEProcess'],
      start: () => s.startPairedEProcess(),
      step: (state, random) =>
        s.updatePairedEProcess(state as s.PairedEProcess, { losses: random.int(4), wins: random.int(4) }),
      read: (state) => s.readPairedEProcess(state as s.PairedEProcess, 0.05),
    },
    {
      functions: ['startSampleRatioEProcess', 'updateSampleRatioEProcess', 'readSampleRatioEProcess'],
      start: () => s.startSampleRatioEProcess([1, 1]),
      step: (state, random) =>
        s.updateSampleRatioEProcess(state as s.SampleRatioEProcess, [random.int(20), random.int(20)], [1, 1]),
      read: (state) => s.readSampleRatioEProcess(state as s.SampleRatioEProcess, 0.05),
    },
  ],
  detectors: [],
};
