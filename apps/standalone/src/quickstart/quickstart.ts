import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create } from '@bufbuild/protobuf';
import {
  ApplyPipelineRequestSchema,
  AuditService,
  CycleService,
  EventService,
  inference,
  PipelineService,
  RolloutService,
  type Cycle,
  type LedgerEvent,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { filesNamedBy, parseAdmitted, admitPipeline, type PipelineSpec } from '@rondo/policy';
import { grpcConnection, type GrpcConnection } from '@rondo/rpc';
import type { TokenFile } from '@rondo/security';
import type { Logger } from '@rondo/telemetry';
import { FlightSource } from './flight-source.js';
import { Replayer } from './replayer.js';
import { summarise, type Summary } from './summary.js';
import { Upstream } from './upstream.js';
import { weeksOf } from './weeks.js';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/flight-delay/pipeline.yaml', import.meta.url));
const COMPUTING: ReadonlySet<string> = new Set([
  'Preparing',
  'Labeling',
  'Training',
  'Selecting',
  'Evaluating',
  'AwaitingApproval',
]);
const LOOK_AGAIN_MS = 25;
const PAGE_SIZE = 500;

/** The Rondo that the example is played on, in one process or many. */
export interface QuickstartTarget {
  readonly door: { readonly httpUrl: string; readonly grpcAddress: string };
  readonly gatewayHttpUrl: string;
  readonly gatewayGrpcAddress: string;
  readonly tokens: Pick<TokenFile, 'create'>;
  readonly log: Logger;
  /** Resolves when every message is handled and no job runs. */
  idle(): Promise<void>;
}

export interface QuickstartOptions {
  readonly home: string;
  readonly weeks: number;
  /** Keeps the flights of every n-th minute; 1 keeps all. */
  readonly sample: number;
  readonly document: string | undefined;
  readonly signal: AbortSignal;
  /** Told of each request for predictions before it is sent. */
  readonly onPredict?: (requestId: string) => void;
}

/** The flight-delay example on real data, through the doors that anybody else would use. */
export class Quickstart {
  private readonly api: GrpcConnection;
  private readonly serving: GrpcConnection;
  private readonly producerToken: string;
  /** Upstream's and the caller's own: one thread, because meanwhile the services work on this machine. */
  private readonly engine = new Engine({ threads: 1 });

  constructor(
    private readonly rondo: QuickstartTarget,
    private readonly options: QuickstartOptions,
  ) {
    const token = rondo.tokens.create({ principal: 'service:quickstart', roles: ['operator'] }).token;
    this.producerToken = rondo.tokens.create({ principal: 'service:flight-operations', roles: ['producer'] }).token;
    this.api = grpcConnection({ address: rondo.door.grpcAddress, token });
    this.serving = grpcConnection({ address: rondo.gatewayGrpcAddress, token: this.producerToken });
  }

  /** Applies the example unless the pipeline is there already, then replays what has not been replayed. Returns the pipeline's name. */
  async run(): Promise<string> {
    const spec = await this.applied();
    const { home, weeks, sample, signal } = this.options;
    const source = new FlightSource(this.engine, join(home, 'inbox'), sample);
    const addresses = {
      door: this.rondo.door.httpUrl,
      gateway: this.rondo.gatewayHttpUrl,
      producerToken: this.producerToken,
    };
    const upstream = new Upstream(
      addresses,
      this.serving.client(inference.GRPCInferenceService),
      this.options.onPredict,
    );
    const { endpoint } = spec.rollout;
    const { sql, key, eventTime, columns } = spec.data.features;
    const replayer = new Replayer(
      source,
      upstream,
      {
        settled: (meanwhile) => this.settled(spec.name, meanwhile),
        serves: () => this.serves(spec.name),
        rollingOut: () => this.rollingOut(endpoint),
      },
      {
        pipeline: spec.name,
        endpoint,
        view: { sql: spec.files[sql.file] ?? '', key, eventTime, columns, target: spec.model.target.column },
        weeks: weeksOf(weeks),
        cursorPath: join(home, 'replay.json'),
        signal,
      },
      this.rondo.log,
    );
    await replayer.run();
    return spec.name;
  }

  /** Everything that happened, as the API tells it. */
  async summary(pipeline: string, seconds: number): Promise<Summary> {
    const events = await this.allEvents(pipeline);
    const cycles = await this.allCycles(pipeline);
    const { champion } = await this.api.client(PipelineService).getPipeline({ pipeline });
    const audit = await this.api.client(AuditService).verifyAudit({});
    return summarise({ events, cycles, champion: champion?.version ?? 0, audit }, seconds);
  }

  async close(): Promise<void> {
    this.api.close();
    this.serving.close();
    await this.engine.close();
  }

  /** The admitted document: the one of the example, or what the user made of it since. */
  private async applied(): Promise<PipelineSpec> {
    const path = this.options.document ?? EXAMPLE;
    const document = await readFile(path, 'utf8');
    const files = await filesBeside(path, document);
    const admission = admitPipeline({ document, files });
    if (!admission.ok) {
      const problems = admission.problems.map((problem) => `${problem.path}: ${problem.message}`).join('\n  ');
      throw new PermanentError('invalid', `${path} is refused:\n  ${problems}`, {
        field: 'document',
        value: path,
        rule: 'an admissible pipeline document',
      });
    }
    const pipelines = this.api.client(PipelineService);
    const { pipelines: known } = await pipelines.listPipelines({});
    if (!known.some((pipeline) => pipeline.name === admission.spec.name)) {
      await pipelines.applyPipeline(
        create(ApplyPipelineRequestSchema, { document, files, changeReason: 'quickstart' }),
      );
    }
    return parseAdmitted(admission.bundle);
  }

  /** Time stands still in the replay while Rondo works on what it has: seconds of training must not span weeks of 2001. */
  private async settled(pipeline: string, meanwhile: () => void = () => undefined): Promise<void> {
    const pipelines = this.api.client(PipelineService);
    const cycles = this.api.client(CycleService);
    while (!this.options.signal.aborted) {
      await this.rondo.idle();
      const { activeCycleId: cycleId } = await pipelines.getPipeline({ pipeline });
      if (cycleId === '' || !COMPUTING.has((await cycles.getCycle({ cycleId })).phase)) return;
      meanwhile();
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  private async serves(pipeline: string): Promise<boolean> {
    return (await this.api.client(PipelineService).getPipeline({ pipeline })).champion !== undefined;
  }

  private async rollingOut(endpoint: string): Promise<boolean> {
    return (await this.api.client(RolloutService).getRouting({ endpoint })).candidate !== undefined;
  }

  private async allEvents(pipeline: string): Promise<LedgerEvent[]> {
    const client = this.api.client(EventService);
    const all: LedgerEvent[] = [];
    for (let pageToken = ''; ;) {
      const page = await client.listEvents({ pipeline, pageSize: PAGE_SIZE, pageToken });
      all.push(...page.events);
      if (page.nextPageToken === '') return all;
      pageToken = page.nextPageToken;
    }
  }

  private async allCycles(pipeline: string): Promise<Cycle[]> {
    const client = this.api.client(CycleService);
    const all: Cycle[] = [];
    for (let pageToken = ''; ;) {
      const page = await client.listCycles({ pipeline, pageSize: PAGE_SIZE, pageToken });
      all.push(...page.cycles);
      if (page.nextPageToken === '') return all;
      pageToken = page.nextPageToken;
    }
  }
}

/** The files that a document names, read from its own folder. */
async function filesBeside(path: string, document: string): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const name of filesNamedBy(document)) files[name] = new Uint8Array(await readFile(join(dirname(path), name)));
  return files;
}
