import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from './engine.js';
import { checkFeatureSql, runFeatureSql, type FeatureSqlRequest } from './feature-sql.js';

let folder: string;
let engine: Engine;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-features-'));
  engine = new Engine({ threads: 2, memoryMb: 512, statementMs: 20_000 });
  await engine.writeParquet({
    select:
      "SELECT i AS id, epoch_ms((i // 3) * 1000) AS at, i % 5 AS v, 'p' || i % 2 AS place FROM range(5000) t(i) ORDER BY hash(i)",
    outPath: file('batch.parquet'),
  });
  await engine.writeParquet({
    select: "SELECT i AS id, epoch_ms(i * 1000) AS at, 'p' || i % 2 AS place, 'x' AS old FROM range(-100, 0) t(i)",
    outPath: file('context.parquet'),
  });
  await writeFile(file('places.csv'), 'place,weight\np0,1.5\np1,2.5\n');
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const SQL = `SELECT b.id, b.at, b.v + 0.5 AS f1, p.weight AS f2, CASE WHEN b.id % 100 = 0 THEN NULL ELSE b.v > 2 END AS y,
  CASE WHEN b.id < 3 THEN 'look' END AS why FROM batch b LEFT JOIN places p USING (place); -- end`;
const request = (over: Partial<FeatureSqlRequest> = {}): FeatureSqlRequest => ({
  sql: SQL,
  batchPath: file('batch.parquet'),
  contextPaths: [file('context.parquet')],
  contextRange: { column: 'at', startMs: -10_000, endMs: 0 },
  tables: [{ name: 'places', path: file('places.csv') }],
  key: 'id',
  eventTime: 'at',
  columns: ['f1', 'f2'],
  target: 'y',
  reviewReason: 'why',
  outPath: file('out.parquet'),
  ...over,
});
const codesOf = async (over: Partial<FeatureSqlRequest>): Promise<string[]> => {
  const result = await runFeatureSql(engine, request(over));
  return result.ok ? [] : result.findings.map((finding) => finding.code);
};

