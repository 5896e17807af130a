#!/usr/bin/env node
/**
 * Single-row requests per second through the gateway (checks, split, scoring, prediction log on SQLite, metrics) beside a bare
 * node:http server that scores the same ONNX file with the same scorer, in one run: servers in processes of their own, 32
 * connections, rounds taken in turn. Build first (`npx tsc -b apps/inference-gateway`), then `node bench/gateway.mjs`.
 * Quotes CPU time per request, which other load on the machine disturbs less than requests per second.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONNECTIONS = 32;
const ROUND_MS = 2_500;
const ROUNDS = 3;
const FEATURES = 13;
const dist = (path) => new URL(`../${path}`, import.meta.url).href;

const role = process.argv[2];
if (role === 'bare') await serveBare(process.argv[3]);
else if (role?.startsWith('gateway')) await serveGateway(process.argv[3], role);
else await main();

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
  const roles = ['bare', 'gateway', 'gateway-shadow', 'gateway-canary'];
  const servers = [];
  for (const name of roles) servers.push(await start(name, join(folder, name)));
  const results = new Map(roles.map((name) => [name, []]));
  for (const server of servers) await load(server, 1_000);
  for (let round = 0; round < ROUNDS; round++)
    for (const server of servers) results.get(server.role).push(await load(server, ROUND_MS));
  console.log('server            req/s (best)  p50 ms  p99 ms  CPU us/request');
  for (const [name, rounds] of results) {
    const best = rounds.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
    const cpu = Math.min(...rounds.map((round) => round.cpuUs));
    console.log(
      `${name.padEnd(16)} ${best.perSecond.toFixed(0).padStart(13)} ${best.p50.toFixed(2).padStart(7)} ${best.p99.toFixed(2).padStart(7)} ${cpu.toFixed(1).padStart(15)}`,
    );
  }
  for (const { child } of servers) child.kill();
  await rm(folder, { recursive: true, force: true });
}

async function start(role, folder) {
  const child = fork(fileURLToPath(import.meta.url), [role, folder]);
  const { port } = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`${role} ended with ${code}`)));
  });
  return { role, child, port };
}

function cpuOf({ child }) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send('cpu');
  });
}

async function load(server, ms) {
  const before = await cpuOf(server);
  const started = performance.now();
  const latencies = [];
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => drive(server.port, i, started + ms, latencies)));
  const seconds = (performance.now() - started) / 1_000;
  const after = await cpuOf(server);
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(share * (latencies.length - 1))];
  return {
    perSecond: latencies.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuUs: (after - before) / latencies.length,
  };
}

/** One connection that sends the next request when it has the answer. */
function drive(port, connection, endMs, latencies) {
  const requests = Array.from({ length: 64 }, (_, i) => requestOf(`key-${connection}-${i}`, connection + i));
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let sentAt = 0;
    let next = 0;
    let received = '';
    const send = () => {
      sentAt = performance.now();
      socket.write(requests[next++ % requests.length]);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (data) => {
      received += data.toString('latin1');
      const body = received.indexOf('\r\n\r\n') + 4;
      if (body < 4) return;
      const length = Number(/content-length: (\d+)/i.exec(received)[1]);
      if (received.length < body + length) return;
      if (!received.startsWith('HTTP/1.1 200')) return reject(new Error(received));
      received = '';
      const now = performance.now();
      latencies.push(now - sentAt);
      if (now < endMs) return send();
      socket.end();
      resolve();
    });
  });
}

