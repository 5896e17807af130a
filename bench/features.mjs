#!/usr/bin/env node
/**
 * Times the features of the flight-delay example: weeks of about 118,000 real departures, as data-prep computes them.
 * Usage: node bench/features.mjs [weeks] (after `npm run build`). Prints one JSON line per week: wall and CPU ms, rows, digest.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@rondo/artifacts';
import { Engine, literal, runFeatureSql, timestampLiteral } from '@rondo/datasets';

const root = fileURLToPath(new URL('..', import.meta.url));
const weeks = Number(process.argv[2] ?? 4);
const threads = Number(process.argv[3] ?? 2);
const DAY_MS = 86_400_000;
const FIRST_MONDAY_MS = Date.UTC(2001, 0, 1);
const data = join(root, 'node_modules/vega-datasets/data');
const columns = [
  'tod',
  'dow',
  'distance',
  'o_lat',
  'o_lon',
  'd_lat',
  'd_lon',
  'o_in_delay',
  'o_out_delay',
  'd_in_delay',
  'd_out_delay',
  'o_traffic',
  'd_traffic',
];

const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
const engine = new Engine({ threads });
try {
  const sql = await readFile(join(root, 'examples/flight-delay/features.sql'), 'utf8');
  const contextPaths = [];
  for (let week = 0; week < weeks; week++) {
    const startMs = FIRST_MONDAY_MS + week * 7 * DAY_MS;
    const batchPath = join(folder, `rows-${week}.parquet`);
    const select = `SELECT date, delay, distance, origin, destination FROM read_parquet(${literal(join(data, 'flights-3m.parquet'))})
      WHERE date >= ${timestampLiteral(startMs)} AND date < ${timestampLiteral(startMs + 7 * DAY_MS)}`;
    await engine.writeParquet({ select, outPath: batchPath });
    const outPath = join(folder, `features-${week}.parquet`);
    const cpu = process.cpuUsage();
    const began = performance.now();
    const result = await runFeatureSql(engine, {
      sql,
      batchPath,
      contextPaths: contextPaths.slice(-1),
      contextRange: { column: 'date', startMs: startMs - DAY_MS, endMs: startMs },
      tables: [{ name: 'airports', path: join(data, 'airports.csv') }],
      key: 'flight_id',
      eventTime: 'date',
      columns,
      target: 'late',
      reviewReason: 'review_reason',
      outPath,
    });
    const wallMs = Math.round(performance.now() - began);
    const spent = process.cpuUsage(cpu);
    const cpuMs = Math.round((spent.user + spent.system) / 1000);
    console.log(
      JSON.stringify({
        week,
        wallMs,
        cpuMs,
        ...result,
        ...(result.ok && { digest: digestOf(await readFile(outPath)) }),
      }),
    );
    contextPaths.push(batchPath);
  }
} finally {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
