#!/usr/bin/env node
/**
 * The bus on Kafka beside plain kafkajs (which encodes records and sleeps as @rondo/messaging makes it, so a faster floor than as it
 * comes), in one run on one broker: publishing and consuming messages of 500 bytes, and the time
 * from publish to handler alone.
 * Usage: npm run build (or tsc -b libs/messaging), then
 *   node deploy/native/with-servers.mjs kafka mongodb -- node bench/kafka.mjs [--messages 100000] [--rounds 3] [--alone 200]
 */
import { parseArgs } from 'node:util';
import { KafkaBus, MongoDeliveryRecords } from '@rondo/messaging';
import kafkajs from 'kafkajs';
import { MongoClient } from 'mongodb';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    alone: { type: 'string', default: '200' },
  },
});
const [MESSAGES, ROUNDS, ALONE] = [Number(values.messages), Number(values.rounds), Number(values.alone)];
const { RONDO_TEST_KAFKA: broker, RONDO_TEST_MONGODB: mongodb } = process.env;
if (!broker || !mongodb) {
  console.error('RONDO_TEST_KAFKA and RONDO_TEST_MONGODB must be set; node deploy/native/with-servers.mjs sets them');
  process.exit(64);
}
const TOPIC = 'bench';
const KEYS = 1000;
const AT_ONCE = 2000;
const payload = new Uint8Array(500).fill(120);
const run = `bench-${Date.now()}`;

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];
const rates = (list) => `${median(list).toFixed(0)} /s (${list.map((rate) => rate.toFixed(0)).join(', ')})`;

/** Messages per second of `work`, and CPU microseconds per message. */
async function measure(work) {
  const cpu = process.cpuUsage();
  const before = performance.now();
  await work();
  const seconds = (performance.now() - before) / 1000;
  const used = process.cpuUsage(cpu);
  return { rate: MESSAGES / seconds, cpuUs: (used.user + used.system) / MESSAGES };
}

const mongo = await MongoClient.connect(mongodb);
const db = mongo.db(run);
const records = await MongoDeliveryRecords.open(db);
const kafka = new kafkajs.Kafka({ brokers: [broker], clientId: 'bench', logLevel: kafkajs.logLevel.NOTHING });
const bus = await KafkaBus.open({
  brokers: [broker],
  clientId: 'bench',
  topics: [TOPIC, 'alone'],
  namespace: `${run}.`,
  records,
});
const producer = kafka.producer({ idempotent: true, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
await producer.connect();

let count = 0;
const envelope = (topic) => ({
  id: `m${++count}`,
  type: 'rondo.bench.v1.Message',
  topic,
  key: `k${count % KEYS}`,
  source: 'rondo/bench',
  timeMs: Date.now(),
  payload,
  headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
});

/** The same bytes and headers as the bus sends, as batches made by hand. */
async function publishPlain() {
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
    const messages = Array.from({ length: AT_ONCE }, () => {
      const { key, id, type, source, timeMs, headers } = envelope(TOPIC);
      const attributes = { ce_specversion: '1.0', ce_id: id, ce_type: type, ce_source: source };
      const more = { ce_time: new Date(timeMs).toISOString(), 'content-type': 'application/protobuf' };
      return { key, value: Buffer.from(payload), headers: { ...attributes, ...more, ...headers } };
    });
    await producer.send({ topic: `${run}.${TOPIC}`, acks: -1, messages });
  }
}

/** Every message is published by a call of its own, many calls at once, as services do. */
async function publishByBus() {
  for (let sent = 0; sent < MESSAGES; sent += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, () => bus.publish([envelope(TOPIC)])));
}

async function consumePlain(group, mode) {
  const consumer = kafka.consumer({ groupId: `${run}.${group}`, maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topics: [`${run}.${TOPIC}`], fromBeginning: true });
  let seen = 0;
  await new Promise((resolve) => {
    const see = (number) => (seen += number) >= MESSAGES && resolve();
    const each =
      mode === 'eachBatch'
        ? { eachBatch: async ({ batch }) => void see(batch.messages.length) }
        : { eachMessage: async () => void see(1) };
    void consumer.run({ partitionsConsumedConcurrently: 16, ...each });
  });
  return consumer;
}

async function consumeByBus(group) {
  let seen = 0;
  let subscription;
  await new Promise((resolve, reject) => {
    const handle = async () => void (++seen >= MESSAGES && resolve());
    bus.subscribe({ group, topics: [TOPIC], handle, concurrency: 256 }).then((it) => (subscription = it), reject);
  });
  return subscription;
}

async function alone() {
  const times = [];
  let arrived = () => undefined;
  const subscription = await bus.subscribe({ group: 'alone', topics: ['alone'], handle: async () => arrived() });
  for (let i = 0; i < ALONE + 20; i++) {
    const handled = new Promise((resolve) => (arrived = resolve));
    const before = performance.now();
    await bus.publish([envelope('alone')]);
    await handled;
    if (i >= 20) times.push(performance.now() - before);
  }
  await subscription.close();
  return times;
}

try {
  const published = { plain: [], bus: [] };
  // The topic holds as many messages of each kind; each consumer reads the first MESSAGES it is given.
  for (let round = 0; round < ROUNDS; round++) {
    published.plain.push(await measure(publishPlain));
    published.bus.push(await measure(publishByBus));
  }
  const consumed = { eachMessage: [], eachBatch: [], bus: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of ['eachMessage', 'eachBatch']) {
      let consumer;
      consumed[mode].push(await measure(async () => (consumer = await consumePlain(`${mode}-${round}`, mode))));
      await consumer.disconnect();
    }
    let subscription;
    consumed.bus.push(await measure(async () => (subscription = await consumeByBus(`bus-${round}`))));
    await subscription?.close();
  }
  const times = await alone();
  const row = (what, results) =>
    console.log(
      `| ${what} | ${rates(results.map(({ rate }) => rate))} | ${median(results.map(({ cpuUs }) => cpuUs)).toFixed(1)} us |`,
    );
  console.log('| messages of 500 bytes | rate: median (rounds) | CPU per message |');
  console.log('|---|---|---|');
  row(`publish, plain kafkajs, ${AT_ONCE} in a send`, published.plain);
  row(`publish, bus, ${AT_ONCE} calls at once`, published.bus);
  row('consume, plain kafkajs, eachMessage', consumed.eachMessage);
  row('consume, plain kafkajs, eachBatch', consumed.eachBatch);
  row('consume, bus, ordered per key, 256 at once', consumed.bus);
  console.log(
    `| publish to handler alone: p50 / p99 | ${quantile(times, 0.5).toFixed(1)} / ${quantile(times, 0.99).toFixed(1)} ms | |`,
  );
  console.log(`| peak memory | ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB | |`);
} finally {
  await bus.close();
  await producer.disconnect();
  await db.dropDatabase();
  await mongo.close();
}
