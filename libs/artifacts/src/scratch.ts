import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = 'rondo-scratch-';
const SIGN_OF_LIFE = '.alive';

/** An empty folder, readable by this user alone, for as long as a piece of work needs it. */
export interface Scratch {
  readonly path: string;
  /** Removes the folder with everything in it; to be called once. */
  remove(): Promise<void>;
}

interface OpenedRoot {
  readonly folder: string;
  readonly alive: Server;
  /** Called when the process ends by itself: removes what work under way had, and the socket. */
  readonly atExit: () => void;
}

/** Where this process keeps its scratch folders below one parent; there while there is one of them. */
interface Root {
  /** Scratch folders in it. */
  users: number;
  readonly opened: Promise<OpenedRoot>;
}

const roots = new Map<string, Root>();

/**
 * Makes a scratch folder below `parent`, by default the temporary folder of the system. All of a process lie in one folder beside
 * a socket that it listens on, so that {@link sweepScratch} can tell whether the process still lives: sockets of a killed process
 * refuse, whichever container it ran in. Where a folder takes no sockets, what a killed process leaves there stays.
 */
export async function openScratch(purpose: string, parent = tmpdir()): Promise<Scratch> {
  const root = roots.get(parent) ?? { users: 0, opened: openRoot(parent) };
  roots.set(parent, root);
  root.users++;
  try {
    const { folder } = await root.opened;
    const path = await mkdtemp(join(folder, `${purpose}-`));
    return { path, remove: () => rm(path, { recursive: true, force: true }).finally(() => release(parent, root)) };
  } catch (error) {
    await release(parent, root).catch(() => undefined);
    throw error;
  }
}

/** Lends a scratch folder and removes it with everything in it. */
export async function withScratch<T>(
  purpose: string,
  use: (folder: string) => Promise<T>,
  parent = tmpdir(),
): Promise<T> {
  const { path, remove } = await openScratch(purpose, parent);
  try {
    return await use(path);
  } finally {
    await remove();
  }
}

/**
 * Removes what killed processes of this user left below `parent`; to be called when a service starts. What belongs to a process
 * that lives, what may and what is of somebody else stays. Links are removed, never followed.
 */
export async function sweepScratch(parent = tmpdir()): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  const signs = names.filter((name) => name.startsWith(ROOT) && name.endsWith(SIGN_OF_LIFE));
  for (const sign of signs) {
    const path = join(parent, sign);
    if (!(await isLeft(path))) continue;
    // The socket last: a sweep that is cut short is gone on with by the next.
    await rm(path.slice(0, -SIGN_OF_LIFE.length), { recursive: true, force: true })
      .then(() => rm(path, { force: true }))
      // What a trainer made undeletable is the temporary folder's business and no reason not to start.
      .catch(() => undefined);
  }
}

async function openRoot(parent: string): Promise<OpenedRoot> {
  await mkdir(parent, { recursive: true });
  const folder = join(parent, `${ROOT}${process.pid}-${randomBytes(4).toString('hex')}`);
  // Listens before there is anything to keep.
  const alive = createServer((caller) => caller.destroy());
  alive.unref();
  // Who asks is answered by the system; that a socket cannot be made or a caller not be taken is no reason to fail.
  alive.on('error', () => undefined);
  alive.listen(`${folder}${SIGN_OF_LIFE}`);
  await once(alive, 'listening').catch(() => undefined);
  await mkdir(folder, { mode: 0o700 });
  const atExit = (): void => {
    for (const path of [folder, `${folder}${SIGN_OF_LIFE}`]) rmSync(path, { recursive: true, force: true });
  };
  process.once('exit', atExit);
  return { folder, alive, atExit };
}

async function release(parent: string, root: Root): Promise<void> {
  if (--root.users > 0) return;
  roots.delete(parent);
  const { folder, alive, atExit } = await root.opened;
  process.off('exit', atExit);
  await rm(folder, { recursive: true, force: true });
  // Removes the socket as well.
  await new Promise((resolve) => alive.close(resolve));
}

/** True for a socket of this user that nobody listens on any more; where that cannot be told, false. */
async function isLeft(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSocket() || found.uid !== process.getuid?.()) return false;
  const caller = connect(path);
  try {
    await once(caller, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    caller.destroy();
  }
}
