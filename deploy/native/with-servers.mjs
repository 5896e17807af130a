#!/usr/bin/env node
/**
 * Runs a command beside real servers and returns its exit code:
 * `node deploy/native/with-servers.mjs NAME… -- COMMAND ARGS…`, NAME one of kafka, mongodb, s3, jaeger.
 * Each server's address is in `RONDO_TEST_<NAME>`. An address that is set already is used as it is and nothing is started for it.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAMES = ['kafka', 'mongodb', 's3', 'jaeger'];
const split = process.argv.indexOf('--');
const names = process.argv.slice(2, split < 0 ? undefined : split);
const [command, ...args] = split < 0 ? [] : process.argv.slice(split + 1);
if (!command || names.length === 0 || names.some((name) => !NAMES.includes(name))) {
  console.error(`usage: node deploy/native/with-servers.mjs NAME… -- COMMAND ARGS…   (NAME: ${NAMES.join(', ')})`);
  process.exit(64);
}

const variableOf = (name) => `RONDO_TEST_${name.toUpperCase()}`;
const env = { ...process.env };
const running = [];

const runCommand = () =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    const pass = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, pass);
    child.once('error', reject);
    child.once('exit', (status, signal) => resolve(status ?? (signal ? 1 : 0)));
  });

const folder = await mkdtemp(join(tmpdir(), 'rondo-servers-'));
try {
  for (const name of names.filter((each) => !env[variableOf(each)])) {
    const { start } = await import(`./${name}.mjs`);
    const at = Date.now();
    const server = await start({ folder: join(folder, name), log: (line) => console.error(`${name}: ${line}`) });
    running.push(server);
    env[variableOf(name)] = server.address;
    console.error(`${name}: ready after ${((Date.now() - at) / 1000).toFixed(1)} s`);
  }
  process.exitCode = await runCommand();
} finally {
  for (const server of running.reverse()) await server.stop();
  await rm(folder, { recursive: true, force: true });
}
