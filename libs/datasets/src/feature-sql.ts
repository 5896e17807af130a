import type { Json } from '@rondo/kernel';
import type { Engine } from './engine.js';
import { featureSqlProblems } from './feature-sql-guard.js';
import { checkFile, checkParquet } from './file-checks.js';
import { scanOf, writeParquet } from './files.js';
import type { Sandbox } from './sandbox.js';
import type { Session } from './session.js';
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
  /** Column whose equal values mark rows that err together; of any type, written as text. */
  readonly clusters?: string;
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
 * key VARCHAR, event time TIMESTAMP, features FLOAT, target FLOAT, review reason VARCHAR, clusters VARCHAR, ordered by event time and key.
 * What is wrong with the SQL or its result comes back as findings; files that cannot be read throw.
 */
export async function runFeatureSql(engine: Engine, request: FeatureSqlRequest): Promise<FeatureSqlResult> {
  return engine.withSandbox((sandbox) =>
    sandbox.use(request.signal, (session) => computeFeatures(engine, sandbox, session, request)),
  );
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
  sandbox: Sandbox,
  session: Session,
  request: FeatureSqlRequest,
): Promise<FeatureSqlResult> {
  const refused = await sqlFindings(
    session,
    request.sql,
    request.tables.map((table) => table.name),
  );
  if (refused.length > 0) return { ok: false, findings: refused };
  await loadTables(engine, sandbox, session, request);
  const failed = await materialise(session, request.sql);
  if (failed) return { ok: false, findings: [failed] };
  const { findings, labeledRows, reviewRows } = await examine(session, request);
  if (findings.length > 0) return { ok: false, findings };
  const order = `ORDER BY ${identifier(request.eventTime)}, ${identifier(request.key)}`;
  const write = (select: string, path: string) =>
    sandbox.withOutput(path, (inside) => writeParquet(session, select, inside));
  const written = await write(`SELECT * FROM (${resultSelect(request)}) ${order}`, request.outPath);
  if (request.reviewOutPath && request.reviewReason)
    await write(reviewSelect(request, request.reviewReason), request.reviewOutPath);
  return { ok: true, ...written, labeledRows, reviewRows };
}

async function sqlFindings(session: Session, sql: string, tables: readonly string[]): Promise<DataFinding[]> {
  const problems = await featureSqlProblems(session, sql, ['batch', 'context', ...tables]);
  return problems.map(({ code, message }) =>
    sqlFinding(code, message, 'one deterministic SELECT over batch, context and the reference tables'),
  );
}

async function loadTables(
  engine: Engine,
  sandbox: Sandbox,
  session: Session,
  request: FeatureSqlRequest,
): Promise<void> {
  const load = (path: string, statement: (inside: string) => string) =>
    sandbox.withInput(path, (inside) => session.run(statement(inside)));
  await checkParquet(request.batchPath, engine.maxFileBytes);
  await load(request.batchPath, (path) => `CREATE TEMP TABLE batch AS SELECT * FROM ${scanOf(path, 'parquet')}`);
  await session.run('CREATE TEMP TABLE context AS SELECT * FROM batch LIMIT 0');
  const range = request.contextRange;
  const visible = range
    ? ` WHERE ${identifier(range.column)} >= ${timestampLiteral(range.startMs)} AND ${identifier(range.column)} < ${timestampLiteral(range.endMs)}`
    : '';
  // Earlier batches may have been accepted under an older contract: what the batch lacks is not seen, what they lack is NULL.
  const names =
    request.contextPaths.length > 0 ? (await describe(session, 'batch')).map(([name]) => literal(name)) : [];
  const shared = `COLUMNS(lambda name: name IN (${names.join(', ')}))`;
  for (const path of request.contextPaths) {
    await checkParquet(path, engine.maxFileBytes);
    await load(
      path,
      (inside) => `INSERT INTO context BY NAME SELECT ${shared} FROM ${scanOf(inside, 'parquet')}${visible}`,
    );
  }
  for (const table of request.tables) {
    const { format } = await checkFile(table.path, engine.maxFileBytes);
    await load(
      table.path,
      (path) => `CREATE TEMP TABLE ${identifier(table.name)} AS SELECT * FROM ${scanOf(path, format)}`,
    );
  }
}

