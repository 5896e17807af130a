#!/usr/bin/env node
/**
 * How often the rules of an evaluation are wrong, simulated through the very functions the service uses. Build first
 * (`npm run build`), then `node bench/error-rates-evaluation.mjs [--only calibration]`. Prints a markdown table; ends with code 1
 * when a rate is above its limit. Seeds are fixed: equal code gives equal tables, also of one part alone. Trials are as many as it
 * takes for the interval to exclude the limit, where the limit is not the level of the test itself. Takes some ten minutes.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import {
  delongPaired,
  expectedCalibrationError,
  fairnessGaps,
  logLossPerRow,
  nextAlpha,
  nonInferiority,
  normalCdf,
  normalQuantile,
  pairedMeanDifference,
  prAucInterval,
  searchSlices,
  sliceFeature,
  spendAlpha,
  startAlphaLedger,
  wilsonInterval,
} from '../libs/statistics/dist/index.js';
import { logistic, percent, quickNormal } from './simulated.mjs';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
/** Started afresh by every part. */
let random = seededRandom(2026);
const normal = () => quickNormal(random);
const rows = [];
let missed = 0;

/** One line: of `trials`, `hits` went wrong; `limit` is held against the lower bound of the rate, so that luck does not count. */
function report(what, hits, trials, limit, note = '') {
  const { lower, upper } = wilsonInterval(hits, trials);
  if (limit !== null && lower > limit) missed++;
  const bound = limit === null ? '–' : percent(limit);
  rows.push(
    `| ${what} | ${percent(hits / trials)} | ${percent(lower)} to ${percent(upper)} | ${trials.toLocaleString('en-US')} | ${bound} | ${note} |`,
  );
}

const count = (trials, wrong) => {
  let hits = 0;
  for (let i = 0; i < trials; i++) if (wrong()) hits++;
  return hits;
};

/** Labels, and scores of several models: a common signal and noise of their own; more noise ranks worse. */
function scored(n, noises) {
  const labels = new Uint8Array(n);
  const models = noises.map(() => new Float64Array(n));
  for (let row = 0; row < n; row++) {
    const label = (labels[row] = random.next() < 0.3 ? 1 : 0);
    const common = 1.3 * label + normal();
    noises.forEach((noise, model) => (models[model][row] = common + noise * normal()));
  }
  return { labels, models };
}

/** Log-loss differences of two models that are equally good. */
function equalDifferences(n) {
  const { labels, models } = scored(n, [0.3, 0.3]);
  const [a, b] = models.map((scores) =>
    logLossPerRow(
      labels,
      scores.map((score) => logistic(score - 1.6)),
    ),
  );
  return b.map((loss, row) => loss - a[row]);
}

const gate = (judged, n, margin, better, confidence) =>
  nonInferiority({ ...judged, better, margin, rows: n, minRows: 100, confidence }).verdict;

function superiority() {
  const LIVES = 1_000;
  const CYCLES = 1_000;
  const N = 300;
  let [lives, promoted, betterMean] = [0, 0, 0];
  for (let life = 0; life < LIVES; life++) {
    let ledger = startAlphaLedger({ alpha: 0.05, schedule: { kind: 'forever' } });
    let wrong = false;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const differences = equalDifferences(N);
      const usual = pairedMeanDifference(differences);
      if (usual.difference < 0) betterMean++;
      if (gate(usual, N, 0, 'lower', 0.95) === 'superior') promoted++;
      const confidence = 1 - 2 * nextAlpha(ledger);
      if (gate(pairedMeanDifference(differences, { confidence }), N, 0, 'lower', confidence) === 'superior')
        wrong = true;
      ledger = spendAlpha(ledger);
    }
    if (wrong) lives++;
  }
  const cycles = LIVES * CYCLES;
  report('equal model promoted because its mean is better', betterMean, cycles, null, 'what a point comparison does');
  report(
    'equal model promoted by the superiority gate, per cycle',
    promoted,
    cycles,
    0.025,
    'one side of a 95 % interval',
  );
  report(
    'life of 1,000 cycles with any false promotion, alpha ledger of 5 %',
    lives,
    LIVES,
    0.05,
    'log loss, 300 rows a cycle',
  );
}

