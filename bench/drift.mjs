#!/usr/bin/env node
/**
 * Drift of one month of real flights against another, columns as they come: what a batch costs when the reference profile is
 * kept, what the profile costs once, beside DuckDB's own exact Kolmogorov-Smirnov distance of the same columns in the same run.
 * Build first (`npm run build`), then `node bench/drift.mjs [--rounds 5] [--before 2001-01] [--now 2001-05]`.
 * Prints a markdown table; CPU is of the whole process, the best of all rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine, identifier, literal } from '@rondo/datasets';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    before: { type: 'string', default: '2001-01' },
    now: { type: 'string', default: '2001-05' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const data = join(root, 'node_modules/vega-datasets/data');
const inside = (path) => import(join(root, 'apps/drift-monitor/dist', path));
const { eachSortedFeature } = await inside('adapters/sorted-features.js');
const { profileOf } = await inside('domain/reference-profile.js');
const { compareFeature } = await inside('domain/feature-comparison.js');
const { judgeBatch } = await inside('domain/drift-evaluation.js');

const rule = {
  minRows: 1000,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.1,
  detectedPsi: 0.25,
  persistence: { breaches: 1, outOf: 1 },
};
const features = ['tod', 'dow', 'day', 'delay', 'distance', 'o_lat', 'o_lon', 'd_lat', 'd_lon'];

/** One month as numbers: clock, calendar, delay, distance, both places. */
const month = (name) => `
  SELECT hour(f.date) * 60 + minute(f.date) AS tod, isodow(f.date) AS dow, day(f.date) AS day, f.delay, f.distance,
    o.latitude AS o_lat, o.longitude AS o_lon, d.latitude AS d_lat, d.longitude AS d_lon
  FROM read_parquet(${literal(join(data, 'flights-3m.parquet'))}) AS f
  LEFT JOIN read_csv(${literal(join(data, 'airports.csv'))}) AS o ON o.iata = f.origin
  LEFT JOIN read_csv(${literal(join(data, 'airports.csv'))}) AS d ON d.iata = f.destination
  WHERE strftime(f.date, '%Y-%m') = ${literal(name)}`;

/** Largest distance of the two distribution functions, counted in SQL. */
const exactKs = (before, now, column) => `
  WITH counted AS (
    SELECT value, sum(a)::DOUBLE AS a, sum(b)::DOUBLE AS b
    FROM (
      SELECT ${identifier(column)}::FLOAT AS value, 1 AS a, 0 AS b FROM read_parquet(${literal(before)})
      UNION ALL
      SELECT ${identifier(column)}::FLOAT, 0, 1 FROM read_parquet(${literal(now)})
    )
    WHERE value IS NOT NULL
    GROUP BY value
  )
  SELECT max(abs(ca / na - cb / nb)) AS ks
  FROM (SELECT sum(a) OVER up AS ca, sum(b) OVER up AS cb, sum(a) OVER () AS na, sum(b) OVER () AS nb FROM counted
    WINDOW up AS (ORDER BY value ROWS UNBOUNDED PRECEDING))`;

async function best(work) {
  let least = { cpuMs: Infinity, wallMs: Infinity, result: undefined };
  for (let round = 0; round < Number(values.rounds); round++) {
    const cpu = process.cpuUsage();
    const began = performance.now();
    const result = await work();
    const spent = process.cpuUsage(cpu);
    const cpuMs = (spent.user + spent.system) / 1000;
    if (cpuMs < least.cpuMs) least = { cpuMs, wallMs: performance.now() - began, result };
  }
  return least;
}

const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
const engine = new Engine({ threads: 2 });
try {
  const [before, now] = [join(folder, 'before.parquet'), join(folder, 'now.parquet')];
  const { rows: referenceRows } = await engine.writeParquet({ select: month(values.before), outPath: before });
  const { rows } = await engine.writeParquet({ select: month(values.now), outPath: now });

  const profiled = await best(async () => {
    const profiles = [];
    await eachSortedFeature(engine, { path: before, features }, (feature) => profiles.push(profileOf(feature)));
    return profiles;
  });
  const compared = await best(async () => {
    const comparisons = [];
    await eachSortedFeature(engine, { path: now, features }, (feature, i) => {
      comparisons.push(compareFeature(profiled.result[i], feature, rule));
    });
    return judgeBatch(comparisons, [], rows, rule);
  });
  const floor = await best(async () => {
    const distances = [];
    for (const column of features) distances.push((await engine.query(exactKs(before, now, column)))[0].ks);
    return distances;
  });

  const line = (name, n, { cpuMs, wallMs }) =>
    console.log(
      `| ${name} | ${n.toLocaleString('en')} | ${features.length} | ${cpuMs.toFixed(0)} | ${wallMs.toFixed(0)} |`,
    );
  console.log(`${values.before} against ${values.now}\n`);
  console.log('| | rows | columns | CPU ms | wall ms |\n|---|---|---|---|---|');
  line('batch: PSI, KS or chi-squared, nulls, intervals; kept reference', rows, compared);
  line('profile of the reference, once per champion', referenceRows, profiled);
  line('DuckDB, exact KS distance only, both files', referenceRows + rows, floor);
  console.log('\n| feature | PSI | distance | exact KS | state |\n|---|---|---|---|---|');
  compared.result.features.forEach(({ feature, psi, distance, state }, i) =>
    console.log(
      `| ${feature} | ${psi.value.toFixed(4)} | ${distance.name} ${distance.value.toFixed(4)} | ${floor.result[i].toFixed(4)} | ${state} |`,
    ),
  );
} finally {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
