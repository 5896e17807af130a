#!/usr/bin/env node
/**
 * One cycle = 8 durable steps with nothing else to do, over the embedded bus and journal on disk (every commit synced): alone,
 * and 500 at once, beside what node:sqlite itself takes for the same transactions in the same run.
 * Usage: npm run build (or tsc -b libs/service), then node bench/orchestration.mjs [--chains 500] [--alone 60] [--rounds 3]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { SqliteStore } from '@rondo/journal';
import { measureChains, ms, quantile, row, startChains, STEPS } from './chains.mjs';

const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '500' },
    alone: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
  },
});
const counts = { chains: Number(values.chains), alone: Number(values.alone), rounds: Number(values.rounds) };
const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));

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

try {
  const one = floor(1, 400);
  const grouped = floor(64, 40);
  const store = SqliteStore.open(join(folder, 'store.sqlite'));
  const run = await startChains(store, store.bus);
  await Promise.all(Array.from({ length: 200 }, (_, i) => run(`warm-${i}`, STEPS)));
  console.log('| what | result |');
  console.log('|---|---|');
  await measureChains([{ name: '8 durable steps', run }], STEPS, counts);
  await measureChains([{ name: '8 calls: command and answer', run }], 2 * STEPS, counts);
  const report = await store.journal('coordinator').verify();
  await store.close();
  row('floor: node:sqlite, one transaction, p50', `${ms(one.p50)} ms (${ms(one.p50 * STEPS)} ms for ${STEPS})`);
  row(
    'floor: node:sqlite, 64 units in one commit',
    `${grouped.perSecond.toFixed(0)} units/s (${(grouped.perSecond / STEPS).toFixed(0)} chains/s)`,
  );
  row('audit chain afterwards', `${report.intact ? 'intact' : 'BROKEN'}, ${report.entries} entries`);
  row('peak memory', `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
