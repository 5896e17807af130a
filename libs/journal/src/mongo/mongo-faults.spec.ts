import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { toBinary } from '@bufbuild/protobuf';
import { randomIds } from '@rondo/kernel';
import { SqliteBus, type Delivery, type Envelope } from '@rondo/messaging';
import { eventually, withRealServers } from '@rondo/testing';
import { MongoClient, type Db, type Document } from 'mongodb';
import { fact, RecordingBus, textOf } from '../../testing/index.js';
import type { Journal } from '../ports.js';
import { MongoStore } from './mongo-store.js';

jest.setTimeout(120_000);

const GROUP = 'counter';
const TOPIC = 'rondo.platform.v1';

interface Counter {
  readonly n: number;
}

withRealServers(['mongodb'], ({ mongodb }) => {
  const client = new MongoClient(mongodb);
  afterAll(() => client.close());
  let db: Db;
  const stores: MongoStore[] = [];
  const open = async (published: Envelope[] = []): Promise<Journal> => {
    const bus = new RecordingBus((messages) => void published.push(...messages));
    const store = await MongoStore.open({ url: mongodb, database: db.databaseName, bus, leaseMs: 1000 });
    stores.push(store);
    return store.journal(GROUP);
  };
  const closeAll = async (): Promise<void> => {
    for (const store of stores.splice(0)) await store.close();
  };
  beforeEach(() => void (db = client.db(`faults-${randomIds.next()}`)));
  afterEach(async () => {
    await closeAll();
    await db.dropDatabase();
  });

  describe('a write that the server carries out in part', () => {
    it('leaves nothing of its unit behind, takes no other unit with it, and can be tried again', async () => {
      const published: Envelope[] = [];
      const journal = await open(published);
      await db.command({ collMod: `${GROUP}.document`, validator: { kind: { $ne: 'refused' } } });
      const cause = (messageId: string) => ({ consumer: GROUP, messageId });
      const whole = () =>
        journal.once(cause('whole'), (unit) => {
          for (const kind of ['first', 'refused', 'last'])
            unit.save({ kind, id: 'a', state: {}, outgoing: [fact(kind)] });
        });
      const other = (id: string) =>
        journal.once(cause(id), (unit) => unit.save({ kind: 'first', id, state: {}, outgoing: [fact(id)] }));
      const [refused, ...others] = await Promise.allSettled([whole(), other('b'), other('c')]);
      expect(refused).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('validation') } });
      expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      expect((await journal.list('first')).items.map(({ id }) => id).sort()).toEqual(['b', 'c']);
      expect((await journal.entries({ limit: 10 })).map(textOf).sort()).toEqual(['b', 'c']);
      await db.command({ collMod: `${GROUP}.document`, validator: {} });
      expect(await whole()).toMatchObject({ outcome: 'done' });
      expect((await journal.entries({ limit: 10 })).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
      expect(await journal.verify()).toMatchObject({ intact: true });
    });
  });

  describe('reading', () => {
    it('never asks a secondary, nor for anything that could be taken back', async () => {
      const journal = await open();
      await db.command({ profile: 2 });
      await journal.once({ consumer: GROUP, messageId: 'm' }, async (unit) => {
        await unit.load('thing', 'a');
        unit.save({ kind: 'thing', id: 'a', state: {}, outgoing: [fact('a')] });
      });
      await journal.load('thing', 'a');
      await journal.list('thing');
      await journal.entries({ limit: 10 });
      await journal.verify();
      await db.command({ profile: 0 });
      const reads = (await db.collection('system.profile').find({ op: 'query' }).toArray()).map(
        ({ command }) => command as Document,
      );
      expect(reads.length).toBeGreaterThan(4);
      for (const read of reads) {
        expect(read['$readPreference']?.mode ?? 'primary').toBe('primary');
        // Inside a transaction the first command says it for all.
        if (read['autocommit'] !== false || read['startTransaction'] === true)
          expect(['majority', 'snapshot', 'linearizable']).toContain(read['readConcern']?.level);
      }
    });
  });

  describe('a database restored from an older backup', () => {
    const bus = SqliteBus.open(':memory:');
    afterAll(() => bus.close());
    const announce = (from: number, to: number): Promise<void> =>
      bus.publish(
        Array.from({ length: to - from }, (_, i): Envelope => {
          const { schema, message, key } = fact(`arrival-${from + i}`, `k${(from + i) % 3}`);
          const envelope = { id: `arrival-${from + i}`, type: schema.typeName, topic: TOPIC, key, source: 'upstream' };
          return { ...envelope, timeMs: Date.now(), headers: {}, payload: toBinary(schema, message) };
        }),
      );

    /** Counts each arrival and tells of it. `group` is new where the offsets of the consumer were set back to the beginning. */
    async function consume(journal: Journal, group: string): Promise<void> {
      const handle = async (delivery: Delivery): Promise<void> => {
        await journal.once({ consumer: GROUP, messageId: delivery.id }, async (unit) => {
          const before = await unit.load<Counter>('count', delivery.key);
          const state = { n: (before?.state.n ?? 0) + 1 };
          unit.save<Counter>({
            kind: 'count',
            id: delivery.key,
            state,
            outgoing: [fact(textOf(delivery), delivery.key)],
          });
        });
      };
      const subscription = await bus.subscribe({ group, topics: [TOPIC], handle });
      await eventually(
        async () => (await bus.lag((name) => name === group)).every(({ messages }) => messages === 0),
        30_000,
      );
      await subscription.close();
      expect((await bus.parked.list()).map(({ reason }) => reason)).toEqual([]);
    }
    const copy = async (from: Db, to: Db): Promise<void> => {
      for (const { name } of await from.listCollections().toArray())
        await from
          .collection(name)
          .aggregate([{ $out: { db: to.databaseName, coll: name } }])
          .toArray();
    };

    it('verifies, catches up from topics that are ahead of it, and tells others nothing that they did not know', async () => {
      const backup = client.db(`backup-${randomIds.next()}`);
      try {
        const before: Envelope[] = [];
        await announce(0, 10);
        await consume(await open(before), 'once');
        await closeAll();
        await copy(db, backup);
        await announce(10, 20);
        await consume(await open(before), 'once');
        await closeAll();
        expect(new Set(before.map(({ id }) => id)).size).toBe(20);

        await copy(backup, db);
        const after: Envelope[] = [];
        const journal = await open(after);
        expect(await journal.verify()).toMatchObject({ intact: true });
        expect((await journal.entries({ limit: 100 })).length).toBe(10);
        await consume(journal, 'set back');
        const counts = (await journal.list<Counter>('count')).items.map(({ state }) => state.n);
        expect(counts.sort()).toEqual([6, 7, 7]);
        expect(await journal.verify()).toMatchObject({ intact: true });
        await closeAll();
        // The ten that were lost are told again, under the ids they had, so that whoever has them drops them.
        const idOf = new Map(before.map((envelope) => [textOf(envelope), envelope.id]));
        expect(after.map(textOf).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `arrival-${10 + i}`));
        for (const envelope of after) expect(envelope.id).toBe(idOf.get(textOf(envelope)));
      } finally {
        await backup.dropDatabase();
      }
    });
  });
});
