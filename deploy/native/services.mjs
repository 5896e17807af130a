#!/usr/bin/env node
/**
 * Runs every service as a process of its own, several replicas of each on request, against Kafka, MongoDB and an S3 bucket.
 * Usage: node deploy/native/services.mjs [--replicas N] [--folder PATH] [--data PATH,PATH] [--traces]
 * The servers are those of RONDO_TEST_KAFKA, RONDO_TEST_MONGODB and RONDO_TEST_S3; what is not named there is started here. Prints
 * the addresses and where the tokens are, and runs until Ctrl-C. Needs built services: `npm run build`. With `--traces` an
 * OpenTelemetry collector (RONDO_TEST_COLLECTOR, or one of its own) keeps the spans in a file for show-traces.mjs.
 */
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from './free-port.mjs';
import { placesOf } from './otlp-traces.mjs';
import { startProcess } from './server-process.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Those whose part of the API the control-plane forwards come first. */
export const SERVICES = [
  'data-prep',
  'drift-monitor',
  'labeling',
  'rollout',
  'training',
  'evaluation',
  'inference-gateway',
  'control-plane',
];

/**
 * Starts the services and waits until all are ready.
 * @param {object} options
 * @param {string} options.folder for logs, tokens and what gateways keep
 * @param {{ kafka: string, mongodb: string, s3: string }} options.servers their addresses, as with-servers.mjs writes them
 * @param {number} [options.replicas] of each service, 1 when left out
 * @param {string} [options.name] of the installation, which its topics and its database bear; a fresh one when left out
 * @param {Record<string, string>} [options.environment] settings on top
 * @param {(line: string) => void} [options.log]
 * @returns one address of each kind for all replicas, the tokens' folder, `of(service)` with the replicas (each `stop`, `kill`,
 *   `start`), and `stop`
 */
export async function startServices({ folder, servers, replicas = 1, name, environment = {}, log = () => undefined }) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const installation = name ?? `rondo-${randomBytes(4).toString('hex')}`;
  const tokens = await tokensIn(join(folder, 'tokens'));
  const places = {};
  for (const service of SERVICES) {
    places[service] = [];
    for (let index = 0; index < replicas; index++) places[service].push(await portsOf(service));
  }
  const common = {
    ...serverSettings(servers, installation),
    ...forwardingSettings(places),
    RONDO_TOKENS_FILE: tokens.file,
    RONDO_SESSION_KEY: randomBytes(32).toString('hex'),
    RONDO_LOG_LEVEL: 'info',
    // Of the tests, not of the services.
    RONDO_TEST_KAFKA: undefined,
    RONDO_TEST_MONGODB: undefined,
    RONDO_TEST_S3: undefined,
    RONDO_TEST_COLLECTOR: undefined,
    ...environment,
  };
  const running = {};
  for (const service of SERVICES) {
    running[service] = places[service].map(
      (ports, index) => new Replica({ service, index, ports, folder, common, log }),
    );
  }
  const all = Object.values(running).flat();
  const stop = async () => void (await Promise.allSettled(all.map((replica) => replica.stop())));
  try {
    // Two at a time: each is busy with its own start for a second or two.
    for (let at = 0; at < all.length; at += 2) {
      // Both have an end before anything is stopped: one that is still starting could not be.
      const outcomes = await Promise.allSettled(all.slice(at, at + 2).map((replica) => replica.start()));
      for (const { status, reason } of outcomes) if (status === 'rejected') throw reason;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const balancers = [];
  const balanced = async (service, kind) => {
    const balancer = await balance(places[service].map((ports) => ports[kind]));
    balancers.push(balancer);
    return balancer.address;
  };
  return {
    installation,
    database: common.RONDO_MONGODB_DATABASE,
    namespace: common.RONDO_KAFKA_NAMESPACE,
    tokens: tokens.folder,
    http: `http://${await balanced('control-plane', 'http')}`,
    grpc: await balanced('control-plane', 'grpc'),
    gatewayHttp: `http://${await balanced('inference-gateway', 'gatewayHttp')}`,
    gatewayGrpc: await balanced('inference-gateway', 'gatewayGrpc'),
    of: (service) => running[service],
    stop: async () => {
      await stop();
      for (const balancer of balancers) balancer.close();
    },
  };
}

/** One process; the same ports and folder each time it starts. */
class Replica {
  #process;
  #options;

  constructor(options) {
    this.#options = options;
    this.name = `${options.service}-${options.index}`;
  }

  get pid() {
    return this.#process?.pid;
  }

  /** Where it answers probes and scrapes. */
  get http() {
    return `http://127.0.0.1:${this.#options.ports.http}`;
  }

  async start() {
    const { service, ports, folder, common, log } = this.#options;
    const main = join(ROOT, 'apps', service, 'dist', 'main.js');
    if (!existsSync(main)) throw new Error(`${main} is not there; build first: npm run build`);
    const begun = performance.now();
    this.#process = await startProcess({
      name: this.name,
      program: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', main],
      folder,
      env: {
        ...common,
        RONDO_HTTP_PORT: String(ports.http),
        RONDO_GRPC_PORT: String(ports.grpc),
        ...(service === 'inference-gateway' && {
          RONDO_GATEWAY_HTTP_PORT: String(ports.gatewayHttp),
          RONDO_GATEWAY_GRPC_PORT: String(ports.gatewayGrpc),
          RONDO_GATEWAY_STATE_FOLDER: join(folder, `${this.name}-state`),
        }),
      },
      ready: async () => (await fetch(`${this.http}/readyz`)).ok,
    });
    log(`${this.name} is ready after ${Math.round(performance.now() - begun)} ms`);
  }

  /** Asks it to end and waits. */
  async stop() {
    await this.#process?.stop();
  }

  /** Ends it as a power cut would. */
  async kill() {
    await this.#process?.kill();
  }
}

