#!/usr/bin/env node
/**
 * How often an evaluation is wrong about rows that err together (those of a day), taken as independent and by clusters, simulated
 * through the very functions the service uses. Build first (`npm run build`), then `node bench/error-rates-clusters.mjs [--only
 * means]`. Prints a markdown table; ends with code 1 when a rate by clusters is above its limit. Seeds are fixed: equal code gives
 * equal tables, also of one part alone. Takes some three minutes.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import {
  bootstrapMeanDifference,
  delongPaired,
  fairnessGaps,
  pairedMeanDifference,
  searchSlices,
  sliceFeature,
  wilsonInterval,
} from '../libs/statistics/dist/index.js';
import { logistic, percent, quickNormal } from './simulated.mjs';

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
/** Started afresh by every part. */
let random = seededRandom(2026);
const normal = () => quickNormal(random);
const table = [];
let missed = 0;

const rateText = (hits, trials) => {
  const { lower, upper } = wilsonInterval(hits, trials);
  return `${percent(hits / trials)} (${percent(lower)} to ${percent(upper)})`;
};

/** One line: wrong in as many of the trials when rows are taken as independent, and by clusters; only the latter may have a limit. */
function compare(what, rows, trials, limit, wrongOf) {
  let [plain, clustered] = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const wrong = wrongOf();
    if (wrong(undefined)) plain++;
    if (wrong(true)) clustered++;
  }
  if (limit !== null && wilsonInterval(clustered, trials).lower > limit) missed++;
  table.push(
    `| ${what} | ${rows} | ${rateText(plain, trials)} | ${rateText(clustered, trials)} | ${trials.toLocaleString('en-US')} | ${limit === null ? '–' : percent(limit)} |`,
  );
}

/** A day per row; days have `sizes` rows. */
const daysOf = (sizes) => {
  const clusters = new Float64Array(sizes.reduce((sum, size) => sum + size, 0));
  let row = 0;
  sizes.forEach((size, day) => clusters.fill(day, row, (row += size)));
  return clusters;
};
const equal = (days, each) => Array.from({ length: days }, () => each);
const rising = (days, least, most) =>
  Array.from({ length: days }, (_, day) => Math.round(least + ((most - least) * day) / (days - 1)));
/** Of mean 0 and sd 1, most of them a little below and few far above. */
const leaning = () => (normal() ** 2 - 1) / Math.SQRT2;
/** Differences of sd 1 around 0, all those of a day moved alike. */
function differencesOf(clusters, effect, shift = normal) {
  const shifts = Array.from({ length: clusters.at(-1) + 1 }, () => effect * shift());
  return clusters.map((day) => shifts[day] + normal());
}
const excludes = ({ lower, upper }, truth) => truth < lower || truth > upper;

function meansOf(what, sizes, effect, limit) {
  const clusters = daysOf(sizes);
  const trials = clusters.length > 10_000 ? 2_000 : 10_000;
  compare(`false difference of mean losses, day effect ${effect} sd`, what, trials, limit, () => {
    const perRow = differencesOf(clusters, effect);
    return (by) => excludes(pairedMeanDifference(perRow, { ...(by && { clusters }) }), 0);
  });
}

function means() {
  meansOf('30 days of 125 rows', equal(30, 125), 0.1, 0.06);
  meansOf('30 days of 60 to 190 rows', rising(30, 60, 190), 0.1, 0.06);
  meansOf('12 days of 40 to 200 rows', rising(12, 40, 200), 0.1, 0.06);
  meansOf('30 days of 1,000 rows', equal(30, 1_000), 0.1, 0.06);
  meansOf('30 days of 125 rows without an effect', equal(30, 125), 0, 0.06);
}

/** Days that are mostly alike and sometimes far worse: no interval from few of them knows how far. */
function leaningDays() {
  for (const [what, sizes] of [
    ['30 days of 125 rows', equal(30, 125)],
    ['40 clusters, sizes falling as 1/rank', Array.from({ length: 40 }, (_, rank) => Math.ceil(1_000 / (rank + 1)))],
  ]) {
    const clusters = daysOf(sizes);
    compare('the same, day effects squared normals', what, 4_000, null, () => {
      const perRow = differencesOf(clusters, 0.1, leaning);
      return (by) => excludes(pairedMeanDifference(perRow, { ...(by && { clusters }) }), 0);
    });
  }
}

/** Eleven effective clusters of forty: a few large ones lead. */
function ledByFew() {
  const sizes = Array.from({ length: 40 }, (_, rank) => Math.ceil(1_000 / (rank + 1)));
  meansOf('40 clusters, sizes falling as 1/rank', sizes, 0.1, 0.06);
}

function resampled() {
  const clusters = daysOf(equal(30, 20));
  compare('the same by the paired bootstrap (BCa), day effect 0.25 sd', '30 days of 20 rows', 500, 0.08, () => {
    const perRow = differencesOf(clusters, 0.25);
    return (by) => excludes(bootstrapMeanDifference(perRow, { seed: 1, ...(by && { clusters }) }).bca, 0);
  });
}

/** Two models that rank equally well in the long run; on some days the one is better, on others the other. */
function areas() {
  const clusters = daysOf(equal(30, 200));
  compare('false difference of ROC AUC, by DeLong and by placements', '30 days of 200 rows', 2_000, 0.06, () => {
    const noises = Array.from({ length: 30 }, () => [0.3 + 0.5 * random.next(), 0.3 + 0.5 * random.next()]);
    const labels = Float64Array.from(clusters, () => (random.next() < 0.3 ? 1 : 0));
    const truth = labels.map((label) => 1.3 * label + normal());
    const [a, b] = [0, 1].map((model) => truth.map((x, row) => x + noises[clusters[row]][model] * normal()));
    return (by) => excludes(delongPaired(labels, a, b, { ...(by && { clusters }) }), 0);
  });
}

function slices() {
  const clusters = daysOf(equal(30, 125));
  compare('healthy model with 50 slices flagged, day effect 0.1 sd', '30 days of 125 rows', 1_000, 0.06, () => {
    const perRow = differencesOf(clusters, 0.1);
    const features = Array.from({ length: 10 }, (_, f) =>
      sliceFeature(
        `f${f}`,
        Float64Array.from(clusters, () => random.int(5)),
      ),
    );
    const options = { depth: 1, minRows: 100 };
    return (by) => searchSlices(features, perRow, { ...options, clusters: by && clusters }).slices.length > 0;
  });
}

/** Decisions of which a day moves those of each group for itself. */
function gaps() {
  const clusters = daysOf(equal(30, 100));
  compare('4 groups treated alike in the long run called unequal', '30 days of 100 rows', 4_000, 0.06, () => {
    const shifts = Array.from({ length: 120 }, () => 0.5 * normal());
    const groups = Float64Array.from(clusters, () => random.int(4));
    const scores = groups.map((group, row) =>
      random.next() < logistic(-0.8 + shifts[4 * clusters[row] + group]) ? 1 : 0,
    );
    const labels = groups.map(() => random.int(2));
    const rows = { labels, scores, groups, threshold: 0.5 };
    return (by) => fairnessGaps({ ...rows, clusters: by && clusters }).demographicParity.lower > 0;
  });
}

for (const [name, simulate] of Object.entries({ means, ledByFew, leaningDays, resampled, areas, slices, gaps })) {
  if (!name.startsWith(values.only)) continue;
  random = seededRandom(2026);
  simulate();
}
console.log(`| what goes wrong | rows | taken as independent | by clusters | trials | limit |
|---|---|---|---|---|---|
${table.join('\n')}`);
process.exitCode = missed > 0 ? 1 : 0;
