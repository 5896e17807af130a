import type { DuckDBInstance } from '@duckdb/node-api';
import { copyFile, link, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openScratch, type Scratch } from '@rondo/artifacts';
import { openInstance, Session, type EngineLimits } from './session.js';
import { literal } from './sql-text.js';

/**
 * A database that reaches no file, address or setting but the files in a folder of its own, for SQL that users wrote. What one
 * session makes there as TEMP is gone with that session, so the next finds it as new; opening one takes some 15 ms of CPU.
 */
export class Sandbox {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly limits: EngineLimits,
    private readonly scratch: Scratch,
  ) {}

  static async open(limits: EngineLimits): Promise<Sandbox> {
    const scratch = await openScratch('sandbox');
    const sandbox = new Sandbox(await openInstance(limits), limits, scratch);
    await sandbox.use(undefined, async (session) => {
      await session.run(`SET allowed_directories = [${literal(scratch.path)}]`);
      await session.run('SET enable_external_access = false');
      await session.run('SET lock_configuration = true');
    });
    return sandbox;
  }

  /** Lends a session; one at a time. */
  use<T>(signal: AbortSignal | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    return Session.use(this.instance, this.limits, signal, work);
  }

  /** Shows the sandbox a file from outside while `read` runs. */
  async withInput<T>(path: string, read: (inside: string) => Promise<T>): Promise<T> {
    const inside = join(this.scratch.path, 'input');
    // Another file system, or a file that somebody else owns.
    await link(path, inside).catch(() => copyFile(path, inside));
    try {
      return await read(inside);
    } finally {
      await rm(inside, { force: true });
    }
  }

  /** Lets the sandbox write a file, which then is at `path`. */
  async withOutput<T>(path: string, write: (inside: string) => Promise<T>): Promise<T> {
    const inside = join(this.scratch.path, 'output');
    try {
      const written = await write(inside);
      await rename(inside, path).catch(() => copyFile(inside, path));
      return written;
    } finally {
      await rm(inside, { force: true });
    }
  }

  async close(): Promise<void> {
    this.instance.closeSync();
    await this.scratch.remove();
  }
}
