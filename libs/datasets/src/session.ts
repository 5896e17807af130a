import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { PermanentError, messageOf, type Json } from '@rondo/kernel';

/** Limits of the engine. */
export interface EngineLimits {
  /** Worker threads; results do not depend on it. */
  readonly threads: number;
  readonly memoryMb: number;
  /** Longest time one statement may take, in ms. */
  readonly statementMs: number;
}

/** One row as the driver gives it in JSON form: 64-bit integers and timestamps are text. */
export type JsonRow = Readonly<Record<string, Json>>;

/** How often a statement that shall end is interrupted, in ms. */
const INTERRUPTION_MS = 50;

/** An in-memory database of its own: nothing can be installed or loaded, and all times are UTC. */
export async function openInstance(limits: EngineLimits): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(limits.threads),
    memory_limit: `${limits.memoryMb}MB`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_unsigned_extensions: 'false',
    preserve_insertion_order: 'true',
    temp_directory: '',
    // The cache tells files apart by path, size and second: a file replaced quickly would be read as its predecessor.
    enable_external_file_cache: 'false',
  });
  // For every connection; an option of the instance cannot say it.
  const connection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  connection.closeSync();
  return instance;
}

/** One connection with a wall-clock budget per statement. */
export class Session {
  readonly #connection: DuckDBConnection;
  readonly #limits: EngineLimits;
  readonly #signal: AbortSignal | undefined;

  private constructor(connection: DuckDBConnection, limits: EngineLimits, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** Opens a connection, lends it to `work`, closes it. */
  static async use<T>(
    instance: DuckDBInstance,
    limits: EngineLimits,
    signal: AbortSignal | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const connection = await instance.connect();
    try {
      return await work(new Session(connection, limits, signal));
    } finally {
      connection.closeSync();
    }
  }

  /** Runs one statement for its effect. */
  async run(sql: string): Promise<void> {
    await this.#within(() => this.#connection.run(sql));
  }

  /** All rows as JSON; for small results. */
  async rows(sql: string, values?: readonly string[]): Promise<JsonRow[]> {
    return this.#within(async () => {
      const reader = await this.#connection.runAndReadAll(sql, values && [...values]);
      return reader.getRowObjectsJson() as JsonRow[];
    });
  }

  /** Every chunk of the result, in order. */
  async chunks(sql: string): Promise<DuckDBDataChunk[]> {
    return this.#within(async () => (await this.#connection.stream(sql)).fetchAllChunks());
  }

  /** Hands on each chunk of the result, in order; it is valid until `use` returns. Nothing else is kept of the result. */
  async eachChunk(sql: string, use: (chunk: DuckDBDataChunk) => void): Promise<void> {
    await this.#within(async () => {
      const result = await this.#connection.stream(sql);
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk())
        use(chunk);
    });
  }

  async #within<T>(work: () => Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted();
    let timedOut = false;
    let repeating: NodeJS.Timeout | undefined;
    // The engine forgets an interruption that comes before it has begun: it is repeated until the work has ended.
    const interrupt = (): void => {
      this.#connection.interrupt();
      repeating ??= setInterval(() => this.#connection.interrupt(), INTERRUPTION_MS);
    };
    const timer = setTimeout(() => {
      timedOut = true;
      interrupt();
    }, this.#limits.statementMs);
    this.#signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (cause) {
      this.#signal?.throwIfAborted();
      throw timedOut ? overBudget(this.#limits.statementMs, cause) : engineError(cause);
    } finally {
      clearTimeout(timer);
      clearInterval(repeating);
      this.#signal?.removeEventListener('abort', interrupt);
    }
  }
}

function overBudget(statementMs: number, cause: unknown): PermanentError {
  return new PermanentError('deadline-exceeded', `the statement took longer than ${statementMs} ms`, {
    field: 'sql',
    rule: `at most ${statementMs} ms`,
    reason: 'STATEMENT_TIMEOUT',
    cause,
  });
}

/** How the readers of Parquet, CSV and JSON say that a file is damaged. */
const UNREADABLE =
  /^(IO|Serialization|Invalid) Error|TProtocolException|^Invalid Input Error: (Failed to read|Footer length|No magic|CSV Error|Malformed JSON|Invalid unicode)/;

/** Translates the driver's error text; the first words are DuckDB's closed list of error types. */
function engineError(cause: unknown): PermanentError {
  const message = messageOf(cause);
  const first = message
    .split('\n', 1)[0]!
    .slice(0, 300)
    .replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?');
  if (/^Out of Memory/i.test(message))
    return new PermanentError('exhausted', first, { rule: 'fits the memory limit', reason: 'ENGINE_MEMORY', cause });
  if (UNREADABLE.test(first)) {
    return new PermanentError('data-loss', first, {
      rule: 'the file can be read to its end',
      reason: 'FILE_UNREADABLE',
      cause,
    });
  }
  return new PermanentError('invalid', first, {
    field: 'sql',
    rule: 'a statement the engine accepts',
    reason: 'ENGINE_REFUSED',
    cause,
  });
}
