import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { canonicalJson, seededRandom, TransientError } from '@rondo/kernel';
import { FakeClock } from '@rondo/testing';
import { fact, journalContract, textOf, type JournalUnderTest, type Tampering } from '../../testing/index.js';
import { SqliteStore } from './sqlite-store.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const COLUMN = {
  payload: 'payload',
  headers: 'headers',
  actor: 'actor',
  atMs: 'at_ms',
  type: 'type',
  key: 'key',
  messageId: 'message_id',
  hash: 'hash',
};

function tamper(store: SqliteStore, stream: string, version: number, how: Tampering): void {
  const db = store.bus.database.connection;
  const where = 'WHERE stream = ? AND version = ?';
  if (how.kind === 'remove') db.prepare(`DELETE FROM journal_entry ${where}`).run(stream, version);
  else if (how.kind === 'swap') {
    for (const [from, to] of [
      [version, -1],
      [version + 1, version],
      [-1, version + 1],
    ] as const) {
      db.prepare(`UPDATE journal_entry SET version = ? ${where}`).run(to, stream, from);
    }
  } else {
    const column = COLUMN[how.field];
    const row = db.prepare(`SELECT ${column} AS value FROM journal_entry ${where}`).get(stream, version)!;
    db.prepare(`UPDATE journal_entry SET ${column} = ? ${where}`).run(flipped(row['value'] as never), stream, version);
  }
}

function flipped(value: string | number | Uint8Array): string | number | Uint8Array {
  if (typeof value === 'number') return value ^ 1 || value + 1;
  const bytes = typeof value === 'string' ? Buffer.from(value) : Uint8Array.from(value);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = bytes[at]! ^ 1;
  return typeof value === 'string' ? bytes.toString() : bytes;
}

function subjectOf(path: string, clock: FakeClock): JournalUnderTest {
  const store = SqliteStore.open(path, { clock, busOptions: { random: seededRandom(1) } });
  const { connection } = store.bus.database;
  const close = async (): Promise<void> => {
    if (connection.isOpen) connection.close();
  };
  return {
    bus: store.bus,
    journal: (service) => store.journal(service),
    crash: async () => {
      await close();
      return subjectOf(path, clock);
    },
    tamper: (stream, version, how) => tamper(store, stream, version, how),
    dispose: close,
  };
}

journalContract(
  'SqliteStore',
  async (clock) => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-journal-'));
    folders.push(folder);
    return subjectOf(join(folder, 'store.sqlite'), clock);
  },
  { survivesRestart: true, tamperable: true },
);