/** One address for several replicas: each connection goes to the next one that takes it. */
async function balance(ports) {
  const sockets = new Set();
  let turn = 0;
  const join = (one, other) => {
    sockets.add(one);
    one.pipe(other);
    one.on('error', () => other.destroy());
    one.on('close', () => {
      sockets.delete(one);
      other.destroy();
    });
  };
  const handOn = (client, first, left) => {
    if (left === 0) return client.destroy();
    const replica = connect(ports[first % ports.length], '127.0.0.1');
    const passOver = () => handOn(client, first + 1, left - 1);
    replica.once('error', passOver);
    return replica.once('connect', () => {
      replica.off('error', passOver);
      join(client, replica);
      join(replica, client);
    });
  };
  const server = createServer((client) => handOn(client, turn++, ports.length));
  await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { address: `127.0.0.1:${server.address().port}`, close };
}

async function portsOf(service) {
  const ports = { http: await freePort(), grpc: await freePort() };
  if (service !== 'inference-gateway') return ports;
  return { ...ports, gatewayHttp: await freePort(), gatewayGrpc: await freePort() };
}

function serverSettings({ kafka, mongodb, s3 }, installation) {
  const bucket = new URL(s3);
  return {
    RONDO_KAFKA_BROKERS: kafka,
    RONDO_KAFKA_NAMESPACE: `${installation}.`,
    RONDO_KAFKA_PARTITIONS: '4',
    RONDO_MONGODB_URL: mongodb,
    RONDO_MONGODB_DATABASE: installation.replaceAll('-', '_'),
    RONDO_S3_ENDPOINT: `${bucket.protocol}//${bucket.host}`,
    RONDO_S3_BUCKET: bucket.pathname.slice(1),
    RONDO_S3_REGION: bucket.searchParams.get('region') ?? 'us-east-1',
    RONDO_S3_ACCESS_KEY_ID: decodeURIComponent(bucket.username),
    RONDO_S3_SECRET_ACCESS_KEY: decodeURIComponent(bucket.password),
  };
}

function forwardingSettings(places) {
  const of = (service) => places[service].map(({ grpc }) => `127.0.0.1:${grpc}`).join(',');
  return {
    RONDO_DATA_PREP_ADDRESS: of('data-prep'),
    RONDO_DATA_PREP_HTTP: places['data-prep'].map(({ http }) => `http://127.0.0.1:${http}`).join(','),
    RONDO_DRIFT_MONITOR_ADDRESS: of('drift-monitor'),
    RONDO_LABELING_ADDRESS: of('labeling'),
    RONDO_ROLLOUT_ADDRESS: of('rollout'),
  };
}

/** The token file of the installation, and in `admin` the token of its first person. */
async function tokensIn(folder) {
  const { TokenFile } = await import('../../libs/security/dist/index.js');
  const { systemClock } = await import('../../libs/kernel/dist/index.js');
  const tokens = new TokenFile(folder, systemClock);
  const admin = tokens.ensureLocal({ principal: 'you', roles: ['admin'] });
  return { folder, file: join(folder, 'tokens.json'), admin };
}

/** Addresses of the servers: those of the environment, and for the others servers of our own. */
async function serversFor(names, folder, log) {
  const addresses = {};
  const own = [];
  const stop = async () => {
    for (const server of own.reverse()) await server.stop();
  };
  try {
    for (const name of names) {
      const given = process.env[`RONDO_TEST_${name.toUpperCase()}`];
      if (given) {
        addresses[name] = given;
        continue;
      }
      const { start } = await import(`./${name}.mjs`);
      const server = await start({ folder: join(folder, name), log: (line) => log(`${name}: ${line}`) });
      own.push(server);
      addresses[name] = server.address;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, stop };
}

async function main() {
  const { values } = parseArgs({
    options: {
      replicas: { type: 'string', default: '1' },
      folder: { type: 'string' },
      data: { type: 'string', default: '' },
      traces: { type: 'boolean', default: false },
    },
  });
  const replicas = Number(values.replicas);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 16)
    throw new Error('--replicas is a whole number from 1 to 16');
  const folder = values.folder === undefined ? mkdtempSync(join(tmpdir(), 'rondo-services-')) : resolve(values.folder);
  const log = (line) => console.error(line);
  const asked = new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, done);
  });
  const names = ['kafka', 'mongodb', 's3', ...(values.traces ? ['collector'] : [])];
  const servers = await serversFor(names, join(folder, 'servers'), log);
  try {
    const inbox = join(folder, 'inbox');
    mkdirSync(inbox, { recursive: true });
    const roots = [inbox, ...values.data.split(',').filter(Boolean)].join(',');
    const name = values.folder === undefined ? {} : { name: 'rondo' };
    const traces = values.traces ? placesOf(servers.addresses.collector) : undefined;
    const rondo = await startServices({
      folder,
      servers: servers.addresses,
      replicas,
      log,
      ...name,
      environment: { RONDO_DATA_ROOTS: roots, ...(traces && { OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint }) },
    });
    console.log(`API        ${rondo.grpc} (gRPC), ${rondo.http} (HTTP)`);
    console.log(`inference  ${rondo.gatewayGrpc} (gRPC), ${rondo.gatewayHttp} (HTTP)`);
    console.log(`data       put files into ${inbox}`);
    console.log(
      `command    RONDO_SERVER=${rondo.grpc} RONDO_TOKEN_FILE=${join(rondo.tokens, 'token')} npx rondo status`,
    );
    if (traces) console.log(`traces     node deploy/native/show-traces.mjs ${traces.file}`);
    console.log(`logs       ${folder}`);
    await asked;
    await rondo.stop();
  } finally {
    await servers.stop();
    if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
