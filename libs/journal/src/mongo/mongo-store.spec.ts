import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from '@jest/globals';
import { randomIds, seededRandom } from '@rondo/kernel';
import { SqliteBus } from '@rondo/messaging';
import { withRealServers, type FakeClock } from '@rondo/testing';
import { MongoClient, type Db } from 'mongodb';
import { journalContract, type JournalUnderTest, type Tampering } from '../../testing/index.js';
import { MongoStore } from './mongo-store.js';

/** Short, so that a suite of crashes does not wait long for the leases of those that crashed. */
const LEASE_MS = 1000;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function tamper(db: Db, stream: string, version: number, how: Tampering): Promise<void> {
  const entries = db.collection('suite.entry');
  const which = { stream, version };
  if (how.kind === 'remove') await entries.deleteOne(which);
  else if (how.kind === 'swap') {
    for (const [from, to] of [
      [version, -1],
      [version + 1, version],
      [-1, version + 1],
    ] as const) {
      await entries.updateOne({ stream, version: from }, { $set: { version: to } });
    }
  } else {
    const entry = await entries.findOne(which, { promoteBuffers: true });
    await entries.updateOne(which, { $set: { [how.field]: flipped(entry![how.field] as never) } });
  }
}

function flipped(value: string | number | Uint8Array): string | number | Uint8Array {
  if (typeof value === 'number') return value + 1;
  const bytes = typeof value === 'string' ? Buffer.from(value) : Uint8Array.from(value);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = bytes[at]! ^ 1;
  return typeof value === 'string' ? bytes.toString() : bytes;
}

withRealServers(['mongodb'], ({ mongodb }) => {
  const client = new MongoClient(mongodb);
  afterAll(() => client.close());

  async function subjectOf(database: string, path: string, clock: FakeClock): Promise<JournalUnderTest> {
    const bus = SqliteBus.open(path, { clock, random: seededRandom(1) });
    const store = await MongoStore.open({ url: mongodb, database, bus, clock, leaseMs: LEASE_MS });
    const crash = async (): Promise<void> => {
      await store.abandon();
      if (bus.database.isOpen) bus.database.connection.close();
    };
    return {
      bus,
      journal: (service) => store.journal(service),
      crash: async () => {
        await crash();
        return subjectOf(database, path, clock);
      },
      tamper: (stream, version, how) => tamper(client.db(database), stream, version, how),
      dispose: async () => {
        await crash();
        await client.db(database).dropDatabase();
      },
    };
  }

  journalContract(
    'MongoStore',
    async (clock) => {
      const folder = await mkdtemp(join(tmpdir(), 'rondo-journal-'));
      folders.push(folder);
      return subjectOf(`journal-${randomIds.next()}`, join(folder, 'bus.sqlite'), clock);
    },
    { survivesRestart: true, tamperable: true },
  );
});
