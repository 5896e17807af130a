import type { DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { stat } from 'node:fs/promises';
import { PermanentError, messageOf, type Json } from '@rondo/kernel';
import { doublesOf, floatsOf } from './chunk-vectors.js';
import { checkFile, checkParquet, type FileFormat } from './file-checks.js';
import { Session, openInstance, type EngineLimits, type JsonRow } from './session.js';
import { identifier, identifiers, literal } from './sql-text.js';

/** Written into every file the engine writes; features and files follow the version, so lineage records it. */
export const ENGINE_VERSION = 'duckdb 1.5.5';

/** Fixed once for all files: other options give other bytes. */
const PARQUET_OPTIONS = 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, USE_TMP_FILE false';

export interface EngineOptions {
  /** Worker threads, default 2; results do not depend on it. */
  readonly threads?: number;
  /** Default 1024. */
  readonly memoryMb?: number;
  /** Longest time of one statement in ms, default 60000. */
  readonly statementMs?: number;
  /** Largest file that is opened, in bytes; default 1 GiB. */
  readonly maxFileBytes?: number;
}

export interface ReadOptions {
  /** Columns to sort by; give a total order, otherwise ties keep the order of the file. Default: order of the file. */
  readonly orderBy?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Numbers column by column. */
export interface NumberColumns {
  readonly n: number;
  /** One array of n per requested column; NaN stands for NULL. */
  readonly columns: Float32Array[];
}

/** Numbers row by row: value of row i, column j at `i * width + j`. */
export interface NumberMatrix {
  readonly n: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** What a file holds. */
export interface FileShape {
  readonly format: FileFormat;
  readonly sizeBytes: number;
  readonly rows: number;
  /** In the order of the file; types in DuckDB's words, for example `BIGINT`, `TIMESTAMP`, `VARCHAR`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/**
 * DuckDB in this process, behind functions that give the same bytes and numbers on every run.
 * Paths and SQL given here come from our own code; SQL written by users goes through `runFeatureSql`, which seals it off.
 */
export class Engine {
  readonly limits: EngineLimits;
  readonly maxFileBytes: number;
  #instance: Promise<DuckDBInstance> | undefined;

  constructor(options: EngineOptions = {}) {
    this.limits = {
      threads: options.threads ?? 2,
      memoryMb: options.memoryMb ?? 1024,
      statementMs: options.statementMs ?? 60_000,
    };
    this.maxFileBytes = options.maxFileBytes ?? 2 ** 30;
  }

  /** Lends a connection of the shared in-memory database. */
  async withSession<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#instance ??= openInstance(this.limits);
    return Session.use(await this.#instance, this.limits, signal, work);
  }

  /** Frees the database; the engine opens a new one when used again. */
  async close(): Promise<void> {
    const instance = this.#instance;
    this.#instance = undefined;
    (await instance)?.closeSync();
  }

  /**
   * Format, columns and row count without reading the data (Parquet) or after parsing it once (CSV, JSON; types as detected).
   * @throws PermanentError for a file that is missing, empty, truncated, too large or not readable
   */
  async inspect(path: string): Promise<FileShape> {
    const { format, sizeBytes } = await checkFile(path, this.maxFileBytes);
    const source = scanOf(path, format);
    return this.withSession(async (session) => {
      const [columns, [count]] = await describeFile(session, source, path);
      return {
        format,
        sizeBytes,
        rows: Number(count!['n']),
        columns: columns.map((column) => ({
          name: String(column['column_name']),
          type: String(column['column_type']),
        })),
      };
    });
  }

  /** Numeric columns as float32, column by column. @throws PermanentError `invalid` for a column that is absent or no number */
  async readColumns(path: string, columns: readonly string[], options: ReadOptions = {}): Promise<NumberColumns> {
    const out: Float32Array[] = [];
    const n = await this.#eachChunk(path, floats(columns), options, {
      begin: (rows) => out.push(...columns.map(() => new Float32Array(rows))),
      take: (chunk, at) => out.forEach((column, index) => column.set(floatsOf(chunk, index), at)),
    });
    return { n, columns: out };
  }

  /** Like {@link readColumns}, row by row: the layout of a model's input. */
  async readMatrix(path: string, columns: readonly string[], options: ReadOptions = {}): Promise<NumberMatrix> {
    const width = columns.length;
    let values = new Float32Array();
    const n = await this.#eachChunk(path, floats(columns), options, {
      begin: (rows) => (values = new Float32Array(rows * width)),
      take: (chunk, at) => {
        for (let column = 0; column < width; column++) {
          const items = floatsOf(chunk, column);
          for (let row = 0; row < items.length; row++) values[(at + row) * width + column] = items[row]!;
        }
      },
    });
    return { n, width, values };
  }

  /** One column as text, null for NULL. */
  async readStrings(path: string, column: string, options: ReadOptions = {}): Promise<(string | null)[]> {
    await checkParquet(path, this.maxFileBytes);
    const chunks = await this.withSession(
      (session) =>
        session.chunks(`SELECT ${identifier(column)}::VARCHAR FROM ${scanOf(path, 'parquet')}${orderOf(options)}`),
      options.signal,
    );
    return chunks.flatMap((chunk) => chunk.getColumnValues(0) as (string | null)[]);
  }

  /** Rows, and NULLs of each column in the order asked. */
  async countNulls(
    path: string,
    columns: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ readonly rows: number; readonly nulls: readonly number[] }> {
    await checkParquet(path, this.maxFileBytes);
    const counts = columns.map((column, index) => `, count(${identifier(column)})::DOUBLE AS c${index}`).join('');
    const [row] = await this.query(`SELECT count(*)::DOUBLE AS n${counts} FROM ${scanOf(path, 'parquet')}`, signal);
    const rows = Number(row!['n']);
    return { rows, nulls: columns.map((_, index) => rows - Number(row![`c${index}`])) };
  }

  /** The key column as text. @throws PermanentError `invalid` when a key is NULL */
  async readKeys(path: string, column: string, options: ReadOptions = {}): Promise<string[]> {
    const values = await this.readStrings(path, column, options);
    if (values.includes(null)) {
      throw new PermanentError('invalid', `key column ${column} holds NULL`, {
        field: column,
        value: null,
        rule: 'a key is never NULL',
      });
    }
    return values as string[];
  }

  /** A TIMESTAMP column in ms since the epoch, NaN for NULL. */
  async readTimes(path: string, column: string, options: ReadOptions = {}): Promise<Float64Array> {
    const time = `coalesce(epoch_ms(${identifier(column)}::TIMESTAMP)::DOUBLE, 'nan'::DOUBLE)`;
    let out = new Float64Array();
    await this.#eachChunk(path, time, options, {
      begin: (rows) => (out = new Float64Array(rows)),
      take: (chunk, at) => out.set(doublesOf(chunk, 0), at),
    });
    return out;
  }

  /** Some rows as JSON objects (64-bit integers, decimals and timestamps as text); for people and samples, not for volume. */
  async readRows(
    path: string,
    options: ReadOptions & { readonly columns?: readonly string[]; readonly limit: number; readonly offset?: number },
  ): Promise<JsonRow[]> {
    await checkParquet(path, this.maxFileBytes);
    const what = options.columns ? identifiers(options.columns) : '*';
    const page = ` LIMIT ${Math.trunc(options.limit)} OFFSET ${Math.trunc(options.offset ?? 0)}`;
    return this.withSession(
      (session) => session.rows(`SELECT ${what} FROM ${scanOf(path, 'parquet')}${orderOf(options)}${page}`),
      options.signal,
    );
  }

  /**
   * Writes the rows of a SELECT of our own as Parquet with fixed options. Equal rows in equal order give equal bytes, so the
   * SELECT must end in a total order (or keep the order of its files).
   */
  async writeParquet(options: {
    readonly select: string;
    readonly outPath: string;
    readonly signal?: AbortSignal;
  }): Promise<{ rows: number; sizeBytes: number }> {
    return this.withSession((session) => writeParquet(session, options.select, options.outPath), options.signal);
  }

  /** Rows of a SELECT of our own; for small results. */
  async query(select: string, signal?: AbortSignal): Promise<Record<string, Json>[]> {
    return this.withSession((session) => session.rows(select), signal);
  }

  /**
   * Reads the selected values chunk by chunk, so that copying them never holds up the event loop.
   * @returns rows of the file
   */
  async #eachChunk(
    path: string,
    select: string,
    options: ReadOptions,
    to: {
      /** Told how many rows will come. */
      readonly begin: (rows: number) => void;
      /** Takes a chunk whose first row is `at`. */
      readonly take: (chunk: DuckDBDataChunk, at: number) => void;
    },
  ): Promise<number> {
    await checkParquet(path, this.maxFileBytes);
    const source = scanOf(path, 'parquet');
    return this.withSession(async (session) => {
      const [count] = await session.rows(`SELECT count(*)::DOUBLE AS n FROM ${source}`);
      const rows = Number(count!['n']);
      to.begin(rows);
      let at = 0;
      await session.eachChunk(`SELECT ${select} FROM ${source}${orderOf(options)}`, (chunk) => {
        to.take(chunk, at);
        at += chunk.rowCount;
      });
      return rows;
    }, options.signal);
  }
}

