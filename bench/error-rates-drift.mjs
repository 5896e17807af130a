#!/usr/bin/env node
/**
 * How often the drift monitor's rule raises a false alarm in a year of daily batches of thirty features, by the very functions the
 * service uses. Build first (`npm run build`), then `node bench/error-rates-drift.mjs [--scale 1] [--only rates]` (or another of `parts`
 * below). Prints markdown tables; ends with code 1 when 5 % a year are not excluded, or when what rests on importance sampling is not
 * what plain draws show. Seeds are fixed: equal code gives equal tables.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '@rondo/kernel';
import { chiSquaredTwoSample, gTwoSample, nextAlpha } from '@rondo/statistics';
import { zipf } from './draws.mjs';
import {
  LOOKS,
  SENSITIVE,
  categoryCells,
  categoryReference,
  cellsAmong,
  compare,
  count,
  draw,
  features,
  inside,
  interval,
  keep,
  kinds,
  percent,
} from './drift-worlds.mjs';
import { rareAlarms } from './rare-alarms.mjs';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const times = (runs) => Math.max(2, Math.round(runs * Number(values.scale)));
const { judgeBatch, startFalseAlarms, withLook } = await inside('domain/drift-evaluation.js');
const { MIN_EXPECTED, testDifference } = await inside('domain/difference-test.js');

const YEAR = 0.05;
/** What a p-value must not exceed for a detection: that of one look and, by Holm, of one of all features. */
const LEVEL = nextAlpha(startFalseAlarms()) / features.length;

/** Coarse bins of {@link rareAlarms} that end with these categories. */
const edgesAfter = (shares, ends) => {
  let sum = 0;
  const upTo = shares.map((share) => (sum += share));
  return [0, ...ends.map((category) => upTo[category]), 1];
};
const EIGHTHS = Array.from({ length: 9 }, (_, i) => i / 8);
/**
 * Laws that move the rows of bins: a step at each edge that is not far out, which Kolmogorov and Smirnov's test sees, and a slope, which
 * Mann and Whitney's does, either way and about as far as an alarm takes; and the true law.
 */
const moved = (edges, weight) => {
  const bins = edges.slice(1).map((to, bin) => ({ middle: (edges[bin] + to) / 2, share: to - edges[bin] }));
  const steps = edges.filter((edge) => edge >= 0.2 && edge <= 0.8);
  const variance = bins.reduce((sum, { middle, share }) => sum + share * (middle - 0.5) ** 2, 0);
  const directions = [
    ...steps.map((edge) =>
      bins.map(({ middle }) => (middle < edge ? Math.sqrt((1 - edge) / edge) : -Math.sqrt(edge / (1 - edge)))),
    ),
    bins.map(({ middle }) => (middle - 0.5) / Math.sqrt(variance)),
  ];
  const each = (weight - 0.1) / directions.length / 2;
  return [
    ...directions.flatMap((direction) => [-4.9, 4.9].map((errors) => ({ weight: each, direction, errors }))),
    { weight: 0.1, factors: [] },
  ];
};
/** Laws that let the rows of bins vary more, most on the first splits or all alike; and the true law. */
const SCATTERED = [
  { weight: 0.3, factors: [14, 7] },
  { weight: 0.25, factors: Array(6).fill(3) },
  { weight: 0.25, factors: Array(6).fill(2) },
  { weight: 0.2, factors: [] },
];
const RARE = [
  { weight: 0.8, factors: [20] },
  { weight: 0.2, factors: [] },
];
const GAPS = { weight: 0.2, factors: [], gaps: 16 };
const ZEROS = [0, 0.7, 0.8, 0.9, 1];
const EACH_OF_20 = edgesAfter(
  zipf(20),
  Array.from({ length: 19 }, (_, i) => i),
);
const SOME_OF_200 = edgesAfter(zipf(200), [0, 1, 3, 10, 40, 90]);
/** Coarse bins, laws, and the part of the references that a kind takes: laws that aim at alarms need fewer. */
const samplers = {
  normal: [EIGHTHS, moved(EIGHTHS, 1), 0.25],
  'rounded to 30 values': [EIGHTHS, moved(EIGHTHS, 1), 0.25],
  '70 % zeros': [ZEROS, moved(ZEROS, 1), 0.25],
  'Zipf, 20 categories': [EACH_OF_20, SCATTERED, 1],
  'Zipf, 200 categories': [SOME_OF_200, moved(SOME_OF_200, 1), 0.25],
  'two values, 2 %': [[0, 0.98, 1], RARE, 1],
  'normal, 10 % missing': [EIGHTHS, [GAPS, ...moved(EIGHTHS, 0.8)], 0.25],
};

