import type { DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { PermanentError, type Json } from '@rondo/kernel';
import { doublesOf, floatsOf } from './chunk-vectors.js';
import { checkFile, checkParquet, type FileFormat } from './file-checks.js';
import { readable, scanOf, writeParquet } from './files.js';
import { Sandbox } from './sandbox.js';
import { Session, openInstance, type EngineLimits, type JsonRow } from './session.js';
import { identifier, identifiers } from './sql-text.js';
import { readPackedTexts, unpackTexts, type PackedTexts } from './texts.js';

/** Written into every file the engine writes; features and files follow the version, so lineage records it. */
export const ENGINE_VERSION = 'duckdb 1.5.5';

/** Sealed databases kept for the next use. */
const IDLE_SANDBOXES = 2;

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
  /** Rows of the file where the caller knows; otherwise they are counted first. */
  readonly rows?: number;
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

/** Columns of a file. */
export interface FileColumns {
  readonly format: FileFormat;
  readonly sizeBytes: number;
  /** In the order of the file; types in DuckDB's words, for example `BIGINT`, `TIMESTAMP`, `VARCHAR`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** What a file holds. */
export interface FileShape extends FileColumns {
  readonly rows: number;
}

/**
 * DuckDB in this process, behind functions that give the same bytes and numbers on every run.
 * Paths and SQL given here come from our own code; SQL written by users goes through `runFeatureSql`, which seals it off.
 */
export class Engine {
  readonly limits: EngineLimits;
  readonly maxFileBytes: number;
  #instance: Promise<DuckDBInstance> | undefined;
  #idle: Sandbox[] = [];

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

  /** Lends a sealed database to `work` alone. One in which nothing was thrown is kept for the next. */
  async withSandbox<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
    const idle = this.#idle;
    const sandbox = idle.pop() ?? (await Sandbox.open(this.limits));
    let sound = false;
    try {
      const result = await work(sandbox);
      sound = true;
      return result;
    } finally {
      if (sound && idle === this.#idle && idle.length < IDLE_SANDBOXES) idle.push(sandbox);
      else await sandbox.close();
    }
  }

  /** Frees the databases; the engine opens new ones when used again. */
  async close(): Promise<void> {
    const [instance, idle] = [this.#instance, this.#idle];
    this.#instance = undefined;
    this.#idle = [];
    (await instance)?.closeSync();
    await Promise.all(idle.map((sandbox) => sandbox.close()));
  }

  /**
   * Format and columns without reading all of the data (types of CSV and JSON as detected).
   * @throws PermanentError for a file that is missing, empty, truncated, too large or not readable
   */
  async columnsOf(path: string): Promise<FileColumns> {
    const { format, sizeBytes } = await checkFile(path, this.maxFileBytes);
    const described = await readable(path, this.query(`DESCRIBE SELECT * FROM ${scanOf(path, format)}`));
    const columns = described.map((column) => ({
      name: String(column['column_name']),
      type: String(column['column_type']),
    }));
    return { format, sizeBytes, columns };
  }

  /**
   * Like {@link columnsOf}, and counts the rows: of Parquet without reading the data, of CSV and JSON by parsing it once.
   * @throws PermanentError for a file that is missing, empty, truncated, too large or not readable
   */
  async inspect(path: string): Promise<FileShape> {
    const columns = await this.columnsOf(path);
    const source = scanOf(path, columns.format);
    const [count] = await readable(path, this.query(`SELECT count(*)::DOUBLE AS n FROM ${source}`));
    return { ...columns, rows: Number(count!['n']) };
  }

  /** Numeric columns as float32, column by column. @throws PermanentError `invalid` for a column that is absent or no number */
  async readColumns(path: string, columns: readonly string[], options: ReadOptions = {}): Promise<NumberColumns> {
    const { n, numbers } = await this.readNumbers(path, { numbers: columns, times: [] }, options);
    return { n, columns: numbers };
  }

  /**
   * Numeric columns as float32 and TIMESTAMP columns in ms since the epoch, NaN for NULL, with one statement.
   * @throws PermanentError `invalid` for a column that is absent or of another type
   */
  async readNumbers(
    path: string,
    columns: { readonly numbers: readonly string[]; readonly times: readonly string[] },
    options: ReadOptions = {},
  ): Promise<{ readonly n: number; readonly numbers: Float32Array[]; readonly times: Float64Array[] }> {
    const numbers: Float32Array[] = [];
    const times: Float64Array[] = [];
    const select = [floats(columns.numbers), ...columns.times.map(timeOf)].filter(Boolean).join(', ');
    const n = await this.#eachChunk(path, select, options, {
      begin: (rows) => {
        numbers.push(...columns.numbers.map(() => new Float32Array(rows)));
        times.push(...columns.times.map(() => new Float64Array(rows)));
      },
      take: (chunk, at) => {
        numbers.forEach((column, index) => column.set(floatsOf(chunk, index), at));
        times.forEach((column, index) => column.set(doublesOf(chunk, numbers.length + index), at));
      },
    });
    return { n, numbers, times };
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
    return unpackTexts(await this.#packed(path, column, options));
  }

  /** The key column as text. @throws PermanentError `invalid` when a key is NULL */
  async readKeys(path: string, column: string, options: ReadOptions = {}): Promise<string[]> {
    const values = await this.readStrings(path, column, options);
    if (values.includes(null)) throw nullKey(column);
    return values as string[];
  }

  /** The key column side by side, for a thread to look at. @throws PermanentError `invalid` when a key is NULL */
  async readPackedKeys(path: string, column: string, options: ReadOptions = {}): Promise<PackedTexts[]> {
    const packed = await this.#packed(path, column, options);
    if (packed.some(({ lengths }) => lengths.includes('-'))) throw nullKey(column);
    return packed;
  }

  /**
   * A column of any type as numbers that are equal where its values are, and mean nothing else; NULLs are equal to each other.
   * They are 53 bits of a hash: two of a million different values are taken for one with a probability of 1 in 18,000.
   */
  async readGroups(path: string, column: string, options: ReadOptions = {}): Promise<Float64Array> {
    let groups = new Float64Array();
    await this.#eachChunk(path, `(hash(${identifier(column)}::VARCHAR) >> 11)::DOUBLE`, options, {
      begin: (rows) => (groups = new Float64Array(rows)),
      take: (chunk, at) => groups.set(doublesOf(chunk, 0), at),
    });
    return groups;
  }

  /** A TIMESTAMP column in ms since the epoch, NaN for NULL. */
  async readTimes(path: string, column: string, options: ReadOptions = {}): Promise<Float64Array> {
    const { times } = await this.readNumbers(path, { numbers: [], times: [column] }, options);
    return times[0]!;
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

  async #packed(path: string, column: string, { orderBy, signal }: ReadOptions): Promise<PackedTexts[]> {
    await checkParquet(path, this.maxFileBytes);
    return this.withSession((session) => readPackedTexts(session, path, column, orderBy), signal);
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
      const counted = async (): Promise<number> => {
        const [count] = await session.rows(`SELECT count(*)::DOUBLE AS n FROM ${source}`);
        return Number(count!['n']);
      };
      const rows = options.rows ?? (await counted());
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

function nullKey(column: string): PermanentError {
  return new PermanentError('invalid', `key column ${column} holds NULL`, {
    field: column,
    value: null,
    rule: 'a key is never NULL',
  });
}

function timeOf(column: string): string {
  return `coalesce(epoch_ms(${identifier(column)}::TIMESTAMP)::DOUBLE, 'nan'::DOUBLE)`;
}

/** Columns as float32, NaN for NULL. */
function floats(columns: readonly string[]): string {
  return columns.map((column) => `coalesce(${identifier(column)}::FLOAT, 'nan'::FLOAT)`).join(', ');
}

function orderOf(options: ReadOptions): string {
  return options.orderBy?.length ? ` ORDER BY ${identifiers(options.orderBy)}` : '';
}
