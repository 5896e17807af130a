#!/usr/bin/env node
/**
 * What the drift monitor's rule does when nothing drifts, when something does, and when it sees all rows or a sample: whole
 * years simulated through the very functions the service uses. Build first (`npm run build`), then
 * `node bench/error-rates-drift.mjs [--scale 1] [--only quiet]` (or another of `parts` below). Prints markdown tables. Seeds are fixed:
 * equal code gives equal tables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine, literal } from '@rondo/datasets';
import { seededRandom } from '@rondo/kernel';
import { countCells, nextAlpha, wilsonInterval } from '@rondo/statistics';
import { binomial, multinomial } from './draws.mjs';

const { values } = parseArgs({
  options: { scale: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
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

/** What the cells of a profile hold of n rows, drawn by their probabilities: as good as drawing rows, whatever their number. */
function cellSource([, quantile, missing], { breaks }) {
  // P(value < break) and P(value <= break) by bisection: values are rounded to single precision as `draw` rounds them.
  const upTo = (isBelow) => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 52; step++) {
      const middle = (low + high) / 2;
      if (isBelow(Math.fround(quantile(middle)))) low = middle;
      else high = middle;
    }
    return low;
  };
  const probabilities = [];
  let before = 0;
  for (const value of breaks) {
    const [under, until] = [upTo((drawn) => drawn < value), upTo((drawn) => drawn <= value)];
    probabilities.push(under - before, until - under);
    before = until;
  }
  probabilities.push(1 - before);
  return (random, n) => {
    const rows = n - binomial(random, n, missing);
    const counts = multinomial(random, rows, probabilities);
    return {
      at: counts.filter((_, i) => i % 2 === 1),
      between: counts.filter((_, i) => i % 2 === 0),
      rows,
      missing: n - rows,
    };
  };
}

/** Years without drift at sizes whose rows are too many to draw: cells are drawn instead, and judged as in {@link quietYears}. */
function quietEffects(n, m, years) {
  let alarmed = 0;
  let reached = 0;
  let largest = 0;
  for (let year = 0; year < years; year++) {
    const random = seededRandom(77 + year + n);
    const sources = features.map((kind) => {
      const kept = keep(draw(random, m, kind));
      return { ...kept, cells: cellSource(kind, kept.among) };
    });
    let ledger = startFalseAlarms();
    let detected = false;
    for (let look = 0; look < LOOKS; look++) {
      const compared = sources.map(({ profile, among, cells }) =>
        compareFeature(profile, among, cells(random, n), SENSITIVE),
      );
      const judged = judgeBatch(compared, [], n, SENSITIVE, ledger);
      ledger = withLook(ledger, judged.state);
      detected ||= judged.featuresDetected > 0;
      for (const { effect } of compared) {
        largest = Math.max(largest, effect);
        if (effect >= SENSITIVE.detectedPsi) reached++;
      }
    }
    if (detected) alarmed++;
  }
  console.log(
    `| ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${years} | ${alarmed} | ${reached} | ${largest.toExponential(1)} |`,
  );
}

/** p-values of categories without drift, with a reference of its own each time, as ratios to what they state. */
function quietCategories(name, shares, n, m, tests) {
  const random = seededRandom(shares.length + n);
  const values = shares.map((_, i) => i);
  const below = { 1: 0, 2: 0, 3: 0 };
  for (let test = 0; test < tests; test++) {
    const profile = {
      kind: 'category',
      feature: name,
      rows: m,
      nulls: 0,
      values,
      counts: multinomial(random, m, shares),
    };
    const current = {
      at: multinomial(random, n, shares),
      between: Array(shares.length + 1).fill(0),
      rows: n,
      missing: 0,
    };
    const { log10PValue } = compareFeature(profile, breaksOf(profile), current, SENSITIVE);
    for (const level of [1, 2, 3]) if (log10PValue <= -level) below[level]++;
  }
  for (const level of [1, 2, 3])
    if (wilsonInterval(below[level], tests).lower > 1.5 * 10 ** -level) process.exitCode = 1;
  const rates = [1, 2, 3].map((level) => (below[level] / tests / 10 ** -level).toFixed(2));
  console.log(`| ${name} | ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${rates.join(' | ')} |`);
}

/** Looks at the other 29 features, drawn once for all repetitions: they matter to the shifted one by what they leave of the level. */
function quietLooks(n, m, looks) {
  const random = seededRandom(80_000);
  const others = features.slice(1);
  const profiles = others.map((kind) => keep(draw(random, m, kind)));
  return Array.from({ length: looks }, () =>
    profiles.map((profile, i) => compare(profile, draw(random, n, others[i]), SENSITIVE)),
  );
}

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
    `| ${name} | ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${repeats.toLocaleString('en')} | ${rate(atOnce)} | ${rate(detected)} | ${rate(withinThree)} |`,
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

/**
 * A feature whose PSI is a multiple of the limit, on 60,000 rows and on every 60th of them: away from the limit both verdicts must
 * agree; on the limit each must act half of the time, or one size of sample acts sooner than the other.
 */
