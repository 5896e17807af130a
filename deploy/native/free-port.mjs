/** Ports for servers that are started one after the other and started again where they were. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Below the range from which Linux takes the ports of outgoing connections, so that none of those sits on it later. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 100;
/** A file per port that was given out, with the process it was given to. */
const GIVEN = join(tmpdir(), `rondo-ports-${userInfo().username}`);

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Frees a port whose process is gone for the next who draws it. */
function forgetUnlessAlive(file) {
  try {
    if (!isAlive(Number(readFileSync(file, 'utf8')))) rmSync(file, { force: true });
  } catch (error) {
    // Somebody else was quicker.
    if (error.code !== 'ENOENT') throw error;
  }
}

/** False when the port was given out before, here or to another process that still runs: its server may not listen yet. */
function take(port) {
  const file = join(GIVEN, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    forgetUnlessAlive(file);
    return false;
  }
}

/** A port of the loopback interface that nobody else has or was given, drawn at random. */
export async function freePort() {
  mkdirSync(GIVEN, { recursive: true });
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (take(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port among ${TRIES} between ${LOWEST} and ${HIGHEST}`);
}
