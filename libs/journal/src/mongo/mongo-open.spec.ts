import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { randomIds } from '@rondo/kernel';
import { withRealServers } from '@rondo/testing';
import { MongoClient, type Db } from 'mongodb';
import { fact, RecordingBus, textOf } from '../../testing/index.js';
import { nativeMongodb } from '../../testing/native-mongodb.js';
import type { EntryDoc } from './collections.js';
import { MAJORITY } from './connect.js';
import { mongoListQuery } from './list-query.js';
import { MongoStore } from './mongo-store.js';
import { migrate, MIGRATIONS, type Migration } from './schema.js';
import { STATE_BYTES_MAX } from './unit-plan.js';

jest.setTimeout(180_000);

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

const bus = new RecordingBus(() => undefined);
const open = async (url: string, database = 'any', serverSelectionMs = 2000): Promise<MongoStore> => {
  const store = await MongoStore.open({ url, database, bus, serverSelectionMs, leaseMs: 1000 });
  cleanUp.push(() => store.abandon());
  return store;
};

describe('opening a MongoStore', () => {
  it('refuses what is not a connection string', async () => {
    await expect(open('localhost:27017')).rejects.toMatchObject({ code: 'invalid', detail: { field: 'url' } });
    await expect(open('mongodb://host:99999/')).rejects.toMatchObject({ code: 'invalid', detail: { field: 'url' } });
  });

  it('refuses a connection string that asks for less than a majority', async () => {
    for (const [option, field] of [
      ['w=1', 'url.w'],
      ['readConcernLevel=local', 'url.readConcernLevel'],
      ['readPreference=secondary', 'url.readPreference'],
    ]) {
      await expect(open(`mongodb://127.0.0.1:1/?${option}`)).rejects.toMatchObject({
        code: 'failed-precondition',
        detail: { field },
      });
    }
  });

  it('says that nobody answers at a wrong address', async () => {
    const opening = open('mongodb://127.0.0.1:1/?replicaSet=rondo', 'any', 500);
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      detail: { field: 'url', value: '127.0.0.1:1' },
    });
    await expect(opening).rejects.toThrow('no MongoDB answers at 127.0.0.1:1');
  });
});

