#!/usr/bin/env node
/**
 * Times the statistics that run on whole evaluation sets. Build first (`npx tsc -b libs/statistics`), then
 * `node bench/statistics.mjs`. Prints the best of five in milliseconds (wall and CPU) beside the target; ends with code 1
 * when one is missed. With RONDO_BENCH_PYTHON (a Python with tools/reference/requirements.txt) bench/peers/statistics.py
 * runs after it, and its CPU time and the ratio are printed too.
 */
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as statistics from '../libs/statistics/dist/index.js';

const ROWS = 100_000;
const random = seededRandom(1);
const labels = Uint8Array.from({ length: ROWS }, () => (random.next() < 0.3 ? 1 : 0));
const champion = Float64Array.from(labels, (label) => random.next() + 0.3 * label);
const challenger = champion.map((score) => score + 0.3 * random.next());
const units = Uint32Array.from({ length: 5 * ROWS }, (_, i) => Math.floor(i / 5));
const ratings = Uint8Array.from(units, () => random.int(4));
const features = Array.from({ length: 20 }, (_, f) =>
  statistics.sliceFeature(
    `f${f}`,
    Uint8Array.from({ length: ROWS }, () => random.int(8)),
  ),
);
const losses = Float64Array.from({ length: ROWS }, () => -Math.log(1 - random.next()));
const groups = Uint8Array.from({ length: ROWS }, () => random.int(10));
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
  ['slices of pairs, 100,000 x 20', 300, () => statistics.searchSlices(features, losses, { against: 'rest' })],
  [
    'slices of triples, 100,000 x 20',
    10_000,
    () => statistics.searchSlices(features, losses, { depth: 3, against: 'rest' }),
    2,
  ],
  [
    'fairness gaps of 10 groups, 100,000 rows',
    100,
    () => statistics.fairnessGaps({ labels, scores: champion, groups, threshold: 0.6 }),
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

const python = process.env.RONDO_BENCH_PYTHON;
const measured = tasks.map(([name, targetMs, run, times = 5]) => {
  let [wallMs, cpuMs] = [Infinity, Infinity];
  for (let i = 0; i < times; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    run();
    const { user, system } = process.cpuUsage(used);
    wallMs = Math.min(wallMs, performance.now() - start);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  return { name, targetMs, wallMs, cpuMs };
});
const memory = `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`;
const peers = new Map();
if (python) {
  const script = fileURLToPath(new URL('peers/statistics.py', import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the peer failed: ${stderr}`);
  for (const line of stdout.trim().split('\n')) peers.set(...line.split('\t'));
}
console.log('| task | wall ms | CPU ms | target ms | Python, CPU ms | ratio |\n|---|---|---|---|---|---|');
for (const { name, targetMs, wallMs, cpuMs } of measured) {
  const peer = peers.get(name);
  const beside = peer === undefined ? '– | –' : `${peer} | ${(Number(peer) / cpuMs).toFixed(1)}`;
  console.log(
    `| ${name} | ${wallMs.toFixed(1)} | ${cpuMs.toFixed(1)} | ${targetMs.toLocaleString('en-US')} | ${beside} |`,
  );
}
console.log(`\nPeak memory of all of it together: ${memory}.`);
process.exitCode = measured.some(({ wallMs, targetMs }) => wallMs > targetMs) ? 1 : 0;
