#!/usr/bin/env node
/**
 * What the drift monitor's rule does when nothing drifts, when something does, and when it sees all rows or a sample: whole
 * years simulated through the very functions the service uses. Build first (`npm run build`), then
 * `node bench/error-rates-drift.mjs [--scale 1]`. Prints markdown tables. Seeds are fixed: equal code gives equal tables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine, literal } from '@rondo/datasets';
import { seededRandom } from '@rondo/kernel';
import { countCells, wilsonInterval } from '@rondo/statistics';

const { values } = parseArgs({ options: { scale: { type: 'string', default: '1' } } });
const scale = Number(values.scale);
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps/drift-monitor/dist', path));
const { eachFeature } = await inside('adapters/feature-columns.js');
const { calculated } = await inside('domain/calculation.js');
const { profileOf, breaksOf } = await inside('domain/reference-profile.js');
const { compareFeature } = await inside('domain/feature-comparison.js');
const { judgeBatch, startFalseAlarms, withLook } = await inside('domain/drift-evaluation.js');

/** A policy that wants to hear of small shifts: 0.2 standard deviations are a PSI of 0.04. */
const SENSITIVE = {
  minRows: 100,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.01,
  detectedPsi: 0.01,
  persistence: { breaches: 1, outOf: 1 },
};
const USUAL = { ...SENSITIVE, minRows: 1000, suspectedPsi: 0.1, detectedPsi: 0.25 };
const LOOKS = 365;