function aroundTheLimit(repeats) {
  const [m, n, every] = [20_000, 60_000, 60];
  const limit = USUAL.suspectedPsi;
  const even = Array(10).fill(0.1);
  const values = even.map((_, i) => i);
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
      const profile = {
        kind: 'category',
        feature: 'x',
        rows: m,
        nulls: 0,
        values,
        counts: multinomial(random, m, even),
      };
      const acts = (at) => {
        const rows = at.reduce((sum, count) => sum + count, 0);
        const current = { at, between: Array(11).fill(0), rows, missing: 0 };
        const compared = [compareFeature(profile, breaksOf(profile), current, USUAL)];
        const { state } = judgeBatch(compared, [], rows, USUAL, startFalseAlarms()).features[0];
        return state === 'suspected' || state === 'detected';
      };
      const sample = multinomial(random, n / every, shares);
      const others = multinomial(random, n - n / every, shares);
      const [all, few] = [acts(sample.map((count, i) => count + others[i])), acts(sample)];
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
      '\nFlights, January against June, limits at PSI 0.1 and 0.25: a verdict flips when one side would act (suspected, detected) and the other not (clear, negligible).\n',
    );
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

function quiet() {
  console.log(
    `\nThirty features (normal, tied, mostly zero, Zipf categories, rare values, gaps), ${LOOKS} batches a year, no drift; limits at PSI 0.01, no persistence asked: years in which a feature, and the batch, is ever called detected (goal: at most 5 %), and how often single p-values fall below 0.01, 0.001, 0.0001, as a ratio to what they state (1 is exact, below is safe).\n`,
  );
  console.log(
    '| n | reference | years | a feature is detected | the batch is | 0.01 | 0.001 | 0.0001 |\n|---|---|---|---|---|---|---|---|',
  );
  const rows = [
    quietYears(100, 100, times(44)),
    quietYears(100, 20_000, times(10)),
    quietYears(1_000, 1_000, times(16)),
    quietYears(1_000, 20_000, times(8)),
    quietYears(5_000, 2_000, times(6)),
  ];
  const [alarms, years] = [0, 1].map((part) => rows.reduce((sum, row) => sum + row[part], 0));
  console.log(`| all | | ${years} | ${percent(alarms, years)} (${interval(alarms, years)}) | | | | |`);
}

function large() {
  console.log(
    '\nLarger batches, the same rule: years with a detection, and effects of 0.01 that chance alone produces.\n',
  );
  console.log('| n | reference | years | with a detection | effects of 0.01 | largest |\n|---|---|---|---|---|---|');
  quietEffects(10_000, 20_000, times(2));
  quietEffects(1_000_000, 200_000, times(2));
}

function categories() {
  console.log(
    '\nCategories without drift: how often p-values fall below 0.1, 0.01, 0.001, as a ratio to what they state.\n',
  );
  console.log('| feature | n | reference | 0.1 | 0.01 | 0.001 |\n|---|---|---|---|---|---|');
  for (const [n, m] of [
    [10_000, 20_000],
    [1_000_000, 200_000],
  ]) {
    quietCategories('Zipf, 20 categories', zipf(20), n, m, times(10_000));
    quietCategories('two values, 2 %', [0.98, 0.02], n, m, times(10_000));
  }
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

/** How often a feature of two values falls below the level of one look and one of thirty features: too rare to simulate, so summed up. */
function levels() {
  const level = nextAlpha(startFalseAlarms()) / features.length;
  const GRID = 40;
  const ofTwo = (hits, rows) => Float32Array.from({ length: rows }, (_, row) => (row < rows - hits ? 0 : 1));
  const alarms = (n, m, share) => {
    const batches = binomialChances(n, share);
    const sd = Math.sqrt(m * share * (1 - share));
    let [sum, weights] = [0, 0];
    for (let step = -GRID; step <= GRID; step++) {
      const z = (5 * step) / GRID;
      const reference = keep({ feature: 'x', values: ofTwo(Math.round(m * share + z * sd), m), nulls: 0 });
      const weight = Math.exp((-z * z) / 2);
      weights += weight;
      for (let hits = 0; hits <= n; hits++) {
        if (batches[hits] < 1e-13) continue;
        const { log10PValue } = compare(reference, { values: ofTwo(hits, n), nulls: 0 }, SENSITIVE);
        if (log10PValue <= Math.log10(level)) sum += weight * batches[hits];
      }
    }
    return sum / weights / level;
  };
  console.log(
    `\nA feature of two values, no drift: how often it falls below ${level.toExponential(1)}, as a ratio to what that states.\n`,
  );
  console.log('| n | reference | rarer value | ratio |\n|---|---|---|---|');
  for (const [n, m, share] of [
    [100, 100, 0.17],
    [100, 20_000, 0.17],
    [1_000, 1_000, 0.02],
    [1_000, 20_000, 0.015],
    [1_000, 20_000, 0.02],
    [1_000, 20_000, 0.1],
    [5_000, 2_000, 0.02],
  ])
    console.log(
      `| ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${(100 * share).toFixed(1)} % | ${alarms(n, m, share).toFixed(2)} |`,
    );
}

function shifts() {
  const [n, m] = [1_000, 20_000];
  const quietFeatures = quietLooks(n, m, 150);
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

const limit = () => aroundTheLimit(times(1_000));
const parts = { quiet, large, categories, levels, planted: shifts, best, flights, limit };
for (const [name, run] of Object.entries(parts)) if (name.startsWith(values.only)) await run();
