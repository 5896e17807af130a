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
