#!/usr/bin/env node
/**
 * The services as processes of their own on real servers under load: tiny batches arrive for many pipelines whose triggers do not
 * fire, so that what is measured is Rondo's own work from an announcement over HTTP to the decision about it. Measured at first, over
 * a backlog that is larger, with the history that it leaves, and with more pipelines: no figure may grow with history.
 * Usage: npm run build, then
 *   node deploy/native/with-servers.mjs kafka mongodb s3 -- node bench/load.mjs [--pipelines 20] [--arrivals 200] [--growth 5]
 * `arrivals` are announced at once; then as many as fit into --seconds (default 20) at --load (default 0.5) of the rate that was
 * found, for the times of arrivals that do not queue. Takes about (arrivals * (growth + 3)) / rate seconds.
 */
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { create, fromBinary, toJsonString } from '@bufbuild/protobuf';
import {
  ApplyPipelineRequestSchema,
  ArrivalFailedSchema,
  BatchQuarantinedSchema,
  DecisionMadeSchema,
  PipelineService,
  allTopics,
  topicOf,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { systemClock } from '@rondo/kernel';
import { KafkaBus, MongoDeliveryRecords } from '@rondo/messaging';
import { grpcConnection } from '@rondo/rpc';
import { TokenFile } from '@rondo/security';
import { MongoClient } from 'mongodb';
import { SERVICES, startServices } from '../deploy/native/services.mjs';

const { values } = parseArgs({
  options: {
    pipelines: { type: 'string', default: '20' },
    arrivals: { type: 'string', default: '200' },
    growth: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '20' },
    load: { type: 'string', default: '0.5' },
  },
});
const [PIPELINES, ARRIVALS, GROWTH] = [Number(values.pipelines), Number(values.arrivals), Number(values.growth)];
const [SECONDS, LOAD] = [Number(values.seconds), Number(values.load)];
const { RONDO_TEST_KAFKA: kafka, RONDO_TEST_MONGODB: mongodb, RONDO_TEST_S3: s3 } = process.env;
if (!kafka || !mongodb || !s3) {
  console.error('RONDO_TEST_KAFKA, _MONGODB and _S3 must be set; node deploy/native/with-servers.mjs sets them');
  process.exit(64);
}
const EXAMPLE = fileURLToPath(new URL('../examples/your-own-pipeline/', import.meta.url));
const FIRST_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const ROWS = 24;
const engine = new Engine({ threads: 1 });
/** Requests under way at once while a backlog is announced. */
const AT_ONCE = 32;
/** Runs of the same work differ by up to this factor. */
const NOISE = 1.25;
/** Clock ticks of /proc per second. */
const TICKS = 100;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
const log = (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);

/** One file per day, the same for every pipeline. */
async function fileOf(inbox, day) {
  const path = join(inbox, `day-${day}.parquet`);
  const startMs = FIRST_MS + day * DAY_MS;
  const columns = [
    `epoch_ms((${startMs} + i * ${DAY_MS / ROWS})::BIGINT) AS seen_at`,
    `'c${day}-' || i AS customer`,
    '(i * 10)::INTEGER AS tenure_days, (i % 7)::INTEGER AS orders, (i % 3)::INTEGER AS tickets',
    '(i % 10) / 10.0::DOUBLE AS discount_share, (i % 2)::INTEGER AS cancelled',
  ];
  await engine.writeParquet({ select: `SELECT ${columns.join(', ')} FROM range(${ROWS}) t(i)`, outPath: path });
  return path;
}

/** The example of the guide, for batches of a day and with triggers that do not fire. */
function documentOf(name) {
  const text = (file) => readFileSync(join(EXAMPLE, file), 'utf8');
  const document = text('pipeline.yaml')
    .replace('name: churn\n', `name: ${name}\n`)
    .replace('endpoint: churn\n', `endpoint: ${name}\n`)
    .replace('data.readyRows >= 3000', 'data.readyRows >= 3000000000');
  const contract = text('contract.odcs.yaml').replace('[500, 10000]', '[1, 10000]');
  const files = { 'contract.odcs.yaml': contract, 'features.sql': text('features.sql') };
  const bytes = Object.entries(files).map(([file, content]) => [file, new TextEncoder().encode(content)]);
  return { document, files: Object.fromEntries(bytes) };
}

/** The installation, and what has become of each announcement. */
class Load {
  /** Rejected when an arrival leads to no decision. */
  #trouble = Promise.withResolvers();
  #decided = new Map();
  #days = new Map();
  #files = new Map();
  #arrivals = 0;

  constructor(rondo, inbox) {
    const tokens = new TokenFile(rondo.tokens, systemClock);
    this.rondo = rondo;
    this.inbox = inbox;
    this.producer = tokens.create({ principal: 'service:load', roles: ['producer'] }).token;
    const admin = tokens.create({ principal: 'service:load-admin', roles: ['admin'] }).token;
    this.api = grpcConnection({ address: rondo.grpc, token: admin });
    this.viewer = tokens.create({ principal: 'service:load-viewer', roles: ['viewer'] }).token;
    this.names = [];
  }