/** The AUC of such a model is Φ(1.3/√(2(1 + noise²))): .7847 with the first noise, .7747 with the second. */
const [CHAMPION_NOISE, WORSE_NOISE] = [0.6, 0.69599];

function worseModel() {
  for (const [n, trials] of [
    [500, 2_000],
    [2_000, 2_000],
    [10_000, 1_000],
  ]) {
    let point = 0;
    const hits = count(trials, () => {
      const { labels, models } = scored(n, [CHAMPION_NOISE, WORSE_NOISE]);
      const compared = delongPaired(labels, models[0], models[1]);
      if (compared.difference >= 0) point++;
      return ['superior', 'non-inferior'].includes(gate(compared, n, 0.01, 'higher', 0.95));
    });
    report(
      `model 0.01 AUC worse promoted, non-inferiority by 0.01, n = ${n.toLocaleString('en-US')}`,
      hits,
      trials,
      0.05,
      `a point gate: ${percent(point / trials)}`,
    );
  }
}

const healthyFeatures = (n) =>
  Array.from({ length: 10 }, (_, f) =>
    sliceFeature(
      `f${f}`,
      Uint8Array.from({ length: n }, () => random.int(5)),
    ),
  );

function healthySlices() {
  const N = 5_000;
  const search = (trials, depth, against, plainTrials = 0) => {
    let [uncorrected, trial] = [0, 0];
    const hits = count(trials, () => {
      const differences = equalDifferences(N);
      const features = healthyFeatures(N);
      if (
        trial++ < plainTrials &&
        features.some((feature) => feature.values.some((_, code) => plainlyWorse(feature, code, differences)))
      )
        uncorrected++;
      return searchSlices(features, differences, { depth, against, minRows: 100 }).slices.length > 0;
    });
    return [hits, trials, uncorrected / plainTrials];
  };
  const [hits, trials, uncorrected] = search(4_000, 1, 0, 600);
  report('healthy model with 50 slices flagged', hits, trials, 0.06, `uncorrected: ${percent(uncorrected)}`);
  report(
    'healthy model with 1,175 slices of pairs flagged',
    ...search(1_000, 2, 0).slice(0, 2),
    0.06,
    'Benjamini-Hochberg',
  );
  report('the same against all other rows', ...search(300, 2, 'rest').slice(0, 2), 0.06, 'Benjamini-Yekutieli');
}

function plainlyWorse({ codes }, code, differences) {
  const own = differences.filter((_, row) => codes[row] === code);
  return pairedMeanDifference(own).pValue < 0.05;
}

function bestOfEight() {
  const N = 1_500;
  const TRIALS = 4_000;
  let [phantom, onValidation] = [0, 0];
  const hits = count(TRIALS, () => {
    const noises = Array.from({ length: 9 }, () => 0.6);
    const validation = scored(N, noises);
    const compared = validation.models
      .slice(1)
      .map((model) => delongPaired(validation.labels, validation.models[0], model));
    const best = compared.reduce((winner, one, at) => (one.difference > compared[winner].difference ? at : winner), 0);
    phantom += compared[best].difference / TRIALS;
    if (gate(compared[best], N, 0, 'higher', 0.95) === 'superior') onValidation++;
    const test = scored(N, noises);
    return gate(delongPaired(test.labels, test.models[0], test.models[best + 1]), N, 0, 'higher', 0.95) === 'superior';
  });
  report(
    'best of 8 equal candidates promoted on the rows that chose it',
    onValidation,
    TRIALS,
    null,
    `phantom gain +${phantom.toFixed(4)} AUC`,
  );
  report('the same winner promoted on the sealed test', hits, TRIALS, 0.025, 'as the service does');
}

