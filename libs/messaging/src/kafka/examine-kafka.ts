import { PermanentError, randomIds } from '@rondo/kernel';
import type kafkajs from 'kafkajs';
import type { KafkaBusOptions } from './kafka-bus-options.js';
import { kafkaClient, startError } from './kafka-client.js';
import { Topics } from './topics.js';

/** A cluster as somebody sees it who is about to run Rondo on it. */
export interface KafkaReport {
  readonly brokers: number;
  /** Topics that exist and offer enough. */
  readonly topics: number;
  /** Topics that the first start makes, by their names in the cluster. */
  readonly missing: readonly string[];
  /** How far the broker's clock is ahead of ours at least, in ms; negative when it is behind; 0 when they agree. */
  readonly skewMs: number;
}

/**
 * Looks at a cluster without changing the installation's topics: address, credentials, topics, and, with a topic made and deleted
 * for it, the rights to make, write and delete one, and the broker's clock.
 * @throws PermanentError as opening the bus does; the message says what to do
 */
export async function examineKafka(options: Omit<KafkaBusOptions, 'records'>): Promise<KafkaReport> {
  const topics = new Topics(options);
  const kafka = kafkaClient(options, true);
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const { present, missing } = await topics.examine(admin);
    const skewMs = await skewOf(kafka, admin, topics.clusterName(`rondo.doctor.${randomIds.next()}`));
    return { brokers: brokers.length, topics: present.length, missing, skewMs };
  } catch (error) {
    throw startError(error, options);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** The broker stamps what it appends: its clock is between our sending and our hearing of it, or not. */
async function skewOf(kafka: kafkajs.Kafka, admin: kafkajs.Admin, topic: string): Promise<number> {
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }],
  });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  try {
    await producer.connect();
    const sentMs = Date.now();
    const [written] = await producer.send({ topic, messages: [{ value: 'probe' }] });
    const heardMs = Date.now();
    const stampedMs = Number(written?.logAppendTime ?? Number.NaN);
    if (!(stampedMs > 0)) {
      throw new PermanentError('failed-precondition', 'the broker does not stamp messages with its own time', {
        field: 'message.timestamp.type',
        rule: 'LogAppendTime is honoured',
      });
    }
    return stampedMs < sentMs ? stampedMs - sentMs : Math.max(0, stampedMs - heardMs);
  } finally {
    await producer.disconnect().catch(() => undefined);
    await admin.deleteTopics({ topics: [topic] });
  }
}
