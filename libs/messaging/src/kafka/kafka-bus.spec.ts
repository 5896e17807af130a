import { describe, expect, it } from '@jest/globals';
import { randomIds, seededRandom } from '@rondo/kernel';
import { withRealServers } from '@rondo/testing';
import { MongoClient } from 'mongodb';
import { busContract } from '../../testing/index.js';
import { MongoDeliveryRecords } from '../mongo/index.js';
import { KafkaBus } from './kafka-bus.js';

withRealServers(['kafka', 'mongodb'], ({ kafka, mongodb }) => {
  busContract(
    'KafkaBus',
    async (clock) => {
      const mongo = await MongoClient.connect(mongodb);
      const db = mongo.db(`bus-${randomIds.next()}`);
      const namespace = `${randomIds.next()}.`;
      const opened: KafkaBus[] = [];
      const open = async (): Promise<KafkaBus> => {
        const bus = await KafkaBus.open({
          brokers: [kafka],
          clientId: 'contract',
          topics: ['rondo.test.v1', 'rondo.other.v1'],
          topicLayout: { partitions: 4 },
          namespace,
          records: await MongoDeliveryRecords.open(db),
          clock,
          random: seededRandom(1),
        });
        opened.push(bus);
        return bus;
      };
      const bus = await open();
      return {
        bus,
        reopen: async () => {
          await opened.at(-1)!.close();
          return open();
        },
        crash: async () => {
          await opened.at(-1)!.abandon();
          return open();
        },
        dispose: async () => {
          await opened.at(-1)!.abandon();
          await db.dropDatabase();
          await mongo.close();
        },
      };
    },
    { survivesRestart: true, testMs: 120_000 },
  );
});
