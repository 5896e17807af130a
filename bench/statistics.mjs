#!/usr/bin/env node
/**
 * Times the statistics that run on whole evaluation sets, each in a process of its own. Build first (`npx tsc -b libs/statistics`),
 * then `node bench/statistics.mjs [--peers] [--only slices]`. Prints the best of five in milliseconds (wall and CPU) and the peak memory of the
 * process beside the target; ends with code 1 when one is missed. With `--peers` the Python libraries one would use do the same on
 * the same numbers in the same run (they are installed once, which needs python3.11 and PyPI), and the ratio of CPU is printed too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as statistics from '../libs/statistics/dist/index.js';
import { measurePeer } from './peers/python.mjs';

const { values } = parseArgs({
  options: {
    peers: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    task: { type: 'string' },
    data: { type: 'string' },
  },
});
const ROWS = 100_000;
const SLICED = 20;

/** The numbers that all read, by the name of their file. */
function draw() {
  const random = seededRandom(1);
  const labels = Uint8Array.from({ length: ROWS }, () => (random.next() < 0.3 ? 1 : 0));
  const champion = Float64Array.from(labels, (label) => random.next() + 0.3 * label);
  const challenger = champion.map((score) => score + 0.3 * random.next());
  const units = Uint32Array.from({ length: 5 * ROWS }, (_, i) => Math.floor(i / 5));
  const ratings = Uint8Array.from(units, () => random.int(4));
  const codes = Uint8Array.from({ length: SLICED * ROWS }, () => random.int(8));
  const losses = Float64Array.from({ length: ROWS }, () => -Math.log(1 - random.next()));
  const groups = Uint8Array.from({ length: ROWS }, () => random.int(10));
  const annotators = Uint16Array.from(units, () => random.int(500));
  const tenClasses = Uint8Array.from({ length: ROWS }, () => random.int(10));
  const classProbabilities = new Float64Array(10 * ROWS);
  tenClasses.forEach((label, row) => {
    const weights = Array.from({ length: 10 }, (_, k) => random.next() + (k === label ? 4 : 0));
    const total = weights.reduce((sum, value) => sum + value, 0);
    weights.forEach((value, k) => (classProbabilities[10 * row + k] = value / total));
  });
  const crowdTruth = Uint8Array.from({ length: ROWS }, () => random.int(4));
  const crowdLabels = Uint8Array.from(units, (unit, i) =>
    annotators[i] % 10 < 3 || random.next() < 0.3 ? random.int(4) : crowdTruth[unit],
  );
  const million = () => Float64Array.from({ length: 1_000_000 }, () => random.next()).sort();
  const [reference, current] = [million(), million()];
  return {
    ...{ labels, champion, challenger, units, ratings, codes, losses, groups, annotators, tenClasses },
    ...{ classProbabilities, crowdLabels, reference, current },
  };
}

const open = (name, Type) => {
  const bytes = readFileSync(join(values.data, `${name}.bin`));
  return new Type(bytes.buffer, bytes.byteOffset, bytes.byteLength / Type.BYTES_PER_ELEMENT);
};
const scored = () => [open('labels', Uint8Array), open('champion', Float64Array), open('challenger', Float64Array)];
const crowd = () => ({
  items: open('units', Uint32Array),
  annotators: open('annotators', Uint16Array),
  values: open('crowdLabels', Uint8Array),
});
const sliced = () => {
  const codes = open('codes', Uint8Array);
  const column = (f) => Uint8Array.from({ length: ROWS }, (_, row) => codes[row * SLICED + f]);
  return Array.from({ length: SLICED }, (_, f) => statistics.sliceFeature(`f${f}`, column(f)));
};
/** Reads its numbers, and gives what is measured. */
const slices = (depth) => () => {
  const [features, losses] = [sliced(), open('losses', Float64Array)];
  return () => statistics.searchSlices(features, losses, { depth, against: 'rest' });
};

