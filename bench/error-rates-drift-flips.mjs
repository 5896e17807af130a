#!/usr/bin/env node
/**
 * Whether the drift monitor's rule comes to the same verdict by all rows and by every 60th, by the very functions the service uses: on
 * flights, and around the limit. Build first (`npm run build`), then `node bench/error-rates-drift-flips.mjs [--repeats 1000]`. Prints
 * markdown tables; ends with code 1 when verdicts flip that must not. Seeds are fixed: equal code gives equal tables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Engine, literal } from '@rondo/datasets';
import { seededRandom } from '@rondo/kernel';
import { wilsonInterval } from '@rondo/statistics';
import { multinomial } from './draws.mjs';
import { USUAL, categoryCells, categoryReference, inside, interval, percent, root } from './drift-worlds.mjs';

const { values: options } = parseArgs({ options: { repeats: { type: 'string', default: '1000' } } });
const { eachFeature } = await inside('adapters/feature-columns.js');
const { calculated } = await inside('domain/calculation.js');
const { compareFeature } = await inside('domain/feature-comparison.js');
const { judgeBatch, startFalseAlarms } = await inside('domain/drift-evaluation.js');

const acts = (state) => state === 'suspected' || state === 'detected';

const FLIGHTS = ['tod', 'dow', 'delay', 'distance', 'o_lat', 'o_lon', 'd_lat', 'd_lon'];
const month = (data, name, every, offset) => `
  WITH numbered AS (
    SELECT *, row_number() OVER () AS row FROM read_parquet(${literal(join(data, 'flights-3m.parquet'))})
    WHERE strftime(date, '%Y-%m') = ${literal(name)}
  )
  SELECT hour(f.date) * 60 + minute(f.date) AS tod, isodow(f.date) AS dow, f.delay, f.distance,
    o.latitude AS o_lat, o.longitude AS o_lon, d.latitude AS d_lat, d.longitude AS d_lon
  FROM numbered AS f
  LEFT JOIN read_csv(${literal(join(data, 'airports.csv'))}) AS o ON o.iata = f.origin
  LEFT JOIN read_csv(${literal(join(data, 'airports.csv'))}) AS d ON d.iata = f.destination
  WHERE f.row % ${every} = ${offset}`;

/**
 * A feature whose PSI is a multiple of the limit, on 60,000 rows and on every 60th of them: away from the limit both verdicts must
 * agree; on the limit each must act half of the time, or one size of sample acts sooner than the other.
 */
function aroundTheLimit(repeats) {
  const [m, n, every] = [20_000, 60_000, 60];
  const limit = USUAL.suspectedPsi;
  const even = Array(10).fill(0.1);
  // Half of the bins are up and half down by the same share.
  const tiltOf = (wanted) => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      const shares = even.map((share, i) => share * (1 + (i < 5 ? middle : -middle)));
      const reached = shares.reduce((sum, share) => sum + (share - 0.1) * Math.log(share / 0.1), 0);
      if (reached < wanted) low = middle;
      else high = middle;
    }
    return low;
  };
  const factors = [0.5, 0.8, 1, 1.25, 2];
  console.log(
    `\nA PSI at a multiple of the limit of ${limit}, of all ${n.toLocaleString('en')} rows and of every ${every}th of them, ${repeats} times: how often a verdict acts, and how often the two differ.\n`,
  );
  console.log('| PSI / limit | all rows act | every 60th acts | verdicts differ |\n|---|---|---|---|');
  const random = seededRandom(60);
  for (const factor of factors) {
    const tilt = tiltOf(factor * limit);
    const shares = even.map((share, i) => share * (1 + (i < 5 ? tilt : -tilt)));
    let [allAct, sampleActs, differ] = [0, 0, 0];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const { profile, among } = categoryReference(multinomial(random, m, even));
      const actsOn = (at) => {
        const current = categoryCells(at);
        const compared = [compareFeature(profile, among, current, USUAL)];
        return acts(judgeBatch(compared, [], current.rows, USUAL, startFalseAlarms()).features[0].state);
      };
      const sample = multinomial(random, n / every, shares);
      const others = multinomial(random, n - n / every, shares);
      const [all, few] = [actsOn(sample.map((rows, i) => rows + others[i])), actsOn(sample)];
      if (all) allAct++;
      if (few) sampleActs++;
      if (all !== few) differ++;
    }
    const far = factor === factors[0] || factor === factors.at(-1);
    const [low, high] = factor === 1 ? [0.4, 0.6] : factor < 1 ? [0, 0.5] : [0.5, 1];
    const outside = (hits) => wilsonInterval(hits, repeats).upper < low || wilsonInterval(hits, repeats).lower > high;
    if ((far && differ > 0.01 * repeats) || outside(allAct) || outside(sampleActs)) process.exitCode = 1;
    console.log(
      `| ${factor} | ${percent(allAct, repeats)} | ${percent(sampleActs, repeats)} (${interval(sampleActs, repeats)}) | ${percent(differ, repeats)} |`,
    );
  }
}

