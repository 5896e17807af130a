#!/usr/bin/env node
/**
 * One cycle = 8 durable steps with nothing else to do, over Kafka and MongoDB: alone, and 500 at once, beside the same messages and
 * transactions by kafkajs and the MongoDB driver alone, round by round in turns. Every step is one hop between two services.
 * Usage: npm run build (or tsc -b libs/service), then
 *   node deploy/native/with-servers.mjs kafka mongodb -- node bench/orchestration-distributed.mjs
 *     [--chains 500] [--alone 60] [--rounds 9] [--partitions 4]
 */
import { parseArgs } from 'node:util';
import { MongoStore } from '@rondo/journal';
import { KafkaBus, MongoDeliveryRecords } from '@rondo/messaging';
import kafkajs from 'kafkajs';
import { MongoClient } from 'mongodb';
import { measureChains, median, row, startChains, STEPS, TOPICS } from './chains.mjs';

const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '500' },
    alone: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '9' },
    partitions: { type: 'string', default: '4' },
  },
});
const counts = { chains: Number(values.chains), alone: Number(values.alone), rounds: Number(values.rounds) };
const PARTITIONS = Number(values.partitions);
const { RONDO_TEST_KAFKA: broker, RONDO_TEST_MONGODB: url } = process.env;
if (!broker || !url) {
  console.error('RONDO_TEST_KAFKA and RONDO_TEST_MONGODB must be set; node deploy/native/with-servers.mjs sets them');
  process.exit(64);
}
/** Others at the same eight steps, measured by themselves on two quiet cores in November 2026: for the order of magnitude. */
const PEERS = [
  ['Temporal dev server in memory, TypeScript SDK 1.24, activities', '450 ms alone, 25 chains/s, 71 ms of CPU'],
  ['Temporal, local activities', '48 ms alone, 47 chains/s, 32 ms of CPU'],
  ['Restate, single binary, 8 calls between services', '45.6 ms alone, 157 chains/s, 12 ms of CPU'],
  ['Restate, 8 steps in one handler', '12.4 ms alone, 438 chains/s, 3.2 ms of CPU'],
];
/** Chains that go before what is measured, 500 at once: while V8 still compiles, a chain costs half as much again. */
const WARM_UP = 2000;
const TRANSACTION = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } };
const BODY = JSON.stringify({ step: 1, note: 'x'.repeat(100) });
const run = `bench-${Date.now()}`;

/**
 * The floor: per batch of messages of a partition one transaction (document, journal row and inbox row of each message) and one
 * send, with neither order across failures nor recovery. kafkajs is the one of this process, which encodes records and sleeps as
 * @rondo/messaging makes it: a faster floor than kafkajs as it comes.
 */
async function startPlain(client) {
  const db = client.db(`${run}-plain`);
  const kafka = new kafkajs.Kafka({ brokers: [broker], clientId: 'plain', logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const topics = { coordinator: `${run}.plain.facts`, worker: `${run}.plain.commands` };
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: Object.values(topics).map((topic) => ({ topic, numPartitions: PARTITIONS })),
    waitForLeaders: true,
  });
  await admin.disconnect();
  const waiting = new Map();
  const transact = async (service, hops) => {
    const [documents, entries, inbox] = ['document', 'entry', 'inbox'].map((name) =>
      db.collection(`${service}.${name}`),
    );
    await client.withSession((session) =>
      session.withTransaction(async () => {
        const updates = hops.map(({ chain }) => ({
          updateOne: { filter: { _id: chain }, update: { $inc: { version: 1 }, $set: { state: BODY } }, upsert: true },
        }));
        await documents.bulkWrite(updates, { session });
        const rows = hops.map(({ chain, step }) => ({ _id: `${chain}/${step}`, stream: chain, payload: BODY }));
        await entries.insertMany(rows, { session });
        await inbox.insertMany(
          hops.map(({ chain, step }) => ({ _id: `${chain}/${step}` })),
          { session },
        );
      }, TRANSACTION),
    );
    const onward = hops.filter(({ step, last }) => step < last);
    const messages = onward.map(({ chain, step, last }) => ({
      key: chain,
      value: JSON.stringify({ chain, step, last, note: BODY }),
    }));
    const topic = topics[service === 'coordinator' ? 'worker' : 'coordinator'];
    if (messages.length > 0) await producer.send({ topic, acks: -1, messages });
    for (const { chain, step, last } of hops) if (step >= last) waiting.get(chain)();
  };
  const consumers = [];
  for (const [service, topic] of Object.entries(topics)) {
    for (const name of ['document', 'entry', 'inbox']) await db.createCollection(`${service}.${name}`);
    const consumer = kafka.consumer({ groupId: `${run}.plain.${service}`, maxWaitTimeInMs: 250 });
    consumers.push(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({
      partitionsConsumedConcurrently: PARTITIONS,
      eachBatch: ({ batch }) => {
        const read = batch.messages.map(({ value }) => JSON.parse(value));
        return transact(
          service,
          read.map(({ chain, step, last }) => ({ chain, step: step + 1, last })),
        );
      },
    });
    await joined;
  }
  // Chains that start in the same turn share a transaction, as they would be one batch of their own.
  let starting = [];
  const start = (chain, last) =>
    new Promise((resolve, reject) => {
      waiting.set(chain, resolve);
      if (starting.length === 0)
        setImmediate(() => {
          const hops = starting;
          starting = [];
          transact('coordinator', hops).catch(reject);
        });
      starting.push({ chain, step: 1, last });
    });
  const stop = async () => {
    for (const consumer of consumers) await consumer.disconnect();
    await producer.disconnect();
    await db.dropDatabase();
  };
  return { start, stop };
}

async function warmUp(start) {
  for (let first = 0; first < WARM_UP; first += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => start(`warm-${first + i}`, STEPS)));
}

const client = await MongoClient.connect(url);
const database = `${run}-rondo`;
try {
  console.log('| what | result |');
  console.log('|---|---|');
  const plain = await startPlain(client);
  const bus = await KafkaBus.open({
    brokers: [broker],
    clientId: 'bench',
    topics: TOPICS,
    topicLayout: { partitions: PARTITIONS },
    namespace: `${run}.`,
    records: await MongoDeliveryRecords.open(client.db(`${database}-records`)),
  });
  const trouble = [];
  const store = await MongoStore.open({ url, database, bus, onTrouble: ({ error }) => trouble.push(error) });
  const start = await startChains(store, bus);
  await warmUp(plain.start);
  await warmUp(start);
  const contenders = [
    { name: 'plain kafkajs and MongoDB driver', run: plain.start },
    { name: 'Rondo, 8 durable steps', run: start },
  ];
  const [plainRates, rates] = await measureChains(contenders, STEPS, counts);
  const shares = rates.map((rate, round) => rate / plainRates[round]);
  row('Rondo by plain, round by round: median', median(shares).toFixed(2));
  const { intact, entries } = await store.journal('coordinator').verify();
  row('audit chain afterwards', `${intact ? 'intact' : 'BROKEN'}, ${entries} entries`);
  for (const [name, figures] of PEERS) row(name, figures);
  row('peak memory', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
  await store.close();
  await bus.close();
  await plain.stop();
  for (const error of trouble) console.error(error);
} finally {
  for (const name of [database, `${database}-records`, `${run}-plain`]) await client.db(name).dropDatabase();
  await client.close();
}
