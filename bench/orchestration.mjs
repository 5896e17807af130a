#!/usr/bin/env node
/**
 * One cycle = 8 durable steps with nothing else to do, over the embedded bus and journal on disk (synchronous=FULL): alone,
 * and 500 at once, beside what node:sqlite itself takes for the same transactions in the same run.
 * Usage: npm run build (or tsc -b libs/service), then node bench/orchestration.mjs [--chains 500] [--alone 60] [--rounds 3]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { create, fromBinary } from '@bufbuild/protobuf';
import { RunJobSchema, StepFailedSchema } from '@rondo/contracts';
import { SqliteStore } from '@rondo/journal';

const STEPS = 8;
const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '500' },
    alone: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
  },
});
/** Keys in flight at once per service: handlers that only change state may well be many. */
const CONCURRENCY = 256;
const [CHAINS, ALONE, ROUNDS] = [Number(values.chains), Number(values.alone), Number(values.rounds)];
const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const ms = (value) => value.toFixed(value < 10 ? 2 : 1);

/** The floor: per step one document updated and one row appended, one transaction for `perCommit` of them. */
function floor(perCommit, transactions) {
  const db = new DatabaseSync(join(folder, `floor-${perCommit}.sqlite`));
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  db.exec(
    'CREATE TABLE doc(id INTEGER PRIMARY KEY, version INTEGER, body TEXT) STRICT; CREATE TABLE log(n INTEGER PRIMARY KEY, body TEXT) STRICT',
  );
  const update = db.prepare(
    'INSERT INTO doc VALUES(?, 1, ?) ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body',
  );
  const append = db.prepare('INSERT INTO log(body) VALUES(?)');
  const body = JSON.stringify({ step: 1, note: 'x'.repeat(100) });
  const times = [];
  const started = performance.now();
  for (let i = 0; i < transactions; i++) {
    const before = performance.now();
    db.exec('BEGIN IMMEDIATE');
    for (let j = 0; j < perCommit; j++) {
      update.run(j, body);
      append.run(body);
    }
    db.exec('COMMIT');
    times.push(performance.now() - before);
  }
  const perSecond = (transactions * perCommit * 1000) / (performance.now() - started);
  db.close();
  return {
    p50: quantile(
      times.sort((a, b) => a - b),
      0.5,
    ),
    perSecond,
  };
}

const fact = (chain, step, last) => ({
  schema: StepFailedSchema,
  message: create(StepFailedSchema, { pipeline: chain, step: 'step', attempts: step, code: last }),
  key: chain,
});
const command = (chain, step, last) => ({
  schema: RunJobSchema,
  message: create(RunJobSchema, { service: 'worker', jobId: chain, kind: last, attempt: step }),
  key: chain,
});

/**
 * Two services hand a chain to each other: the coordinator by commands, the worker by events. Every hop is one unit of work:
 * load a document, save it, journal one message, publish it.
 */
async function start(store) {
  const journals = { coordinator: store.journal('coordinator'), worker: store.journal('worker') };
  const waiting = new Map();
  const hop = (service, cause, chain, step, last) =>
    journals[service].once(cause, async (unit) => {
      await unit.load('chain', chain);
      const outgoing = step >= Number(last) ? [] : [(service === 'coordinator' ? command : fact)(chain, step, last)];
      unit.save({
        kind: 'chain',
        id: chain,
        state: { step, done: outgoing.length === 0 },
        index: { done: step >= Number(last) ? 1 : 0 },
        outgoing,
      });
    });
  const handle = (service, read) => async (delivery) => {
    const { chain, step, last } = read(delivery.payload);
    await hop(service, { consumer: service, messageId: delivery.id }, chain, step + 1, last);
    if (step + 1 >= Number(last)) waiting.get(chain)();
  };
  const readCommand = (payload) => {
    const { jobId, attempt, kind } = fromBinary(RunJobSchema, payload);
    return { chain: jobId, step: attempt, last: kind };
  };
  const readFact = (payload) => {
    const { pipeline, attempts, code } = fromBinary(StepFailedSchema, payload);
    return { chain: pipeline, step: attempts, last: code };
  };
  const commands = {
    group: 'worker',
    topics: ['rondo.platform.commands.v1'],
    handle: handle('worker', readCommand),
    concurrency: CONCURRENCY,
  };
  const facts = {
    group: 'coordinator',
    topics: ['rondo.platform.v1'],
    handle: handle('coordinator', readFact),
    concurrency: CONCURRENCY,
  };
  await store.bus.subscribe(commands);
  await store.bus.subscribe(facts);
  return (chain, hops) =>
    new Promise((resolve, reject) => {
      waiting.set(chain, resolve);
      hop('coordinator', { consumer: 'start', messageId: chain }, chain, 1, String(hops)).catch(reject);
    });
}

async function measure(run, name, hops) {
  const alone = [];
  for (let i = 0; i < ALONE; i++) {
    const before = performance.now();
    await run(`${name}-alone-${i}`, hops);
    alone.push(performance.now() - before);
  }
  alone.sort((a, b) => a - b);
  const rates = [];
  const cpu = [];
  for (let round = 0; round < ROUNDS; round++) {
    const cpuBefore = process.cpuUsage();
    const before = performance.now();
    await Promise.all(Array.from({ length: CHAINS }, (_, i) => run(`${name}-many-${round}-${i}`, hops)));
    rates.push((CHAINS * 1000) / (performance.now() - before));
    const used = process.cpuUsage(cpuBefore);
    cpu.push((used.user + used.system) / 1000 / CHAINS);
  }
  const median = (list) =>
    quantile(
      [...list].sort((a, b) => a - b),
      0.5,
    );
  console.log(`| ${name}, alone: p50 / p99 | ${ms(quantile(alone, 0.5))} / ${ms(quantile(alone, 0.99))} ms |`);
  console.log(
    `| ${name}, ${CHAINS} at once: median (rounds) | ${median(rates).toFixed(0)} chains/s (${rates.map((r) => r.toFixed(0)).join(', ')}) |`,
  );
  console.log(`| ${name}, CPU per chain | ${ms(median(cpu))} ms |`);
}

try {
  const one = floor(1, 400);
  const grouped = floor(64, 40);
  const store = SqliteStore.open(join(folder, 'store.sqlite'));
  const run = await start(store);
  await Promise.all(Array.from({ length: 200 }, (_, i) => run(`warm-${i}`, STEPS)));
  console.log('| what | result |');
  console.log('|---|---|');
  await measure(run, '8 durable steps', STEPS);
  await measure(run, '8 calls: command and answer', 2 * STEPS);
  const report = await store.journal('coordinator').verify();
  await store.close();
  console.log(
    `| floor: node:sqlite, one transaction, p50 | ${ms(one.p50)} ms (${ms(one.p50 * STEPS)} ms for ${STEPS}) |`,
  );
  console.log(
    `| floor: node:sqlite, 64 units in one commit | ${grouped.perSecond.toFixed(0)} units/s (${(grouped.perSecond / STEPS).toFixed(0)} chains/s) |`,
  );
  console.log(`| audit chain afterwards | ${report.intact ? 'intact' : 'BROKEN'}, ${report.entries} entries |`);
  console.log(`| peak memory | ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
