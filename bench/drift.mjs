#!/usr/bin/env node
/**
 * Drift of a batch of 1 million rows against 1 million, 20 numeric and 10 categorical columns from Parquet (6 of them truly
 * shifted): what a batch costs when the reference profile is kept, what the profile costs once, beside DuckDB's own exact
 * Kolmogorov-Smirnov distance of the numeric columns in the same run.
 * Build first (`npm run build`), then `node bench/drift.mjs [--rounds 3] [--rows 1000000] [--peers]`. With `--peers` Evidently and
 * whylogs report on the same rows in the same run; they are installed once, which needs python3.11 and PyPI.
 * Prints markdown tables; CPU is of the whole process, the best of all rounds; the event loop's lateness is the worst of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine, identifier, literal } from '@rondo/datasets';
import { measurePeer } from './peers/python.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '1000000' },
    peers: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps/drift-monitor/dist', path));
const { CalculationThreads } = await inside('adapters/calculation-threads.js');
const { eachFeature } = await inside('adapters/feature-columns.js');
const { judgeBatch, startFalseAlarms } = await inside('domain/drift-evaluation.js');

const rule = {
  minRows: 1000,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.1,
  detectedPsi: 0.25,
  persistence: { breaches: 1, outOf: 1 },
};
const numeric = Array.from({ length: 20 }, (_, i) => `x${i}`);
const categories = Array.from({ length: 10 }, (_, i) => `c${i}`);
const features = [...numeric, ...categories];
const SHIFTED = ['x0', 'x1', 'x2', 'x3', 'c0', 'c1'];

/** Draws from hashes of the row number: normal, skewed, heavy-tailed with an outlier, rounded; Zipf-like categories. */
const sample = (side) => {
  const uniform = (column, salt) =>
    `((hash(i * 31 + ${salt * 1000 + side * 500_000} + ${column}) % 1000003) + 0.5) / 1000003.0`;
  const shift = (name, amount) => (side === 1 && SHIFTED.includes(name) ? amount : 0);
  const columns = numeric.map((name, c) => {
    const normal = `sqrt(-2 * ln(${uniform(c, 1)})) * cos(2 * pi() * ${uniform(c, 2)})`;
    const shapes = [
      `${normal} + ${shift(name, 0.6)}`,
      `-ln(${uniform(c, 1)}) * ${1 + shift(name, 0.9)}`,
      `CASE WHEN i % 100000 = 0 THEN 1e9 ELSE ${uniform(c, 1)} * ${1 - shift(name, 0.5)} END`,
      `round(4 * (${normal} + ${shift(name, 0.6)}))`,
    ];
    return `(${shapes[c % 4]})::FLOAT AS ${name}`;
  });
  const codes = categories.map(
    (name, c) => `floor(power(20, power(${uniform(c + 50, 3)}, ${1 + shift(name, 0.8)})))::FLOAT AS ${name}`,
  );
  return `SELECT ${[...columns, ...codes].join(', ')} FROM range(${rows}) AS t(i)`;
};

const exactKs = (before, now, column) => `
  WITH counted AS (
    SELECT value, sum(a)::DOUBLE AS a, sum(b)::DOUBLE AS b
    FROM (
      SELECT ${identifier(column)} AS value, 1 AS a, 0 AS b FROM read_parquet(${literal(before)})
      UNION ALL
      SELECT ${identifier(column)}, 0, 1 FROM read_parquet(${literal(now)})
    )
    GROUP BY value
  )
  SELECT max(abs(ca / na - cb / nb)) AS ks
  FROM (SELECT sum(a) OVER up AS ca, sum(b) OVER up AS cb, sum(a) OVER () AS na, sum(b) OVER () AS nb FROM counted
    WINDOW up AS (ORDER BY value ROWS UNBOUNDED PRECEDING))`;

/** How many of the columns that truly shifted are among these, and how many others. */
const hits = (names) => {
  const found = names.filter((name) => SHIFTED.includes(name)).length;
  return { found, wrong: names.length - found };
};

async function best(rounds, work) {
  let least = { cpuMs: Infinity, wallMs: Infinity, lateMs: 0, result: undefined };
  for (let round = 0; round < rounds; round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const cpu = process.cpuUsage();
    const began = performance.now();
    const result = await work();
    const wallMs = performance.now() - began;
    const spent = process.cpuUsage(cpu);
    delay.disable();
    const cpuMs = (spent.user + spent.system) / 1000;
    const lateMs = Math.max(least.lateMs, delay.max / 1e6);
    least = cpuMs < least.cpuMs ? { cpuMs, wallMs, lateMs, result } : { ...least, lateMs };
  }
  return least;
}