function requestOf(key, seed) {
  const data = Array.from({ length: FEATURES }, (_, i) => Math.round(1_000 * Math.sin(seed + i)) / 1_000);
  const body = JSON.stringify({
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, FEATURES], data }],
    parameters: { rondo_key: key },
  });
  return Buffer.from(
    `POST /v2/models/bench/infer HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function modelBytes(seed) {
  const { seededRandom } = await import(dist('libs/kernel/dist/index.js'));
  const { trainGradientBoostedTrees } = await import(dist('libs/learners/dist/index.js'));
  const { modelToOnnx } = await import(dist('libs/models/dist/index.js'));
  const random = seededRandom(seed);
  const rows = 4_000;
  const columns = Array.from({ length: FEATURES }, () =>
    Float32Array.from({ length: rows }, () => 2 * random.next() - 1),
  );
  const target = Uint8Array.from({ length: rows }, (_, row) =>
    columns[0][row] + columns[1][row] + random.next() > 0.5 ? 1 : 0,
  );
  const featureNames = columns.map((_, i) => `f${i}`);
  return modelToOnnx(
    trainGradientBoostedTrees({
      columns,
      target,
      featureNames,
      params: { rounds: 100, learningRate: 0.1, maxLeaves: 15, minRowsInLeaf: 20 },
    }),
  );
}

function answerCpu() {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send(user + system);
  });
}

async function serveBare() {
  const { createScorer } = await import(dist('libs/models/dist/index.js'));
  const { digestOf } = await import(dist('libs/artifacts/dist/src/index.js'));
  const bytes = await modelBytes(1);
  const digest = digestOf(bytes);
  const scorer = createScorer();
  await scorer.load(digest, bytes);
  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      const { inputs } = JSON.parse(Buffer.concat(pieces).toString());
      const [probability] = await scorer.score(digest, Float32Array.from(inputs[0].data), 1);
      const body = JSON.stringify({
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [1], data: [probability] }],
      });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  answerCpu();
}

async function serveGateway(folder, role) {
  const load = (path) => import(dist(path));
  const [{ bootService }, { SqliteStore }, { FolderArtifactStore }, { systemClock, randomIds }] = await Promise.all([
    load('libs/service/dist/src/index.js'),
    load('libs/journal/dist/src/index.js'),
    load('libs/artifacts/dist/src/index.js'),
    load('libs/kernel/dist/index.js'),
  ]);
  const { createTelemetry, createLogger } = await load('libs/telemetry/dist/index.js');
  const { InferenceGateway, InferenceGatewayModule } = await load('apps/inference-gateway/dist/index.js');
  const { EndpointTable } = await load('apps/inference-gateway/dist/serving/endpoint-table.js');
  const { mkdir } = await import('node:fs/promises');
  await mkdir(folder, { recursive: true });
  const store = SqliteStore.open(join(folder, 'bench.db'));
  const artifacts = new FolderArtifactStore(join(folder, 'artifacts'));
  const telemetry = createTelemetry({ service: 'inference-gateway', version: '0' });
  const log = createLogger({
    service: 'inference-gateway',
    level: 'error',
    write: (line) => process.stderr.write(line),
  });
  const platform = {
    service: 'inference-gateway',
    bus: store.bus,
    journal: store.journal('inference-gateway'),
    artifacts,
    clock: systemClock,
    ids: randomIds,
    telemetry,
    log,
  };
  const config = {
    gatewayHost: '127.0.0.1',
    gatewayHttpPort: 0,
    gatewayGrpcPort: 0,
    gatewayStateFolder: join(folder, 'state'),
    gatewayScorerThreads: 1,
    gatewayShadowRowsMax: 200_000,
    gatewayLogBytesMax: 64 * 1024 * 1024,
  };
  const authenticate = () => ({ id: 'bench', roles: ['producer'] });
  const service = await bootService({ platform, module: InferenceGatewayModule.forRoot({ config, authenticate }) });
  const gateway = service.app.get(InferenceGateway, { strict: false });
  if (!(gateway.table instanceof EndpointTable)) throw new Error('the gateway has no table');
  const model = async (version) => ({
    name: 'bench',
    version,
    digest: (await artifacts.put(await modelBytes(version))).digest,
  });
  const routing = {
    endpoint: 'bench',
    pipeline: 'bench',
    epoch: 1,
    champion: await model(1),
    weightPercent: 0,
    shadow: false,
    rolloutId: 'bench',
  };
  if (role === 'gateway-shadow') Object.assign(routing, { candidate: await model(2), shadow: true });
  if (role === 'gateway-canary') Object.assign(routing, { candidate: await model(2), weightPercent: 10 });
  await gateway.table.apply(routing);
  await gateway.table.settled();
  process.send({ port: gateway.addresses.httpPort });
  answerCpu();
}
