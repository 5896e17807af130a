import type { Random } from '@rondo/kernel';
import fc from 'fast-check';
import * as s from '../../src/index.js';
import type { Checked, Invariance } from './checked.js';

const sample = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 30 });
const counts = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 })), { minLength: 2, maxLength: 12 })
  .filter((pairs) => pairs.some(([a]) => a > 0) && pairs.some(([, b]) => b > 0))
  .map((pairs) => [pairs.map(([a]) => a), pairs.map(([, b]) => b)]);
const category = fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: null });
const logs = fc.array(fc.double({ min: -400, max: 0, noNaN: true }), { minLength: 1, maxLength: 20 });
/** Counts of wrong and right rows before and now, none of the sides empty. */
const segments = (most: number) =>
  fc
    .array(fc.tuple(fc.nat(most), fc.nat(most), fc.nat(most), fc.nat(most)), { minLength: 1, maxLength: 5 })
    .map((rows) =>
      [...rows, [1, 1, 1, 1] as const].map(([wrong, right, wrongNow, rightNow], i) => ({
        segment: `s${i}`,
        reference: { n: wrong + right, sum: wrong, sumSquares: wrong },
        current: { n: wrongNow + rightNow, sum: wrongNow, sumSquares: wrongNow },
      })),
    );
const matrix = (minRows: number, maxRows: number) =>
  fc
    .array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
      minLength: minRows,
      maxLength: maxRows,
    })
    .map((rows) => ({ values: rows.flat(), columns: 2 }));

type Samples = [number[], number[], ...unknown[]];
const reversed = <T>(values: readonly T[]): T[] => [...values].reverse();

const orderOfRows: Invariance = {
  name: 'the order of rows',
  changed: (args) => [reversed((args as Samples)[0]), reversed((args as Samples)[1]), ...args.slice(2)],
};
const swapped: Invariance = {
  name: 'which sample comes first',
  changed: ([a, b, ...rest]) => [b, a, ...rest],
};
const scaled = (expected: (result: number, factor: number) => number): Invariance => ({
  name: 'the unit',
  changed: ([a, b], factor) => [a, b].map((values) => (values as number[]).map((value) => value * factor)),
  expected: (result, factor) => expected(result as number, factor),
});
const unit: Invariance = {
  name: 'the unit',
  changed: (args, factor) => [
    ...args.slice(0, 2).map((values) => (values as number[]).map((value) => value * factor)),
    ...args.slice(2),
  ],
};
const pair = fc.tuple(sample, sample).map((args): unknown[] => args);
const sortedPair = pair.map((args) => args.map((values) => (values as number[]).toSorted((a, b) => a - b)));
const tests: readonly Invariance[] = [orderOfRows, unit];

