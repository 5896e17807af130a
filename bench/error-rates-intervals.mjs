#!/usr/bin/env node
/**
 * How often the intervals that the drift monitor publishes hold what is true, without drift and with a planted one: Cramér's V, PSI
 * and Jensen-Shannon distance of a feature with few values, through the very function the service uses; and the loss that a loss
 * model expects of rows that moved. Build first
 * (`npm run build`), then `node bench/error-rates-intervals.mjs [--scale 1]`. Prints markdown tables; ends with an error code
 * where an interval is shown to hold less often than in 92 % (of a loss, whose thirty rows of a decile can be skew, 87 %). Seeds are fixed: equal code gives equal tables.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '@rondo/kernel';
import { estimateLoss, fitLossModel, normalQuantile, wilsonInterval } from '@rondo/statistics';
import { multinomial, zipf } from './draws.mjs';

const { values } = parseArgs({ options: { scale: { type: 'string', default: '1' } } });
const repeats = Math.max(20, Math.round(1000 * Number(values.scale)));
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps/drift-monitor/dist/domain', path));
const { compareFeature } = await inside('feature-comparison.js');
const { breaksOf } = await inside('reference-profile.js');

const LEAST = { distance: 0.92, loss: 0.87 };
let missed = 0;
const share = (hits, of, least = LEAST.distance) => {
  if (of > 0 && wilsonInterval(hits, of).upper < least) missed++;
  return of === 0 ? '–' : `${((100 * hits) / of).toFixed(1)} %`;
};
const holds = ({ lower, upper }, truth) => lower <= truth + 1e-12 && truth <= upper;
const sum = (terms) => terms.reduce((total, term) => total + term, 0);

/** What the three distances are in populations with these shares, of samples of n and m rows. */
function truths(before, now, n, m) {
  const middle = before.map((p, i) => (n * p + m * now[i]) / (n + m));
  const chiSquared = sum(before.map((p, i) => (n * (p - middle[i]) ** 2 + m * (now[i] - middle[i]) ** 2) / middle[i]));
  const divergence = before.map((p, i) => {
    const half = (p + now[i]) / 2;
    return (p * Math.log2(p / half) + now[i] * Math.log2(now[i] / half)) / 2;
  });
  return {
    distance: Math.sqrt(chiSquared / (n + m)),
    psi: sum(before.map((p, i) => (now[i] - p) * Math.log(now[i] / p))),
    jensenShannon: Math.sqrt(Math.max(0, sum(divergence))),
  };
}

/** Shares that rise for the first values and fall for the last ones. */
function tilted(shares, by) {
  const weights = shares.map((p, i) => p * Math.exp(by * Math.cos((i * Math.PI) / (shares.length - 1))));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

function coverage(name, before, n, m, by) {
  const random = seededRandom(before.length + 31 * n + 57 * m + Math.round(1000 * by));
  const now = by === 0 ? before : tilted(before, by);
  const truth = truths(before, now, n, m);
  const hits = { distance: 0, psi: 0, jensenShannon: 0 };
  let tested = 0;
  const codes = before.map((_, i) => i);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const counts = multinomial(random, n, before);
    const profile = { kind: 'category', feature: name, rows: n, nulls: 0, values: codes, counts };
    const current = {
      at: multinomial(random, m, now),
      between: new Array(codes.length + 1).fill(0),
      rows: m,
      missing: 0,
    };
    const found = compareFeature(profile, breaksOf(profile), current, { psiFloorLevel: 0.99 });
    if (found.distance) tested++;
    for (const key of Object.keys(hits)) if (found[key] && holds(found[key], truth[key])) hits[key]++;
  }
  const cells = [share(hits.distance, tested), share(hits.psi, repeats), share(hits.jensenShannon, repeats)];
  const sizes = [n, m].map((rows) => rows.toLocaleString('en'));
  console.log(
    `| ${name} | ${sizes[1]} | ${sizes[0]} | ${truth.distance.toFixed(3)} / ${truth.psi.toFixed(3)} | ${cells.join(' | ')} |`,
  );
}

const even = (categories) => new Array(categories).fill(1 / categories);
console.log(
  `Ninety-five per cent intervals of a feature with few values, ${repeats.toLocaleString('en')} pairs of samples a row: how often they hold the distance of the populations. Without drift it is 0, which an interval holds in 97.5 % or more.\n`,
);
console.log("| values | n | reference | V / PSI | Cramér's V | PSI | Jensen-Shannon |\n|---|---|---|---|---|---|---|");
for (const categories of [2, 5, 10, 20])
  for (const [n, m] of [
    [400, 400],
    [20_000, 1_000],
    [200_000, 1_000_000],
  ])
    for (const by of [0, 0.1, 1]) coverage(`${categories} even`, even(categories), n, m, by);
for (const by of [0, 0.1, 1]) coverage('20, Zipf', zipf(20), 20_000, 1_000, by);

const normal = (random) => normalQuantile(Math.max(1e-12, random.next()));
const losses = {
  'absolute error, grows with x': (random, x) => Math.abs(normal(random)) * (0.5 + x),
  'squared error, grows with x⁴': (random, x) => (normal(random) * (0.5 + x * x)) ** 2,
  'absolute error, the same everywhere': (random) => Math.abs(normal(random)),
};
const moves = {
  'as before': (u) => u,
  'to the upper half': (u) => 0.5 + u / 2,
  'to the top decile': (u) => 0.9 + u / 10,
};

/** x is the first of two columns; the other tells nothing. */
function lossCoverage(name, move, n, m) {
  const random = seededRandom(name.length + 7 * move.length + n + m);
  const drawn = (rows, moved) => {
    const x = Float64Array.from({ length: rows }, () => moved(random.next()));
    return {
      columns: [x, x.map(() => random.next())],
      labelled: x.map((value) => losses[name](random, value)),
    };
  };
  let hits = 0;
  const times = Math.round(repeats / 2);
  for (let repeat = 0; repeat < times; repeat++) {
    const reference = drawn(n, (u) => u);
    const now = drawn(m, moves[move]);
    const estimate = estimateLoss(fitLossModel(reference.columns, reference.labelled), now.columns);
    if (holds(estimate, sum(now.labelled) / m)) hits++;
  }
  console.log(
    `| ${name} | ${move} | ${n.toLocaleString('en')} | ${m.toLocaleString('en')} | ${share(hits, times, LEAST.loss)} |`,
  );
}

console.log(
  '\nNinety-five per cent intervals of the loss that is expected without labels, when rows move: how often they hold the mean loss that labels show.\n',
);
console.log('| loss | rows move | reference | n | held |\n|---|---|---|---|---|');
for (const name of Object.keys(losses))
  for (const move of Object.keys(moves))
    for (const [n, m] of [
      [300, 300],
      [2_000, 1_000],
      [1_000, 5_000],
    ])
      lossCoverage(name, move, n, m);
if (missed > 0) {
  console.error(`${missed} intervals hold what is true less often than they must`);
  process.exitCode = 1;
}
