import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomIds, TransientError } from '@rondo/kernel';
import { eventually, withRealServers } from '@rondo/testing';
import { MongoClient, type Db } from 'mongodb';
import { KILLER, type ReaderArguments } from '../../testing/crash/read-until-killed.js';
import { bodyOf, message } from '../../testing/index.js';
import { MongoDeliveryRecords } from '../mongo/index.js';
import type { Delivery, Envelope, Lag } from '../ports.js';
import { KafkaBus } from './kafka-bus.js';
import type { KafkaBusOptions } from './kafka-bus-options.js';

jest.setTimeout(300_000);
const TOPIC = 'rondo.test.v1';
const WITHIN_MS = 120_000;
const KEYS = 24;

/** A broker of our own: these specs kill it. */
interface Broker {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}
type StartBroker = (options: {
  readonly folder: string;
  readonly sasl?: { readonly username: string; readonly password: string };
}) => Promise<Broker>;
const native = new URL('../../../../deploy/native/kafka.mjs', import.meta.url);
const { start: startBroker } = (await import(native.href)) as { start: StartBroker };
const crash = (file: string): string => fileURLToPath(new URL(`../../testing/crash/${file}`, import.meta.url));

/** The disk of the broker takes no byte more, until it ends. */
async function fillDiskOf({ pid }: Broker): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(pid), '--fsize=0']);
  const isRunning = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await eventually(() => !isRunning(), WITHIN_MS);
}

/** Effects as an inbox makes them: the first delivery of a message counts, in the order of the key. */
class Effects {
  readonly #seen = new Set<string>();
  readonly #byKey = new Map<string, number[]>();
  repeats = 0;

