import { afterEach, expect, it } from '@jest/globals';
import { randomIds, seededRandom, systemClock } from '@rondo/kernel';
import { eventually, withRealServers } from '@rondo/testing';
import { MongoClient, MongoError, MongoErrorLabel, ObjectId } from 'mongodb';
import { fact, textOf } from '../../testing/index.js';
import type { Unit } from '../ports.js';
import { serviceCollections, sharedCollections, type NewsDoc } from './collections.js';
import { caughtUp, MAJORITY } from './connect.js';
import { DocumentReader } from './document-reader.js';
import { FreshReads } from './fresh-reads.js';
import { MongoJournal, Turns } from './mongo-journal.js';
import { NewsTeller } from './news-teller.js';
import { NewsWatch } from './news-watch.js';
import type { Relay } from './relay.js';
import { prepareService } from './schema.js';
import { UnitCommitter } from './unit-committer.js';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

/** What happens to a commit on its way. */
type Fault = 'none' | 'lost before' | 'lost after';

const unknownOutcome = (): MongoError => {
  const error = new MongoError('connection closed');
  error.addErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult);
  return error;
};

/** A client whose commits go through `next`. */
function faulty(client: MongoClient, next: () => Fault): MongoClient {
  const start = client.startSession.bind(client);
  client.startSession = (options) => {
    const session = start(options);
    const commit = session.commitTransaction.bind(session);
    session.commitTransaction = async () => {
      const fault = next();
      if (fault !== 'lost before') await commit();
      if (fault !== 'none') throw unknownOutcome();
    };
    return session;
  };
  return client;
}

withRealServers(['mongodb'], ({ mongodb }) => {
  async function subject(next: () => Fault) {
    const client = faulty(new MongoClient(mongodb, { ignoreUndefined: true, promoteBuffers: true }), next);
    const db = client.db(`commit-${randomIds.next()}`, MAJORITY);
    cleanUp.push(async () => {
      await db.dropDatabase();
      await client.close();
    });
    const collections = serviceCollections(db, 's');
    await prepareService(db, collections);
    const heard: string[] = [];
    const reads = new FreshReads(client, () => caughtUp(db));
    const documents = new DocumentReader(collections, reads, true);
    const [clock, random] = [systemClock, seededRandom(1)];
    const committer = new UnitCommitter({
      client,
      collections,
      documents,
      reads,
      clock,
      random,
      listener: {
        committed: (first, envelopes) => heard.push(`${envelopes.length} from ${first}`),
        committedUnseen: () => heard.push('look'),
      },
      onError: () => undefined,
      retryMs: 30_000,
    });
    cleanUp.push(() => committer.close());
    const journal = new MongoJournal({
      client,
      collections,
      documents,
      reads,
      clock,
      random,
      writing: { committer, turns: new Turns() },
      ready: () => Promise.resolve(),
      currentTraceparent: () => undefined,
    });
    return { client, db, collections, journal, heard };
  }

  const count = async (unit: Unit): Promise<number> => {
    const n = ((await unit.load<number>('k', 'n'))?.state ?? 0) + 1;
    unit.save({ kind: 'k', id: 'n', state: n, outgoing: [fact(String(n))] });
    return n;
  };

  it('learns that a commit took effect whose acknowledgement was lost, and does not repeat it', async () => {
    let losses = 0;
    const { journal, heard } = await subject(() => (losses-- > 0 ? 'lost after' : 'none'));
    for (let i = 1; i <= 3; i++) {
      losses = i; // also when the repeated question is lost
      const outcome = await journal.once({ consumer: 'spec', messageId: `m${i}` }, count);
      expect(outcome).toEqual({ outcome: 'done', value: i });
    }
    losses = 100;
    const pending = journal.once({ consumer: 'spec', messageId: 'm4' }, count);
    expect(await pending).toEqual({ outcome: 'done', value: 4 });
    losses = 0;
    expect(heard).toContain('look');
    expect((await journal.entries({})).map(textOf)).toEqual(['1', '2', '3', '4']);
    expect(await journal.verify()).toMatchObject({ intact: true, entries: 4 });
  });

  it('carries out what a commit that never arrived was to do, once', async () => {
    let losses = 4;
    const { journal } = await subject(() => (losses-- > 0 ? 'lost before' : 'none'));
    const units = Array.from({ length: 10 }, (_, i) => journal.once({ consumer: 'spec', messageId: `m${i}` }, count));
    const values = (await Promise.all(units)).map((outcome) => (outcome.outcome === 'done' ? outcome.value : 0));
    expect(values.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await journal.entries({})).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await journal.verify()).toMatchObject({ intact: true, entries: 10 });
  });

  it('replaces many documents in one transaction, each only when nobody else has changed it, and takes their content as it is', async () => {
    const { journal, collections } = await subject(() => 'none');
    const many = Array.from({ length: 150 }, (_, i) => i);
    const odd = '$etag.$$ROOT';
    let loaded = 0;
    const carryOut = async (wave: string, whenLoaded: () => Promise<unknown>): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      loaded = 0;
      await Promise.all(
        many.map((i) =>
          journal.once({ consumer: wave, messageId: String(i) }, async (unit) => {
            const before = await unit.load<{ n: number }>('k', `${odd}${i}`);
            if (++loaded === many.length) resolve(whenLoaded());
            await promise;
            unit.save({
              kind: 'k',
              id: `${odd}${i}`,
              state: { n: (before?.state.n ?? 0) + 1, [odd]: odd },
              index: { place: odd },
              outgoing: [fact(`${wave}${i}`)],
            });
          }),
        ),
      );
    };
    await carryOut('a', () => Promise.resolve());
    const byAnother = { $set: { state: JSON.stringify({ n: 41 }), etag: new ObjectId() } };
    await carryOut('b', () => collections.documents.updateOne({ _id: `k/${odd}100` }, byAnother));
    const found = await collections.documents.find({ 'index.place': odd }).toArray();
    const states = new Map(found.map(({ id, state }) => [id, JSON.parse(state!) as unknown]));
    expect(states.size).toBe(150);
    for (const i of many) expect(states.get(`${odd}${i}`)).toEqual({ n: i === 100 ? 42 : 2, [odd]: odd });
    // All 150 in the first transaction, and one again.
    expect(loaded).toBe(151);
    expect(await journal.verify()).toMatchObject({ intact: true, entries: 300 });
  });

  it('hears what another process tells of its own services, and no more', async () => {
    const { collections, db } = await subject(() => 'none');
    const heard: Partial<NewsDoc>[] = [];
    let opened = false;
    const relay = { lookAgain: () => (opened = true), hear: (news: Partial<NewsDoc>) => heard.push(news) };
    const errors: unknown[] = [];
    const relays = new Map([['other', { ...relay, hear: () => errors.push('not mine') } as unknown as Relay]]);
    const watch = new NewsWatch(sharedCollections(db), relays, (error) => errors.push(error));
    watch.start();
    cleanUp.push(() => watch.close());
    await eventually(() => opened);
    const teller = new NewsTeller(collections, (error) => errors.push(error));
    teller.tell({ position: 1, looks: 0 });
    await teller.done();
    opened = false;
    relays.set('s', relay as unknown as Relay);
    watch.start();
    await eventually(() => opened);
    // The first is written at once, the others together.
    for (const [position, looks] of [
      [2, 0],
      [5, 1],
      [4, 1],
    ] as const)
      teller.tell({ position, looks });
    await teller.done();
    await eventually(() => heard.length === 2);
    expect(heard).toEqual([{ position: 2 }, { position: 5, looks: 2 }]);
    expect(errors).toEqual([]);
  });
});