/** Names and types of a table's columns, in its order. */
async function describe(session: Session, table: 'batch' | 'rondo_result'): Promise<[name: string, type: string][]> {
  const rows = await session.rows(`DESCRIBE ${table}`);
  return rows.map((row) => [String(row['column_name']), String(row['column_type'])]);
}

async function materialise(session: Session, sql: string): Promise<DataFinding | undefined> {
  try {
    await session.run(`CREATE TEMP TABLE rondo_result AS\n${sql}`);
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

/** What is wrong with the result, or how many rows of it have a target and a reason for review. */
async function examine(
  session: Session,
  request: FeatureSqlRequest,
): Promise<{ findings: DataFinding[]; labeledRows: number; reviewRows: number }> {
  const types = new Map(await describe(session, 'rondo_result'));
  const findings = columnFindings(types, request);
  const none = { labeledRows: 0, reviewRows: 0 };
  if (!types.has(request.key) || !types.has(request.eventTime)) return { findings, ...none };
  const countOf = (column: string | undefined): string =>
    column === undefined || !types.has(column) ? '0' : `count(${identifier(column)})`;
  const [key, time] = [identifier(request.key), identifier(request.eventTime)];
  const [row] = await session.rows(
    `SELECT count(${key}) - count(DISTINCT ${key}::VARCHAR) AS repeated, count(*) FILTER (WHERE ${key} IS NULL OR ${time} IS NULL) AS missing,
       ${countOf(request.target)} AS labeled, ${countOf(request.reviewReason)} AS review FROM rondo_result`,
  );
  const counts = new Map(Object.entries(row!).map(([name, n]) => [name, Number(n)]));
  findings.push(...(await keyFindings(session, request.key, counts.get('repeated')!, counts.get('missing')!)));
  return { findings, labeledRows: counts.get('labeled')!, reviewRows: counts.get('review')! };
}

function columnFindings(types: ReadonlyMap<string, string>, request: FeatureSqlRequest): DataFinding[] {
  const expectations: [column: string, pattern: RegExp, words: string][] = [
    [request.key, /./, 'any type'],
    [request.eventTime, /^(TIMESTAMP|DATE)/, 'TIMESTAMP'],
    ...request.columns.map((column): [string, RegExp, string] => [column, NUMERIC, 'a number']),
  ];
  if (request.target) expectations.push([request.target, NUMERIC, 'a number']);
  if (request.reviewReason) expectations.push([request.reviewReason, /^VARCHAR$|^"NULL"$|^INTEGER$/, 'text']);
  if (request.clusters) expectations.push([request.clusters, /./, 'any type']);
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

async function keyFindings(session: Session, key: string, repeated: number, missing: number): Promise<DataFinding[]> {
  const findings: DataFinding[] = [];
  if (repeated > 0) {
    const name = identifier(key);
    const samples = await session.rows(
      `SELECT ${name}::VARCHAR AS key, count(*)::DOUBLE AS n FROM rondo_result WHERE ${name} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY key LIMIT 5`,
    );
    const message = `${repeated} rows repeat a key`;
    findings.push({ code: 'DUPLICATE_KEY', message, field: key, rule: 'unique', count: repeated, samples });
  }
  if (missing > 0) {
    const message = `${missing} rows have no key or no event time`;
    findings.push({ code: 'MISSING_KEY', message, field: key, rule: 'never NULL', count: missing, samples: [] });
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
  if (request.clusters) columns.push(`${identifier(request.clusters)}::VARCHAR AS ${identifier(request.clusters)}`);
  return `SELECT ${columns.join(', ')} FROM rondo_result`;
}

function reviewSelect(request: FeatureSqlRequest, reason: string): string {
  const { key, eventTime, columns, target, clusters } = request;
  const own = [key, eventTime, ...columns, ...(target ? [target] : []), reason, ...(clusters ? [clusters] : [])];
  const more = `SELECT ${identifier(request.key)}::VARCHAR AS rondo_key, * EXCLUDE (${identifiers(own)}) FROM rondo_result`;
  return `SELECT r.*, m.* EXCLUDE (rondo_key) FROM (${resultSelect(request)}) r JOIN (${more}) m ON r.${identifier(request.key)} = m.rondo_key
    WHERE r.${identifier(reason)} IS NOT NULL ORDER BY r.${identifier(request.eventTime)}, r.${identifier(request.key)}`;
}

function sqlFinding(code: string, message: string, rule: string): DataFinding {
  return { code, message, field: 'sql', rule, count: 0, samples: [] };
}
