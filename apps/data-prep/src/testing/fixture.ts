import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '@rondo/config';
import { AnnounceArrivalSchema, PipelineAppliedSchema } from '@rondo/contracts';
import { Engine, literal } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { admitPipeline } from '@rondo/policy';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { dataPrepConfig } from '../config.js';
import { DataPrepModule } from '../data-prep.module.js';

export const DAY_MS = 86_400_000;
/** Monday. */
export const FIRST_MS = Date.UTC(2001, 0, 1);
export const PIPELINE = 'flight-delay';
export const PRODUCER = 'Bearer producer';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/flight-delay/', import.meta.url));

/** Columns of a made-up flight; `i` counts rows. Every column can be replaced to break it. */
export const COLUMNS: Readonly<Record<string, string>> = {
  date: `epoch_ms(start_ms + (i * span_ms) // rows // 60000 * 60000)::TIMESTAMP`,
  delay: '((i * 7919) % 97 - 30)::SMALLINT',
  distance: '(200 + (i * 31) % 2300)::SMALLINT',
  origin: "['ATL', 'ORD', 'LAX', 'DFW', 'SEA'][1 + i % 5]",
  destination: "['ORD', 'LAX', 'DFW', 'SEA', 'ATL'][1 + (i + i // 5) % 5]",
};

/** How one file of flights is made. */
export interface FlightsOptions {
  readonly startMs: number;
  readonly rows?: number;
  readonly spanMs?: number;
  readonly columns?: Readonly<Record<string, string>>;
  readonly order?: string;
}

/** A SELECT of made-up flights, dense enough for every check of the example's contract but the number of rows. */
export function flightsSelect({
  startMs,
  rows = 2_000,
  spanMs = 7 * DAY_MS,
  columns = COLUMNS,
  order = 'i',
}: FlightsOptions): string {
  const list = Object.entries(columns).map(([name, value]) => `${value} AS ${name}`);
  return `SELECT ${list.join(', ')} FROM (SELECT i, ${rows} AS rows, ${startMs} AS start_ms, ${spanMs} AS span_ms FROM range(${rows}) t(i)) ORDER BY ${order}`;
}

/** A running data-prep with an inbox, for specs. */
export interface Fixture {
  readonly platform: TestPlatform;
  readonly service: TestService;
  readonly engine: Engine;
  readonly inbox: string;
  readonly outside: string;
  /** Writes flights into the inbox. */
  drop(name: string, options: FlightsOptions): Promise<string>;
  /** Announces on the bus and waits until everything is done. */
  announce(
    name: string,
    startMs: number,
    more?: { readonly id?: string; readonly contentDigest?: string; readonly endMs?: number },
  ): Promise<void>;
  apply(edit?: (document: string) => string): Promise<void>;
  close(): Promise<void>;
}

/** Starts data-prep on a test platform with the example pipeline applied (its contract content with 20 rows). */
export async function openFixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-data-prep-spec-'));
  const [inbox, outside] = [join(folder, 'inbox'), join(folder, 'outside')];
  await mkdir(inbox);
  await mkdir(outside);
  const engine = new Engine({ threads: 1 });
  await engine.query(
    `COPY (SELECT * FROM (VALUES ('ATL', 33.6, -84.4), ('ORD', 42.0, -87.9), ('LAX', 33.9, -118.4), ('DFW', 32.9, -97.0), ('SEA', 47.4, -122.3)) t(iata, latitude, longitude)) TO ${literal(join(inbox, 'airports.csv'))} (FORMAT csv, HEADER)`,
  );
  const platform = testPlatform('data-prep');
  const config = parseConfig(dataPrepConfig, { RONDO_DATA_ROOTS: inbox, RONDO_DATA_THREADS: '1' });
  const service = await testService(platform, DataPrepModule.forRoot({ config, authenticate }));
  let generation = 0;
  const fixture: Fixture = {
    platform,
    service,
    engine,
    inbox,
    outside,
    drop: async (name, options) => {
      const outPath = join(inbox, name);
      await engine.writeParquet({ select: flightsSelect(options), outPath });
      return outPath;
    },
    announce: async (name, startMs, { id = name, contentDigest = '', endMs = startMs + 7 * DAY_MS } = {}) => {
      const dataInterval = { start: timestampFromMs(startMs), end: timestampFromMs(endMs) };
      const message = {
        pipeline: PIPELINE,
        eventId: id,
        eventSource: 'upstream',
        uri: name,
        dataInterval,
        announcedAt: timestampFromMs(endMs),
        contentDigest,
      };
      await platform.publish(AnnounceArrivalSchema, message, { key: PIPELINE });
      await service.drain();
    },
    apply: async (edit = (document) => document) => {
      const { digest } = await platform.artifacts.put(Buffer.from(await exampleBundle(edit)));
      await platform.publish(
        PipelineAppliedSchema,
        { pipeline: PIPELINE, generation: BigInt(++generation), document: { digest }, endpoint: PIPELINE },
        { key: PIPELINE },
      );
      await service.drain();
    },
    close: async () => {
      await service.close();
      await platform.close();
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await fixture.apply();
  return fixture;
}

function authenticate({ authorization }: { readonly authorization?: string | undefined }): {
  id: string;
  roles: ('producer' | 'viewer')[];
} {
  if (authorization === PRODUCER) return { id: 'service:upstream', roles: ['producer'] };
  if (authorization === 'Bearer viewer') return { id: 'vera', roles: ['viewer'] };
  throw new PermanentError('unauthenticated', 'no token', {
    field: 'authorization',
    rule: 'a known token',
    reason: 'TOKEN_MISSING',
  });
}

async function exampleBundle(edit: (document: string) => string): Promise<string> {
  const read = (name: string): Promise<string> => readFile(join(EXAMPLE, name), 'utf8');
  const contract = (await read('contract.odcs.yaml')).replace('[20000, 300000]', '[20, 300000]');
  const files = {
    'contract.odcs.yaml': Buffer.from(contract),
    'features.sql': Buffer.from(await read('features.sql')),
  };
  const admission = admitPipeline({ document: edit(await read('pipeline.yaml')), files });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  return admission.bundle;
}
