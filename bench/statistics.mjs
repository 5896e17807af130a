#!/usr/bin/env node
/**
 * Times the statistics that run on whole evaluation sets. Build first (`npx tsc -b libs/statistics`), then
 * `node bench/statistics.mjs`. Prints the best of five in milliseconds beside the target; ends with code 1 when one is missed.
 */
import { performance } from 'node:perf_hooks';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as statistics from '../libs/statistics/dist/index.js';

const ROWS = 100_000;
const random = seededRandom(1);
const labels = Uint8Array.from({ length: ROWS }, () => (random.next() < 0.3 ? 1 : 0));
const champion = Float64Array.from(labels, (label) => random.next() + 0.3 * label);
const challenger = champion.map((score) => score + 0.3 * random.next());
const units = Uint32Array.from({ length: 5 * ROWS }, (_, i) => Math.floor(i / 5));
const ratings = Uint8Array.from(units, () => random.int(4));
const annotators = Uint16Array.from(units, () => random.int(500));
const tenClasses = Uint8Array.from({ length: ROWS }, () => random.int(10));
const classProbabilities = new Float64Array(10 * ROWS);
tenClasses.forEach((label, row) => {
  const values = Array.from({ length: 10 }, (_, k) => random.next() + (k === label ? 4 : 0));
  const total = values.reduce((sum, value) => sum + value, 0);
  values.forEach((value, k) => (classProbabilities[10 * row + k] = value / total));
});
const crowdTruth = Uint8Array.from({ length: ROWS }, () => random.int(4));
const crowdLabels = Uint8Array.from(units, (unit, i) =>
  annotators[i] % 10 < 3 || random.next() < 0.3 ? random.int(4) : crowdTruth[unit],
);
const million = () => Float64Array.from({ length: 1_000_000 }, () => random.next()).sort();
const [reference, current] = [million(), million()];

const tasks = [
  ['DeLong, two models, 100,000 rows', 60, () => statistics.delongPaired(labels, champion, challenger)],
  [
    'AUC bootstrap, 1,000 resamples, 100,000 rows',
    1_500,
    () => statistics.bootstrapAuc(labels, champion, { seed: 1, replicates: 1_000 }),
  ],
  ['Krippendorff, 100,000 units x 5', 15, () => statistics.krippendorffAlpha(units, ratings, 'nominal')],
  [
    'Dawid-Skene to convergence, 500,000 labels',
    1_500,
    () => statistics.dawidSkene({ items: units, annotators, values: crowdLabels }),
  ],
  [
    'Confident learning, 100,000 x 10',
    95,
    () => statistics.labelIssues(tenClasses, { probabilities: classProbabilities, classes: 10 }),
  ],
  ['KS of sorted samples, 1 million each', 150, () => statistics.ksTwoSampleSorted(reference, current)],
];

let missed = 0;
for (const [name, targetMs, run] of tasks) {
  let bestMs = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    run();
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  if (bestMs > targetMs) missed++;
  console.log(`${name.padEnd(48)} ${bestMs.toFixed(1).padStart(8)} ms  target ${targetMs}`);
}
process.exitCode = missed > 0 ? 1 : 0;
