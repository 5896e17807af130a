#!/usr/bin/env node
/**
 * How often the drift monitor's rule finds a shift, by the very functions the service uses, and how often any rule could. Build first
 * (`npm run build`), then `node bench/error-rates-drift-shifts.mjs [--scale 1] [--only best]`. Prints markdown tables. Seeds are fixed:
 * equal code gives equal tables.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '@rondo/kernel';
import { nextAlpha } from '@rondo/statistics';
import { multinomial, zipf } from './draws.mjs';
import {
  SENSITIVE,
  categoryCells,
  categoryReference,
  compare,
  count,
  draw,
  features,
  inside,
  interval,
  keep,
  kinds,
  percent,
  quietLooks,
  stepwise,
} from './drift-worlds.mjs';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const times = (runs) => Math.max(1, Math.round(runs * Number(values.scale)));
const { judgeBatch, startFalseAlarms, withLook } = await inside('domain/drift-evaluation.js');
const { testDifference } = await inside('domain/difference-test.js');

/** One of 30 features shifts for good: found at once, and within three batches. */
function planted(name, n, m, kind, shifted, repeats, quiet) {
  let atOnce = 0;
  let detected = 0;
  let withinThree = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const random = seededRandom(90_000 + repeat);
    const profile = keep(draw(random, m, kind));
    let ledger = startFalseAlarms();
    let found = false;
    // Later looks matter only to what is not found yet.
    for (let look = 0; look < 3 && !found; look++) {
      const compared = [compare(profile, shifted(random, n), SENSITIVE), ...quiet[(3 * repeat + look) % quiet.length]];
      const judged = judgeBatch(compared, [], n, SENSITIVE, ledger);
      ledger = withLook(ledger, judged.state);
      const { state } = judged.features[0];
      if (look === 0 && (state === 'suspected' || state === 'detected')) atOnce++;
      if (look === 0 && state === 'detected') detected++;
      found ||= state === 'detected';
    }
    if (found) withinThree++;
  }
  const rate = (hits) => `${percent(hits, repeats)} (${interval(hits, repeats)})`;
  console.log(
    `| ${name} | ${count(n)} | ${count(m)} | ${count(repeats)} | ${rate(atOnce)} | ${rate(detected)} | ${rate(withinThree)} |`,
  );
}

function shifts() {
  const [n, m] = [1_000, 20_000];
  const quietFeatures = quietLooks(features.slice(1), n, m, 150);
  console.log('\nOne of the thirty features shifts for good; the same rule.\n');
  console.log(
    '| shift | n | reference | repetitions | suspected or detected at once | detected at once | detected within 3 batches |\n|---|---|---|---|---|---|---|',
  );
  const shift = (name, kind, shifted, repeats) =>
    planted(
      name,
      n,
      m,
      kind,
      (random, rows) => draw(random, rows, shifted[0], shifted[1]),
      times(repeats),
      quietFeatures,
    );
  const normalKind = kinds[0];
  shift('0.2 sd of the mean', normalKind, [normalKind, 0.2], 1_000);
  const shares = zipf(20);
  const moved = shares.map((share, i) => (i === 0 ? share - 0.1 : i === 2 ? share + 0.1 : share));
  shift('0.1 total variation, Zipf', kinds[3], [['zipf', stepwise(moved), 0], 0], 1_000);
  const evenly = ['ten even categories', stepwise(Array(10).fill(0.1)), 0];
  const tilted = ['tilted', stepwise(Array.from({ length: 10 }, (_, i) => (i < 5 ? 0.12 : 0.08))), 0];
  shift('0.1 total variation, spread over ten', evenly, [tilted, 0], 20_000);
}

/**
 * The last of those shifts again, by its p-value alone and the level of one look and one of thirty features, which it meets in all cases
 * (its PSI is then three times the limit): many batches of each reference, so that the share found within three, which is
 * 1 - (1 - share at once of that reference)³ on average, comes from all triples of batches.
 */
function spread() {
  const [n, m, batches] = [1_000, 20_000, 40];
  const level = nextAlpha(startFalseAlarms()) / features.length;
  const [even, tilted] = [Array(10).fill(0.1), Array.from({ length: 10 }, (_, i) => (i < 5 ? 0.12 : 0.08))];
  const random = seededRandom(8);
  const shares = Array.from({ length: times(60_000) }, () => {
    const { profile, among } = categoryReference(multinomial(random, m, even));
    let missed = 0;
    for (let batch = 0; batch < batches; batch++) {
      const { log10PValue } = testDifference(profile, among, categoryCells(multinomial(random, n, tilted)));
      if (log10PValue > Math.log10(level)) missed++;
    }
    const allMissed = [0, 1, 2].reduce((share, i) => (share * (missed - i)) / (batches - i), 1);
    return [1 - missed / batches, 1 - allMissed];
  });
  const [atOnce, withinThree] = [0, 1].map((which) => {
    const mean = shares.reduce((sum, one) => sum + one[which], 0) / shares.length;
    const variance = shares.reduce((sum, one) => sum + (one[which] - mean) ** 2, 0) / (shares.length - 1);
    const reach = 1.96 * Math.sqrt(variance / shares.length);
    return [mean, mean - reach, mean + reach].map((share) => (100 * share).toFixed(2));
  });
  console.log(
    `\nThe shift spread over ten by ${count(shares.length * batches)} batches: detected at once ${atOnce[0]} % (${atOnce[1]} to ${atOnce[2]} %), within three batches ${withinThree[0]} % (${withinThree[1]} to ${withinThree[2]} %).`,
  );
}

/**
 * How often any test at all can find, in one batch, a shift of 0.1 that is spread over ten even categories, five up and five down:
 * the likelihood ratio averaged over the 252 ways to choose them rejects most often on their average (Neyman & Pearson), and being
 * equally good at each of them, no test is better at its worst one. The reference counts as known. Its level, too small to be
 * simulated, is the mean of the inverse ratio over rejected batches that have shifted.
 */
function best() {
  const [n, trials] = [1_000, times(200_000)];
  const level = nextAlpha(startFalseAlarms()) / features.length;
  const [up, down] = [1.2, 0.8];
  const random = seededRandom(5);
  const logRatio = (counts) => {
    const most = Math.max(...counts);
    // Sums of products of 0, 1, … 5 of the categories' factors.
    const sums = [1, 0, 0, 0, 0, 0];
    for (const count of counts) {
      const factor = (up / down) ** (count - most);
      for (let size = 5; size > 0; size--) sums[size] += factor * sums[size - 1];
    }
    return n * Math.log(down) + 5 * most * Math.log(up / down) + Math.log(sums[5] / 252);
  };
  const ratios = Float64Array.from({ length: trials }, () => {
    const counts = new Array(10).fill(0);
    for (let row = 0; row < n; row++) counts[2 * random.int(5) + (random.next() < up / (up + down) ? 0 : 1)]++;
    return logRatio(counts);
  }).sort();
  let falseAlarms = 0;
  let found = 0;
  while (found < trials && falseAlarms + Math.exp(-ratios[trials - 1 - found]) / trials <= level)
    falseAlarms += Math.exp(-ratios[trials - 1 - found++]) / trials;
  console.log(
    `\nA shift of 0.1 spread over ten: at the level of one look and one of thirty features (${level.toExponential(1)}) no test finds more than ${percent(found, trials)} (${interval(found, trials)}) of them at once.`,
  );
}

const parts = { planted: shifts, spread, best };
for (const [name, run] of Object.entries(parts)) if (name.startsWith(values.only)) run();