/** Of each kind of feature, how often its p-value falls below some levels, as ratios to what they state, with standard errors. */
function ratios({ n, m, references, batches }, levels) {
  return kinds.map((kind, i) => {
    const [edges, mixture, part] = samplers[kind[0]];
    const random = seededRandom(1000 * n + m + i);
    return rareAlarms(random, kind, {
      n,
      m,
      levels,
      edges,
      mixture,
      references: times(part * references),
      batches,
    }).map(({ mean, standardError }, at) => ({ ratio: mean / levels[at], error: standardError / levels[at] }));
  });
}

/** Over the thirty features. */
function together(byKind, at) {
  const each = features.map((_, i) => byKind[i % kinds.length][at]);
  const ofKind = byKind.map((_, k) => features.filter((_, i) => i % kinds.length === k).length / features.length);
  const ratio = each.reduce((sum, one) => sum + one.ratio, 0) / each.length;
  const error = Math.sqrt(byKind.reduce((sum, one, k) => sum + (ofKind[k] * one[at].error) ** 2, 0));
  return { ratio, error };
}

const SIZES = [
  { n: 100, m: 100, references: 12_000, batches: 4 },
  { n: 100, m: 20_000, references: 1_500, batches: 20 },
  { n: 1_000, m: 1_000, references: 6_000, batches: 4 },
  { n: 1_000, m: 20_000, references: 600, batches: 16 },
  { n: 5_000, m: 2_000, references: 1_500, batches: 4 },
  { n: 10_000, m: 20_000, references: 1_500, batches: 6 },
  { n: 1_000_000, m: 200_000, references: 600, batches: 4 },
];

/**
 * Expected alarms a year, which no year's chance of one exceeds whatever depends on what (union bound): looks times features times the
 * chance that a p-value is at or below its level, wherever the limits on the size of a drift lie.
 */
function rates() {
  console.log(
    `\nNo drift: how often the p-value of a feature falls to ${LEVEL.toExponential(1)}, the level of one of ${LOOKS} looks and of one of ${features.length} features, as a ratio to what that states (± 1.96 standard errors), by importance sampling; and the false detections to expect of a year of all thirty features, whatever the limits on the size of a drift.\n`,
  );
  console.log(
    `| n | reference | ${kinds.map(([name]) => name).join(' | ')} | detections a year (goal: at most 5 %) |\n|---|---|${kinds.map(() => '---|').join('')}---|`,
  );
  for (const size of SIZES) {
    const byKind = ratios(size, [LEVEL]);
    const { ratio, error } = together(byKind, 0);
    const [low, high] = [-1.96, 1.96].map((z) => 100 * YEAR * Math.max(0, ratio + z * error));
    if (high >= 100 * YEAR) process.exitCode = 1;
    const cells = byKind.map(([one]) => `${one.ratio.toFixed(2)} ± ${(1.96 * one.error).toFixed(2)}`);
    console.log(
      `| ${count(size.n)} | ${count(size.m)} | ${cells.join(' | ')} | ${(100 * YEAR * ratio).toFixed(1)} % (${low.toFixed(1)} to ${high.toFixed(1)} %) |`,
    );
  }
}

/** The sampling held to plain draws of the same features at levels that these can reach. */
function direct() {
  const levels = [0.01, 0.001, 0.0001];
  console.log(
    '\nThe p-values of all thirty features by plain draws, row by row, ten batches to a reference, and by the same sampling: how often they fall below 0.01, 0.001, 0.0001, as ratios to what that states (± 1.96 standard errors).\n',
  );
  console.log(
    '| n | reference | 0.01: drawn | sampling | 0.001: drawn | sampling | 0.0001: drawn | sampling |\n|---|---|---|---|---|---|---|---|',
  );
  for (const size of [SIZES[0], SIZES[2]]) {
    const drawn = kinds.map((kind, i) =>
      plainRatios(kind, { ...size, references: times(6_000), seed: 77 + i }, levels),
    );
    const sampled = ratios(size, levels);
    const cells = levels.map((_, at) => {
      const [plain, sampling] = [together(drawn, at), together(sampled, at)];
      if (Math.abs(plain.ratio - sampling.ratio) > 4 * Math.hypot(plain.error, sampling.error)) process.exitCode = 1;
      return [plain, sampling]
        .map(({ ratio, error }) => `${ratio.toFixed(2)} ± ${(1.96 * error).toFixed(2)}`)
        .join(' | ');
    });
    console.log(`| ${count(size.n)} | ${count(size.m)} | ${cells.join(' | ')} |`);
  }
}

