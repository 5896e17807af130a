import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PermanentError, randomIds, TransientError } from '@rondo/kernel';
import { eventually, withRealServers } from '@rondo/testing';
import kafkajs from 'kafkajs';
import { MongoClient, type Db } from 'mongodb';
import { bodyOf, message } from '../../testing/index.js';
import { MongoDeliveryRecords } from '../mongo/index.js';
import { KafkaBus } from './kafka-bus.js';

jest.setTimeout(120_000);
const TOPIC = 'rondo.test.v1';
const GROUP = 'g';
const WITHIN_MS = 60_000;

withRealServers(['kafka', 'mongodb'], ({ kafka, mongodb }) => {
  describe('a group that was stopped after four messages', () => {
    let mongo: MongoClient;
    let db: Db;
    let namespace: string;
    let bus: KafkaBus;
    const seen: string[] = [];
    const warnings: string[] = [];
    const client = new kafkajs.Kafka({ brokers: [kafka], clientId: 'spec', logLevel: kafkajs.logLevel.NOTHING });
    const admin = client.admin();

    const open = async (): Promise<KafkaBus> =>
      KafkaBus.open({
        brokers: [kafka],
        clientId: 'spec',
        topics: [TOPIC],
        topicLayout: { partitions: 1 },
        namespace,
        records: await MongoDeliveryRecords.open(db),
        log: { debug: () => undefined, info: () => undefined, warn: (text) => void warnings.push(text) },
      });
    const read = (): Promise<{ close(): Promise<void> }> =>
      bus.subscribe({ group: GROUP, topics: [TOPIC], handle: async (delivery) => void seen.push(bodyOf(delivery)) });
    const publish = (...bodies: string[]): Promise<void> => bus.publish(bodies.map((body) => message('key', body)));
    const hasCaughtUp = async (): Promise<boolean> => (await bus.lag()).every(({ messages }) => messages === 0);

    beforeAll(async () => {
      mongo = await MongoClient.connect(mongodb);
      db = mongo.db(`bus-${randomIds.next()}`);
      await admin.connect();
    });

    beforeEach(async () => {
      seen.length = 0;
      namespace = `${randomIds.next()}.`;
      bus = await open();
      const subscription = await read();
      await publish('1', '2', '3', '4');
      await eventually(() => seen.length === 4, WITHIN_MS);
      await subscription.close();
      await publish('5', '6', '7', '8');
      seen.length = 0;
    });

    afterEach(async () => {
      await bus.close();
      expect(await db.collection('bus_parked').countDocuments()).toBe(0);
    });

    afterAll(async () => {
      await admin.disconnect();
      await db.dropDatabase();
      await mongo.close();
    });

    it('goes on with the oldest message kept when what comes next has expired, and warns of it', async () => {
      const partitions = [{ partition: 0, offset: '6' }];
      expect(await admin.fetchTopicOffsets(namespace + TOPIC)).toMatchObject([{ low: '0', high: '8' }]);
      await admin.deleteTopicRecords({ topic: namespace + TOPIC, partitions });
      await read();
      await publish('9');
      await eventually(() => seen.at(-1) === '9', WITHIN_MS);
      expect(seen).toEqual(['7', '8', '9']);
      await eventually(hasCaughtUp, WITHIN_MS);
      expect(warnings.join()).toContain('offset');
    });

    it('is given everything again when its offsets are set back or forgotten', async () => {
      const groupId = namespace + GROUP;
      await admin.resetOffsets({ groupId, topic: namespace + TOPIC, earliest: true });
      const subscription = await read();
      await eventually(() => seen.length === 8, WITHIN_MS);
      await subscription.close();
      await admin.deleteGroups([groupId]);
      await read();
      await eventually(() => seen.length === 16, WITHIN_MS);
      expect(seen).toEqual([1, 2].flatMap(() => ['1', '2', '3', '4', '5', '6', '7', '8']));
      await eventually(hasCaughtUp, WITHIN_MS);
    });

    it('hands on what a topic that was made again has at the place of a message that was parked', async () => {
      const refusing = await bus.subscribe({
        group: GROUP,
        topics: [TOPIC],
        handle: async (delivery) => {
          if (bodyOf(delivery) === '5') throw new PermanentError('invalid', 'poison');
          seen.push(bodyOf(delivery));
        },
      });
      await eventually(() => seen.length === 3, WITHIN_MS);
      await eventually(hasCaughtUp, WITHIN_MS);
      await refusing.close();
      const places = await db.collection('bus_parked').find().toArray();
      expect(places).toMatchObject([{ offset: 4 }]);
      await admin.deleteTopics({ topics: [namespace + TOPIC] });
      await bus.close();
      bus = await open();
      await publish('9', '10', '11', '12', '13');
      await read();
      await eventually(() => seen.length === 8, WITHIN_MS);
      expect(seen.slice(3)).toEqual(['9', '10', '11', '12', '13']);
      expect((await bus.parked.list()).map(({ delivery }) => bodyOf(delivery))).toEqual(['5']);
      await db.collection('bus_parked').deleteMany({});
    });

    it('reads a topic that was deleted and made again from its first message', async () => {
      await read();
      await eventually(() => seen.length === 4, WITHIN_MS);
      await admin.deleteTopics({ topics: [namespace + TOPIC] });
      await expect(publish('lost')).rejects.toThrow(TransientError);
      const next = await open();
      try {
        await next.publish(['9', '10'].map((body) => message('key', body)));
        await eventually(() => seen.at(-1) === '10', WITHIN_MS);
      } finally {
        await next.close();
      }
      expect(seen).toEqual(['5', '6', '7', '8', '9', '10']);
      await publish('11');
      await eventually(() => seen.at(-1) === '11', WITHIN_MS);
      await eventually(hasCaughtUp, WITHIN_MS);
    });
  });
});