const normalQuantile = await import('@rondo/statistics').then(({ normalQuantile: quantile }) => {
  const table = Float64Array.from({ length: 20_001 }, (_, i) =>
    quantile(Math.min(1 - 1e-6, Math.max(1e-6, i / 20_000))),
  );
  return (u) => {
    const at = u * 20_000;
    const low = Math.min(19_999, Math.floor(at));
    return table[low] + (at - low) * (table[low + 1] - table[low]);
  };
});
const zipf = (categories) => {
  const weights = Array.from({ length: categories }, (_, i) => 1 / (i + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};
const stepwise = (shares) => {
  const upTo = [];
  shares.reduce((sum, share, i) => (upTo[i] = sum + share), 0);
  return (u) => {
    let low = 0;
    let high = upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] < u) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** Inverse distribution functions: smooth, tied, mostly zero, categories; some with gaps. */
const kinds = [
  ['normal', normalQuantile, 0],
  ['rounded to 30 values', (u) => Math.round(5 * normalQuantile(u)), 0],
  ['70 % zeros', (u) => (u < 0.7 ? 0 : -Math.log((1 - u) / 0.3)), 0],
  ['Zipf, 20 categories', stepwise(zipf(20)), 0],
  ['Zipf, 200 categories', stepwise(zipf(200)), 0],
  ['two values, 2 %', (u) => (u < 0.98 ? 0 : 1), 0],
  ['normal, 10 % missing', normalQuantile, 0.1],
];
const features = Array.from({ length: 30 }, (_, i) => kinds[i % kinds.length]);

/** n ascending draws in O(n): uniform order statistics from exponential spacings. */
function draw(random, n, [name, quantile, missing], shift = 0) {
  let present = n;
  if (missing > 0) for (let i = 0; i < n; i++) if (random.next() < missing) present--;
  const sums = new Float64Array(present + 1);
  let sum = 0;
  for (let i = 0; i <= present; i++) sums[i] = sum -= Math.log(1 - random.next());
  const drawn = new Float32Array(present);
  for (let i = 0; i < present; i++) drawn[i] = quantile(sums[i] / sum) + shift;
  return { feature: name, values: drawn, nulls: n - present };
}

/** What the service keeps of a reference. */
const keep = (drawn) => {
  const profile = profileOf(drawn);
  return { profile, among: breaksOf(profile) };
};
const compare = ({ profile, among }, { values: drawn, nulls }, rule) =>
  compareFeature(profile, among, { ...countCells(drawn, among.breaks), missing: nulls }, rule);

const percent = (hits, of) => `${((100 * hits) / of).toFixed(1)} %`;
const interval = (hits, of) => {
  const { lower, upper } = wilsonInterval(hits, of);
  return `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %`;
};

/** Years without drift: in how many is any feature ever detected, and how do the p-values behave. */
function quietYears(n, m, years) {
  let alarmed = 0;
  let batchAlarmed = 0;
  let tests = 0;
  const below = { 2: 0, 3: 0, 4: 0 };
  for (let year = 0; year < years; year++) {
    const random = seededRandom(1000 * year + n + 7 * m);
    const profiles = features.map((kind) => keep(draw(random, m, kind)));
    let ledger = startFalseAlarms();
    let [feature, batch] = [false, false];
    for (let look = 0; look < LOOKS; look++) {
      const compared = profiles.map((profile, i) => compare(profile, draw(random, n, features[i]), SENSITIVE));
      const judged = judgeBatch(compared, [], n, SENSITIVE, ledger);
      ledger = withLook(ledger, judged.state);
      feature ||= judged.featuresDetected > 0;
      batch ||= judged.state === 'detected';
      for (const { log10PValue } of compared) {
        tests++;
        for (const level of [2, 3, 4]) if (log10PValue <= -level) below[level]++;
      }
    }
    if (feature) alarmed++;
    if (batch) batchAlarmed++;
  }
  const rate = (level) => (below[level] / tests / 10 ** -level).toFixed(2);
  console.log(
    `| ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${years} | ${percent(alarmed, years)} (${interval(alarmed, years)}) | ${percent(batchAlarmed, years)} | ${rate(2)} | ${rate(3)} | ${rate(4)} |`,
  );
  return [alarmed, years];
}

/** Whole years are out of reach at these sizes; a detection needs the effect, so years of effects alone bound it. */
function quietEffects(n, m, years) {
  let reached = 0;
  let largest = 0;
  for (let year = 0; year < years; year++) {
    const random = seededRandom(77 + year);
    const normal = () => normalQuantile(random.next());
    for (let test = 0; test < LOOKS * features.length; test++) {
      // A chi-squared of 20 degrees (the widest feature has 21 bins) times the sampling noise, less its mean.
      let squares = 0;
      for (let i = 0; i < 20; i++) squares += normal() ** 2;
      const effect = (1 / n + 1 / m) * (squares - 20);
      largest = Math.max(largest, effect);
      if (effect >= SENSITIVE.detectedPsi) reached++;
    }
  }
  console.log(
    `| ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${years} | ${reached} | ${largest.toExponential(1)} |`,
  );
}

/** One of 30 features shifts for good: found at once, and within three batches. */
function planted(name, n, m, kind, shifted, repeats) {
  let atOnce = 0;
  let detected = 0;
  let withinThree = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const random = seededRandom(90_000 + repeat);
    const all = [kind, ...features.slice(1)];
    const profiles = all.map((one) => keep(draw(random, m, one)));
    let ledger = startFalseAlarms();
    let found = false;
    // Later looks matter only to what is not found yet.
    for (let look = 0; look < 3 && !found; look++) {
      const compared = profiles.map((profile, i) =>
        compare(profile, i === 0 ? shifted(random, n) : draw(random, n, all[i]), SENSITIVE),
      );
      const judged = judgeBatch(compared, [], n, SENSITIVE, ledger);
      ledger = withLook(ledger, judged.state);
      const { state } = judged.features[0];
      if (look === 0 && (state === 'suspected' || state === 'detected')) atOnce++;
      if (look === 0 && state === 'detected') detected++;
      found ||= state === 'detected';
    }
    if (found) withinThree++;
  }
  console.log(
    `| ${name} | ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${percent(atOnce, repeats)} (${interval(atOnce, repeats)}) | ${percent(detected, repeats)} | ${percent(withinThree, repeats)} (${interval(withinThree, repeats)}) |`,
  );
}

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

/** January against June: verdicts on all rows and on every 60th, five times. */
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
      compared[i] = calculated({ kind: 'compare', profile: profiles[i], column, rule: USUAL });
    });
    return judgeBatch(compared, [], rows, USUAL, startFalseAlarms());
  };
  try {
    const all = await judgedBy(1, 0);
    const acts = (state) => state === 'suspected' || state === 'detected';
    const samples = [];
    for (let offset = 0; offset < 5; offset++) samples.push(await judgedBy(60, offset));
    console.log(
      '| feature | PSI, all rows | verdict | PSI, every 60th | verdicts of five samples | flips |\n|---|---|---|---|---|---|',
    );
    FLIGHTS.forEach((feature, i) => {
      const own = samples.map(({ features: judged }) => judged[i]);
      const states = own.map(({ state }) => state);
      const counted = [...new Set(states)].map((one) => `${states.filter((state) => state === one).length} ${one}`);
      const flips = own.filter(({ state }) => acts(state) !== acts(all.features[i].state)).length;
      const psis = own.map(({ psi }) => psi.value).sort((a, b) => a - b);
      console.log(
        `| ${feature} | ${all.features[i].psi.value.toFixed(4)} | ${all.features[i].state} | ${psis[0].toFixed(4)} to ${psis.at(-1).toFixed(4)} | ${counted.join(', ')} | ${flips} |`,
      );
    });
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const times = (count) => Math.max(1, Math.round(count * scale));
console.log(
  `Thirty features (normal, tied, mostly zero, Zipf categories, rare values, gaps), ${LOOKS} batches a year, no drift; limits at PSI 0.01, no persistence asked: years in which a feature, and the batch, is ever called detected (goal: at most 5 %), and how often single p-values fall below 0.01, 0.001, 0.0001, as a ratio to what they state (1 is exact, below is safe).\n`,
);
console.log(
  '| n | reference | years | a feature is detected | the batch is | 0.01 | 0.001 | 0.0001 |\n|---|---|---|---|---|---|---|---|',
);
const quiet = [
  quietYears(100, 100, times(44)),
  quietYears(100, 20_000, times(10)),
  quietYears(1_000, 1_000, times(16)),
  quietYears(1_000, 20_000, times(8)),
  quietYears(5_000, 2_000, times(6)),
];
const [alarms, years] = [0, 1].map((part) => quiet.reduce((sum, row) => sum + row[part], 0));
console.log(`| all | | ${years} | ${percent(alarms, years)} (${interval(alarms, years)}) | | | | |`);
console.log('\nLarger batches: effects that chance alone produces in as many years (a detection needs 0.01).\n');
console.log('| n | reference | years | effects of 0.01 | largest |\n|---|---|---|---|---|');
quietEffects(10_000, 20_000, times(10));
quietEffects(1_000_000, 200_000, times(10));
console.log('\nOne of the thirty features shifts for good; the same rule.\n');
console.log(
  '| shift | n | reference | suspected or detected at once | detected at once | detected within 3 batches |\n|---|---|---|---|---|---|',
);
const normalKind = kinds[0];
planted('0.2 sd of the mean', 1_000, 20_000, normalKind, (random, n) => draw(random, n, normalKind, 0.2), times(200));
const shares = zipf(20);
const moved = shares.map((share, i) => (i === 0 ? share - 0.1 : i === 2 ? share + 0.1 : share));
const zipfKind = kinds[3];
planted(
  '0.1 total variation, Zipf',
  1_000,
  20_000,
  zipfKind,
  (random, n) => draw(random, n, ['zipf', stepwise(moved), 0]),
  times(200),
);
const evenly = ['ten even categories', stepwise(Array(10).fill(0.1)), 0];
const tilted = stepwise(Array.from({ length: 10 }, (_, i) => (i < 5 ? 0.12 : 0.08)));
planted(
  '0.1 total variation, spread over ten',
  1_000,
  20_000,
  evenly,
  (random, n) => draw(random, n, ['tilted', tilted, 0]),
  times(200),
);
console.log(
  '\nFlights, January against June, limits at PSI 0.1 and 0.25: a verdict flips when one side would act (suspected, detected) and the other not (clear, negligible).\n',
);
await flights();
