#!/usr/bin/env node
/**
 * Times the scoring of a tree ensemble (100 trees of 31 leaves, 13 features, some values missing) beside a plain walk
 * through its trees. Build first (`npx tsc -b libs/learners`), then `node bench/scoring.mjs`. Prints the best of ten in
 * nanoseconds per row; ends with code 1 when a batch is not scored twice as fast as by walking, or one row slower.
 */
import { performance } from 'node:perf_hooks';
import { seededRandom } from '../libs/kernel/dist/index.js';
import { rawScoreTrees, trainGradientBoostedTrees } from '../libs/learners/dist/index.js';

const WIDTH = 13;
const ROWS = 100_000;
const TRAINING_ROWS = 20_000;
const ROUNDS = 10;
const random = seededRandom(5);

const rows = Float32Array.from({ length: ROWS * WIDTH }, (_, i) =>
  i % WIDTH > 5 && random.next() < 0.15 ? NaN : random.next() * 24,
);
const valueOf = (row, feature) => rows[row * WIDTH + feature];
const columns = Array.from({ length: WIDTH }, (_, feature) =>
  Float32Array.from({ length: TRAINING_ROWS }, (_, row) => valueOf(row, feature)),
);
const target = Uint8Array.from({ length: TRAINING_ROWS }, (_, row) => {
  const logOdds = columns.reduce(
    (sum, { [row]: x }, i) => sum + (Number.isNaN(x) ? 0.4 : 0.6 * Math.sin(x / 3 + i)),
    -1,
  );
  return random.next() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
});
const model = trainGradientBoostedTrees({
  columns,
  target,
  featureNames: columns.map((_, index) => `f${index}`),
  params: { rounds: 100, learningRate: 0.1, maxLeaves: 31, minRowsInLeaf: 20 },
});

function addTree({ feature, threshold, left, right, missingLeft, value }, batch, scores) {
  for (let row = 0; row < scores.length; row++) {
    let node = 0;
    while (feature[node] >= 0) {
      const x = batch[row * WIDTH + feature[node]];
      node = x <= threshold[node] || (missingLeft[node] === 1 && x !== x) ? left[node] : right[node];
    }
    scores[row] += value[node];
  }
}

function walk(ensemble, batch, n) {
  const scores = new Float32Array(n);
  for (const tree of ensemble.trees) addTree(tree, batch, scores);
  for (let row = 0; row < n; row++) scores[row] += ensemble.baseScore;
  return scores;
}

/** Nanoseconds per row over batches of `n`, each call with rows of its own. */
function nsPerRow(score, n) {
  const calls = Math.max(1, Math.floor(2_800 / n));
  const start = performance.now();
  for (let i = 0; i < calls; i++) score(model, rows.subarray(i * n * WIDTH, (i + 1) * n * WIDTH), n);
  return ((performance.now() - start) * 1e6) / (calls * n);
}

const start = performance.now();
rawScoreTrees(model, rows.subarray(0, WIDTH), 1);
console.log(`first call, with preparation: ${(performance.now() - start).toFixed(2)} ms`);

let missed = 0;
for (const [n, target] of [
  [1, 1],
  [64, 2],
  [700, 2],
  [ROWS, 2],
]) {
  const best = { walk: Infinity, masks: Infinity };
  for (let i = 0; i < ROUNDS; i++) {
    best.walk = Math.min(best.walk, nsPerRow(walk, n));
    best.masks = Math.min(best.masks, nsPerRow(rawScoreTrees, n));
  }
  const ratio = best.walk / best.masks;
  if (ratio < target) missed++;
  const times = `walk ${best.walk.toFixed(0).padStart(6)} ns/row  scored ${best.masks.toFixed(0).padStart(6)} ns/row`;
  console.log(`n = ${String(n).padEnd(7)} ${times}  ${ratio.toFixed(1)} times as fast, target ${target}`);
}
process.exitCode = missed > 0 ? 1 : 0;
