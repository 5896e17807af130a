import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openScratch, sweepScratch } from './scratch.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const FROM_SOURCE = ['--conditions=@rondo/source', '--import', at('../../../tools/run-from-source.mjs')];

let folder: string;
let parent: string;
let elsewhere: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-spec-'));
  [parent, elsewhere] = [join(folder, 'tmp'), join(folder, 'elsewhere')];
  await mkdir(parent);
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, 'precious'), 'precious');
});
afterEach(async () => {
  for (const child of children.splice(0)) await killed(child);
  await rm(folder, { recursive: true, force: true });
});

/** Starts a process that holds a scratch folder; resolves to the process and the folder. */
async function holder(): Promise<{ child: ChildProcess; path: string }> {
  const child = spawn(process.execPath, [...FROM_SOURCE, at('../testing/crash/hold-scratch.ts'), parent, elsewhere], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  children.push(child);
  const [path] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, path };
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('scratch folders', () => {
  it('leave nothing once they are removed, and come back when needed again', async () => {
    const [one, other] = [await openScratch('spec', parent), await openScratch('spec', parent)];
    await writeFile(join(one.path, 'rows'), 'rows');
    await one.remove();
    expect((await stat(other.path)).isDirectory()).toBe(true);
    await other.remove();
    expect(await readdir(parent)).toEqual([]);
    const again = await openScratch('spec', parent);
    expect(await readdir(again.path)).toEqual([]);
    await again.remove();
    expect(await readdir(parent)).toEqual([]);
  });

  it('are for this user alone', async () => {
    const { path, remove } = await openScratch('spec', parent);
    expect((await stat(join(path, '..'))).mode & 0o077).toBe(0);
    await remove();
  });

  it('leave nothing when the process ends with work under way', async () => {
    const { child } = await holder();
    const ended = once(child, 'exit');
    child.stdin!.end();
    expect(await ended).toEqual([0, null]);
    expect(await readdir(parent)).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(['precious']);
  });

  it('of a killed process are swept, those of processes that live or stand still are not', async () => {
    const [dead, living, stopped] = [await holder(), await holder(), await holder()];
    const own = await openScratch('spec', parent);
    stopped.child.kill('SIGSTOP');
    await killed(dead.child);
    await sweepScratch(parent);
    await expect(stat(dead.path)).rejects.toMatchObject({ code: 'ENOENT' });
    for (const path of [living.path, stopped.path]) expect((await readdir(path)).sort()).toEqual(['link', 'rows']);
    expect(await readdir(own.path)).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(['precious']);
    await own.remove();
    for (const { child } of [living, stopped]) await killed(child);
    await Promise.all([sweepScratch(parent), sweepScratch(parent)]);
    expect(await readdir(parent)).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(['precious']);
  }, 120_000);

  it('are told by a socket alone: neither a name nor a link in its place has anything removed', async () => {
    const { child, path } = await holder();
    await killed(child);
    const [left] = (await readdir(parent)).filter((name) => name.endsWith('.alive'));
    const forged = ['rondo-scratch-1-named', 'rondo-scratch-2-file', 'rondo-scratch-3-link'];
    for (const name of forged) await mkdir(join(parent, name));
    await writeFile(join(parent, `${forged[1]}.alive`), '');
    await symlink(join(parent, left!), join(parent, `${forged[2]}.alive`));
    await sweepScratch(parent);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(parent)).filter((name) => !name.endsWith('.alive')).sort()).toEqual(forged);
  });

  it('are swept where there is nothing to sweep', async () => {
    await expect(sweepScratch(join(parent, 'absent'))).resolves.toBeUndefined();
  });
});