/** Distances, tests, adjusted p-values, ledgers, detectors. */
export const driftChecks: Checked = {
  estimators: [
    { name: 'ksTwoSample', args: pair, invariances: [...tests, swapped] },
    { name: 'ksTwoSampleSorted', args: sortedPair, invariances: [unit, swapped] },
    { name: 'cramerVonMises', args: pair, invariances: [...tests, swapped] },
    { name: 'mannWhitney', args: pair, invariances: tests },
    { name: 'mannWhitneySorted', args: sortedPair, invariances: [unit] },
    {
      name: 'andersonDarling',
      args: fc.array(sample, { minLength: 2, maxLength: 4 }).map((samples) => [samples]),
      invariances: [
        { name: 'the order of samples', changed: ([samples]) => [reversed(samples as number[][])] },
        {
          name: 'the unit',
          changed: ([samples], factor) => [(samples as number[][]).map((one) => one.map((value) => value * factor))],
        },
      ],
    },
    { name: 'wasserstein1', args: pair, invariances: [orderOfRows, swapped, scaled((d, factor) => d * factor)] },
    { name: 'wasserstein1Sorted', args: sortedPair, invariances: [swapped, scaled((d, factor) => d * factor)] },
    {
      name: 'energyDistance',
      args: pair,
      invariances: [orderOfRows, swapped, scaled((d, factor) => d * Math.sqrt(factor))],
    },
    ...[
      'psi',
      'jensenShannonDistance',
      'jensenShannonInterval',
      'hellingerDistance',
      'totalVariationDistance',
      'chiSquaredTwoSample',
      'cramersVInterval',
      'gTwoSample',
    ].map((name) => ({ name, args: counts, invariances: [{ ...orderOfRows, name: 'the order of bins' }, swapped] })),
    { name: 'klDivergence', args: counts, invariances: [{ ...orderOfRows, name: 'the order of bins' }] },
    {
      name: 'categoryCounts',
      args: fc.tuple(
        fc.array(category, { minLength: 1, maxLength: 20 }),
        fc.array(category, { minLength: 1, maxLength: 20 }),
      ),
      invariances: [orderOfRows],
    },
    {
      name: 'mmdTest',
      args: fc.tuple(matrix(5, 12), matrix(5, 12)).map(([a, b]) => [a, b, { seed: 3, permutations: 19 }]),
      invariances: [
        {
          name: 'the unit of a column',
          changed: ([a, b, options], factor) => [
            ...[a, b].map((rows) => ({
              columns: 2,
              values: (rows as { values: number[] }).values.map((value, i) => (i % 2 === 0 ? value * factor : value)),
            })),
            options,
          ],
        },
      ],
    },
    {
      name: 'domainClassifier',
      args: fc.tuple(matrix(40, 60), matrix(40, 60)).map(([a, b]) => [a, b, { seed: 3 }]),
      runs: 10,
    },
    { name: 'benjaminiHochbergLog10', args: logs.map((values) => [values]) },
    { name: 'benjaminiYekutieliLog10', args: logs.map((values) => [values]) },
    { name: 'holmLog10', args: logs.map((values) => [values]) },
    {
      name: 'edgesFromQuantiles',
      args: sample.map((values) => [values.toSorted((a, b) => a - b), 60]),
    },
    {
      name: 'seasonalDrift',
      args: fc
        .array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 1, max: 90 })), {
          minLength: 3,
          maxLength: 6,
        })
        .map((windows) => {
          const [present, ...past] = windows.map((shares, i) => ({ atMs: -365 * i, counts: shares }));
          return [present, past, { periodMs: 365, withinMs: 20 }];
        }),
      invariances: [
        {
          name: 'the order of past windows',
          changed: ([present, past, season]) => [present, reversed(past as object[]), season],
        },
        {
          name: 'when it all was',
          changed: ([present, past, season], factor) => {
            const later = (window: unknown) => ({
              ...(window as s.PastWindow),
              atMs: (window as s.PastWindow).atMs + 1_000 * factor,
            });
            return [later(present), (past as object[]).map(later), season];
          },
        },
      ],
    },
    {
      name: 'attributeChange',
      args: segments(30).map((drawn) => [drawn]),
      invariances: [
        {
          name: 'the unit of the metric',
          changed: ([drawn], factor) => [scaledSegments(drawn as s.SegmentChange[], factor)],
          expected: (result, factor) => scaledAttribution(result as s.ChangeAttribution, factor),
        },
      ],
    },
    {
      name: 'attributeToFeatures',
      args: fc
        .array(segments(300), { minLength: 1, maxLength: 4 })
        .map((all) => [all.map((drawn, i) => ({ feature: `f${i}`, segments: drawn })), { minRows: 2, limit: 100 }]),
      invariances: [
        {
          name: 'the unit of the metric',
          changed: ([features, options], factor) => [
            (features as s.FeatureChange[]).map(({ feature, segments: drawn }) => ({
              feature,
              segments: scaledSegments(drawn, factor),
            })),
            options,
          ],
          expected: (result, factor) => {
            const found = result as s.FeatureAttribution;
            const scaled = found.segments.map((one) => ({
              ...one,
              mix: scaledEffect(one.mix, factor),
              rate: scaledEffect(one.rate, factor),
              excess: scaledEffect(one.excess, factor),
            }));
            return { ...found, segments: scaled };
          },
        },
      ],
    },
    {
      name: 'importanceWeightedDrift',
      args: counts.map(([a, b]) => [a, (b as number[]).map((weight) => weight + 1)]),
      invariances: [
        {
          name: 'the scale of importances',
          changed: ([drifts, weights], factor) => [drifts, (weights as number[]).map((weight) => weight * factor)],
        },
      ],
    },
  ],
  machines: [
    {
      functions: ['addToSeries', 'independentBlocks'],
      start: () => s.emptySeries,
      step: (state, random) => s.addToSeries(state as s.EvenSeries, random.next()),
      read: (state) => s.independentBlocks((state as s.EvenSeries).sums.concat(0), 2),
    },
    {
      functions: ['startAlphaLedger', 'nextAlpha', 'spendAlpha', 'remainingAlpha'],
      start: () => s.startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 7 } }),
      step: (state) => s.spendAlpha(state as s.AlphaLedger),
      read: (state) => [s.nextAlpha(state as s.AlphaLedger), s.remainingAlpha(state as s.AlphaLedger)],
    },
    {
      functions: ['startBreachTracker', 'updateBreachTracker'],
      start: () => s.startBreachTracker({ needed: 2, window: 3 }),
      step: (state, random) => s.updateBreachTracker(state as s.BreachTracker, random.next() < 0.4),
      read: (state) => (state as s.BreachTracker).status,
    },
    {
      functions: ['startEstimateRecord', 'withEstimate', 'withConfirmation', 'readEstimateRecord', 'widenedByRecord'],
      start: () => s.startEstimateRecord({ keep: 8 }),
      step: (state, random) => {
        const value = random.next();
        const stated = { value, lower: value - 0.1, upper: value + 0.1, n: 50 };
        const window = `w${random.int(12)}`;
        const record = state as s.EstimateRecord;
        return random.next() < 0.5
          ? s.withEstimate(record, window, stated)
          : s.withConfirmation(record, window, stated);
      },
      read: (state) => [
        s.readEstimateRecord(state as s.EstimateRecord),
        s.widenedByRecord({ value: 0.5, lower: 0.4, upper: 0.6, n: 50 }, state as s.EstimateRecord),
      ],
    },
  ],
  detectors: [
    { name: 'AdwinDetector', rules: [{}, { delta: 0.1, clock: 1, alarmOn: 'change' }], value: between },
    { name: 'DdmDetector', rules: [{}, { warmUp: 5 }], value: error },
    { name: 'EddmDetector', rules: [{}, { warmUp: 5 }], value: error },
    { name: 'HddmADetector', rules: [{}, { alarmOn: 'change' }], value: between },
    { name: 'HddmWDetector', rules: [{}, { alarmOn: 'change' }], value: between },
    {
      name: 'KswinDetector',
      rules: [{ level: 0.01 }, { level: 0.05, window: 20, recent: 8, alarmOn: 'change' }],
      value: between,
    },
    { name: 'PageHinkleyDetector', rules: [{ tolerance: 0.01, threshold: 5, fading: 0.999 }], value: between },
  ],
};

