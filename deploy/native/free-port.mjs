/** Ports for servers that are started one after the other and started again where they were. */
import { createServer } from 'node:net';

/** Below the range from which Linux takes the ports of outgoing connections, so that none of those sits on it later. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const TRIES = 100;

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A free port of the loopback interface, drawn at random, since others may be looking for one at the same moment. */
export async function freePort() {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port among ${TRIES} between ${LOWEST} and ${HIGHEST}`);
}
