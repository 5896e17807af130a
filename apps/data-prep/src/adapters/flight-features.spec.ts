import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@rondo/artifacts';
import { Engine, runFeatureSql, timestampLiteral } from '@rondo/datasets';
import { DAY_MS, FIRST_MS, flightsSelect } from '../testing/fixture.js';

const COLUMNS = [
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
let folder: string;
let engine: Engine;
let sql: string;
const file = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-flights-'));
  engine = new Engine({ threads: 2 });
  sql = await readFile(
    fileURLToPath(new URL('../../../../examples/flight-delay/features.sql', import.meta.url)),
    'utf8',
  );
  await writeFile(
    file('airports.csv'),
    'iata,latitude,longitude\nATL,33.6,-84.4\nORD,42.0,-87.9\nLAX,33.9,-118.4\nDFW,32.9,-97.0\nSEA,47.4,-122.3\n',
  );
  await engine.writeParquet({
    select: flightsSelect({ startMs: FIRST_MS, rows: 6_000 }),
    outPath: file('flights.parquet'),
  });
  await engine.writeParquet({
    select: flightsSelect({ startMs: FIRST_MS - DAY_MS, spanMs: DAY_MS, rows: 900 }),
    outPath: file('before.parquet'),
  });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

interface Features {
  readonly rows: number;
  readonly reviewRows: number;
  readonly digest: string;
  readonly byKey: ReadonlyMap<string, string>;
  readonly timeOf: ReadonlyMap<string, number>;
}
const compute = async (batch: string, context: readonly string[] = [], own = engine): Promise<Features> => {
  const outPath = file('out.parquet');
  const contextRange = { column: 'date', startMs: FIRST_MS - DAY_MS, endMs: FIRST_MS };
  const tables = [{ name: 'airports', path: file('airports.csv') }];
  const result = await runFeatureSql(own, {
    sql,
    batchPath: file(batch),
    contextPaths: context.map(file),
    contextRange,
    tables,
    key: 'flight_id',
    eventTime: 'date',
    columns: COLUMNS,
    target: 'late',
    reviewReason: 'review_reason',
    outPath,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  const keys = await own.readKeys(outPath, 'flight_id');
  const { values, width } = await own.readMatrix(outPath, COLUMNS);
  const times = await own.readTimes(outPath, 'date');
  const byKey = new Map(keys.map((key, row) => [key, [...values.subarray(row * width, (row + 1) * width)].join(',')]));
  return {
    rows: result.rows,
    reviewRows: result.reviewRows,
    digest: digestOf(await readFile(outPath)),
    byKey,
    timeOf: new Map(keys.map((key, row) => [key, times[row]!])),
  };
};
const variant = async (name: string, select: string): Promise<string> => {
  await engine.writeParquet({
    select: select.replaceAll('FLIGHTS', `read_parquet('${file('flights.parquet')}')`),
    outPath: file(name),
  });
  return name;
};

describe('features of the flight example', () => {
  it('are the same bytes for shuffled rows and any number of threads', async () => {
    const plain = await compute('flights.parquet', ['before.parquet']);
    const single = new Engine({ threads: 1 });
    const shuffled = await compute(
      await variant('shuffled.parquet', 'SELECT * FROM FLIGHTS ORDER BY hash(delay, date, origin)'),
      ['before.parquet'],
      single,
    );
    await single.close();
    expect(shuffled.digest).toBe(plain.digest);
  });

  it('of earlier rows do not change when the future does', async () => {
    const cutMs = FIRST_MS + 3 * DAY_MS;
    const plain = await compute('flights.parquet');
    const future = await compute(
      await variant(
        'future.parquet',
        `SELECT * REPLACE (CASE WHEN date >= ${timestampLiteral(cutMs)} THEN 900 ELSE delay END::BIGINT AS delay) FROM FLIGHTS`,
      ),
    );
    const unknown = await compute(
      await variant(
        'unknown.parquet',
        `SELECT * REPLACE (CASE WHEN date + to_minutes((30 + distance * 2 // 15)::BIGINT) >= ${timestampLiteral(cutMs)} THEN NULL ELSE delay END AS delay) FROM FLIGHTS`,
      ),
    );
    let compared = 0;
    for (const [key, values] of plain.byKey) {
      if (plain.timeOf.get(key)! >= cutMs + 3_600_000) continue;
      if (plain.timeOf.get(key)! < cutMs) expect(future.byKey.get(key)).toBe(values);
      if (plain.timeOf.get(key)! < cutMs) expect(unknown.byKey.get(key)).toBe(values);
      compared++;
    }
    expect(compared).toBeGreaterThan(2_000);
    expect(future.byKey).not.toEqual(plain.byKey);
  });

  it("do not see a row's own delay", async () => {
    const plain = await compute('flights.parquet');
    const [last] = [...plain.timeOf].sort((a, b) => b[1] - a[1])[0]!;
    const own = await compute(
      await variant(
        'own.parquet',
        `SELECT * REPLACE (CASE WHEN date = (SELECT max(date) FROM FLIGHTS) THEN NULL ELSE delay END AS delay) FROM FLIGHTS`,
      ),
    );
    expect(own.byKey.get(last)).toBe(plain.byKey.get(last));
  });

  it('keep their keys when the context changes, and use it', async () => {
    const [without, withContext] = [
      await compute('flights.parquet'),
      await compute('flights.parquet', ['before.parquet']),
    ];
    expect([...withContext.byKey.keys()]).toEqual([...without.byKey.keys()]);
    expect(withContext.digest).not.toBe(without.digest);
  });

  it('collapse exact repetitions and send contradictions and impossible delays to people', async () => {
    const plain = await compute('flights.parquet');
    const repeated = await compute(
      await variant(
        'repeated.parquet',
        'SELECT * FROM FLIGHTS UNION ALL (SELECT * FROM FLIGHTS ORDER BY date LIMIT 100)',
      ),
    );
    expect([repeated.rows, repeated.digest]).toEqual([plain.rows, plain.digest]);
    const contradicted = await compute(
      await variant(
        'contradicted.parquet',
        'SELECT * FROM FLIGHTS UNION ALL (SELECT * REPLACE (delay + 1 AS delay) FROM FLIGHTS ORDER BY date, origin LIMIT 3)',
      ),
    );
    expect([contradicted.rows - plain.rows, contradicted.reviewRows - plain.reviewRows]).toEqual([3, 6]);
    const odd = await compute(
      await variant(
        'odd.parquet',
        'SELECT * REPLACE (CASE WHEN date = (SELECT min(date) FROM FLIGHTS) THEN 1001 ELSE delay END::BIGINT AS delay) FROM FLIGHTS',
      ),
    );
    expect(odd.reviewRows - plain.reviewRows).toBeGreaterThanOrEqual(1);
  });
});
