import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create } from '@bufbuild/protobuf';
import { ApplyPipelineRequestSchema, PipelineService } from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import type { GrpcConnection } from '@rondo/rpc';
import { eventually } from '@rondo/testing';
import type { DistributedRondo } from './distributed-rondo.js';

const EXAMPLE = fileURLToPath(new URL('../../../examples/your-own-pipeline/', import.meta.url));
const FIRST_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const ROWS = 24;
const TAKEN = 202;
/** The pipeline is not known to that replica yet; no replica is there. */
const AGAIN: ReadonlySet<number> = new Set([404, 503]);

/** Pipelines to which tiny batches arrive and whose triggers do not fire: each arrival is decided, and nothing else happens. */
export class SmallPipelines {
  /** By pipeline, ids of what was announced, in its order. */
  readonly announced = new Map<string, string[]>();
  readonly #rondo: DistributedRondo;
  readonly #token: string;
  readonly #engine = new Engine({ threads: 1 });
  readonly #files = new Map<number, Promise<string>>();

  constructor(rondo: DistributedRondo, count: number) {
    this.#rondo = rondo;
    this.#token = rondo.tokens.create({ principal: 'service:small-upstream', roles: ['producer'] }).token;
    for (let index = 0; index < count; index++) this.announced.set(`small-${index}`, []);
  }

  async apply(api: GrpcConnection): Promise<void> {
    const [document, contract, features] = await Promise.all(
      ['pipeline.yaml', 'contract.odcs.yaml', 'features.sql'].map((name) => readFile(join(EXAMPLE, name), 'utf8')),
    );
    const files = {
      'contract.odcs.yaml': Buffer.from(contract!.replace('[500, 10000]', '[1, 10000]')),
      'features.sql': Buffer.from(features!),
    };
    for (const name of this.announced.keys()) {
      const own = document!
        .replace('name: churn\n', `name: ${name}\n`)
        .replace('endpoint: churn\n', `endpoint: ${name}\n`)
        .replace('data.readyRows >= 3000', 'data.readyRows >= 3000000000');
      const request = create(ApplyPipelineRequestSchema, { document: own, files, changeReason: 'small' });
      await api.client(PipelineService).applyPipeline(request);
    }
  }

  /** Announces the next day of every pipeline. */
  async announceNext(): Promise<void> {
    for (const [pipeline, ids] of this.announced) {
      const day = ids.length;
      if (!this.#files.has(day)) this.#files.set(day, this.#fileOf(day));
      const uri = basename(await this.#files.get(day)!);
      const id = `${pipeline}-day-${day}`;
      const [start, end] = [day, day + 1].map((at) => new Date(FIRST_MS + at * DAY_MS).toISOString());
      const data = { pipeline, uri, dataInterval: { start, end } };
      const type = 'dev.rondo.data.arrived.v1';
      await this.#announce({ specversion: '1.0', id, source: 'urn:example:small', type, time: end, data });
      ids.push(id);
    }
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** Announced again until it is taken; repetitions do not count. */
  async #announce(event: object): Promise<void> {
    const headers = { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${this.#token}` };
    await eventually(async () => {
      const request = { method: 'POST', headers, body: JSON.stringify(event) };
      const answer = await fetch(`${this.#rondo.door.httpUrl}/v1/events`, request).catch(() => undefined);
      const text = await answer?.text().catch(() => undefined);
      if (text === undefined || AGAIN.has(answer!.status)) return false;
      if (answer!.status !== TAKEN) throw new Error(`${answer!.status}: ${text}`);
      return true;
    });
  }

  /** One file per day, the same for every pipeline. */
  async #fileOf(day: number): Promise<string> {
    const path = join(this.#rondo.home, 'inbox', `day-${day}.parquet`);
    const columns = [
      `epoch_ms((${FIRST_MS + day * DAY_MS} + i * ${DAY_MS / ROWS})::BIGINT) AS seen_at`,
      `'c${day}-' || i AS customer`,
      '(i * 10)::INTEGER AS tenure_days, (i % 7)::INTEGER AS orders, (i % 3)::INTEGER AS tickets',
      '(i % 10) / 10.0::DOUBLE AS discount_share, (i % 2)::INTEGER AS cancelled',
    ];
    await this.#engine.writeParquet({ select: `SELECT ${columns.join(', ')} FROM range(${ROWS}) t(i)`, outPath: path });
    return path;
  }
}