/** Columns as float32, NaN for NULL. */
function floats(columns: readonly string[]): string {
  return columns.map((column) => `coalesce(${identifier(column)}::FLOAT, 'nan'::FLOAT)`).join(', ');
}

/** The FROM item that reads a checked file. CSV with `text` gives every column as VARCHAR, untouched by detection of types. */
export function scanOf(path: string, format: FileFormat, options: { readonly text?: boolean } = {}): string {
  if (format === 'csv' && options.text) return `read_csv(${literal(path)}, all_varchar = true, header = true)`;
  const reader = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' }[format];
  return `${reader}(${literal(path)})`;
}

/** `COPY … TO` with the fixed options. */
export async function writeParquet(
  session: Session,
  select: string,
  outPath: string,
): Promise<{ rows: number; sizeBytes: number }> {
  const [copied] = await session.rows(`COPY (${select}\n) TO ${literal(outPath)} (${PARQUET_OPTIONS})`);
  return { rows: Number(copied!['Count']), sizeBytes: (await stat(outPath)).size };
}

/** The statement is ours and correct, so whatever the engine refuses lies in the file. */
async function describeFile(
  session: Session,
  source: string,
  path: string,
): Promise<[columns: JsonRow[], count: JsonRow[]]> {
  try {
    const columns = await session.rows(`DESCRIBE SELECT * FROM ${source}`);
    return [columns, await session.rows(`SELECT count(*)::DOUBLE AS n FROM ${source}`)];
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'invalid') throw cause;
    const rule = 'the file can be read to its end';
    throw new PermanentError('data-loss', `${path}: ${messageOf(cause)}`, {
      field: 'path',
      value: path,
      rule,
      reason: 'FILE_UNREADABLE',
      cause,
    });
  }
}

function orderOf(options: ReadOptions): string {
  return options.orderBy?.length ? ` ORDER BY ${identifiers(options.orderBy)}` : '';
}
