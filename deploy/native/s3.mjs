/**
 * A real S3-compatible server: versitygw over a folder, on loopback. Its address,
 * `http://KEY:SECRET@127.0.0.1:PORT/rondo?region=us-east-1#powerless=KEY:SECRET`, names the owner's keys, a bucket that exists, and
 * the keys of a second account without any right. The same folder gives the same address again, after `stop` as after `kill`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goTool, run } from './go-tool.mjs';
import { freePort } from './free-port.mjs';
import { startProcess } from './server-process.mjs';

const TOOL = { name: 'versitygw', package: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' };
const BUCKET = 'rondo';
const REGION = 'us-east-1';

/** @param {{ folder: string, port?: number, log?: (line: string) => void }} options */
export async function start({ folder, port = 0, log = () => undefined }) {
  const program = await goTool(TOOL, log);
  const places = {
    data: join(folder, 's3', 'data'),
    sidecar: join(folder, 's3', 'metadata'),
    iam: join(folder, 's3', 'iam'),
  };
  for (const place of Object.values(places)) await mkdir(place, { recursive: true });
  await mkdir(join(places.data, BUCKET), { recursive: true });
  const kept = await keptState(join(folder, 's3', 'state.json'));
  const listen = `127.0.0.1:${port || kept.port}`;
  const server = await startProcess({
    name: 's3',
    program,
    args: [
      '--port',
      listen,
      '--region',
      REGION,
      '--iam-dir',
      places.iam,
      '--iam-cache-disable',
      '--health',
      '/health',
      '--quiet',
      'posix',
      '--sidecar',
      places.sidecar,
      places.data,
    ],
    env: { ROOT_ACCESS_KEY: kept.owner.key, ROOT_SECRET_KEY: kept.owner.secret },
    folder,
    ready: async () => (await fetch(`http://${listen}/health`)).ok,
  });
  try {
    await addPowerless(program, listen, kept);
  } catch (error) {
    await server.kill();
    throw error;
  }
  const { owner, powerless } = kept;
  const address = `http://${owner.key}:${owner.secret}@${listen}/${BUCKET}?region=${REGION}#powerless=${powerless.key}:${powerless.secret}`;
  return { ...server, address };
}

/** Keys and port, made once per folder. */
async function keptState(path) {
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8'));
  const pair = (key) => ({ key, secret: randomBytes(20).toString('hex') });
  const state = { owner: pair('rondo-owner'), powerless: pair('rondo-powerless'), port: await freePort() };
  await writeFile(path, JSON.stringify(state), { mode: 0o600 });
  return state;
}

async function addPowerless(program, listen, { owner, powerless }) {
  const admin = [
    'admin',
    '--access',
    owner.key,
    '--secret',
    owner.secret,
    '--region',
    REGION,
    '--endpoint-url',
    `http://${listen}`,
  ];
  const { status, stdout, stderr } = await run(program, [
    ...admin,
    'create-user',
    '--access',
    powerless.key,
    '--secret',
    powerless.secret,
    '--role',
    'user',
  ]);
  if (status !== 0 && !/exists/i.test(stdout + stderr))
    throw new Error(`versitygw admin create-user: ${stderr || stdout}`);
}
