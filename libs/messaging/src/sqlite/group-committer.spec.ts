import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError } from '@rondo/kernel';
import { eventually } from '@rondo/testing';
import { GroupCommitter, type DurableLog } from './group-committer.js';

/** A disk that takes its time: each sync ends when the spec says so. */
class SlowLog implements DurableLog {
  readonly asked: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  syncedNow = 0;
  sync = (): Promise<void> => new Promise((resolve, reject) => void this.asked.push({ resolve, reject }));
  syncNow = (): void => void this.syncedNow++;
  close = (): void => undefined;
}

let db: DatabaseSync;
let log: SlowLog;
let committer: GroupCommitter;
const acknowledged: number[] = [];

beforeEach(() => {
  db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t(n INTEGER) STRICT');
  log = new SlowLog();
  committer = new GroupCommitter(db, log);
  acknowledged.length = 0;
});
afterEach(() => db.close());

const insert = async (n: number): Promise<void> => {
  await committer.submit(() => db.prepare('INSERT INTO t VALUES(?)').run(n));
  acknowledged.push(n);
};
const rows = (): unknown[] =>
  db
    .prepare('SELECT n FROM t ORDER BY n')
    .all()
    .map((row) => row['n']);

describe('group commit to a disk', () => {
  it('acknowledges what is on the disk, and commits what came meanwhile together', async () => {
    const first = insert(1);
    await eventually(() => log.asked.length === 1);
    const others = [insert(2), insert(3)];
    const durable = committer.durable();
    await new Promise(setImmediate);
    expect([rows(), acknowledged, committer.idle]).toEqual([[1], [], false]);
    log.asked[0]!.resolve();
    await Promise.all([first, durable]);
    expect(acknowledged).toEqual([1]);
    await eventually(() => log.asked.length === 2);
    expect([rows(), acknowledged]).toEqual([[1, 2, 3], [1]]);
    log.asked[1]!.resolve();
    await Promise.all(others);
    expect([acknowledged, committer.idle]).toEqual([[1, 2, 3], true]);
  });

  it('answers a disk that refuses with an error that may be tried again, and takes nothing more', async () => {
    const refused = [insert(1)];
    await eventually(() => log.asked.length === 1);
    refused.push(insert(2));
    log.asked[0]!.reject(new Error('EIO'));
    for (const outcome of await Promise.allSettled(refused))
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(TransientError) });
    await expect(insert(3)).rejects.toThrow(TransientError);
    expect(rows()).toEqual([1]);
  });

  it('is closed at once, with everything on the disk', async () => {
    const all = [insert(1)];
    await eventually(() => log.asked.length === 1);
    all.push(insert(2));
    committer.close();
    await Promise.all(all);
    expect([rows(), log.syncedNow, log.asked.length]).toEqual([[1, 2], 2, 1]);
  });
});
