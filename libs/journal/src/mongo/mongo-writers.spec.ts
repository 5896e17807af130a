import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, jest } from '@jest/globals';
import { messageOf, randomIds, seededRandom } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import { eventually, withRealServers } from '@rondo/testing';
import { MongoClient } from 'mongodb';
import { MongoWriter } from '../../testing/crash/mongo-writer.js';
import { fact, textOf } from '../../testing/index.js';
import { nativeMongodb } from '../../testing/native-mongodb.js';
import { RecordingBus } from '../../testing/recording-bus.js';
import type { Journal, JournalEntry } from '../ports.js';
import { MongoStore } from './mongo-store.js';

const SEED = 20260101;
const LEASE_MS = 1500;
const RELIABILITY = fileURLToPath(new URL('../../../../docs/reliability.md', import.meta.url));
/** How often whoever publishes looks for what it was not told. */
const HOLDER_LOOKS_MS = 5000;
jest.setTimeout(300_000);

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

interface Counter {
  readonly n: number;
}

const increment = (journal: Journal, id: string, name: string): Promise<unknown> =>
  journal.once({ consumer: 'writer', messageId: name }, async (unit) => {
    const before = await unit.load<Counter>('thing', id);
    unit.save<Counter>({
      kind: 'thing',
      id,
      state: { n: (before?.state.n ?? 0) + 1 },
      outgoing: [fact(name, id)],
    });
  });

/** What a bus was given. */
class Published {
  readonly messages: Envelope[] = [];
  readonly bus = new RecordingBus((messages) => void this.messages.push(...messages));
  get texts(): string[] {
    return this.messages.map(textOf);
  }
}

async function open(url: string, database: string, bus: RecordingBus): Promise<MongoStore> {
  const store = await MongoStore.open({ url, database, bus, leaseMs: LEASE_MS });
  cleanUp.push(() => store.abandon());
  return store;
}

async function entriesOf(journal: Journal): Promise<JournalEntry[]> {
  const items: JournalEntry[] = [];
  for (;;) {
    const page = await journal.entries({ afterPosition: items.at(-1)?.position ?? 0, limit: 1000 });
    if (page.length === 0) return items;
    items.push(...page);
  }
}

/** Nothing acknowledged is missing, positions have no gap, the chain verifies, and no document lost an update. */
async function expectSound(journal: Journal, acknowledged: readonly string[]): Promise<JournalEntry[]> {
  const entries = await entriesOf(journal);
  const written = new Set(entries.map(textOf));
  expect(acknowledged.filter((name) => !written.has(name))).toEqual([]);
  expect(entries.map(({ position }) => position)).toEqual(entries.map((_, at) => at + 1));
  expect(await journal.verify()).toMatchObject({ intact: true });
  for (const { id, state } of (await journal.list<Counter>('thing')).items) {
    expect(state.n).toBe(entries.filter(({ key }) => key === id).length);
  }
  return entries;
}

/** What two relays of one journal published, the second after the first was frozen. */
interface TwoRelays {
  /** Of the journal. */
  readonly order: readonly string[];
  /** Published by the first before it was frozen, and after it woke. */
  readonly before: readonly string[];
  readonly late: readonly string[];
  /** Published by the second. */
  readonly taken: readonly string[];
}

/** In which way two relays did harm to each other. */
function harmOf({ order, before, late, taken }: TwoRelays): string[] {
  const is = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((x, at) => x === b[at]);
  const rules: readonly [string, boolean][] = [
    ['the second one repeated itself', is(firstTimes(taken), taken)],
    ['the second one left out or turned round', is(taken, order.slice(order.indexOf(taken[0]!)))],
    ['the frozen one left out or turned round', is([...before, ...late], order.slice(0, before.length + late.length))],
    // After it woke only what it had begun before.
    ['the frozen one published what came after its lease', !late.some((text) => text.startsWith('other-'))],
    ['together they left out or turned round', is(firstTimes([...before, ...taken]), order)],
  ];
  return rules.flatMap(([harm, holds]) => (holds ? [] : [harm]));
}

