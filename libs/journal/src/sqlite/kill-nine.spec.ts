import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { readInto, type Counter } from '../../testing/crash/append-until-killed.js';
import { textOf } from '../../testing/index.js';
import type { Journal, JournalEntry, Stored } from '../ports.js';
import { SqliteStore } from './sqlite-store.js';

const SEED = 20260101;
const ROUNDS = 5;
const crash = (file: string): string => fileURLToPath(new URL(`../../testing/crash/${file}`, import.meta.url));

/** Runs the writer until it has acknowledged `acknowledgements` units, kills it, resolves to all it acknowledged by then. */
function runAndKill(path: string, seed: number, acknowledgements: number): Promise<string[]> {
  const options = [
    '--conditions=@rondo/source',
    '--import',
    fileURLToPath(new URL('../../../../tools/run-from-source.mjs', import.meta.url)),
  ];
  const child = spawn(process.execPath, [...options, crash('append-until-killed.ts'), path, String(seed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  const acknowledged: string[] = [];
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    acknowledged.push(line);
    if (acknowledged.length === acknowledgements) child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) =>
      signal === 'SIGKILL' ? resolve(acknowledged) : reject(new Error(`ended with ${code}: ${complaints}`)),
    );
  });
}

async function all<T>(page: (afterPosition: number) => Promise<T[]>, positionOf: (item: T) => number): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const next = await page(items.length === 0 ? 0 : positionOf(items.at(-1)!));
    if (next.length === 0) return items;
    items.push(...next);
  }
}

const entriesOf = (journal: Journal): Promise<JournalEntry[]> =>
  all(
    (afterPosition) => journal.entries({ afterPosition, limit: 1000 }),
    (entry) => entry.position,
  );

async function effectsOf(journal: Journal): Promise<Stored<Counter>[]> {
  const items: Stored<Counter>[] = [];
  let pageToken: string | undefined;
  do {
    const page = await journal.list<Counter>('effect', { limit: 1000, ...(pageToken && { pageToken }) });
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return items;
}

describe('a process killed with SIGKILL', () => {
  let folder = '';
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('loses nothing it acknowledged, keeps its chain, and takes effect exactly once per message', async () => {
    folder = await mkdtemp(join(tmpdir(), 'rondo-kill-'));
    const path = join(folder, 'store.sqlite');
    const random = seededRandom(SEED);
    const acknowledged: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged.push(...(await runAndKill(path, SEED + round, 1 + random.int(150))));
      const store = SqliteStore.open(path);
      const writer = store.journal('writer');
      const entries = await entriesOf(writer);
      const written = new Set(entries.map(textOf));
      expect(acknowledged.filter((name) => !written.has(name))).toEqual([]);
      expect(await writer.verify()).toMatchObject({ intact: true, entries: entries.length });
      for (const { id, state } of (await writer.list<Counter>('thing')).items) {
        expect(state.n).toBe(entries.filter(({ key }) => key === id).length);
      }
      // Let go of the file the way a kill does: the next writer finds an unclean end.
      store.bus.database.connection.close();
    }
    const store = SqliteStore.open(path);
    await readInto(store);
    await store.bus.idle();
    const names = (await entriesOf(store.journal('writer'))).map(textOf).sort();
    const effects = await effectsOf(store.journal('reader'));
    expect(effects.map(({ id }) => id).sort()).toEqual(names);
    expect(effects.filter(({ state }) => state.n !== 1)).toEqual([]);
    expect(await store.bus.parked.list()).toEqual([]);
    await store.close();
  }, 120_000);
});