/** Between the PSI of the weekday, 0.036, and those of all other columns, at most 0.01: a limit that some features exceed. */
const BETWEEN = { ...USUAL, suspectedPsi: 0.02, detectedPsi: 0.02 };
const SAMPLES = 12;

/**
 * January against June: verdicts on all rows and on every 60th, from different rows each time. None may flip; and as proof that one
 * could, a verdict by significance alone (p-values adjusted by Benjamini and Hochberg, 0.01) must.
 */
async function flights() {
  const data = join(root, 'node_modules/vega-datasets/data');
  const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
  const engine = new Engine({ threads: 2 });
  const judgedBy = async (every, offset) => {
    const paths = [];
    for (const name of ['2001-01', '2001-06']) {
      const outPath = join(folder, `${name}-${every}-${offset}.parquet`);
      await engine.writeParquet({ select: month(data, name, every, offset), outPath });
      paths.push(outPath);
    }
    const { signal } = new AbortController();
    const each = (path, use) => eachFeature(engine, { path, features: FLIGHTS, signal }, use);
    const profiles = [];
    await each(paths[0], async (column, i) => {
      profiles[i] = calculated({ kind: 'profile', feature: FLIGHTS[i], column });
    });
    const compared = [];
    const rows = await each(paths[1], async (column, i) => {
      compared[i] = calculated({ kind: 'compare', profile: profiles[i], column, rule: BETWEEN });
    });
    return judgeBatch(compared, [], rows, BETWEEN, startFalseAlarms()).features;
  };
  try {
    const all = await judgedBy(1, 0);
    const samples = [];
    for (let offset = 0; offset < SAMPLES; offset++) samples.push(await judgedBy(60, 5 * offset));
    console.log(
      `\nFlights, January against June, limit at PSI ${BETWEEN.suspectedPsi}: a verdict flips when one side would act (suspected, detected) and the other not (clear, negligible). None of ${SAMPLES} samples may; significance alone must.\n`,
    );
    console.log(
      '| feature | PSI, all rows | verdict | PSI, every 60th | verdicts of the samples | flips | by significance alone |\n|---|---|---|---|---|---|---|',
    );
    const significant = ({ adjustedLog10PValue }) => adjustedLog10PValue <= -2;
    const total = { flips: 0, bySignificance: 0, act: 0 };
    FLIGHTS.forEach((feature, i) => {
      const own = samples.map((judged) => judged[i]);
      const states = own.map(({ state }) => state);
      const counted = [...new Set(states)].map((one) => `${states.filter((state) => state === one).length} ${one}`);
      const flips = states.filter((state) => acts(state) !== acts(all[i].state)).length;
      const bySignificance = own.filter((one) => significant(one) !== significant(all[i])).length;
      total.flips += flips;
      total.bySignificance += bySignificance;
      if (acts(all[i].state)) total.act++;
      const psis = own.map(({ psi }) => psi.value).sort((a, b) => a - b);
      console.log(
        `| ${feature} | ${all[i].psi.value.toFixed(4)} | ${all[i].state} | ${psis[0].toFixed(4)} to ${psis.at(-1).toFixed(4)} | ${counted.join(', ')} | ${flips} | ${bySignificance} |`,
      );
    });
    // Features on both sides of the limit, or agreement would say nothing.
    const telling = total.act > 0 && total.act < FLIGHTS.length && total.bySignificance > 0;
    if (total.flips > 0 || !telling) process.exitCode = 1;
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await flights();
aroundTheLimit(Number(options.repeats));