function scaledEffect({ value, lower, upper }: s.AttributedEffect, factor: number): s.AttributedEffect {
  return { value: value * factor, lower: lower * factor, upper: upper * factor };
}

function scaledSegments(segments: readonly s.SegmentChange[], factor: number): s.SegmentChange[] {
  const scale = ({ n, sum, sumSquares }: s.SegmentSums): s.SegmentSums => ({
    n,
    sum: sum * factor,
    sumSquares: sumSquares * factor * factor,
  });
  return segments.map(({ segment, reference, current }) => ({
    segment,
    reference: scale(reference),
    current: scale(current),
  }));
}

function scaledAttribution(result: s.ChangeAttribution, factor: number): s.ChangeAttribution {
  return {
    ...result,
    change: scaledEffect(result.change, factor),
    mix: scaledEffect(result.mix, factor),
    rate: scaledEffect(result.rate, factor),
    segments: result.segments.map((one) => ({
      ...one,
      mix: scaledEffect(one.mix, factor),
      rate: scaledEffect(one.rate, factor),
    })),
  };
}

function between(random: Random, mean: number): number {
  return Math.min(1, Math.max(0, mean + 0.4 * (random.next() - 0.5)));
}

function error(random: Random, mean: number): number {
  return random.next() < mean ? 1 : 0;
}