describe('SqliteStore', () => {
  const cause = (messageId: string): { consumer: string; messageId: string } => ({ consumer: 'spec', messageId });

  it('gives units queued in one turn one transaction', async () => {
    const store = SqliteStore.open(':memory:', { clock: new FakeClock() });
    const journal = store.journal('s');
    let commits = 0;
    store.bus.database.committer.onCommit(() => commits++);
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        journal.once(cause(`m${i}`), (unit) =>
          unit.save({ kind: 'k', id: String(i), state: {}, outgoing: [fact('x')] }),
        ),
      ),
    );
    expect(commits).toBe(1);
    await store.close();
  });

  it('hashes what the README says, so that others can check the chain', async () => {
    const { createHash } = await import('node:crypto');
    const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
    const store = SqliteStore.open(':memory:', { clock: new FakeClock(1000) });
    const journal = store.journal('s');
    for (const id of ['m1', 'm2']) {
      await journal.once(cause(id), (unit) => unit.save({ kind: 'k', id: 'd', state: {}, outgoing: [fact('x')] }));
    }
    let previous = '0'.repeat(64);
    for (const e of await journal.history('k', 'd')) {
      const content = JSON.stringify([
        e.service,
        e.position,
        e.stream,
        e.version,
        e.messageId,
        e.type,
        e.key,
        e.actor,
        e.atMs,
        sha256(e.payload),
      ]);
      expect(e.hash).toBe(sha256(`${previous}\n${content}\n${canonicalJson(e.headers)}`));
      previous = e.hash;
    }
    await store.close();
  });

  it('finds a whole stream that was removed with its document', async () => {
    const store = SqliteStore.open(':memory:', { clock: new FakeClock() });
    const journal = store.journal('s');
    for (const id of ['a', 'b', 'c']) {
      await journal.once(cause(id), (unit) => unit.save({ kind: 'k', id, state: {}, outgoing: [fact(id)] }));
    }
    store.bus.database.connection.exec(
      `DELETE FROM journal_entry WHERE stream = 'k/b'; DELETE FROM document WHERE id = 'b'`,
    );
    expect(await journal.verify()).toMatchObject({
      intact: false,
      broken: { stream: 'k/c', explanation: expect.stringContaining('entries 2 to 2') },
    });
    await store.close();
  });

  it('fails the units of a transaction that cannot be committed, and works on when the trouble is over', async () => {
    const store = SqliteStore.open(':memory:', { clock: new FakeClock() });
    const journal = store.journal('s');
    const db = store.bus.database.connection;
    const big = 'x'.repeat(200_000);
    const save = (id: string): Promise<unknown> =>
      journal.once(cause(id), (unit) => unit.save({ kind: 'k', id, state: { big }, outgoing: [fact(id)] }));
    await save('before');
    db.exec(`PRAGMA max_page_count = ${Object.values(db.prepare('PRAGMA page_count').get()!)[0]}`);
    const refusal: unknown = await save('full').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TransientError);
    expect((refusal as Error).message).toContain('database or disk is full');
    expect(await journal.load('k', 'full')).toBeUndefined();
    db.exec('PRAGMA max_page_count = 1000000');
    await save('full');
    expect(await journal.verify()).toMatchObject({ intact: true, entries: 2 });
    await store.close();
  });

  it('keeps a message while the disk is full, for ten minutes, and handles it to one effect when there is room', async () => {
    const clock = new FakeClock();
    const store = SqliteStore.open(':memory:', { clock, busOptions: { random: seededRandom(1) } });
    const writer = store.journal('writer');
    const reader = store.journal('reader');
    const db = store.bus.database.connection;
    const names = Array.from({ length: 5 }, (_, i) => `fact-${i}`);
    const failures: unknown[] = [];
    let effects = 0;
    let isFull = false;
    const fill = (): void => {
      if (isFull) return;
      db.exec(`PRAGMA max_page_count = ${Object.values(db.prepare('PRAGMA page_count').get()!)[0]}`);
      isFull = true;
    };
    await store.bus.subscribe({
      group: 'reader',
      topics: ['rondo.platform.v1'],
      handle: async (delivery) => {
        fill();
        const state = { big: 'x'.repeat(50_000) };
        try {
          await reader.once(cause(delivery.id), (unit) => unit.save({ kind: 'effect', id: textOf(delivery), state }));
          effects += 1;
        } catch (error) {
          failures.push(error);
          throw error;
        }
      },
    });
    await writer.once(cause('all'), (unit) =>
      unit.save({ kind: 'k', id: 'all', state: {}, outgoing: names.map((name) => fact(name, name)) }),
    );
    await clock.advance(600_000);
    expect(effects).toBe(0);
    expect(failures.length).toBeGreaterThan(names.length);
    expect(failures.filter((error) => !(error instanceof TransientError))).toEqual([]);

    db.exec('PRAGMA max_page_count = 1000000');
    await clock.advance(60_000);
    await store.bus.idle();
    expect(effects).toBe(names.length);
    expect((await reader.list('effect', { limit: 100 })).items.map(({ version }) => version)).toEqual(
      names.map(() => 1),
    );
    expect(await store.bus.parked.list()).toEqual([]);
    expect(await writer.verify()).toMatchObject({ intact: true, entries: names.length });
    await store.close();
  });
});