const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
const writer = new Engine({ threads: 2, statementMs: 600_000 });
const [before, now] = [join(folder, 'before.parquet'), join(folder, 'now.parquet')];
try {
  await writer.writeParquet({ select: sample(0), outPath: before });
  await writer.writeParquet({ select: sample(1), outPath: now });
} finally {
  await writer.close();
}
const engine = new Engine({ threads: 2, memoryMb: 256, statementMs: 600_000 });
// As in the service: columns are read here and handed to the thread, which is kept.
const thread = new CalculationThreads();
const { signal } = new AbortController();
try {
  const rounds = Number(values.rounds);
  const profiled = await best(rounds, async () => {
    const profiles = [];
    await eachFeature(engine, { path: before, features, signal }, async (column, i) => {
      profiles[i] = await thread.calculate({ kind: 'profile', feature: features[i], column }, signal);
    });
    return profiles;
  });
  const compared = await best(rounds, async () => {
    const comparisons = [];
    const read = await eachFeature(engine, { path: now, features, signal }, async (column, i) => {
      const against = { profile: profiled.result[i], rule };
      comparisons[i] = await thread.calculate({ kind: 'compare', column, ...against }, signal);
    });
    return judgeBatch(comparisons, [], read, rule, startFalseAlarms());
  });
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const floor = await best(1, async () => {
    const distances = [];
    for (const column of numeric) distances.push((await engine.query(exactKs(before, now, column)))[0].ks);
    return distances;
  });
  const line = (name, columns, { cpuMs, wallMs, lateMs }) =>
    console.log(`| ${name} | ${columns} | ${cpuMs.toFixed(0)} | ${wallMs.toFixed(0)} | ${lateMs.toFixed(0)} |`);
  console.log(
    `${rows.toLocaleString('en')} rows against ${rows.toLocaleString('en')}; peak memory of all before the floor ${peakMb.toFixed(0)} MB (with Node and DuckDB)\n`,
  );
  console.log('| | columns | CPU ms | wall ms | event loop late at most, ms |\n|---|---|---|---|---|');
  line(
    'batch: PSI, KS and Mann-Whitney or chi-squared, Wasserstein, Jensen-Shannon, missing values, intervals; reference kept',
    30,
    compared,
  );
  line('profile of the reference, once per champion', 30, profiled);
  line('both: a report from two files', 30, {
    cpuMs: compared.cpuMs + profiled.cpuMs,
    wallMs: compared.wallMs + profiled.wallMs,
    lateMs: Math.max(compared.lateMs, profiled.lateMs),
  });
  line('floor: DuckDB, exact KS distance alone, both files', 20, floor);
  const drifting = compared.result.features.filter(({ state }) => state === 'detected' || state === 'suspected');
  const { found, wrong } = hits(drifting.map(({ feature }) => feature));
  const off = numeric.map((_, i) => Math.abs(floor.result[i] - compared.result.features[i].distance.value));
  console.log(
    `\nFound ${found} of ${SHIFTED.length} shifted columns, ${wrong} false; KS from the kept reference is within ${Math.max(...off).toFixed(5)} of DuckDB's.`,
  );
  if (values.peers) {
    // Their users' categories are texts.
    const texts = features.map((name) => (name[0] === 'c' ? `'k' || ${name}::INT AS ${name}` : name)).join(', ');
    const [textBefore, textNow] = [before, now].map((path) => path.replace('.parquet', '-texts.parquet'));
    for (const [path, outPath] of [
      [before, textBefore],
      [now, textNow],
    ])
      await engine.writeParquet({ select: `SELECT ${texts} FROM read_parquet(${literal(path)})`, outPath });
    const own = compared.cpuMs + profiled.cpuMs;
    console.log(
      '\n| peer | CPU ms | wall ms | MB | found / false | CPU by that of a report from two files |\n|---|---|---|---|---|---|',
    );
    for (const library of ['evidently', 'whylogs']) {
      const peer = measurePeer(library, `drift_${library}`, [textBefore, textNow]);
      const { found, wrong } = hits(peer.drifted);
      console.log(
        `| ${library} | ${peer.cpuMs.toFixed(0)} | ${peer.wallMs.toFixed(0)} | ${peer.peakMiB.toFixed(0)} | ${found} / ${wrong} | ${(peer.cpuMs / own).toFixed(1)} |`,
      );
    }
  }
} finally {
  await thread.onModuleDestroy();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
