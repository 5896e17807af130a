import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomIds, TransientError } from '@rondo/kernel';
import { eventually, withRealServers } from '@rondo/testing';
import kafkajs, { type AclEntry } from 'kafkajs';
import { MongoClient, type Db } from 'mongodb';
import { bodyOf, message } from '../../testing/index.js';
import { MongoDeliveryRecords } from '../mongo/index.js';
import { KafkaBus } from './kafka-bus.js';
import type { KafkaBusOptions, KafkaCredentials } from './kafka-bus-options.js';

jest.setTimeout(300_000);
const TOPIC = 'rondo.test.v1';
const NAMESPACE = 'guarded.';
const WITHIN_MS = 120_000;
const ADMIN = { mechanism: 'plain', username: 'admin', password: 'all' } as const;
const RONDO = { mechanism: 'scram-sha-512', username: 'rondo', password: 'some' } as const;
const { AclOperationTypes: May, AclResourceTypes: Of, AclPermissionTypes, ResourcePatternTypes } = kafkajs;

/** A broker of our own, on which only what is granted is allowed. */
interface Broker {
  readonly address: string;
  /** Its own, in PEM: who trusts it may speak to the broker. */
  readonly certificate: string;
  stop(): Promise<void>;
}
type StartBroker = (options: {
  readonly folder: string;
  readonly sasl: Omit<typeof ADMIN, 'mechanism'> & { readonly others: Readonly<Record<string, string>> };
  readonly tls: boolean;
}) => Promise<Broker>;
const native = new URL('../../../../deploy/native/kafka.mjs', import.meta.url);
const { start: startBroker } = (await import(native.href)) as { start: StartBroker };

const right = (resourceType: number, operation: number): AclEntry => ({
  resourceType,
  resourceName: NAMESPACE,
  resourcePatternType: ResourcePatternTypes.PREFIXED,
  principal: `User:${RONDO.username}`,
  host: '*',
  operation,
  permissionType: AclPermissionTypes.ALLOW,
});
/** What the README of this library lists. */
const RIGHTS = [
  ...[May.CREATE, May.DESCRIBE, May.DESCRIBE_CONFIGS, May.READ, May.WRITE].map((may) => right(Of.TOPIC, may)),
  ...[May.READ, May.DESCRIBE].map((may) => right(Of.GROUP, may)),
];

withRealServers(['kafka', 'mongodb'], ({ mongodb }) => {
  describe('a broker that speaks TLS and allows only what it was told to', () => {
    let folder: string;
    let broker: Broker;
    let mongo: MongoClient;
    let db: Db;
    let admin: kafkajs.Admin;

    const open = async (
      sasl: KafkaCredentials,
      ssl: KafkaBusOptions['ssl'] = { ca: broker.certificate },
    ): Promise<KafkaBus> =>
      KafkaBus.open({
        brokers: [broker.address],
        clientId: 'spec',
        ssl,
        sasl,
        topics: [TOPIC],
        topicLayout: { partitions: 1 },
        namespace: NAMESPACE,
        records: await MongoDeliveryRecords.open(db),
      });
    const grant = (): Promise<boolean> => admin.createAcls({ acl: RIGHTS });
    const takeAway = (): Promise<unknown> =>
      admin.deleteAcls({ filters: RIGHTS.map((entry) => ({ ...entry, resourceName: NAMESPACE })) });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rondo-rights-spec-'));
      const others = { [RONDO.username]: RONDO.password };
      const { username, password } = ADMIN;
      broker = await startBroker({ folder, sasl: { username, password, others }, tls: true });
      mongo = await MongoClient.connect(mongodb);
      db = mongo.db(`bus-${randomIds.next()}`);
      const logLevel = kafkajs.logLevel.NOTHING;
      const ssl = { ca: broker.certificate };
      admin = new kafkajs.Kafka({ brokers: [broker.address], clientId: 'admin', logLevel, ssl, sasl: ADMIN }).admin();
      await admin.connect();
    });

    afterAll(async () => {
      await admin.disconnect();
      await broker.stop();
      await db.dropDatabase();
      await mongo.close();
      await rm(folder, { recursive: true });
    });

    it('refuses who has no rights, and the error names the user and where the rights are listed', async () => {
      const refusal: unknown = await open(RONDO).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'denied', detail: { field: 'sasl', value: RONDO.username } });
      expect((refusal as Error).message).toContain('grant the rights that the README of @rondo/messaging lists');
    });

    it('refuses a wrong password, and is refused where its certificate is not known or not expected', async () => {
      const refused = (opening: Promise<KafkaBus>): Promise<unknown> => opening.catch((error: unknown) => error);
      const wrong = await refused(open({ ...RONDO, password: 'wrong' }));
      expect(wrong).toMatchObject({ code: 'unauthenticated', detail: { field: 'sasl', value: RONDO.username } });
      expect(String(wrong)).toContain('scram-sha-512');
      const unknown = await refused(open(RONDO, true));
      expect(unknown).toMatchObject({ code: 'unavailable', detail: { field: 'brokers' } });
      expect(String(unknown)).toMatch(/self[- ]signed certificate.*expect TLS, SASL scram-sha-512/);
      const clear = await refused(open(RONDO, false));
      expect(clear).toMatchObject({ code: 'unavailable', detail: { field: 'brokers' } });
      expect(String(clear)).toContain('expect no TLS');
    });

    it('serves who has the rights listed; while they are taken away messages wait, and nothing is lost', async () => {
      await grant();
      const seen: string[] = [];
      const bus = await open(RONDO);
      const other = await open(ADMIN);
      await bus.subscribe({
        group: 'g',
        topics: [TOPIC],
        handle: async (delivery) => void seen.push(bodyOf(delivery)),
      });
      await bus.publish([message('key', '1')]);
      await eventually(() => seen.length === 1, WITHIN_MS);

      await takeAway();
      await eventually(() => bus.publish([message('other', 'probe')]).then(() => false, isTransient), WITHIN_MS);
      await other.publish([message('key', '2'), message('key', '3')]);
      await grant();
      await eventually(() => bus.publish([message('key', '4')]).then(() => true, isNot), WITHIN_MS);
      await eventually(() => seen.includes('4'), WITHIN_MS);
      expect(seen.filter((body) => body !== 'probe')).toEqual(['1', '2', '3', '4']);
      expect(await db.collection('bus_parked').countDocuments()).toBe(0);
      await bus.close();
      await other.close();
    });
  });
});

/** Fails for what is no TransientError. */
function isTransient(error: unknown): true {
  expect(error).toBeInstanceOf(TransientError);
  return true;
}

const isNot = (error: unknown): boolean => !isTransient(error);
