import { writeSync } from 'node:fs';
import { MongoClient } from 'mongodb';
import { KafkaBus } from '../../src/kafka/index.js';
import { MongoDeliveryRecords } from '../../src/mongo/index.js';

/** What a reader needs to know, as JSON in its first argument. */
export interface ReaderArguments {
  readonly kafka: string;
  readonly mongodb: string;
  readonly database: string;
  readonly namespace: string;
  readonly topic: string;
  readonly group: string;
}

/** Body of the message that kills whoever handles it. */
export const KILLER = 'killer';

/** Reads one topic and writes the body of every message to its output when it is handled; one kind of message kills it. */
async function main(options: ReaderArguments): Promise<void> {
  const mongo = await MongoClient.connect(options.mongodb);
  const bus = await KafkaBus.open({
    brokers: [options.kafka],
    clientId: 'reader',
    topics: [options.topic],
    topicLayout: { partitions: 4 },
    namespace: options.namespace,
    records: await MongoDeliveryRecords.open(mongo.db(options.database)),
    sessionTimeoutMs: 3000,
  });
  await bus.subscribe({
    group: options.group,
    topics: [options.topic],
    handle: async ({ payload }) => {
      const body = new TextDecoder().decode(payload);
      if (body === KILLER) process.kill(process.pid, 'SIGKILL');
      writeSync(1, `${body}\n`);
    },
  });
}

const [, program, options] = process.argv;
if (program?.endsWith('read-until-killed.ts')) await main(JSON.parse(options!) as ReaderArguments);
