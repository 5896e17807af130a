import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const HEAP_MB = 64;
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let folder: string;

beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'rondo-memory-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts the process, as its supervisor would, and resolves to what it said and how it ended. */
function start(): Promise<{ readonly lines: string[]; readonly signal: NodeJS.Signals | null; readonly said: string }> {
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${HEAP_MB}`,
      '--conditions=@rondo/source',
      '--import',
      at('../../../../tools/run-from-source.mjs'),
      at('../../testing/crash/out-of-memory.ts'),
      join(folder, 'store.db'),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] }, cwd: folder },
  );
  let [out, said] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  return new Promise((resolve) => {
    child.on('close', (_code, signal) => resolve({ lines: out.split('\n').filter(Boolean), signal, said }));
  });
}

describe('a job that takes more memory than its process has', () => {
  it('ends the process with its reason, once per attempt, fails for good, and holds up no other job', async () => {
    const lines: string[] = [];
    for (let starts = 1; starts <= 3; starts++) {
      const death = await start();
      expect(death).toMatchObject({ signal: 'SIGABRT', said: expect.stringContaining('heap out of memory') });
      lines.push(...death.lines);
    }
    const last = await start();
    expect(last).toMatchObject({ signal: null, said: '' });
    lines.push(...last.lines);
    expect(lines.filter((line) => line.startsWith('greedy begins'))).toEqual(
      [1, 2, 3].map((n) => `greedy begins ${n}`),
    );
    const [greedy, modest] = last.lines;
    expect(greedy).toContain(
      'greedy failed {"code":"internal","message":"the process ended 3 times while the job ran"',
    );
    expect(modest).toBe('modest succeeded null');
  });
});
