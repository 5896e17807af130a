import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PermanentError, randomIds } from '@rondo/kernel';
import { eventually, withRealServers } from '@rondo/testing';
import kafkajs from 'kafkajs';
import { MongoClient, type Db } from 'mongodb';
import { bodyOf, message } from '../../testing/index.js';
import { MongoDeliveryRecords } from '../mongo/index.js';
import type { Delivery } from '../ports.js';
import { KafkaBus } from './kafka-bus.js';
import type { KafkaBusOptions } from './kafka-bus-options.js';

jest.setTimeout(120_000);
const TOPIC = 'rondo.test.v1';
const WITHIN_MS = 60_000;

withRealServers(['kafka', 'mongodb'], ({ kafka, mongodb }) => {
  let mongo: MongoClient;
  let db: Db;
  let records: MongoDeliveryRecords;
  const client = new kafkajs.Kafka({ brokers: [kafka], clientId: 'spec', logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  const opened: KafkaBus[] = [];
  beforeAll(async () => {
    mongo = await MongoClient.connect(mongodb);
    db = mongo.db(`bus-${randomIds.next()}`);
    records = await MongoDeliveryRecords.open(db);
    await admin.connect();
  });
  afterEach(async () => {
    for (const bus of opened.splice(0)) await bus.close();
    await db.collection('bus_parked').deleteMany({});
  });
  afterAll(async () => {
    await db.dropDatabase();
    await mongo.close();
    await admin.disconnect();
  });
  const namespaced = (): string => `${randomIds.next()}.`;
  const open = async (more: Partial<KafkaBusOptions> = {}): Promise<KafkaBus> => {
    const bus = await KafkaBus.open({
      brokers: [kafka],
      clientId: 'spec',
      topics: [TOPIC],
      topicLayout: { partitions: 4 },
      namespace: namespaced(),
      records,
      ...more,
    });
    opened.push(bus);
    return bus;
  };
  const refusal = async (more: Partial<KafkaBusOptions>): Promise<PermanentError> => {
    const outcome = await open(more).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(PermanentError);
    return outcome as PermanentError;
  };

  describe('the start', () => {
    it('makes topics as stated, once', async () => {
      const namespace = namespaced();
      const more = { namespace, topicLayout: { partitions: 3, retentionMs: 3_600_000 } };
      await Promise.all([open(more), open(more)]);
      const name = `${namespace}${TOPIC}`;
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
      expect(topics[0]!.partitions).toHaveLength(3);
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }],
      });
      const config = new Map(
        resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
      expect(config.get('retention.ms')).toBe('3600000');
      expect(config.get('min.insync.replicas')).toBe('1');
      expect(config.get('message.timestamp.type')).toBe('LogAppendTime');
      expect(Number(config.get('max.message.bytes'))).toBeGreaterThan(8 * 1024 * 1024);
    });

    it('refuses topics that fall short: all of them at once, with what was found, what is needed and what to do', async () => {
      const namespace = namespaced();
      await admin.createTopics({
        waitForLeaders: false,
        topics: [
          { topic: `${namespace}few`, numPartitions: 2 },
          { topic: `${namespace}short`, numPartitions: 4, configEntries: [{ name: 'retention.ms', value: '1000' }] },
        ],
      });
      const error = await refusal({ namespace, topics: ['few', 'short'] });
      expect(error.code).toBe('failed-precondition');
      expect(error.message).toContain(`topic ${namespace}few has 2 partitions, 4 are needed`);
      expect(error.message).toContain(`--topic ${namespace}few --partitions 4`);
      expect(error.message).toContain(`topic ${namespace}short has retention.ms=1000, 604800000 is needed`);
      expect(error.message).toContain('--add-config retention.ms=604800000');
      expect(error.detail).toMatchObject({ field: 'topics' });
    });

    it('accepts topics that offer more than is needed', async () => {
      const namespace = namespaced();
      await open({ namespace, topicLayout: { partitions: 6, retentionMs: -1 } });
      await open({ namespace, topicLayout: { partitions: 4 } });
    });

    it('refuses a layout no cluster could have', async () => {
      const error = await refusal({ topicLayout: { replicationFactor: 1, minInSyncReplicas: 2 } });
      expect(error).toMatchObject({
        code: 'invalid',
        detail: { field: `topics.${TOPIC}.minInSyncReplicas`, value: 2 },
      });
      expect(await refusal({ topicLayout: { partitions: 0 } })).toMatchObject({ code: 'invalid' });
    });

    it('says what the cluster does not grant, for example more copies than it has brokers', async () => {
      const error = await refusal({ topicLayout: { replicationFactor: 30 } });
      expect(error.message).toMatch(/Replication[- ]?factor/i);
      expect(error.message).not.toContain('no Kafka broker answers');
    });

    it('names an address at which no broker answers', async () => {
      const error = await refusal({ brokers: ['127.0.0.1:1'] });
      expect(error).toMatchObject({ code: 'unavailable', detail: { field: 'brokers', value: '127.0.0.1:1' } });
      expect(error.message).toContain('check the addresses');
    });

    it('names credentials and TLS among the causes when the broker expects neither', async () => {
      const sasl = { mechanism: 'plain', username: 'rondo', password: 'wrong' } as const;
      const error = await refusal({ sasl });
      expect(error).toMatchObject({ code: 'unauthenticated', detail: { field: 'sasl', value: 'rondo' } });
      expect(error.message).toContain('that this address wants credentials at all');
      expect(error.message).not.toContain('wrong');
      expect(await refusal({ ssl: true })).toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('expect TLS'),
      });
    });

    it('refuses topics it was not opened with', async () => {
      const bus = await open();
      await expect(bus.publish([message('k', 'x', { topic: 'rondo.unknown.v1' })])).rejects.toMatchObject({
        code: 'not-found',
      });
      const options = { group: 'g', topics: ['rondo.unknown.v1'], handle: () => Promise.resolve() };
      await expect(bus.subscribe(options)).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  describe('records of others', () => {
    it('parks poison bytes with the reason, goes on behind them, and reads them again at a replay', async () => {
      const namespace = namespaced();
      const bus = await open({ namespace, topicLayout: { partitions: 1 } });
      const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      const poison = {
        key: 'k',
        value: Buffer.from([0xff, 0xfe, 0x00]),
        headers: { 'content-type': 'application/x-odd' },
      };
      await producer.send({ topic: `${namespace}${TOPIC}`, messages: [poison, { key: 'k', value: null }] });
      await producer.disconnect();
      const seen: string[] = [];
      await bus.subscribe({
        group: 'g',
        topics: [TOPIC],
        wants: (type) => type === 'rondo.test.v1.Said',
        handle: async (d) => void seen.push(bodyOf(d)),
      });
      await bus.publish([message('k', 'after')]);
      await eventually(() => seen.length === 1, WITHIN_MS);
      const parked = await bus.parked.list();
      expect(parked.map(({ reason }) => reason)).toEqual([
        expect.stringContaining('no CloudEvent'),
        expect.stringContaining('no value'),
      ]);
      expect([...parked[0]!.delivery.payload]).toEqual([0xff, 0xfe, 0x00]);
      expect(await bus.parked.replay(parked[0]!.id)).toBe(true);
      await eventually(async () => (await bus.parked.list()).length === 2, WITHIN_MS);
      expect(seen).toEqual(['after']);
    });

    it('delivers CloudEvents in JSON, structured and binary, in one form', async () => {
      const namespace = namespaced();
      const bus = await open({ namespace });
      const seen: Delivery[] = [];
      await bus.subscribe({ group: 'g', topics: [TOPIC], handle: async (d) => void seen.push(d) });
      const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      const attributes = {
        specversion: '1.0',
        id: 'e',
        source: 'urn:s',
        type: 'dev.rondo.data.arrived.v1',
        time: '2026-01-01T00:00:00Z',
      };
      const structured = JSON.stringify({ ...attributes, data: { n: 1 } });
      await producer.send({
        topic: `${namespace}${TOPIC}`,
        messages: [
          { value: structured, headers: { 'content-type': 'application/cloudevents+json' } },
          {
            value: '{"n":1}',
            headers: {
              ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value])),
              'content-type': 'application/json',
            },
          },
        ],
      });
      await producer.disconnect();
      await eventually(() => seen.length === 2, WITHIN_MS);
      for (const delivery of seen) {
        expect(delivery).toMatchObject({
          id: 'e',
          type: 'dev.rondo.data.arrived.v1',
          source: 'urn:s',
          key: 'e',
          group: 'g',
        });
        expect(JSON.parse(bodyOf(delivery))).toMatchObject({ ...attributes, data: { n: 1 } });
      }
    });
  });

  describe('messages', () => {
    it('of the largest size travel, several in one call', async () => {
      const bus = await open();
      const seen: number[] = [];
      await bus.subscribe({ group: 'g', topics: [TOPIC], handle: async (d) => void seen.push(d.payload.byteLength) });
      const large = new Uint8Array(8 * 1024 * 1024);
      await bus.publish([
        message('k', '', { payload: large }),
        message('k', '', { payload: large }),
        message('k', 'x'),
      ]);
      await eventually(() => seen.length === 3, WITHIN_MS);
      expect(seen).toEqual([large.byteLength, large.byteLength, 1]);
    });

    it('reach every instance that reads in a group of its own, from the oldest one kept', async () => {
      const namespace = namespaced();
      const [first, second] = [await open({ namespace }), await open({ namespace })];
      await first.publish([message('a', '1')]);
      const seen: string[] = [];
      for (const [name, bus] of [
        ['one', first],
        ['two', second],
      ] as const)
        await bus.subscribe({
          group: `gateway.${name}`,
          topics: [TOPIC],
          handle: async (d) => void seen.push(`${name}:${bodyOf(d)}`),
        });
      await first.publish([message('a', '2')]);
      await eventually(() => seen.length === 4, WITHIN_MS);
      expect(seen.sort()).toEqual(['one:1', 'one:2', 'two:1', 'two:2']);
    });

    it('that were parked can be replayed from another process', async () => {
      const namespace = namespaced();
      const [worker, console_] = [await open({ namespace }), await open({ namespace })];
      let broken = true;
      const seen: string[] = [];
      await worker.subscribe({
        group: 'g',
        topics: [TOPIC],
        handle: async (d) => {
          if (broken) throw new PermanentError('invalid', 'no');
          seen.push(bodyOf(d));
        },
      });
      await worker.publish([message('a', 'x')]);
      await eventually(async () => (await console_.parked.list()).length === 1, WITHIN_MS);
      broken = false;
      expect(await console_.parked.replay((await console_.parked.list())[0]!.id)).toBe(true);
      await eventually(() => seen.length === 1, WITHIN_MS);
      await eventually(async () => (await db.collection('bus_parked').countDocuments()) === 0, WITHIN_MS);
    });
  });

  describe('the lag', () => {
    it('of a group that nobody reads for is told with the age of its oldest message', async () => {
      const namespace = namespaced();
      const bus = await open({ namespace });
      const seen: string[] = [];
      const subscription = await bus.subscribe({
        group: 'g',
        topics: [TOPIC],
        handle: async (d) => void seen.push(bodyOf(d)),
      });
      await bus.publish([message('a', '1'), message('b', '2')]);
      await eventually(() => seen.length === 2, WITHIN_MS);
      await subscription.close();
      const beforeMs = Date.now();
      await bus.publish([message('a', '3'), message('a', '4')]);
      await eventually(async () => (await bus.lag())[0]!.oldestAgeMs >= 400, WITHIN_MS);
      const [row, ...more] = await bus.lag();
      expect(more).toEqual([]);
      expect(row).toMatchObject({ group: 'g', topic: TOPIC, messages: 2 });
      // The search is good to a sixteenth; the broker's clock is this machine's.
      expect(row!.oldestAgeMs).toBeLessThanOrEqual((Date.now() - beforeMs) * (17 / 16) + 100);
    });
  });
});
