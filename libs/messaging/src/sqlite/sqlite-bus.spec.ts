import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { eventually, FakeClock } from '@rondo/testing';
import { bodyOf, busContract, message } from '../../testing/index.js';
import { SqliteBus } from './sqlite-bus.js';

const folders: string[] = [];
async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-bus-'));
  folders.push(folder);
  return join(folder, 'bus.sqlite');
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

busContract(
  'SqliteBus',
  async (clock) => {
    const path = await newPath();
    let bus = SqliteBus.open(path, { clock, random: seededRandom(1) });
    const open = (): SqliteBus => (bus = SqliteBus.open(path, { clock, random: seededRandom(1) }));
    return {
      bus,
      reopen: async () => {
        await bus.close();
        return open();
      },
      crash: async () => {
        // The file is let go of at once: nothing queued is committed, nothing is marked as closed.
        bus.database.connection.close();
        return open();
      },
      dispose: async () => {
        if (bus.database.isOpen) bus.database.connection.close();
      },
    };
  },
  { survivesRestart: true },
);

describe('SqliteBus', () => {
  it('keeps a second process, or a second opening, off its file', async () => {
    const path = await newPath();
    const bus = SqliteBus.open(path);
    expect(() => SqliteBus.open(path)).toThrow(expect.objectContaining({ code: 'failed-precondition' }));
    await bus.close();
    await SqliteBus.open(path).close();
  }, 15_000);

  it('leaves a file alone that a newer release brought to a form of its own', async () => {
    const path = await newPath();
    const bus = SqliteBus.open(path);
    await bus.publish([message('a', '1')]);
    bus.database.connection.exec('PRAGMA user_version = 1');
    await bus.close();
    expect(() => SqliteBus.open(path)).toThrow(
      expect.objectContaining({
        code: 'failed-precondition',
        detail: expect.objectContaining({ field: 'path', value: 1 }),
      }),
    );
    const file = new DatabaseSync(path);
    file.exec('PRAGMA user_version = 0');
    file.close();
    const again = SqliteBus.open(path);
    expect(again.published('rondo.test.v1')).toHaveLength(1);
    await again.close();
  });

  it('deletes only what is old and passed by every group', async () => {
    const clock = new FakeClock(1_000_000);
    const bus = SqliteBus.open(':memory:', { clock, retentionMs: 1000 });
    const seen: string[] = [];
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    await bus.subscribe({ group: 'fast', topics: ['rondo.test.v1'], handle: async (d) => void seen.push(bodyOf(d)) });
    const slow = await bus.subscribe({
      group: 'slow',
      topics: ['rondo.test.v1'],
      handle: (d) => (d.key === 'b' ? gate : Promise.resolve()),
    });
    const at = (key: string): ReturnType<typeof message> => message(key, key, { timeMs: clock.now() });
    await bus.publish([at('a'), at('b'), at('c')]);
    await eventually(() => seen.length === 3);
    await clock.advance(2000);
    await bus.publish([at('d')]);
    await clock.advance(300);
    await bus.publish([at('e')]);
    await eventually(() => seen.length === 5);
    await bus.trim();
    expect(bus.published('rondo.test.v1').map((m) => m.key)).toEqual(['b', 'c', 'd', 'e']);
    letGo();
    await slow.close();
    await bus.trim();
    expect(bus.published('rondo.test.v1').map((m) => m.key)).toEqual(['d', 'e']);
    await bus.close();
  });

  it('is idle when only retries and nothing deliverable is left', async () => {
    const bus = SqliteBus.open(':memory:', { clock: new FakeClock() });
    let attempts = 0;
    await bus.subscribe({
      group: 'g',
      topics: ['rondo.test.v1'],
      handle: async () => {
        attempts++;
        throw new Error('odd');
      },
    });
    await bus.publish([message('a', '1'), message('b', '2')]);
    await bus.idle();
    expect(attempts).toBe(2);
    await bus.close();
  });
});