describe('runFeatureSql', () => {
  it('writes typed rows ordered by event time and key', async () => {
    expect(await runFeatureSql(engine, request())).toMatchObject({
      ok: true,
      rows: 5000,
      labeledRows: 4950,
      reviewRows: 3,
    });
    expect((await engine.inspect(file('out.parquet'))).columns).toEqual([
      { name: 'id', type: 'VARCHAR' },
      { name: 'at', type: 'TIMESTAMP' },
      { name: 'f1', type: 'FLOAT' },
      { name: 'f2', type: 'FLOAT' },
      { name: 'y', type: 'FLOAT' },
      { name: 'why', type: 'VARCHAR' },
    ]);
    expect((await engine.readKeys(file('out.parquet'), 'id')).slice(0, 4)).toEqual(['0', '1', '2', '3']);
  });

  it('carries the clusters of rows along as text', async () => {
    const sql = SQL.replace(' FROM batch b', ', (b.id // 1000)::TINYINT AS lot FROM batch b');
    const reviewOutPath = file('review.parquet');
    expect(await runFeatureSql(engine, request({ sql, clusters: 'lot', reviewOutPath }))).toMatchObject({ ok: true });
    expect((await engine.inspect(file('out.parquet'))).columns.at(-1)).toEqual({ name: 'lot', type: 'VARCHAR' });
    expect(new Set(await engine.readStrings(file('out.parquet'), 'lot'))).toEqual(new Set(['0', '1', '2', '3', '4']));
    expect((await engine.readRows(reviewOutPath, { limit: 1 }))[0]).toMatchObject({ id: '0', lot: '0' });
    expect(await codesOf({ clusters: 'lot' })).toEqual(['MISSING_COLUMN']);
  });

  it('writes the same bytes on one and two threads and for another order of rows', async () => {
    const select = `SELECT * FROM read_parquet('${file('batch.parquet')}') ORDER BY id DESC`;
    await engine.writeParquet({ select, outPath: file('shuffled.parquet') });
    const digests = new Set<string>();
    for (const [threads, batchPath] of [
      [1, 'batch.parquet'],
      [2, 'batch.parquet'],
      [2, 'shuffled.parquet'],
    ] as const) {
      const own = new Engine({ threads });
      await runFeatureSql(own, request({ batchPath: file(batchPath) }));
      digests.add(
        createHash('sha256')
          .update(await readFile(file('out.parquet')))
          .digest('hex'),
      );
      await own.close();
    }
    expect(digests.size).toBe(1);
  });

  it('writes the rows to review with every column, when asked', async () => {
    const sql = SQL.replace(' FROM batch b', ", b.place || '!' AS note FROM batch b");
    await runFeatureSql(engine, request({ sql, reviewOutPath: file('review.parquet') }));
    const rows = await engine.readRows(file('review.parquet'), { limit: 10 });
    expect(rows).toHaveLength(3);
    expect(rows[1]).toEqual({ id: '1', at: '1970-01-01 00:00:00', f1: 1.5, f2: 2.5, y: 0, why: 'look', note: 'p1!' });
  });

  it('shows context only inside its range and lines it up with the batch by name', async () => {
    const sql = 'SELECT 1 AS id, epoch_ms(0) AS at, count(*) AS f1, count(v) AS f2 FROM context';
    await runFeatureSql(engine, request({ sql, target: undefined, reviewReason: undefined }));
    expect([...(await engine.readMatrix(file('out.parquet'), ['f1', 'f2'])).values]).toEqual([10, 0]);
  });

  it('refuses a key that repeats or is NULL', async () => {
    const result = await runFeatureSql(engine, request({ sql: SQL.replace('b.id,', 'b.id // 2 AS id,') }));
    expect(result).toMatchObject({
      ok: false,
      findings: [{ code: 'DUPLICATE_KEY', field: 'id', count: 2500, samples: [{ key: '0', n: 2 }, {}, {}, {}, {}] }],
    });
    expect(await codesOf({ sql: SQL.replace('b.id,', 'nullif(b.id, 7) AS id,') })).toEqual(['MISSING_KEY']);
  });

  it('refuses absent columns and wrong types by name', async () => {
    expect(await codesOf({ columns: ['f1', 'f3'] })).toEqual(['MISSING_COLUMN']);
    expect(await codesOf({ sql: SQL.replace('p.weight AS f2', 'b.place AS f2') })).toEqual(['WRONG_TYPE']);
    expect(await codesOf({ eventTime: 'f1' })).toEqual(['WRONG_TYPE']);
  });

  it('says when the SQL fails on the data or costs too much', async () => {
    expect(await codesOf({ sql: 'SELECT nope FROM batch' })).toEqual(['SQL_FAILED']);
    expect(await codesOf({ sql: SQL.replace('b.v + 0.5', "error('x')") })).toEqual(['NOT_DETERMINISTIC']);
    expect(await codesOf({ sql: SQL.replace('b.v + 0.5', 'b.place::INTEGER') })).toEqual(['SQL_FAILED']);
    const hasty = new Engine({ statementMs: 200 });
    const slow = 'SELECT count(*) AS id FROM batch a, batch b, batch c, batch d WHERE a.v + b.v + c.v + d.v = 21';
    expect(await runFeatureSql(hasty, request({ sql: slow }))).toMatchObject({
      ok: false,
      findings: [{ code: 'SQL_TOO_EXPENSIVE' }],
    });
    await hasty.close();
  });

  it('passes on files that cannot be read', async () => {
    await expect(runFeatureSql(engine, request({ batchPath: file('absent.parquet') }))).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(
      runFeatureSql(engine, request({ tables: [{ name: 'places', path: file('absent.csv') }] })),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the guard of feature SQL', () => {
  const HOSTILE: [sql: string, code: string][] = [
    ["SELECT * FROM read_csv('/etc/passwd')", 'FORBIDDEN_FUNCTION'],
    ["SELECT * FROM read_text('/etc/passwd')", 'FORBIDDEN_FUNCTION'],
    ["SELECT * FROM glob('/*')", 'FORBIDDEN_FUNCTION'],
    ["SELECT * FROM query('SELECT 1')", 'FORBIDDEN_FUNCTION'],
    ["SELECT * FROM json_execute_serialized_sql('x')", 'FORBIDDEN_FUNCTION'],
    ['SELECT * FROM duckdb_settings()', 'FORBIDDEN_FUNCTION'],
    ["SELECT * FROM '/etc/passwd'", 'UNKNOWN_TABLE'],
    ['SELECT * FROM "https://example.org/x.parquet"', 'UNKNOWN_TABLE'],
    ['SELECT * FROM information_schema.tables', 'UNKNOWN_TABLE'],
    ['SELECT * FROM main.batch', 'UNKNOWN_TABLE'],
    ['SELECT (SELECT count(*) FROM sqlite_master) FROM batch', 'UNKNOWN_TABLE'],
    ["COPY (SELECT 1) TO '/tmp/x'", 'NOT_ONE_SELECT'],
    ["ATTACH '/tmp/x.db'", 'NOT_ONE_SELECT'],
    ['INSTALL httpfs', 'NOT_ONE_SELECT'],
    ['PRAGMA version', 'NOT_ONE_SELECT'],
    ['SET threads = 8', 'NOT_ONE_SELECT'],
    ['SELECT 1; DROP TABLE batch', 'NOT_ONE_SELECT'],
    ['SELECT 1; SELECT 2', 'NOT_ONE_SELECT'],
    ['DESCRIBE batch', 'NOT_ONE_SELECT'],
    ['', 'NOT_ONE_SELECT'],
    ['-- nothing', 'NOT_ONE_SELECT'],
    ['SELECT FROM WHERE', 'SYNTAX'],
    [`SELECT ${'abs('.repeat(5000)}1${')'.repeat(5000)}`, 'SYNTAX'],
    ['SELECT '.padEnd(200_000, 'x'), 'SYNTAX'],
    ['SELECT random() FROM batch', 'NOT_DETERMINISTIC'],
    ['SELECT now() FROM batch', 'NOT_DETERMINISTIC'],
    ['SELECT Current_Timestamp FROM batch', 'NOT_DETERMINISTIC'],
    ['SELECT approx_quantile(v, 0.5) FROM batch', 'NOT_DETERMINISTIC'],
    ['SELECT any_value(v) FROM batch', 'NOT_DETERMINISTIC'],
    ['SELECT v FROM batch ORDER BY uuid()', 'NOT_DETERMINISTIC'],
    ['SELECT * FROM batch USING SAMPLE 10%', 'NOT_DETERMINISTIC'],
    ["SELECT current_setting('allowed_paths')", 'NOT_DETERMINISTIC'],
  ];

  it.each(HOSTILE)('refuses %#', async (sql, code) => {
    const findings = await checkFeatureSql(engine, sql, ['places']);
    expect(findings[0]).toMatchObject({ code, field: 'sql' });
  });

  it('lets common tables, subqueries, series and recursion through', async () => {
    const sql = `WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3), b AS (SELECT * FROM batch)
      SELECT *, (SELECT max(weight) FROM places) FROM b, n, range(2) r, unnest([1, 2]) u WHERE EXISTS (SELECT 1 FROM context)`;
    expect(await checkFeatureSql(engine, sql, ['places'])).toEqual([]);
    expect(await checkFeatureSql(engine, SQL, ['places'])).toEqual([]);
  });

  it('leaves nothing of one computation to the next, and another engine finds the same', async () => {
    const own = new Engine({ threads: 1 });
    const computed = async (): Promise<string> => {
      await runFeatureSql(own, request());
      return (await readFile(file('out.parquet'))).toString('base64');
    };
    const first = await computed();
    const failing = request({ sql: 'SELECT nope FROM batch' });
    expect(await runFeatureSql(own, failing)).toMatchObject({ ok: false, findings: [{ code: 'SQL_FAILED' }] });
    await expect(runFeatureSql(own, request({ contextPaths: [file('absent.parquet')] }))).rejects.toThrow('absent');
    expect(await computed()).toBe(first);
    await own.close();
    expect(await computed()).toBe(first);
    await own.close();
  });

  it('is backed by a sealed database: a name that slips through scope reaches no file', async () => {
    const secret = file('secret.csv');
    await writeFile(secret, 'a\n1\n');
    const sql = `SELECT * FROM "${secret}" s, (WITH "${secret}" AS (SELECT 1 AS a) SELECT a FROM "${secret}") t`;
    expect(await checkFeatureSql(engine, sql, [])).toEqual([]);
    const result = await runFeatureSql(engine, request({ sql, outPath: file('leak.parquet') }));
    expect(result).toMatchObject({
      ok: false,
      findings: [{ code: 'SQL_FAILED', message: expect.stringMatching(/disabled|does not exist|Permission/) }],
    });
    await expect(access(file('leak.parquet'))).rejects.toThrow();
  });
});