withRealServers(['mongodb'], ({ mongodb }) => {
  const client = new MongoClient(mongodb);
  afterAll(() => client.close());
  const fresh = (): Db => {
    const db = client.db(`open-${randomIds.next()}`, MAJORITY);
    cleanUp.push(() => db.dropDatabase());
    return db;
  };

  it('refuses a server whose clock is minutes away', async () => {
    const now = Date.now;
    const clock = jest.spyOn(Date, 'now');
    cleanUp.push(() => Promise.resolve(clock.mockRestore()));
    const database = fresh().databaseName;
    for (const shiftMs of [300_000, -300_000]) {
      clock.mockImplementation(() => now() + shiftMs);
      const opening = open(mongodb, database);
      await expect(opening).rejects.toMatchObject({ code: 'failed-precondition', detail: { field: 'clock' } });
      await expect(opening).rejects.toThrow(/(299|300) s apart; let both keep time by NTP/);
    }
    clock.mockImplementation(() => now() + 30_000);
    await open(mongodb, database);
  });

  it('says what to do about a standalone server, with and without a set in the connection string', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-mongod-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const mongod = await (await nativeMongodb()).start({ folder, standalone: true });
    cleanUp.push(() => mongod.kill());
    for (const url of [mongod.address, `${mongod.address}?replicaSet=rondo`]) {
      const opening = open(url);
      await expect(opening).rejects.toMatchObject({ code: 'failed-precondition', detail: { field: 'url' } });
      await expect(opening).rejects.toThrow('start mongod with --replSet');
    }
  });

  it('says that the credentials are wrong, and keeps them to itself', async () => {
    const url = mongodb.replace('mongodb://', 'mongodb://somebody:very-secret@');
    const opening = open(url, 'any', 10_000);
    await expect(opening).rejects.toMatchObject({ code: 'unauthenticated', detail: { field: 'url' } });
    const error = await opening.catch((reason: unknown) => reason);
    expect(JSON.stringify([String(error), (error as { detail: unknown }).detail])).not.toContain('very-secret');
  });

  it('says that the replica set has another name', async () => {
    const opening = open(mongodb.replace(/replicaSet=[^&]*/, 'replicaSet=another'));
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' });
    await expect(opening).rejects.toThrow('check replicaSet in the connection string');
  });

  it('migrates once, however many processes start at the same time', async () => {
    const db = fresh();
    let added = 0;
    const next: Migration = {
      version: MIGRATIONS.length + 1,
      compatibleFrom: 1,
      run: async (target) => {
        added++;
        await target
          .collection<{ _id: string }>('added')
          .updateOne({ _id: 'one' }, { $set: { n: 1 } }, { upsert: true });
      },
    };
    await Promise.all(Array.from({ length: 6 }, () => migrate(db)));
    expect(await db.collection('meta').findOne()).toEqual({
      _id: 'schema',
      version: MIGRATIONS.length,
      compatibleFrom: 1,
    });
    await Promise.all([migrate(db), migrate(db, [...MIGRATIONS, next]), migrate(db, [...MIGRATIONS, next])]);
    await migrate(db, [...MIGRATIONS, next]);
    expect(await db.collection('meta').findOne()).toEqual({
      _id: 'schema',
      version: MIGRATIONS.length + 1,
      compatibleFrom: 1,
    });
    expect(await db.collection('added').countDocuments()).toBe(1);
    expect(added).toBe(2);
    // A process of the previous release still works with it.
    const old = await open(mongodb, db.databaseName);
    const outcome = await old
      .journal('s')
      .once({ consumer: 'spec', messageId: 'm' }, (unit) => unit.save({ kind: 'k', id: 'a', state: {} }));
    expect(outcome.outcome).toBe('done');
  });

  it('finds the entries of a person by an index that has none of the service itself', async () => {
    const db = fresh();
    const entries = db.collection<EntryDoc>('s.entry');
    await entries.createIndex({ actor: 1, _id: 1 });
    const store = await open(mongodb, db.databaseName);
    const journal = store.journal('s');
    const act = (id: string, actor?: string): Promise<unknown> =>
      journal.once({ consumer: 'spec', messageId: id, ...(actor && { actor }) }, (unit) =>
        unit.save({ kind: 'k', id, state: {}, outgoing: [fact(id)] }),
      );
    for (const [id, actor] of [['a'], ['b', 'alice'], ['c', 'service:s'], ['d', 'service:t']] as const)
      await act(id, actor);
    const found = async (actor: string): Promise<string[]> => (await journal.entries({ actor })).map(textOf);
    expect([await found('alice'), await found('service:s'), await found('service:t'), await found('bob')]).toEqual([
      ['b'],
      ['a', 'c'],
      ['d'],
      [],
    ]);
    expect((await entries.indexes()).map(({ name }) => name)).not.toContain('actor_1__id_1');
    const stats = entries.aggregate<{ name: string; accesses: { ops: number } }>([{ $indexStats: {} }]);
    const { accesses } = (await stats.toArray()).find(({ name }) => name === 'actors_but_itself')!;
    expect(accesses.ops).toBeGreaterThan(0);
  });

  it('refuses a database that a newer release made unreadable for it', async () => {
    const db = fresh();
    await migrate(db, [...MIGRATIONS, { version: 7, compatibleFrom: 6, run: () => Promise.resolve() }]);
    const opening = open(mongodb, db.databaseName);
    await expect(opening).rejects.toMatchObject({ code: 'failed-precondition', detail: { field: 'database' } });
    await expect(opening).rejects.toThrow('upgrade this process');
  });

  it('lets one service read what another has journalled, and no more', async () => {
    const db = fresh();
    const store = await open(mongodb, db.databaseName);
    const cause = { consumer: 'spec', messageId: 'm' };
    await store
      .journal('owner')
      .once(cause, (unit) => unit.save({ kind: 'k', id: 'a', state: { n: 1 }, outgoing: [fact('x')] }));
    const reader = store.journal('owner', { readOnly: true });
    expect(await reader.load('k', 'a')).toMatchObject({ state: { n: 1 } });
    expect(await reader.verify()).toEqual({ intact: true, entries: 1, streams: 1 });
    await expect(reader.once(cause, () => undefined)).rejects.toThrow('opened to be read');
    expect(await store.journal('nobody', { readOnly: true }).entries({})).toEqual([]);
    expect(await db.listCollections({ name: /^nobody/ }).toArray()).toEqual([]);
    expect(() => store.journal('Not A Name')).toThrow('cannot be the name of a service');
  });

  it('refuses a state that is too large alone, and keeps one that is nearly so', async () => {
    const store = await open(mongodb, fresh().databaseName);
    const journal = store.journal('s');
    const save = (id: string, characters: number): Promise<unknown> =>
      journal.once({ consumer: 'spec', messageId: id }, (unit) =>
        unit.save({ kind: 'k', id, state: 'x'.repeat(characters), outgoing: [fact(id)] }),
      );
    const [large, small, fits] = await Promise.allSettled([
      save('large', STATE_BYTES_MAX),
      save('small', 1),
      save('fits', STATE_BYTES_MAX - 2),
    ]);
    expect(large).toMatchObject({ reason: { code: 'invalid', detail: { field: 'k/large' } } });
    expect([small, fits]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(await journal.verify()).toMatchObject({ intact: true, entries: 2 });
  });

  it('writes documents in one transaction that take more than a command of MongoDB has room for', async () => {
    const store = await open(mongodb, fresh().databaseName);
    const journal = store.journal('s');
    const ids = ['a', 'b', 'c'];
    const save = (letter: string) =>
      journal.once({ consumer: 'spec', messageId: letter }, (unit) => {
        for (const id of ids)
          unit.save({ kind: 'k', id, state: letter.repeat(6 * 1024 * 1024), outgoing: [fact(`${id}${letter}`)] });
      });
    await save('x');
    await save('y');
    for (const id of ids) expect((await journal.load<string>('k', id))?.state).toMatch(/^y{100}/);
    expect((await journal.entries({})).map(textOf)).toEqual(['ax', 'bx', 'cx', 'ay', 'by', 'cy']);
  });

  it('orders numbers before text over pages, whichever way, by an index of its own', async () => {
    const db = fresh();
    const store = await open(mongodb, db.databaseName);
    const journal = store.journal('s');
    const values = [3, 'b', -1, 'a', 'é', 'z', 10, 2.5];
    await journal.once({ consumer: 'spec', messageId: 'm' }, (unit) => {
      values.forEach((rank, i) => unit.save({ kind: 'k', id: `d${i}`, state: rank, index: { rank, colour: 'red' } }));
      unit.save({ kind: 'k', id: 'without', state: null, index: { colour: 'red' } });
      unit.save({ kind: 'other', id: 'd0', state: 0, index: { rank: 0, colour: 'red' } });
    });
    const query = (direction: 'asc' | 'desc') =>
      ({ where: { colour: 'red' }, orderBy: { index: 'rank', direction } }) as const;
    const all = async (direction: 'asc' | 'desc'): Promise<unknown[]> => {
      const seen: unknown[] = [];
      let pageToken: string | undefined;
      do {
        const page = await journal.list('k', { ...query(direction), limit: 3, ...(pageToken && { pageToken }) });
        seen.push(...page.items.map(({ state }) => state));
        pageToken = page.nextPageToken;
      } while (pageToken);
      return seen;
    };
    const ascending = [-1, 2.5, 3, 10, 'a', 'b', 'z', 'é'];
    expect(await all('asc')).toEqual(ascending);
    expect(await all('desc')).toEqual([...ascending].reverse());
    for (const direction of ['asc', 'desc'] as const) {
      const { filter, sort } = mongoListQuery('k', query(direction), [3, 'd0']);
      const plan = JSON.stringify(
        await db
          .collection('s.document')
          .find(filter as never)
          .sort(sort)
          .explain('queryPlanner'),
      );
      const winning = plan.slice(plan.indexOf('"winningPlan"'), plan.indexOf('"rejectedPlans"'));
      expect(winning).toContain('IXSCAN');
      expect(winning).not.toMatch(/"stage":"(SORT|COLLSCAN)"/);
    }
  });
});