const firstTimes = (texts: readonly string[]): string[] => [...new Set(texts)];

/** Waits until a relay of this process has published the rest. */
async function publishRest(url: string, database: string, earlier: readonly string[]): Promise<string[]> {
  const rest = new Published();
  const store = await open(url, database, rest.bus);
  const newest = (await store.journal('writer').entries({ newestFirst: true, limit: 1 })).map(textOf)[0];
  await eventually(() => newest === undefined || rest.texts.includes(newest) || earlier.includes(newest), 60_000);
  return [...earlier, ...rest.texts];
}

withRealServers(['mongodb'], ({ mongodb }) => {
  const database = (): string => `writers-${randomIds.next()}`;

  it('lets two processes write to one service: positions without gaps, no lost update, every entry published in order', async () => {
    const name = database();
    const published = new Published();
    const stores = [await open(mongodb, name, published.bus), await open(mongodb, name, published.bus)];
    const random = seededRandom(SEED);
    const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
    await Promise.all(names.map((each, i) => increment(stores[i % 2]!.journal('writer'), `k${random.int(8)}`, each)));
    const entries = await expectSound(stores[0]!.journal('writer'), names);
    expect(entries).toHaveLength(names.length);
    await eventually(() => published.messages.length >= names.length, 60_000);
    expect(firstTimes(published.texts)).toEqual(entries.map(textOf));
    expect(published.messages.slice(0, 1)).toMatchObject([
      { id: entries[0]!.messageId, type: entries[0]!.type, key: entries[0]!.key, headers: entries[0]!.headers },
    ]);
  });

  it('publishes what another process commits, and fires its timers, long before it would look by itself', async () => {
    const name = database();
    const published = new Published();
    const holder = await open(mongodb, name, published.bus);
    await increment(holder.journal('writer'), 'k', 'own');
    await eventually(() => published.texts.includes('own'), 60_000);
    const other = (await open(mongodb, name, new Published().bus)).journal('writer');
    const committed = new Map<string, number>();
    for (let i = 0; i < 3; i++) {
      await increment(other, 'k', `other-${i}`);
      const atMs = Date.now();
      committed.set(`other-${i}`, atMs);
      await other.once({ consumer: 'writer', messageId: `timer-${i}` }, (unit) =>
        unit.schedule({ id: `t${i}`, atMs, outgoing: fact(`timer-${i}`) }),
      );
      committed.set(`timer-${i}`, Date.now());
      await eventually(() => [...committed.keys()].every((text) => published.texts.includes(text)), 60_000);
      for (const [text, sinceMs] of committed)
        expect([text, Date.now() - sinceMs < HOLDER_LOOKS_MS / 2]).toEqual([text, true]);
      committed.clear();
    }
  });

  it('carries a cause out once when two processes have it at the same time', async () => {
    const name = database();
    const { bus } = new Published();
    const stores = [await open(mongodb, name, bus), await open(mongodb, name, bus)];
    const both = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const outcomes = await Promise.all(stores.map((store) => increment(store.journal('writer'), 'k', `n${i}`)));
        return outcomes.map((outcome) => (outcome as { outcome: string }).outcome).sort();
      }),
    );
    expect(both).toEqual(Array.from({ length: 20 }, () => ['done', 'duplicate']));
    expect(await stores[0]!.journal('writer').load('thing', 'k')).toMatchObject({ state: { n: 20 } });
  });

  it('goes on publishing where a relay ended that gave its lease back, without a repetition', async () => {
    const name = database();
    const published = new Published();
    const first = await open(mongodb, name, published.bus);
    await increment(first.journal('writer'), 'k', 'one');
    await first.close();
    expect(published.texts).toEqual(['one']);
    const second = await open(mongodb, name, published.bus);
    await increment(second.journal('writer'), 'k', 'two');
    await second.close();
    expect(published.texts).toEqual(['one', 'two']);
  });

  it('publishes again what the bus refused, in the same order, and tells of it', async () => {
    const seen: string[] = [];
    const troubles: string[] = [];
    let refusals = 3;
    const bus = new RecordingBus((messages) => {
      if (refusals-- > 0) throw new Error('broker away');
      seen.push(...messages.map(textOf));
    });
    const store = await MongoStore.open({
      url: mongodb,
      database: database(),
      bus,
      onTrouble: ({ activity, error }) => troubles.push(`${activity}: ${messageOf(error)}`),
    });
    cleanUp.push(() => store.abandon());
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    for (const each of names) await increment(store.journal('writer'), 'k', each);
    await eventually(() => seen.length >= names.length, 60_000);
    expect(seen).toEqual(names);
    expect(troubles).toEqual(Array.from({ length: 3 }, () => 'publish: broker away'));
  });

  it('loses nothing it acknowledged when a process is killed, and publishes the rest in order', async () => {
    const name = database();
    const random = seededRandom(SEED);
    const acknowledged: string[] = [];
    const published: string[] = [];
    for (let round = 0; round < 4; round++) {
      const writer = new MongoWriter({ url: mongodb, database: name, seed: SEED + round, leaseMs: LEASE_MS });
      cleanUp.push(() => writer.kill());
      await writer.hasCommitted(1 + random.int(150));
      await writer.kill();
      acknowledged.push(...writer.committed);
      published.push(...writer.published);
      const reader = await open(mongodb, name, new Published().bus);
      await expectSound(reader.journal('writer', { readOnly: true }), acknowledged);
    }
    const all = await publishRest(mongodb, name, published);
    const reader = await open(mongodb, name, new Published().bus);
    const entries = await expectSound(reader.journal('writer', { readOnly: true }), acknowledged);
    expect(firstTimes(all)).toEqual(entries.map(textOf));
  });

  /** A process is frozen while it publishes, another one takes over and appends, and the first goes on where it was. */
  const frozenWhilePublishing = async (ignoresEndOfLease: boolean): Promise<TwoRelays> => {
    const name = database();
    const frozen = new MongoWriter({ url: mongodb, database: name, seed: SEED, leaseMs: LEASE_MS, ignoresEndOfLease });
    cleanUp.push(() => frozen.kill());
    await frozen.hasPublished();
    frozen.freeze();
    const said = frozen.published.length;
    const rest = new Published();
    const store = await open(mongodb, name, rest.bus);
    const journal = store.journal('writer');
    for (let i = 0; i < 30; i++) await increment(journal, `k${i % 5}`, `other-${i}`);
    await eventually(() => rest.texts.includes('other-29'), 60_000);
    frozen.thaw();
    await frozen.hasCommitted(20);
    await eventually(() => rest.texts.includes(frozen.committed.at(-1)!), 60_000);
    await frozen.kill();
    await eventually(async () => {
      const newest = (await journal.entries({ newestFirst: true, limit: 1 })).map(textOf)[0]!;
      return rest.texts.includes(newest);
    }, 60_000);
    const entries = await expectSound(journal, [...frozen.committed]);
    const before = frozen.published.slice(0, said);
    return { order: entries.map(textOf), before, late: frozen.published.slice(said), taken: rest.texts };
  };

  it('takes the lease over from a frozen process, whose cursor and messages come too late to do harm', async () => {
    expect(harmOf(await frozenWhilePublishing(false))).toEqual([]);
  });

  it('notices a relay without a lease', async () => {
    expect(harmOf(await frozenWhilePublishing(true))).toContain('the frozen one published what came after its lease');
    const row = '| relay without lease | a relay goes on after the end of its lease | `mongo-writers.spec.ts` |';
    expect(await readFile(RELIABILITY, 'utf8')).toContain(row);
  });

  it('does not wait a minute for a process that was killed in the middle of a transaction', async () => {
    const name = database();
    const store = await open(mongodb, name, new Published().bus);
    await increment(store.journal('writer'), 'k', 'before');
    const dead = new MongoClient(mongodb, { appName: 'rondo' });
    cleanUp.push(() => dead.close());
    const session = dead.startSession();
    session.startTransaction();
    const head = dead.db(name).collection<{ _id: string }>('head');
    await head.updateOne({ _id: 'writer' }, { $inc: { position: 1 } }, { session });
    await increment(store.journal('writer'), 'k', 'after');
    await expect(session.commitTransaction()).rejects.toMatchObject({ codeName: 'NoSuchTransaction' });
    await expectSound(store.journal('writer'), ['before', 'after']);
  });

  it('goes on when mongod is killed and comes back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-mongod-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const native = await nativeMongodb();
    let mongod = await native.start({ folder });
    cleanUp.push(() => mongod.kill());
    const published = new Published();
    const store = await open(mongod.address, 'restarted', published.bus);
    const journal = store.journal('writer');
    const acknowledged: string[] = [];
    let next = 0;
    let stopped = false;
    const write = async (): Promise<void> => {
      while (!stopped) {
        const name = `n${next++}`;
        // What is refused in between is sent again, as a bus would.
        await eventually(
          () =>
            increment(journal, `k${next % 5}`, name).then(
              () => true,
              () => false,
            ),
          200_000,
        );
        acknowledged.push(name);
      }
    };
    const writers = Array.from({ length: 8 }, write);
    for (let round = 0; round < 2; round++) {
      const wanted = acknowledged.length + 50;
      await eventually(() => acknowledged.length >= wanted, 120_000);
      await mongod.kill();
      mongod = await native.start({ folder });
    }
    const wanted = acknowledged.length + 50;
    await eventually(() => acknowledged.length >= wanted, 120_000);
    stopped = true;
    await Promise.all(writers);
    const entries = await expectSound(journal, acknowledged);
    expect(entries).toHaveLength(acknowledged.length);
    await eventually(() => firstTimes(published.texts).length === entries.length, 60_000);
    expect(firstTimes(published.texts)).toEqual(entries.map(textOf));
  });

  it('goes on when the primary of three is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-mongo-set-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const set = await (await nativeMongodb()).startSet({ folder, nodes: 3 });
    cleanUp.push(() => set.kill());
    const published = new Published();
    const store = await open(set.address, 'failover', published.bus);
    const journal = store.journal('writer');
    const acknowledged: string[] = [];
    const writing = { next: 0, stopped: false };
    /** Another process, which reads what the first has told of. */
    const reader = await open(set.address, 'failover', new Published().bus);
    const read = async (): Promise<void> => {
      const others = reader.journal('writer', { readOnly: true });
      while (!writing.stopped) {
        const told = acknowledged.length;
        const found = await others.list<Counter>('thing').catch(() => undefined);
        if (!found) continue;
        const sum = found.items.reduce((all, { state }) => all + state.n, 0);
        expect(sum).toBeGreaterThanOrEqual(told);
      }
    };
    const reading = read();
    reading.catch(() => undefined);
    const write = async (): Promise<void> => {
      while (!writing.stopped) {
        const name = `n${writing.next++}`;
        await eventually(
          () =>
            increment(journal, `k${writing.next % 5}`, name).then(
              () => true,
              () => false,
            ),
          200_000,
        );
        acknowledged.push(name);
      }
    };
    const writers = Array.from({ length: 8 }, write);
    for (let round = 0; round < 2; round++) {
      const wanted = acknowledged.length + 50;
      await eventually(() => acknowledged.length >= wanted, 120_000);
      const primary = await set.primary();
      await primary.kill();
      await set.primary();
      await set.restart(primary);
    }
    const wanted = acknowledged.length + 50;
    await eventually(() => acknowledged.length >= wanted, 120_000);
    writing.stopped = true;
    await Promise.all([...writers, reading]);
    const entries = await expectSound(journal, acknowledged);
    expect(entries).toHaveLength(acknowledged.length);
    await eventually(() => firstTimes(published.texts).length === entries.length, 60_000);
    expect(firstTimes(published.texts)).toEqual(entries.map(textOf));
  });
});
