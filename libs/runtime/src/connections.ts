import { S3ArtifactStore, type S3Address } from '@rondo/artifacts';
import { allTopics, ARRIVALS_TOPIC } from '@rondo/contracts';
import { MongoStore, type MongoStoreOptions } from '@rondo/journal';
import { assert, messageOf, PermanentError } from '@rondo/kernel';
import { KafkaBus, MongoDeliveryRecords, type Bus, type DeliveryRecords, type KafkaBusOptions } from '@rondo/messaging';
import type { Logger } from '@rondo/telemetry';
import { MongoClient } from 'mongodb';
import type { RuntimeConfig } from './config.js';
import { StartProblems } from './start-problems.js';

/** The three servers, reached and found fit. */
export interface Connections {
  readonly bus: KafkaBus;
  readonly store: MongoStore;
  readonly artifacts: S3ArtifactStore;
  /** Publishes what is committed, gives back what is held, disconnects. */
  close(): Promise<void>;
}

/** Longest time to look for MongoDB's primary at start, in ms. */
const PRIMARY_MS = 10_000;

/** Where the artifacts are. @throws PermanentError `invalid` when half of the key pair is missing */
export function s3AddressOf(config: RuntimeConfig): S3Address {
  const { s3Endpoint, s3Region: region, s3Bucket: bucket, s3AccessKeyId, s3SecretAccessKey } = config;
  if ((s3AccessKeyId === undefined) !== (s3SecretAccessKey === undefined)) {
    throw halfOf('RONDO_S3_ACCESS_KEY_ID', 'RONDO_S3_SECRET_ACCESS_KEY');
  }
  return {
    region,
    bucket,
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint }),
    credentials:
      s3AccessKeyId && s3SecretAccessKey
        ? { accessKeyId: s3AccessKeyId.reveal(), secretAccessKey: s3SecretAccessKey.reveal() }
        : 'ambient',
  };
}

/** How the brokers are reached and which topics they must have. @throws PermanentError `invalid` for half of a pair of settings */
export function kafkaOptionsOf(config: RuntimeConfig): Omit<KafkaBusOptions, 'records' | 'clientId'> {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config;
  if (mechanism !== undefined && (username === undefined || password === undefined)) {
    throw halfOf('RONDO_KAFKA_SASL_MECHANISM', 'RONDO_KAFKA_SASL_USERNAME and RONDO_KAFKA_SASL_PASSWORD');
  }
  return {
    brokers: config.kafkaBrokers,
    topics: [...allTopics(), ARRIVALS_TOPIC],
    topicLayout: {
      partitions: config.kafkaPartitions,
      replicationFactor: config.kafkaReplication,
      minInSyncReplicas: config.kafkaMinInSync,
      retentionMs: config.kafkaRetentionMs,
    },
    namespace: config.kafkaNamespace,
    sessionTimeoutMs: config.kafkaSessionMs,
    ...(config.kafkaTls && { ssl: config.kafkaTlsCa === undefined ? true : { ca: config.kafkaTlsCa } }),
    ...(mechanism !== undefined &&
      username !== undefined &&
      password !== undefined && { sasl: { mechanism, username, password: password.reveal() } }),
  };
}

function halfOf(variable: string, others: string): PermanentError {
  return new PermanentError('invalid', `${variable} and ${others} belong together; set them all or none`, {
    field: variable,
    rule: `set together with ${others}`,
  });
}

/**
 * Connects to all three, and asks all three even when one cannot be used.
 * @throws StartProblems naming every server that cannot be used and what to do
 */
export async function connect(config: RuntimeConfig, clientId: string, log: Logger): Promise<Connections> {
  const kafka = kafkaOptionsOf(config);
  const scratch = config.scratchFolder === undefined ? {} : { scratchFolder: config.scratchFolder };
  const artifacts = new S3ArtifactStore(s3AddressOf(config), scratch);
  const url = config.mongodbUrl.reveal();
  const database = config.mongodbDatabase;
  // The bus keeps its records in MongoDB, and the store publishes on the bus: each is opened before it has the other.
  const lateBus = late<Bus>('the bus');
  const lateRecords = late<DeliveryRecords>('the records of the bus');
  const onParked: KafkaBusOptions['onParked'] = ({ delivery, reason }) =>
    log.error('message parked', { type: delivery.type, group: delivery.group, reason });
  const onTrouble: MongoStoreOptions['onTrouble'] = ({ service, activity, error }) =>
    log.warn('the store is in trouble and tries again', {
      service,
      'rondo.activity': activity,
      'error.message': messageOf(error),
    });
  const [bus, store, bucket] = await Promise.allSettled([
    KafkaBus.open({ ...kafka, clientId, records: lateRecords.stand, log, onParked }),
    MongoStore.open({ url, database, bus: lateBus.stand, serverSelectionMs: PRIMARY_MS, onTrouble }),
    artifacts.check(),
  ]);
  const client = store.status === 'fulfilled' ? new MongoClient(url, { appName: 'rondo', maxPoolSize: 8 }) : undefined;
  const close = async (): Promise<void> => {
    if (store.status === 'fulfilled') await store.value.close();
    if (bus.status === 'fulfilled') await bus.value.close();
    await client?.close();
    artifacts.close();
  };
  const problems = [bus, store, bucket].flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as Error] : [],
  );
  if (bus.status === 'rejected' || store.status === 'rejected' || bucket.status === 'rejected' || !client) {
    await close();
    throw new StartProblems(problems);
  }
  lateBus.become(bus.value);
  lateRecords.become(await MongoDeliveryRecords.open(client.db(database)));
  return { bus: bus.value, store: store.value, artifacts, close };
}

/** Stands for an object that is known a little later; using it before is our bug. */
function late<T extends object>(name: string): { readonly stand: T; become(real: T): void } {
  let known: T | undefined;
  const stand = new Proxy({} as T, {
    get: (_target, key) => {
      if (key === 'then') return undefined;
      assert(known, `${name} is used before it is open`);
      const value = known[key as keyof T];
      return typeof value === 'function' ? (value.bind(known) as unknown) : value;
    },
  });
  return { stand, become: (real) => (known = real) };
}