function plainRatios(kind, { n, m, references, seed }, levels) {
  const batches = 10;
  const random = seededRandom(seed);
  const totals = levels.map(() => ({ sum: 0, squares: 0 }));
  for (let reference = 0; reference < references; reference++) {
    const { profile, among } = keep(draw(random, m, kind));
    const hits = levels.map(() => 0);
    for (let batch = 0; batch < batches; batch++) {
      const { log10PValue } = testDifference(profile, among, cellsAmong(among, draw(random, n, kind)));
      levels.forEach((level, at) => (hits[at] += log10PValue <= Math.log10(level) ? 1 / batches / level : 0));
    }
    totals.forEach((total, at) => {
      total.sum += hits[at];
      total.squares += hits[at] ** 2;
    });
  }
  return totals.map(({ sum, squares }) => {
    const ratio = sum / references;
    return { ratio, error: Math.sqrt((squares / references - ratio ** 2) / references) };
  });
}

/** Whole years, judged look by look as in the service. */
function years() {
  console.log(
    '\nWhole years, drawn row by row and judged look by look (limits at PSI 0.01, no persistence asked): in how many a feature, and the batch, is detected.\n',
  );
  console.log('| n | reference | years | a feature is detected | the batch is |\n|---|---|---|---|---|');
  for (const [{ n, m }, runs] of [
    [SIZES[0], 16],
    [SIZES[2], 8],
  ]) {
    const all = Array.from({ length: times(runs) }, (_, year) => quietYear({ n, m }, year));
    const feature = all.filter((one) => one.feature).length;
    const batch = all.filter((one) => one.batch).length;
    console.log(
      `| ${count(n)} | ${count(m)} | ${all.length} | ${percent(feature, all.length)} (${interval(feature, all.length)}) | ${percent(batch, all.length)} |`,
    );
  }
}

function quietYear({ n, m }, year) {
  const random = seededRandom(1000 * year + n + 7 * m);
  const references = features.map((kind) => keep(draw(random, m, kind)));
  let ledger = startFalseAlarms();
  const seen = { feature: false, batch: false };
  for (let look = 0; look < LOOKS; look++) {
    const compared = references.map((reference, i) => compare(reference, draw(random, n, features[i]), SENSITIVE));
    const judged = judgeBatch(compared, [], n, SENSITIVE, ledger);
    ledger = withLook(ledger, judged.state);
    seen.feature ||= judged.featuresDetected > 0;
    seen.batch ||= judged.state === 'detected';
  }
  return seen;
}

/** Chances of 0 to n hits of chance p, by their ratios from the likeliest on. */
function binomialChances(n, p) {
  const chances = new Float64Array(n + 1);
  const mode = Math.floor((n + 1) * p);
  chances[mode] = 1;
  for (let k = mode; k > 0; k--) chances[k - 1] = (chances[k] * k * (1 - p)) / ((n - k + 1) * p);
  for (let k = mode; k < n; k++) chances[k + 1] = (chances[k] * (n - k) * p) / ((k + 1) * (1 - p));
  const total = chances.reduce((sum, chance) => sum + chance, 0);
  return chances.map((chance) => chance / total);
}

/** How often a feature of two values falls to the level of one look and one of thirty features: exact, summed over both samples. */
function levels() {
  console.log(
    `\nA feature of two values, no drift: how often it falls to ${LEVEL.toExponential(1)}, as a ratio to what that states, exact; by the test that is used and by either of the two whose less certain one it is.\n`,
  );
  console.log(
    '| n | reference | rarer value | ratio | Pearson alone | likelihood ratio alone |\n|---|---|---|---|---|---|',
  );
  for (const [n, m, share] of [
    [100, 100, 0.17],
    [100, 20_000, 0.17],
    [1_000, 1_000, 0.02],
    [1_000, 20_000, 0.015],
    [1_000, 20_000, 0.02],
    [1_000, 20_000, 0.1],
    [5_000, 2_000, 0.02],
  ]) {
    const [batches, references] = [n, m].map((rows) =>
      Array.from(binomialChances(rows, share)).flatMap((chance, hits) => (chance > 1e-11 ? [[hits, chance]] : [])),
    );
    const alarms = [0, 0, 0];
    for (const [known, ofReference] of references) {
      const { profile, among } = categoryReference([m - known, known]);
      for (const [hits, ofBatch] of batches) {
        const at = [n - hits, hits];
        const tests = [chiSquaredTwoSample, gTwoSample].map((test) => {
          const { kind, log10PValue } = test(profile.counts, at, { minExpected: MIN_EXPECTED });
          return kind === 'tested' ? log10PValue : 0;
        });
        const used = testDifference(profile, among, categoryCells(at)).log10PValue;
        [used, ...tests].forEach((p, i) => (alarms[i] += p <= Math.log10(LEVEL) ? ofReference * ofBatch : 0));
      }
    }
    const cells = alarms.map((chance) => (chance / LEVEL).toFixed(2));
    console.log(`| ${count(n)} | ${count(m)} | ${(100 * share).toFixed(1)} % | ${cells.join(' | ')} |`);
  }
}

const parts = { rates, direct, years, levels };
for (const [name, run] of Object.entries(parts)) if (name.startsWith(values.only)) run();
