import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PermanentError } from '@rondo/kernel';

/** Name of the database in the home of an installation. */
export const DATABASE = 'rondo.db';

/**
 * Removes the home of an installation with all that it holds.
 * @throws PermanentError `failed-precondition` for a folder that holds something and is no such home, or is in use
 */
export async function forget(home: string): Promise<void> {
  if (!existsSync(home)) return;
  const database = join(home, DATABASE);
  if (readdirSync(home).length > 0 && !existsSync(database))
    throw new PermanentError(
      'failed-precondition',
      `${home} is no home of Rondo: it holds no ${DATABASE}; nothing was removed`,
      {
        field: 'RONDO_HOME',
        value: home,
        rule: `--fresh removes an empty folder, or one with ${DATABASE}`,
      },
    );
  if (existsSync(database) && isLocked(database))
    throw new PermanentError('failed-precondition', `${home} is in use by another process; nothing was removed`, {
      field: 'RONDO_HOME',
      value: home,
      rule: 'stop the Rondo that runs there first',
    });
  await rm(home, { recursive: true, force: true });
}

const SQLITE_BUSY = 5;

/** Whether a process holds the lock of a database; what is no database is not locked. */
function isLocked(path: string): boolean {
  const connection = new DatabaseSync(path);
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return false;
  } catch (error) {
    return (error as { errcode?: number }).errcode === SQLITE_BUSY;
  } finally {
    connection.close();
  }
}
