import type { Json } from '@rondo/kernel';
import { type Engine, scanOf, writeParquet } from './engine.js';
import { featureSqlProblems } from './feature-sql-guard.js';
import { checkFile, checkParquet } from './file-checks.js';
import { Session, openInstance } from './session.js';
import { identifier, identifiers, literal, timestampLiteral } from './sql-text.js';

/** Something wrong with data or with the SQL over it; a person can act on it without reading code. */
export interface DataFinding {
  /** Upper-case, from a closed list of whoever finds it. */
  readonly code: string;
  readonly message: string;
  /** Column, or `sql`. */
  readonly field: string;
  readonly rule: string;
  /** Rows concerned. */
  readonly count: number;
  /** Up to five rows as JSON objects. */
  readonly samples: readonly Json[];
}

export interface FeatureSqlRequest {
  /** One SELECT over the tables `batch`, `context` and the reference tables. */
  readonly sql: string;
  /** Parquet with the rows of the batch. */
  readonly batchPath: string;
  /** Parquet files with the rows of earlier batches, oldest first. */
  readonly contextPaths: readonly string[];
  /** Only context rows with event time in [startMs, endMs) are visible. */
  readonly contextRange?: { readonly column: string; readonly startMs: number; readonly endMs: number };
  /** Reference tables by name; Parquet, CSV or JSON. */
  readonly tables: readonly { readonly name: string; readonly path: string }[];
  /** Column of the result that names a row; unique. */
  readonly key: string;
  /** Column of the result with the moment of the row. */
  readonly eventTime: string;
  /** Feature columns of the result, in the order of the model's input. */
  readonly columns: readonly string[];
  /** Column with the true answer, NULL where it is not known. Left out where there is none (serving). */
  readonly target?: string;
  /** Text column, not NULL when a person should look at the row. */
  readonly reviewReason?: string;
  readonly outPath: string;
  /** Also writes the rows with a review reason, with every column the SQL returns: what a person needs to judge them. */
  readonly reviewOutPath?: string;
  readonly signal?: AbortSignal;
}

/** Either a file or what kept it from being written. */
export type FeatureSqlResult =
  | {
      readonly ok: true;
      readonly rows: number;
      readonly labeledRows: number;
      readonly reviewRows: number;
      readonly sizeBytes: number;
    }
  | { readonly ok: false; readonly findings: readonly DataFinding[] };

const NUMERIC =
  /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|DOUBLE|BOOLEAN|DECIMAL\(.*\))$/;

/**
 * Runs feature SQL in a database of its own that can reach nothing but the given tables, and writes
 * key VARCHAR, event time TIMESTAMP, features FLOAT, target FLOAT, review reason VARCHAR, ordered by event time and key.
 * What is wrong with the SQL or its result comes back as findings; files that cannot be read throw.
 */
export async function runFeatureSql(engine: Engine, request: FeatureSqlRequest): Promise<FeatureSqlResult> {
  const instance = await openInstance(engine.limits);
  try {
    return await Session.use(instance, engine.limits, request.signal, (session) =>
      computeFeatures(engine, session, request),
    );
  } finally {
    instance.closeSync();
  }
}

/** What is wrong with a text as feature SQL, without any data. `tables` are the reference tables' names. */
export async function checkFeatureSql(
  engine: Engine,
  sql: string,
  tables: readonly string[],
): Promise<readonly DataFinding[]> {
  return engine.withSession((session) => sqlFindings(session, sql, tables));
}

