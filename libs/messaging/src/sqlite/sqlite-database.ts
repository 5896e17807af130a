import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PermanentError } from '@rondo/kernel';
import { GroupCommitter } from './group-committer.js';
import { LogSync } from './log-sync.js';

const BUSY_TIMEOUT_MS = 5000;
const SQLITE_BUSY = 5;
/**
 * The newest form of the file, and of what services keep in it, that this release can work with. A release that changes it in a way that
 * older ones do not understand writes a higher number into `user_version`.
 */
const FORM_NEWEST = 0;

/**
 * One SQLite file with one connection and one group committer, shared by the bus and the journal so that a unit of work and
 * the messages it publishes are one transaction. The file is locked for this process alone: two processes on one data
 * directory would each keep their own order of things. `synchronous=NORMAL` keeps the order of commits over a power cut; the
 * committer brings each of them to the disk before it is acknowledged, which `FULL` would do while everything stands still.
 */
export class SqliteDatabase {
  readonly connection: DatabaseSync;
  readonly committer: GroupCommitter;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(connection: DatabaseSync, path: string) {
    this.connection = connection;
    this.committer = new GroupCommitter(connection, path === ':memory:' ? undefined : new LogSync(`${path}-wal`));
  }

  /**
   * @param path a file, or `:memory:`
   * @throws PermanentError `failed-precondition` when another process has the file open, or a newer release has changed it in a way
   * that this one does not understand
   */
  static open(path: string): SqliteDatabase {
    const connection = new DatabaseSync(path, { timeout: path === ':memory:' ? 0 : BUSY_TIMEOUT_MS });
    try {
      // Exclusive before WAL: the lock is then held for the life of the process, and the kernel frees it on kill -9.
      connection.exec('PRAGMA locking_mode=EXCLUSIVE');
      connection.exec('PRAGMA journal_mode=WAL');
      connection.exec('PRAGMA synchronous=NORMAL');
      connection.exec('PRAGMA wal_autocheckpoint=4000');
      connection.exec('PRAGMA cache_size=-65536');
      connection.exec('PRAGMA temp_store=MEMORY');
      checkForm(connection, path);
    } catch (error) {
      connection.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      throw new PermanentError('failed-precondition', `${path} is in use by another process`, {
        field: 'path',
        value: path,
        rule: 'one process per data directory',
        cause: error,
      });
    }
    return new SqliteDatabase(connection, path);
  }

  /** A prepared statement, made once per text. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  get isOpen(): boolean {
    return this.connection.isOpen;
  }

  /** Commits what is queued and closes the file. */
  close(): void {
    if (!this.connection.isOpen) return;
    this.committer.close();
    this.connection.close();
  }
}

function checkForm(connection: DatabaseSync, path: string): void {
  const form = connection.prepare('PRAGMA user_version').get()!['user_version'] as number;
  if (form <= FORM_NEWEST) return;
  throw new PermanentError(
    'failed-precondition',
    `${path} was brought to form ${form} by a newer release, which this one (form ${FORM_NEWEST}) cannot work with; use that release`,
    { field: 'path', value: form, rule: `form ${FORM_NEWEST} at most` },
  );
}
