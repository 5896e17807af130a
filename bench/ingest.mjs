#!/usr/bin/env node
/**
 * CPU of data-prep per small arrival, from the announcement to the batch that is ready: 24 rows, 7 columns, Parquet and CSV, and one
 * of 1,000,000 rows. The floor, in the same run, is what DuckDB alone takes for the statements that are needed at least: columns of
 * the file, canonical copy, one pass of checks, one read of the numbers, the rows loaded, the feature SQL, its file.
 * Build first (`npm run build`), then `node bench/ingest.mjs [--arrivals 100] [--large 1000000]`. Prints a markdown table; CPU is of
 * the whole process, in ms per arrival.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { parseConfig } from '@rondo/config';
import { AnnounceArrivalSchema, BatchReadySchema, PipelineAppliedSchema } from '@rondo/contracts';
import { Engine, literal } from '@rondo/datasets';
import { admitPipeline } from '@rondo/policy';
import { startService } from './service.mjs';

const { values } = parseArgs({
  options: { arrivals: { type: 'string', default: '100' }, large: { type: 'string', default: '1000000' } },
});
const [ARRIVALS, LARGE] = [Number(values.arrivals), Number(values.large)];
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps/data-prep/dist', path));
const { DataPrepModule } = await inside('data-prep.module.js');
const { dataPrepConfig } = await inside('config.js');
const EXAMPLE = join(root, 'examples/your-own-pipeline');
const FIRST_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const ROWS = 24;
const WARM_UP = 10;
const NUMBERS = ['tenure_days', 'orders', 'tickets', 'discount_share', 'cancelled'];
const pipeline = 'churn';

const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
const engine = new Engine({ threads: 1 });
const config = parseConfig(dataPrepConfig, { RONDO_DATA_ROOTS: folder });
const module = DataPrepModule.forRoot({ config, authenticate: () => undefined });
const service = await startService('data-prep', module, folder);

/** The example of the guide, for batches of a day. */
async function applyPipeline(featureSql) {
  const contract = (await readFile(join(EXAMPLE, 'contract.odcs.yaml'), 'utf8')).replace(
    '[500, 10000]',
    '[1, 10000000]',
  );
  const files = { 'contract.odcs.yaml': Buffer.from(contract), 'features.sql': Buffer.from(featureSql) };
  const admission = admitPipeline({ document: await readFile(join(EXAMPLE, 'pipeline.yaml'), 'utf8'), files });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const document = await service.artifacts.put(Buffer.from(admission.bundle));
  const message = { pipeline, generation: 1n, document: { digest: document.digest }, endpoint: pipeline };
  await service.publish(PipelineAppliedSchema, message, pipeline);
}

async function writeDay(day, { rows, format }) {
  const startMs = FIRST_MS + day * DAY_MS;
  const columns = [
    `epoch_ms((${startMs} + i * ${DAY_MS / rows})::BIGINT) AS seen_at`,
    `'c${day}-' || i AS customer`,
    '(i * 10 % 20000)::INTEGER AS tenure_days, (i % 7)::INTEGER AS orders, (i % 3)::INTEGER AS tickets',
    '(i % 10) / 10.0::DOUBLE AS discount_share, (i % 2)::INTEGER AS cancelled',
  ];
  const path = join(folder, `day-${day}.${format}`);
  await engine.query(
    `COPY (SELECT ${columns.join(', ')} FROM range(${rows}) t(i)) TO ${literal(path)} (FORMAT ${format})`,
  );
  return path;
}

async function announce(day, format) {
  const startMs = FIRST_MS + day * DAY_MS;
  const end = timestampFromMs(startMs + DAY_MS);
  const dataInterval = { start: timestampFromMs(startMs), end };
  const arrival = { pipeline, eventId: `day-${day}`, eventSource: 'bench', uri: `day-${day}.${format}` };
  await service.publish(AnnounceArrivalSchema, { ...arrival, dataInterval, announcedAt: end }, pipeline);
}

/** The statements that are needed at least for one file. */
async function bare(session, path, featureSql) {
  const [copy, out] = [join(folder, 'copy.parquet'), join(folder, 'out.parquet')].map(literal);
  const options = '(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, USE_TMP_FILE false)';
  const source = `read_parquet(${literal(path)})`;
  await session.rows(`DESCRIBE SELECT * FROM ${source}`);
  await session.rows(`COPY (SELECT * FROM ${source} ORDER BY ALL) TO ${copy} ${options}`);
  const checks = NUMBERS.map((name) => `count(${name}), count(*) FILTER (WHERE ${name} < 0 OR ${name} > 20000)`);
  await session.rows(`SELECT count(*), min(seen_at), max(seen_at), ${checks.join(', ')} FROM read_parquet(${copy})`);
  const floats = NUMBERS.map((name) => `${name}::FLOAT`);
  await session.chunks(`SELECT epoch_ms(seen_at)::DOUBLE, ${floats.join(', ')} FROM read_parquet(${copy})`);
  await session.run(`CREATE TEMP TABLE batch AS SELECT * FROM read_parquet(${copy})`);
  await session.run(`CREATE TEMP TABLE result AS ${featureSql}`);
  await session.rows(`COPY (SELECT * FROM result ORDER BY seen_at, row_id) TO ${out} ${options}`);
  await session.run('DROP TABLE batch');
  await session.run('DROP TABLE result');
}

/** CPU per call, in ms. */
async function cpuOf(days, work) {
  const before = process.cpuUsage();
  for (const day of days) await work(day);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / days.length;
}

let nextDay = 0;
const line = (name, cpuMs, floorMs) =>
  console.log(`| ${name} | ${cpuMs.toFixed(1)} | ${floorMs.toFixed(1)} | ${(cpuMs / floorMs).toFixed(1)} |`);

/** Files of one kind: announced one after the other, and through the bare statements. */
async function measure(name, { rows, format, count, warmUp, floorFrom }, featureSql) {
  const days = Array.from({ length: warmUp + count }, () => nextDay++);
  const paths = new Map();
  for (const day of days) paths.set(day, await writeDay(day, { rows, format }));
  const ready = service.published(BatchReadySchema).length;
  await cpuOf(days.slice(0, warmUp), (day) => announce(day, format));
  const cpuMs = await cpuOf(days.slice(warmUp), (day) => announce(day, format));
  const arrived = service.published(BatchReadySchema).length - ready;
  if (arrived !== days.length) throw new Error(`${name}: ${arrived} of ${days.length} batches are ready`);
  const floorMs =
    floorFrom ??
    (await engine.withSession(async (session) => {
      await cpuOf(days.slice(0, warmUp), (day) => bare(session, paths.get(day), featureSql));
      return cpuOf(days.slice(warmUp), (day) => bare(session, paths.get(day), featureSql));
    }));
  line(name, cpuMs, floorMs);
  return floorMs;
}

try {
  const featureSql = await readFile(join(EXAMPLE, 'features.sql'), 'utf8');
  await applyPipeline(featureSql);
  console.log('| batch | CPU ms | floor: DuckDB alone, CPU ms | ratio |\n|---|---|---|---|');
  const small = { rows: ROWS, count: ARRIVALS, warmUp: WARM_UP };
  const floorFrom = await measure(`${ROWS} rows, Parquet`, { ...small, format: 'parquet' }, featureSql);
  await measure(`${ROWS} rows, CSV`, { ...small, format: 'csv', floorFrom }, featureSql);
  const large = { rows: LARGE, format: 'parquet', count: 1, warmUp: 0 };
  await measure(`${LARGE.toLocaleString('en')} rows, Parquet`, large, featureSql);
} finally {
  await service.close();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