async function computeFeatures(
  engine: Engine,
  session: Session,
  request: FeatureSqlRequest,
): Promise<FeatureSqlResult> {
  const refused = await sqlFindings(
    session,
    request.sql,
    request.tables.map((table) => table.name),
  );
  if (refused.length > 0) return { ok: false, findings: refused };
  await loadTables(engine, session, request);
  await seal(session, [request.outPath, ...(request.reviewOutPath ? [request.reviewOutPath] : [])]);
  const failed = await materialise(session, request.sql);
  if (failed) return { ok: false, findings: [failed] };
  const findings = [...(await columnFindings(session, request)), ...(await keyFindings(session, request))];
  if (findings.length > 0) return { ok: false, findings };
  const order = `ORDER BY ${identifier(request.eventTime)}, ${identifier(request.key)}`;
  const written = await writeParquet(session, `SELECT * FROM (${resultSelect(request)}) ${order}`, request.outPath);
  if (request.reviewOutPath && request.reviewReason)
    await writeParquet(session, reviewSelect(request, request.reviewReason), request.reviewOutPath);
  const labeled = request.target ? `count(${identifier(request.target)})` : '0';
  const review = request.reviewReason ? `count(${identifier(request.reviewReason)})` : '0';
  const [counts] = await session.rows(
    `SELECT ${labeled}::DOUBLE AS labeled, ${review}::DOUBLE AS review FROM rondo_result`,
  );
  return { ok: true, ...written, labeledRows: Number(counts!['labeled']), reviewRows: Number(counts!['review']) };
}

async function sqlFindings(session: Session, sql: string, tables: readonly string[]): Promise<DataFinding[]> {
  const problems = await featureSqlProblems(session, sql, ['batch', 'context', ...tables]);
  return problems.map(({ code, message }) =>
    sqlFinding(code, message, 'one deterministic SELECT over batch, context and the reference tables'),
  );
}

async function loadTables(engine: Engine, session: Session, request: FeatureSqlRequest): Promise<void> {
  await checkParquet(request.batchPath, engine.maxFileBytes);
  await session.run(`CREATE TABLE batch AS SELECT * FROM ${scanOf(request.batchPath, 'parquet')}`);
  await session.run('CREATE TABLE context AS SELECT * FROM batch LIMIT 0');
  const range = request.contextRange;
  const visible = range
    ? ` WHERE ${identifier(range.column)} >= ${timestampLiteral(range.startMs)} AND ${identifier(range.column)} < ${timestampLiteral(range.endMs)}`
    : '';
  for (const path of request.contextPaths) {
    await checkParquet(path, engine.maxFileBytes);
    await session.run(
      `INSERT INTO context BY NAME SELECT ${await sharedColumns(session, path)} FROM ${scanOf(path, 'parquet')}${visible}`,
    );
  }
  for (const table of request.tables) {
    const { format } = await checkFile(table.path, engine.maxFileBytes);
    await session.run(`CREATE TABLE ${identifier(table.name)} AS SELECT * FROM ${scanOf(table.path, format)}`);
  }
}

/** Earlier batches may have been accepted under an older contract: what the batch lacks is not seen, what they lack is NULL. */
async function sharedColumns(session: Session, path: string): Promise<string> {
  const rows = await session.rows(
    `SELECT b.column_name AS name FROM (DESCRIBE batch) b SEMI JOIN (DESCRIBE SELECT * FROM ${scanOf(path, 'parquet')}) c USING (column_name)`,
  );
  return identifiers(rows.map((row) => String(row['name'])));
}

/** From here on the database reaches only the files it writes. */
async function seal(session: Session, outPaths: readonly string[]): Promise<void> {
  await session.run(`SET allowed_paths = [${outPaths.map(literal).join(', ')}]`);
  await session.run('SET enable_external_access = false');
  await session.run('SET lock_configuration = true');
}

async function materialise(session: Session, sql: string): Promise<DataFinding | undefined> {
  try {
    await session.run(`CREATE VIEW rondo_features AS\n${sql}`);
    await session.run('CREATE TABLE rondo_result AS SELECT * FROM rondo_features');
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'invalid' && code !== 'deadline-exceeded' && code !== 'exhausted') throw error;
    return sqlFinding(
      code === 'invalid' ? 'SQL_FAILED' : 'SQL_TOO_EXPENSIVE',
      message,
      'the statement runs on this batch within time and memory limits',
    );
  }
}