  async listen(records) {
    this.bus = await KafkaBus.open({
      brokers: [kafka],
      clientId: 'load',
      namespace: this.rondo.namespace,
      topics: allTopics(),
      topicLayout: { partitions: 1 },
      records,
    });
    const failures = [ArrivalFailedSchema, BatchQuarantinedSchema];
    const heard = [DecisionMadeSchema, ...failures];
    await this.bus.subscribe({
      group: 'load',
      topics: [...new Set(heard.map(topicOf))],
      types: heard.map(({ typeName }) => typeName),
      handle: async ({ type, payload }) => {
        const failure = failures.find(({ typeName }) => typeName === type);
        if (failure)
          return this.#trouble.reject(new Error(`not decided: ${toJsonString(failure, fromBinary(failure, payload))}`));
        for (const id of fromBinary(DecisionMadeSchema, payload).causeEventIds) this.#decided.get(id)?.();
      },
    });
  }

  async addPipelines(count) {
    const client = this.api.client(PipelineService);
    const wanted = Array.from({ length: count }, (_, i) => `load-${this.names.length + i}`);
    const queue = [...wanted];
    const apply = async () => {
      for (let name = queue.shift(); name; name = queue.shift())
        await client.applyPipeline(create(ApplyPipelineRequestSchema, { ...documentOf(name), changeReason: 'load' }));
    };
    await Promise.all(Array.from({ length: 8 }, apply));
    this.names.push(...wanted);
  }