  take(delivery: Delivery): void {
    if (this.#seen.has(delivery.id)) {
      this.repeats++;
      return;
    }
    this.#seen.add(delivery.id);
    const order = this.#byKey.get(delivery.key) ?? [];
    order.push(Number(bodyOf(delivery)));
    this.#byKey.set(delivery.key, order);
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Each key with its effects in the order they came. */
  get byKey(): Record<string, number[]> {
    return Object.fromEntries([...this.#byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const nth = (i: number): Envelope => message(`k${String(i % KEYS).padStart(2, '0')}`, String(Math.floor(i / KEYS)));
const inOrder = (messages: number): Record<string, number[]> =>
  Object.fromEntries(
    Array.from({ length: KEYS }, (_, key) => [
      `k${String(key).padStart(2, '0')}`,
      Array.from({ length: Math.ceil((messages - key) / KEYS) }, (_, n) => n),
    ]),
  );

withRealServers(['kafka', 'mongodb'], ({ mongodb }) => {
  let folder: string;
  let broker: Broker;
  let mongo: MongoClient;
  let db: Db;
  let records: MongoDeliveryRecords;
  /** Of the test that runs: one that fails closes nothing itself. */
  const opened: KafkaBus[] = [];
  const readers: ChildProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rondo-kafka-spec-'));
    broker = await startBroker({ folder: join(folder, 'plain') });
    mongo = await MongoClient.connect(mongodb);
    db = mongo.db(`bus-${randomIds.next()}`);
    records = await MongoDeliveryRecords.open(db);
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.kill('SIGKILL');
    for (const bus of opened.splice(0)) await bus.abandon();
  });
  afterAll(async () => {
    await broker.stop();
    await db.dropDatabase();
    await mongo.close();
    await rm(folder, { recursive: true });
  });
  const open = async (namespace: string, more: Partial<KafkaBusOptions> = {}): Promise<KafkaBus> => {
    const bus = await KafkaBus.open({
      brokers: [broker.address],
      clientId: 'spec',
      topics: [TOPIC],
      topicLayout: { partitions: 8 },
      namespace,
      records,
      sessionTimeoutMs: 6000,
      ...more,
    });
    opened.push(bus);
    return bus;
  };
  /** Publishes in order, again and again until the broker has it or the test is over. */
  const publishAll = async (bus: KafkaBus, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 5) {
      const batch = Array.from({ length: Math.min(5, to - i) }, (_, j) => nth(i + j));
      for (let done = false; !done && opened.includes(bus);) {
        try {
          await bus.publish(batch);
          done = true;
        } catch (error) {
          expect(error).toBeInstanceOf(TransientError);
        }
      }
    }
  };

  describe('members of a group that come and go under load', () => {
    it('lose nothing and keep the order of every key', async () => {
      const namespace = `${randomIds.next()}.`;
      const total = 3000;
      const effects = new Effects();
      const read = async (): Promise<KafkaBus> => {
        const bus = await open(namespace);
        await bus.subscribe({
          group: 'g',
          topics: [TOPIC],
          handle: async (delivery) => {
            // Long enough for a rebalance to find messages in flight.
            for (let i = 0; i < 5; i++) await new Promise(setImmediate);
            effects.take(delivery);
          },
        });
        return bus;
      };
      const publisher = await open(namespace);
      const stay = await read();
      const publishing = publishAll(publisher, 0, total);
      for (let round = 1; round <= 5; round++) {
        const guest = await read();
        const until = Math.min(total, effects.count + 300);
        await eventually(() => effects.count >= until, WITHIN_MS);
        await (round % 2 === 0 ? guest.close() : guest.abandon());
      }
      await publishing;
      await eventually(() => effects.count === total, WITHIN_MS);
      expect(effects.byKey).toEqual(inOrder(total));
      await eventually(async () => (await stay.lag())[0]!.messages === 0, WITHIN_MS);
      expect(await db.collection('bus_parked').countDocuments()).toBe(0);
      await stay.close();
      await publisher.close();
    });
  });

  describe('a broker that is killed, or ends because its disk is full, and comes back', () => {
    it('takes nothing with it: everything published is handled, in the order of its key', async () => {
      const namespace = `${randomIds.next()}.`;
      const total = 1500;
      const bus = await open(namespace);
      const effects = new Effects();
      await bus.subscribe({ group: 'g', topics: [TOPIC], handle: async (delivery) => effects.take(delivery) });
      const publishing = publishAll(bus, 0, total);
      for (const [at, end] of [
        [200, () => broker.kill()],
        [700, () => fillDiskOf(broker)],
      ] as const) {
        await eventually(() => effects.count >= at, WITHIN_MS);
        await end();
        broker = await startBroker({ folder: join(folder, 'plain') });
      }
      await publishing;
      await eventually(() => effects.count === total, WITHIN_MS);
      expect(effects.byKey).toEqual(inOrder(total));
      // A broker that has just come back may still be loading what groups have committed.
      const lag = (): Promise<Lag[]> =>
        bus.lag().catch((error: unknown) => {
          expect(error).toBeInstanceOf(TransientError);
          return [];
        });
      await eventually(async () => (await lag())[0]?.messages === 0, WITHIN_MS);
      await bus.close();
    });
  });

  describe('a message that kills its process, by SIGKILL', () => {
    it('is parked after some deaths, and everything else is handled', async () => {
      const namespace = `${randomIds.next()}.`;
      const bus = await open(namespace, { topicLayout: { partitions: 4 } });
      const fine = Array.from({ length: 20 }, (_, i) => `fine${i}`);
      await bus.publish([
        ...fine.slice(0, 10).map((body, i) => message(`k${i}`, body)),
        message('killer', KILLER),
        ...fine.slice(10).map((body, i) => message(`k${i}`, body)),
      ]);
      const options: ReaderArguments = {
        kafka: broker.address,
        mongodb,
        database: db.databaseName,
        namespace,
        topic: TOPIC,
        group: 'g',
      };
      const handled = new Set<string>();
      let deaths = 0;
      for (; deaths < 10; deaths++) {
        const reader = startReader(options, (body) => handled.add(body));
        readers.push(reader);
        const ended = once(reader, 'exit').then(() => true);
        const parked = eventually(
          async () => reader.exitCode !== null || reader.signalCode !== null || (await bus.parked.list()).length > 0,
          WITHIN_MS,
        );
        await parked;
        if ((await bus.parked.list()).length > 0) {
          await eventually(() => handled.size === fine.length, WITHIN_MS);
          reader.kill('SIGKILL');
          await ended;
          break;
        }
        expect((await ended) && reader.signalCode).toBe('SIGKILL');
      }
      expect(deaths).toBeGreaterThanOrEqual(5);
      expect(deaths).toBeLessThan(10);
      expect([...handled].sort()).toEqual([...fine].sort());
      const parked = await bus.parked.list();
      expect(parked.map(({ delivery }) => bodyOf(delivery))).toEqual([KILLER]);
      expect(parked[0]!.reason).toContain('kills the process');
      await bus.close();
    });
  });

  describe('a broker that wants credentials', () => {
    it('takes the right ones, and the wrong ones are named at start', async () => {
      const username = 'rondo';
      const guarded = await startBroker({ folder: join(folder, 'guarded'), sasl: { username, password: 'right' } });
      try {
        const sasl = (password: string): Partial<KafkaBusOptions> => ({
          brokers: [guarded.address],
          sasl: { mechanism: 'plain', username, password },
        });
        const bus = await open('', sasl('right'));
        const effects = new Effects();
        await bus.subscribe({ group: 'g', topics: [TOPIC], handle: async (delivery) => effects.take(delivery) });
        await bus.publish([nth(0)]);
        await eventually(() => effects.count === 1, WITHIN_MS);
        await bus.close();
        const refused = await open('', sasl('secret')).catch((error: unknown) => error);
        expect(refused).toMatchObject({ code: 'unauthenticated', detail: { field: 'sasl', value: 'rondo' } });
        expect((refused as Error).message).toContain('refuses user "rondo" (plain)');
        expect((refused as Error).message).not.toContain('secret');
        expect(await open('', { brokers: [guarded.address] }).catch((error: unknown) => error)).toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining('no SASL'),
        });
      } finally {
        await guarded.stop();
      }
    });
  });
});

function startReader(options: ReaderArguments, onHandled: (body: string) => void): ChildProcess {
  const flags = [
    '--conditions=@rondo/source',
    '--import',
    fileURLToPath(new URL('../../../../tools/run-from-source.mjs', import.meta.url)),
  ];
  const reader = spawn(process.execPath, [...flags, crash('read-until-killed.ts'), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  createInterface({ input: reader.stdout! }).on('line', onHandled);
  return reader;
}