async function columnFindings(session: Session, request: FeatureSqlRequest): Promise<DataFinding[]> {
  const described = await session.rows('DESCRIBE rondo_result');
  const types = new Map(described.map((row) => [String(row['column_name']), String(row['column_type'])]));
  const expectations: [column: string, pattern: RegExp, words: string][] = [
    [request.key, /./, 'any type'],
    [request.eventTime, /^(TIMESTAMP|DATE)/, 'TIMESTAMP'],
    ...request.columns.map((column): [string, RegExp, string] => [column, NUMERIC, 'a number']),
  ];
  if (request.target) expectations.push([request.target, NUMERIC, 'a number']);
  if (request.reviewReason) expectations.push([request.reviewReason, /^VARCHAR$|^"NULL"$|^INTEGER$/, 'text']);
  return expectations.flatMap(([column, pattern, words]) => {
    const type = types.get(column);
    if (type !== undefined && pattern.test(type)) return [];
    const message =
      type === undefined ? `the SQL does not return the column ${column}` : `column ${column} has type ${type}`;
    return [
      {
        code: type === undefined ? 'MISSING_COLUMN' : 'WRONG_TYPE',
        message,
        field: column,
        rule: words,
        count: 0,
        samples: [],
      },
    ];
  });
}

async function keyFindings(session: Session, request: FeatureSqlRequest): Promise<DataFinding[]> {
  const described = await session.rows('DESCRIBE rondo_result');
  const names = new Set(described.map((row) => String(row['column_name'])));
  if (!names.has(request.key) || !names.has(request.eventTime)) return [];
  const key = identifier(request.key);
  const time = identifier(request.eventTime);
  const groups = `SELECT ${key}::VARCHAR AS key, count(*)::DOUBLE AS n FROM rondo_result WHERE ${key} IS NOT NULL GROUP BY 1 HAVING count(*) > 1`;
  const [repeated] = await session.rows(`SELECT coalesce(sum(n - 1), 0)::DOUBLE AS n FROM (${groups})`);
  const [missing] = await session.rows(
    `SELECT count(*)::DOUBLE AS n FROM rondo_result WHERE ${key} IS NULL OR ${time} IS NULL`,
  );
  const findings: DataFinding[] = [];
  if (Number(repeated!['n']) > 0) {
    const samples = await session.rows(`SELECT key, n FROM (${groups}) ORDER BY key LIMIT 5`);
    findings.push({
      code: 'DUPLICATE_KEY',
      message: `${String(repeated!['n'])} rows repeat a key`,
      field: request.key,
      rule: 'unique',
      count: Number(repeated!['n']),
      samples,
    });
  }
  if (Number(missing!['n']) > 0) {
    const message = `${String(missing!['n'])} rows have no key or no event time`;
    findings.push({
      code: 'MISSING_KEY',
      message,
      field: request.key,
      rule: 'never NULL',
      count: Number(missing!['n']),
      samples: [],
    });
  }
  return findings;
}

function resultSelect(request: FeatureSqlRequest): string {
  const columns = [
    `${identifier(request.key)}::VARCHAR AS ${identifier(request.key)}`,
    `${identifier(request.eventTime)}::TIMESTAMP AS ${identifier(request.eventTime)}`,
    ...request.columns.map((column) => `${identifier(column)}::FLOAT AS ${identifier(column)}`),
  ];
  if (request.target) columns.push(`${identifier(request.target)}::FLOAT AS ${identifier(request.target)}`);
  if (request.reviewReason)
    columns.push(`${identifier(request.reviewReason)}::VARCHAR AS ${identifier(request.reviewReason)}`);
  return `SELECT ${columns.join(', ')} FROM rondo_result`;
}

function reviewSelect(request: FeatureSqlRequest, reason: string): string {
  const own = [request.key, request.eventTime, ...request.columns, ...(request.target ? [request.target] : []), reason];
  const more = `SELECT ${identifier(request.key)}::VARCHAR AS rondo_key, * EXCLUDE (${identifiers(own)}) FROM rondo_result`;
  return `SELECT r.*, m.* EXCLUDE (rondo_key) FROM (${resultSelect(request)}) r JOIN (${more}) m ON r.${identifier(request.key)} = m.rondo_key
    WHERE r.${identifier(reason)} IS NOT NULL ORDER BY r.${identifier(request.eventTime)}, r.${identifier(request.key)}`;
}

function sqlFinding(code: string, message: string, rule: string): DataFinding {
  return { code, message, field: 'sql', rule, count: 0, samples: [] };
}
