import { describe, expect, it } from '@jest/globals';
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { openInstance, Session } from './session.js';

const ENDLESS = 'SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b';
const LIMITS = { threads: 1, memoryMb: 256, statementMs: 30 };

/** Keeps every thread that could begin a statement busy for longer than a statement may take. */
function keepThreadsBusy(): Promise<unknown> {
  const hash = promisify(pbkdf2);
  return Promise.all(Array.from({ length: 4 }, () => hash('password', 'salt', 100_000, 64, 'sha512')));
}

describe('a statement that the engine has not begun', () => {
  it('ends when its time is over', async () => {
    const instance = await openInstance(LIMITS);
    await Session.use(instance, LIMITS, undefined, async (session) => {
      const busy = keepThreadsBusy();
      await expect(session.run(ENDLESS)).rejects.toMatchObject({ code: 'deadline-exceeded' });
      await busy;
    });
  });

  it('ends when it is called off', async () => {
    const limits = { ...LIMITS, statementMs: 60_000 };
    const instance = await openInstance(limits);
    const calledOff = new AbortController();
    await Session.use(instance, limits, calledOff.signal, async (session) => {
      const busy = keepThreadsBusy();
      const rows = session.rows(ENDLESS);
      calledOff.abort(new Error('gone'));
      await expect(rows).rejects.toThrow('gone');
      await busy;
    });
  });
});
