#!/usr/bin/env node
/**
 * Units of work on MongoDB (load a document, save it, journal one message, publish it): alone, and 32 and 96 at once, beside the
 * driver itself doing the same writes in the same run, one transaction each and one for many.
 * Usage: npm run build (or tsc -b libs/journal), then node bench/journal.mjs [--seconds 5] [--alone 200]
 * MongoDB is the replica set of RONDO_TEST_MONGODB; one is started when that is not set.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { StepFailedSchema } from '@rondo/contracts';
import { MongoStore } from '@rondo/journal';
import { MongoClient } from 'mongodb';
import { start } from '../deploy/native/mongodb.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, alone: { type: 'string', default: '200' } },
});
const [SECONDS, ALONE] = [Number(values.seconds), Number(values.alone)];
const AT_ONCE = [32, 96];
const TRANSACTION = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } };
const BODY = JSON.stringify({ n: 1, note: 'x'.repeat(100) });

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const ms = (value) => value.toFixed(value < 10 ? 2 : 1);
const row = (what, result) => console.log(`| ${what} | ${result} |`);

/** p50 and p99 of one after the other. */
async function alone(what, run) {
  for (let i = 0; i < 20; i++) await run(0);
  const times = [];
  for (let i = 0; i < ALONE; i++) {
    const before = performance.now();
    await run(0);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  row(`${what}, alone: p50 / p99`, `${ms(quantile(times, 0.5))} / ${ms(quantile(times, 0.99))} ms`);
}

/** Rate of `atOnce` loops; `run` resolves to the units it did. */
async function many(what, atOnce, run) {
  for (let i = 0; i < atOnce; i++) await run(i);
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const until = started + SECONDS * 1000;
  let units = 0;
  const loop = async (writer) => {
    while (performance.now() < until) {
      const done = await run(writer);
      units += done;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, writer) => loop(writer)));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpu = `${ms((user + system) / 1000 / units)} ms CPU each`;
  row(what, `${(units / seconds).toFixed(0)} units/s, ${cpu}`);
}

/** The writes of `count` units by the driver alone, in one transaction. */
function raw(client, db) {
  const [documents, entries, inbox] = ['document', 'entry', 'inbox'].map((name) => db.collection(name));
  let next = 0;
  return async (writer, count) => {
    await client.withSession((session) =>
      session.withTransaction(async () => {
        const numbers = Array.from({ length: count }, () => ++next);
        const updates = numbers.map((_, i) => ({
          updateOne: {
            filter: { _id: `${writer}-${i}` },
            update: { $inc: { version: 1 }, $set: { state: BODY } },
            upsert: true,
          },
        }));
        await documents.bulkWrite(updates, { session });
        await entries.insertMany(
          numbers.map((n) => ({ _id: n, stream: `${writer}`, version: n, payload: BODY })),
          { session },
        );
        await inbox.insertMany(
          numbers.map((n) => ({ _id: `cause-${n}` })),
          { session },
        );
      }, TRANSACTION),
    );
    return count;
  };
}

function rondo(journal) {
  let next = 0;
  return async (writer) => {
    const key = `k${writer}`;
    await journal.once({ consumer: 'bench', messageId: String(++next) }, async (unit) => {
      const before = await unit.load('thing', key);
      const message = create(StepFailedSchema, {
        pipeline: key,
        cycleId: key,
        step: 'train',
        idempotencyKey: key,
        code: 'bench',
        message: 'x'.repeat(100),
      });
      unit.save({
        kind: 'thing',
        id: key,
        state: { n: (before?.state.n ?? 0) + 1, note: 'x'.repeat(100) },
        outgoing: [{ schema: StepFailedSchema, message, key }],
      });
    });
    return 1;
  };
}

const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
const given = process.env['RONDO_TEST_MONGODB'];
const mongod = given ? undefined : await start({ folder });
const url = given ?? mongod.address;
const client = new MongoClient(url);
const databases = ['raw', 'rondo'].map((name) => `bench-${name}-${Date.now()}`);
try {
  let published = 0;
  const bus = { publish: async (messages) => void (published += messages.length) };
  const store = await MongoStore.open({ url, database: databases[1], bus });
  const journal = store.journal('bench');
  const transact = raw(client, client.db(databases[0]));
  const unit = rondo(journal);
  console.log('| what | result |');
  console.log('|---|---|');
  await alone('raw driver, one transaction', (writer) => transact(writer, 1));
  await alone('Rondo, one unit', unit);
  for (const atOnce of AT_ONCE) {
    await many(`raw driver, ${atOnce} at once, one transaction each`, atOnce, (writer) => transact(writer, 1));
    await many(`raw driver, ${atOnce} units in one transaction, one after the other`, 1, (writer) =>
      transact(writer, atOnce),
    );
    await many(`Rondo, ${atOnce} at once`, atOnce, unit);
  }
  const started = performance.now();
  const { intact, entries } = await journal.verify();
  const rate = (entries * 1000) / (performance.now() - started);
  row(
    'audit chain afterwards',
    `${intact ? 'intact' : 'BROKEN'}, ${entries} entries, ${rate.toFixed(0)} checked a second`,
  );
  await store.close();
  row('published', `${published} of ${entries}`);
  row('peak memory', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
} finally {
  for (const name of databases) await client.db(name).dropDatabase();
  await client.close();
  await mongod?.stop();
  rmSync(folder, { recursive: true, force: true });
}
