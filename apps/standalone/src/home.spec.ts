import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DATABASE, forget } from './home.js';

describe('forgetting an installation', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'home-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('removes its home, and one that is not there or empty', async () => {
    mkdirSync(join(folder, 'artifacts'));
    writeFileSync(join(folder, DATABASE), '');
    await forget(folder);
    expect(existsSync(folder)).toBe(false);
    await forget(folder);
    mkdirSync(folder);
    await forget(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves a folder alone that holds something else', async () => {
    writeFileSync(join(folder, 'thesis.tex'), '');
    await expect(forget(folder)).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { field: 'RONDO_HOME', value: folder },
    });
    expect(existsSync(join(folder, 'thesis.tex'))).toBe(true);
  });

  it('leaves a home alone in which a process works, and takes away a damaged one', async () => {
    const database = new DatabaseSync(join(folder, DATABASE));
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; CREATE TABLE a(b)');
    await expect(forget(folder)).rejects.toThrow('in use by another process');
    database.close();
    writeFileSync(
      join(folder, DATABASE),
      'no database, but long enough to be looked at as if it were one '.repeat(100),
    );
    await forget(folder);
    expect(existsSync(folder)).toBe(false);
  });
});