/** `peers` are named by library; each is a script of bench/peers and its arguments after the folder of numbers. */
const TASKS = [
  {
    name: 'DeLong, two models, 100,000 rows',
    targetMs: 60,
    prepare: () => {
      const [labels, champion, challenger] = scored();
      return () => statistics.delongPaired(labels, champion, challenger);
    },
    peers: { scipy: ['statistics', 'library_tasks', 'delong'] },
  },
  {
    name: 'AUC bootstrap, 1,000 resamples, 100,000 rows',
    targetMs: 1_500,
    prepare: () => {
      const [labels, champion] = scored();
      return () => statistics.bootstrapAuc(labels, champion, { seed: 1, replicates: 1_000 });
    },
    peers: { 'scikit-learn': ['statistics', 'library_tasks', 'bootstraps'] },
  },
  {
    name: 'slices of pairs, 100,000 x 20',
    targetMs: 300,
    prepare: slices(2),
    peers: {
      sliceline: ['sliceline', 'slices_sliceline'],
      'numpy, sums alone': ['statistics', 'library_tasks', 'pair_slices'],
    },
  },
  { name: 'slices of triples, 100,000 x 20', targetMs: 10_000, prepare: slices(3), times: 2 },
  {
    name: 'fairness gaps of 10 groups, 100,000 rows',
    targetMs: 100,
    prepare: () => {
      const [labels, scores] = scored();
      const groups = open('groups', Uint8Array);
      return () => statistics.fairnessGaps({ labels, scores, groups, threshold: 0.6 });
    },
  },
  {
    name: 'Krippendorff, 100,000 units x 5',
    targetMs: 15,
    prepare: () => {
      const [units, ratings] = [open('units', Uint32Array), open('ratings', Uint8Array)];
      return () => statistics.krippendorffAlpha(units, ratings, 'nominal');
    },
    peers: { krippendorff: ['statistics', 'library_tasks', 'agreement'] },
  },
  {
    name: 'Dawid-Skene to convergence, 500,000 labels',
    targetMs: 1_500,
    prepare: () => {
      const given = crowd();
      return () => statistics.dawidSkene(given);
    },
  },
  {
    name: 'Dawid-Skene, 30 iterations, 500,000 labels',
    targetMs: 1_500,
    prepare: () => {
      const given = crowd();
      return () => statistics.dawidSkene(given, { maxIterations: 30, tolerance: 0 });
    },
    peers: { 'crowd-kit': ['statistics', 'library_tasks', 'dawid_skene'] },
  },
  {
    name: 'Confident learning, 100,000 x 10',
    targetMs: 95,
    prepare: () => {
      const [labels, probabilities] = [open('tenClasses', Uint8Array), open('classProbabilities', Float64Array)];
      return () => statistics.labelIssues(labels, { probabilities, classes: 10 });
    },
    peers: { cleanlab: ['statistics', 'library_tasks', 'label_issues'] },
  },
  {
    name: 'KS of sorted samples, 1 million each',
    targetMs: 150,
    prepare: () => {
      const [reference, current] = [open('reference', Float64Array), open('current', Float64Array)];
      return () => statistics.ksTwoSampleSorted(reference, current);
    },
    peers: { scipy: ['statistics', 'library_tasks', 'ks'] },
  },
];

/** In the child: the best of the rounds, and the peak memory of this process with Node. */
function measure({ prepare, times = 5 }) {
  const run = prepare();
  let [wallMs, cpuMs] = [Infinity, Infinity];
  for (let i = 0; i < times; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    run();
    const { user, system } = process.cpuUsage(used);
    wallMs = Math.min(wallMs, performance.now() - start);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  return { wallMs, cpuMs, peakMiB: process.resourceUsage().maxRSS / 1024 };
}

function measureApart(task, folder) {
  const own = [fileURLToPath(import.meta.url), '--task', task, '--data', folder];
  const { stdout, stderr, status } = spawnSync(process.execPath, own, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${task} failed: ${stderr}`);
  return JSON.parse(stdout);
}

function table(folder) {
  let missed = false;
  console.log(
    '| task | wall ms | CPU ms | MiB | target ms | peer | CPU ms | MiB | ratio of CPU |\n|---|---|---|---|---|---|---|---|---|',
  );
  for (const { name, targetMs, peers = {} } of TASKS.filter((task) => task.name.includes(values.only))) {
    const { wallMs, cpuMs, peakMiB } = measureApart(name, folder);
    missed ||= wallMs > targetMs;
    const beside = Object.entries(values.peers ? peers : {}).map(([library, [environment, script, ...task]]) => {
      const peer = measurePeer(environment, script, [folder, ...task]);
      return `${library} | ${peer.cpuMs.toFixed(1)} | ${peer.peakMiB.toFixed(0)} | ${(peer.cpuMs / cpuMs).toFixed(1)}`;
    });
    const row = `| ${name} | ${wallMs.toFixed(1)} | ${cpuMs.toFixed(1)} | ${peakMiB.toFixed(0)} | ${targetMs.toLocaleString('en-US')}`;
    const [first = '– | – | – | –', ...more] = beside;
    console.log([`${row} | ${first} |`, ...more.map((other) => `| | | | | | ${other} |`)].join('\n'));
  }
  return missed;
}

if (values.task) {
  const task = TASKS.find(({ name }) => name === values.task);
  console.log(JSON.stringify(measure(task)));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
  try {
    for (const [name, numbers] of Object.entries(draw())) writeFileSync(join(folder, `${name}.bin`), numbers);
    process.exitCode = table(folder) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
