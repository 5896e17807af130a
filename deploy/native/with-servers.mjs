#!/usr/bin/env node
/**
 * Runs a command with real servers around it.
 * Usage: node deploy/native/with-servers.mjs kafka mongodb s3 -- COMMAND [ARGUMENT…]
 * Each server's address is in RONDO_TEST_<NAME> while the command runs; an address that is set already is used as it is and
 * nothing is started for it. Ends with the exit code of the command.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const KNOWN = ['kafka', 'mongodb', 's3', 'collector'];
const divider = process.argv.indexOf('--');
const names = process.argv.slice(2, Math.max(divider, 2));
const command = divider < 0 ? [] : process.argv.slice(divider + 1);
if (names.length === 0 || command.length === 0 || names.some((name) => !KNOWN.includes(name))) {
  console.error(`usage: with-servers.mjs NAME… -- COMMAND [ARGUMENT…]   with names among ${KNOWN.join(', ')}`);
  process.exit(64);
}

const folder = mkdtempSync(join(tmpdir(), 'rondo-servers-'));
const servers = [];
const env = { ...process.env };
let child;
// The command decides when it ends; the servers go after it, whatever the signal was.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal));
try {
  for (const name of names) {
    const variable = `RONDO_TEST_${name.toUpperCase()}`;
    if (env[variable]) continue;
    const { start } = await import(`./${name}.mjs`);
    const server = await start({ folder: join(folder, name), log: (line) => console.error(`${name}: ${line}`) });
    servers.push(server);
    env[variable] = server.address;
  }
  child = spawn(command[0], command.slice(1), { stdio: 'inherit', env });
  const [code, signal] = await Promise.race([
    once(child, 'exit'),
    once(child, 'error').then(([error]) => Promise.reject(error)),
  ]);
  process.exitCode = code ?? 128 + constants.signals[signal];
} finally {
  for (const server of servers.reverse()) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