function calibration() {
  for (const n of [200, 2_000]) {
    let [error, debiased, expected] = [0, 0, 0];
    const TRIALS = 40_000;
    const above = count(TRIALS, () => {
      const probabilities = Float64Array.from({ length: n }, () => logistic(1.2 * normal() - 0.5));
      const labels = probabilities.map((p) => (random.next() < p ? 1 : 0));
      const seen = expectedCalibrationError(labels, probabilities);
      error += seen.error / TRIALS;
      debiased += seen.debiased / TRIALS;
      expected += seen.expectedWhenPerfect / TRIALS;
      return seen.error > seen.upperWhenPerfect;
    });
    report(
      `perfectly calibrated model called miscalibrated, n = ${n.toLocaleString('en-US')}`,
      above,
      TRIALS,
      0.06,
      `mean error ${error.toFixed(3)}, expected ${expected.toFixed(3)}, debiased ${debiased.toFixed(3)}`,
    );
  }
}

/** Binormal scores, whose areas are known: precision at the score that a share 1 - u of positives reaches, over u. */
function trueAveragePrecision(share, distance) {
  const STEPS = 100_000;
  let sum = 0;
  for (let step = 0; step < STEPS; step++) {
    const recall = 1 - (step + 0.5) / STEPS;
    const falsePositives = 1 - normalCdf(distance + normalQuantile(1 - recall));
    sum += (share * recall) / (share * recall + (1 - share) * falsePositives);
  }
  return sum / STEPS;
}

/** An approximate interval: half a percent more than its level is borne. */
const PRECISION_LIMIT = 0.055;

function precisionInterval(share, n, distance, trials) {
  const truth = trueAveragePrecision(share, distance);
  const outside = count(trials, () => {
    const labels = Uint8Array.from({ length: n }, () => (random.next() < share ? 1 : 0));
    const { lower, upper } = prAucInterval(
      labels,
      Float64Array.from(labels, (label) => distance * label + normal()),
    );
    return truth < lower || truth > upper;
  });
  const rows = `n = ${n.toLocaleString('en-US')}, ${(100 * share).toFixed(0)} % positive, truth ${truth.toFixed(3)}`;
  report('true PR AUC outside its 95 % interval', outside, trials, PRECISION_LIMIT, rows);
}

function precisionIntervals() {
  for (const [share, n, distance] of [
    [0.01, 5_000, 2],
    [0.05, 1_000, 2],
    [0.1, 1_000, 1],
    [0.3, 200, 1],
    [0.3, 1_000, 3],
  ])
    precisionInterval(share, n, distance, 20_000);
}

/** Where the interval errs most often. */
function weakRankings() {
  for (const [share, n, distance] of [
    [0.3, 1_000, 1.115],
    [0.5, 1_000, 0.3],
  ])
    precisionInterval(share, n, distance, 100_000);
}

function groupGaps() {
  let plain = 0;
  const groupsOf = (share) => {
    const groups = Uint16Array.from({ length: 2_000 }, (_, row) => row % 10);
    const scores = Float64Array.from(groups, (group) => (random.next() < share(group) ? 1 : 0));
    const labels = Uint8Array.from(groups, () => random.int(2));
    return fairnessGaps({ labels, scores, groups, threshold: 0.5 }).demographicParity;
  };
  const TRIALS = 20_000;
  const accused = count(TRIALS, () => {
    const gap = groupsOf(() => 0.3);
    if (gap.gap > 0.1) plain++;
    return gap.lower > 0;
  });
  report(
    '10 groups treated alike called unequal',
    accused,
    TRIALS,
    0.05,
    `plain gap above 0.1: ${percent(plain / TRIALS)}`,
  );
  const wrong = count(1_000, () => {
    const gap = groupsOf((group) => (group < 5 ? 0.2 : 0.4));
    return gap.lower > 0.2 || gap.upper < 0.2;
  });
  report('true gap of 0.2 outside its 95 % interval', wrong, 1_000, 0.05, '10 groups of 200 rows');
}

const parts = {
  superiority,
  worseModel,
  healthySlices,
  bestOfEight,
  calibration,
  precisionIntervals,
  weakRankings,
  groupGaps,
};
for (const [name, simulate] of Object.entries(parts)) {
  if (!name.startsWith(values.only)) continue;
  random = seededRandom(2026);
  simulate();
}
console.log(`| what goes wrong | rate | 95 % interval | trials | limit | beside |
|---|---|---|---|---|---|
${rows.join('\n')}`);
process.exitCode = missed > 0 ? 1 : 0;