  /** Announces the next day of the next pipeline; resolves, when it is taken, to the time until the decision, in ms. */
  async announce() {
    const number = this.#arrivals++;
    const pipeline = this.names[number % this.names.length];
    const day = this.#days.get(pipeline) ?? 0;
    this.#days.set(pipeline, day + 1);
    if (!this.#files.has(day)) this.#files.set(day, fileOf(this.inbox, day));
    const uri = await this.#files.get(day);
    const id = `arrival-${number}`;
    const begunMs = performance.now();
    const decided = new Promise((resolve) => this.#decided.set(id, resolve)).then(() => performance.now() - begunMs);
    const at = (ms) => new Date(ms).toISOString();
    const [start, end] = [at(FIRST_MS + day * DAY_MS), at(FIRST_MS + (day + 1) * DAY_MS)];
    const data = { pipeline, uri, dataInterval: { start, end } };
    const type = 'dev.rondo.data.arrived.v1';
    await this.#post({ specversion: '1.0', id, source: 'urn:load', type, time: end, data });
    return { decided };
  }

  async #post(event) {
    for (;;) {
      const response = await fetch(`${this.rondo.http}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${this.producer}` },
        body: JSON.stringify(event),
      });
      const text = await response.text();
      if (response.status === 202) return;
      // A pipeline that was applied a moment ago may not be known there yet.
      if (response.status !== 404) throw new Error(`${response.status}: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Announces as fast as announcements are taken; how many are decided in a second. */
  async backlog(count) {
    const decided = [];
    let left = count;
    const announce = async () => {
      while (left-- > 0) decided.push((await this.announce()).decided);
    };
    const before = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, announce));
    const taken = (count * 1000) / (performance.now() - before);
    await this.#unlessTrouble(decided);
    return { taken, decided: (count * 1000) / (performance.now() - before) };
  }

  /** Announces at a steady rate; times from announcement to decision, ascending. */
  async paced(perSecond, seconds) {
    const times = [];
    const count = Math.max(1, Math.round(perSecond * seconds));
    const begunMs = performance.now();
    for (let i = 0; i < count; i++) {
      const waitMs = begunMs + (i * 1000) / perSecond - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      times.push(this.announce().then(({ decided }) => decided));
    }
    return (await this.#unlessTrouble(times)).sort((a, b) => a - b);
  }

  #unlessTrouble(promises) {
    return Promise.race([Promise.all(promises), this.#trouble.promise]);
  }

  /** Time to answer a scrape, in ms. */
  async scrape(service) {
    const before = performance.now();
    const [{ http }] = this.rondo.of(service);
    await (await fetch(`${http}/metrics`, { headers: { authorization: `Bearer ${this.viewer}` } })).text();
    return performance.now() - before;
  }

  async stop() {
    this.api.close();
    await this.bus.close();
  }
}

/** CPU time in ms and resident memory in MiB of a process. */
function usageOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return { cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS, mib: Number(resident) / 1024 };
}

const usages = (rondo) => new Map(SERVICES.map((service) => [service, usageOf(rondo.of(service)[0].pid)]));

/** One row of each table: a backlog of `arrivals`, then arrivals that do not queue. */
async function stage(load, name, arrivals) {
  const before = usages(load.rondo);
  const { taken, decided } = await load.backlog(arrivals);
  log(`${name}: backlog of ${arrivals}: ${taken.toFixed(1)} taken and ${decided.toFixed(1)} decided a second`);
  const after = usages(load.rondo);
  const perSecond = LOAD * decided;
  const times = await load.paced(perSecond, SECONDS);
  const [p50, p99] = [0.5, 0.99].map((q) => quantile(times, q).toFixed(0));
  log(`${name}: ${times.length} at ${perSecond.toFixed(1)} a second: p50 ${p50} ms, p99 ${p99} ms`);
  const scrapes = [];
  for (const service of ['control-plane', 'data-prep']) scrapes.push(await load.scrape(service));
  const cpu = SERVICES.map((service) => (after.get(service).cpuMs - before.get(service).cpuMs) / arrivals);
  const mib = [...usages(load.rondo).values()].map((usage) => usage.mib);
  const [cpuMs, memory] = [cpu, mib].map((list) => list.reduce((sum, value) => sum + value, 0));
  log(`${name}: ${cpuMs.toFixed(0)} ms of CPU per arrival, ${memory.toFixed(0)} MiB`);
  return { name, arrivals, taken, decided, perSecond, times, scrapes, cpu, mib };
}

const cells = (...list) => console.log(`| ${list.join(' | ')} |`);

function report(stages) {
  cells(
    '',
    'backlog',
    'taken /s',
    'decided /s',
    'paced at',
    'arrival to decision p50 / p99',
    'scrape control-plane, data-prep',
  );
  cells(...Array(7).fill('---'));
  for (const { name, arrivals, taken, decided, perSecond, times, scrapes } of stages) {
    const [p50, p99] = [0.5, 0.99].map((q) => quantile(times, q).toFixed(0));
    const scraped = scrapes.map((ms) => ms.toFixed(0)).join(', ');
    cells(
      name,
      arrivals,
      taken.toFixed(1),
      decided.toFixed(1),
      `${perSecond.toFixed(1)} /s`,
      `${p50} / ${p99} ms`,
      `${scraped} ms`,
    );
  }
  for (const [what, unit, digits] of [
    ['cpu', 'CPU ms per arrival of the backlog', 1],
    ['mib', 'resident memory, MiB', 0],
  ]) {
    console.log();
    cells(unit, ...SERVICES, 'all');
    cells(...Array(SERVICES.length + 2).fill('---'));
    for (const of of stages)
      cells(
        of.name,
        ...[...of[what], of[what].reduce((sum, value) => sum + value, 0)].map((value) => value.toFixed(digits)),
      );
  }
}

/** What grew with backlog, history or pipelines by more than runs differ; times of single arrivals are left to the reader. */
function grown([first, ...later]) {
  const cpuOf = ({ cpu }) => cpu.reduce((sum, ms) => sum + ms, 0);
  return later.flatMap((stage) => [
    ...(cpuOf(stage) > NOISE * cpuOf(first) ? [`${stage.name}: CPU per arrival`] : []),
    ...(first.decided > NOISE * stage.decided ? [`${stage.name}: time per decision`] : []),
  ]);
}

const folder = mkdtempSync(join(tmpdir(), 'rondo-load-'));
const inbox = join(folder, 'inbox');
mkdirSync(inbox);
const client = await MongoClient.connect(mongodb);
let rondo;
try {
  rondo = await startServices({ folder, servers: { kafka, mongodb, s3 }, environment: { RONDO_DATA_ROOTS: inbox } });
  log('the services are ready');
  const load = new Load(rondo, inbox);
  await load.listen(await MongoDeliveryRecords.open(client.db(`${rondo.database}_load`)));
  await load.addPipelines(PIPELINES);
  log(`${PIPELINES} pipelines`);
  await load.backlog(Math.min(ARRIVALS, 2 * PIPELINES)); // just-in-time compilation, indexes
  const stages = [await stage(load, `${PIPELINES} pipelines`, ARRIVALS)];
  stages.push(await stage(load, 'the same, backlog and history grow', ARRIVALS * (GROWTH - 1)));
  stages.push(await stage(load, `the same with ${GROWTH} times the history`, ARRIVALS));
  await load.addPipelines(PIPELINES * (GROWTH - 1));
  log(`${load.names.length} pipelines`);
  stages.push(await stage(load, `${load.names.length} pipelines`, ARRIVALS));
  await load.stop();
  report(stages);
  const worse = grown(stages);
  if (worse.length > 0) {
    log(`grew by more than ${Math.round((NOISE - 1) * 100)} %: ${worse.join('; ')}`);
    process.exitCode = 1;
  }
} finally {
  await rondo?.stop();
  for (const name of [rondo?.database, `${rondo?.database}_load`].filter(Boolean)) await client.db(name).dropDatabase();
  await client.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
