import fc from 'fast-check';
import type { Checked, Invariance } from './checked.js';

const value = fc.integer({ min: -50_000, max: 50_000 }).map((drawn) => drawn / 1_000);
const score = fc.integer({ min: 1, max: 63 }).map((drawn) => drawn / 64);
const column = <T>(items: readonly (readonly T[])[], at: number): T[] => items.map((item) => item[at]!);

/** Labels of both classes with a score each. */
const scored = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 1 }), score), { maxLength: 25 })
  .map((some) => [[0, 0.25], [1, 0.5], [0, 0.5], [1, 0.75], ...some])
  .map((rows) => [column(rows, 0), column(rows, 1)]);
const numbers = fc
  .array(fc.tuple(value, value), { minLength: 2, maxLength: 25 })
  .map((rows) => [[0, 1], [3, 2], ...rows])
  .map((rows) => [column(rows, 0), column(rows, 1)]);
const threeClasses = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 2 }), score, score), { maxLength: 12 })
  .map((some) => [
    [0, 0.5, 0.5],
    [1, 0.25, 0.5],
    [2, 0.75, 0.25],
    [2, 0.5, 0.5],
    [1, 0.5, 0.25],
    [0, 0.25, 0.75],
    ...some,
  ])
  .map((rows) => [
    column(rows, 0),
    { probabilities: rows.flatMap(([, a, b]) => [a! * b!, a! * (1 - b!), 1 - a!]), classes: 3 },
  ]);
const grouped = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 1 }), score, fc.integer({ min: 0, max: 3 })), {
    minLength: 4,
    maxLength: 40,
  })
  .map((rows) => [
    { labels: column(rows, 0), scores: column(rows, 1), groups: column(rows, 2), threshold: 0.5, minRows: 2 },
  ]);
const sliced = fc
  .array(fc.tuple(value, fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 2 })), {
    minLength: 40,
    maxLength: 80,
  })
  .map((rows) => [
    [
      { name: 'a', values: ['a=0', 'a=1'], codes: column(rows, 1) },
      { name: 'b', values: ['b=0', 'b=1', 'b=2'], codes: column(rows, 2) },
    ],
    column(rows, 0),
    { minRows: 10 },
  ]);
const timed = fc
  .array(fc.tuple(fc.nat(40), fc.nat(9), fc.nat(6)), { maxLength: 30 })
  .map((some) => [[0, 1, 0], [12, 1, 1], [25, 1, 2], [40, 1, 3], ...some]);

const reversed: Invariance = {
  name: 'the order of rows',
  changed: (args) => args.map((arg) => (Array.isArray(arg) ? [...(arg as unknown[])].reverse() : arg)),
};
const scaled: Invariance = {
  name: 'the unit of the score',
  changed: ([labels, scores, ...rest], factor) => [labels, (scores as number[]).map((one) => one * factor), ...rest],
};
const evidence = fc.tuple(value, score).map(([difference, reach]) => ({
  difference,
  lower: difference - reach,
  upper: difference + reach,
  better: 'higher',
  margin: 0.5,
  rows: 500,
  minRows: 100,
}));

/** Metrics, comparisons, slices, groups and folds. */
export const evaluationChecks: Checked = {
  estimators: [
    { name: 'rocAuc', args: scored, invariances: [reversed, scaled] },
    { name: 'prAuc', args: scored, invariances: [reversed, scaled] },
    { name: 'prAucInterval', args: scored, invariances: [reversed, scaled] },
    { name: 'logLoss', args: scored, invariances: [reversed] },
    { name: 'brierScoreLoss', args: scored, invariances: [reversed] },
    { name: 'balancedAccuracyScore', args: scored.map((rows) => [...rows, 0.5]), invariances: [reversed] },
    { name: 'matthewsScore', args: scored.map((rows) => [...rows, 0.5]), invariances: [reversed] },
    { name: 'meanAbsoluteError', args: numbers, invariances: [reversed] },
    { name: 'rootMeanSquaredError', args: numbers, invariances: [reversed] },
    { name: 'r2Score', args: numbers, invariances: [reversed] },
    { name: 'pinballLoss', args: numbers.map((rows) => [...rows, 0.3]), invariances: [reversed] },
    { name: 'regressionEstimates', args: numbers, invariances: [reversed] },
    { name: 'multiclassLogLoss', args: threeClasses },
    { name: 'multiclassAuc', args: threeClasses },
    { name: 'multiclassEstimates', args: threeClasses, runs: 20 },
    {
      name: 'clusteredShare',
      args: timed.map((rows) => [column(rows, 1), rows.map(([, most, more]) => most! + more!)]),
      invariances: [reversed],
    },
    {
      name: 'modelReliance',
      args: numbers.map(([losses, switched]) => [
        [...losses!, ...switched!],
        [...switched!, ...losses!],
      ]),
      invariances: [reversed],
    },
    {
      name: 'drawPairs',
      args: fc.tuple(fc.integer({ min: 4, max: 60 }), fc.nat(99)).map(([rows, seed]) => [rows, { pairsMax: 9, seed }]),
    },
    {
      name: 'meanRatio',
      args: numbers.map(([a, b]) => [a!, b!.map((one) => 1 + Math.abs(one))]),
      invariances: [reversed],
    },
    {
      name: 'bayesianComparison',
      args: fc.array(value, { minLength: 2, maxLength: 20 }).map((all) => [all, { rope: 0.1 }]),
      invariances: [reversed],
    },
    {
      name: 'decidePromotion',
      args: fc
        .tuple(evidence, fc.array(evidence, { maxLength: 3 }))
        .map(([overall, parts]) => [overall, parts.map((part, at) => ({ ...part, slice: `s${at}` }))]),
    },
    { name: 'fairnessGaps', args: grouped },
    { name: 'searchSlices', args: sliced, runs: 20 },
    {
      name: 'sliceFeatureAt',
      args: fc.array(value, { maxLength: 40 }).map((all) => ['x', all, { edges: [-1, 0, 2.5] }]),
    },
    { name: 'sliceFeature', args: fc.array(value, { minLength: 1, maxLength: 40 }).map((all) => ['x', all]) },
    {
      name: 'stratifiedFolds',
      args: timed.map((rows) => [rows.map((_, at) => at % 2), { folds: 2, seed: rows.length }]),
    },
    { name: 'groupFolds', args: timed.map((rows) => [column(rows, 2), { folds: 3 }]) },
    {
      name: 'purgedFolds',
      args: timed.map((rows) => [
        { startMs: column(rows, 0), endMs: rows.map(([start, length]) => start! + length!), folds: 3, embargoMs: 2 },
      ]),
    },
    {
      name: 'groupTimeFolds',
      args: timed.map((rows) => [{ timeMs: column(rows, 0), groups: column(rows, 2), folds: 2 }]),
    },
  ],
  machines: [],
  detectors: [],
};
