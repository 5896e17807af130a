import { Module, type DynamicModule, type OnModuleDestroy } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { S3Address } from '@rondo/artifacts';
import { Engine, runFeatureSql } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { DURABLE_JOBS, PLATFORM, PolicyGenerations, type DurableJobs, type Platform } from '@rondo/service';
import { AllowedRoots } from './adapters/allowed-roots.js';
import { Locations } from './adapters/locations.js';
import { S3Inbox } from './adapters/s3-inbox.js';
import type { DataPrepConfig } from './config.js';
import { ArrivalsFeed } from './handlers/arrivals.feed.js';
import { AUTHENTICATE, CloudEventsHttp, HttpProblems, type Authenticate } from './handlers/cloud-events.http.js';
import { DataCommands } from './handlers/data.commands.js';
import { DataRpc } from './handlers/data.rpc.js';
import { AnnounceArrival } from './use-cases/announce-arrival.js';
import { DecideBatch } from './use-cases/decide-batch.js';
import { IngestBatch } from './use-cases/ingest-batch.js';
import { PrepareSnapshot } from './use-cases/prepare-snapshot.js';
import { QueueSnapshot } from './use-cases/queue-snapshot.js';
import type { Tools } from './use-cases/tools.js';

const TOOLS = Symbol('data-prep.tools');
const MEBIBYTE = 2 ** 20;

/** Closes the data engine and the connections to buckets with the service. */
class EngineLife implements OnModuleDestroy {
  constructor(
    private readonly engine: Engine,
    private readonly inbox: S3Inbox | undefined,
  ) {}

  onModuleDestroy(): Promise<void> {
    this.inbox?.close();
    return this.engine.close();
  }
}

/** What data-prep needs from whoever starts it. */
export interface DataPrepOptions {
  readonly config: DataPrepConfig;
  readonly authenticate: Authenticate;
  /** Where buckets are, for announced objects; left out where there are only files. */
  readonly s3?: Omit<S3Address, 'bucket'>;
  /** By default an engine of its own, closed with the service. Whoever gives one closes it. */
  readonly engine?: Engine;
  /** How feature SQL is run; by default sealed off in DuckDB. */
  readonly runFeatureSql?: typeof runFeatureSql;
}

function inboxOf({ config, s3 }: DataPrepOptions): S3Inbox | undefined {
  const { dataS3Roots } = config;
  if (dataS3Roots.length === 0) return undefined;
  if (s3) return new S3Inbox(s3, dataS3Roots);
  throw new PermanentError(
    'invalid',
    'RONDO_DATA_S3_ROOTS needs a server for its buckets, which this process has none of',
    {
      field: 'RONDO_DATA_S3_ROOTS',
      value: dataS3Roots.join(','),
      rule: 'only where data-prep is a process of its own',
    },
  );
}

/** Intake, contract checks, quarantine, features and snapshots. */
@Module({})
export class DataPrepModule {
  static forRoot(options: DataPrepOptions): DynamicModule {
    const { config, authenticate, runFeatureSql: featureSql = runFeatureSql } = options;
    const inbox = inboxOf(options);
    const own = new Engine({
      threads: config.dataThreads,
      memoryMb: Math.floor(config.dataMemoryBytes / MEBIBYTE),
      statementMs: config.dataStatementMs,
      maxFileBytes: config.dataFileBytes,
    });
    const engine = options.engine ?? own;
    return {
      module: DataPrepModule,
      controllers: [CloudEventsHttp, DataCommands],
      providers: [
        { provide: AUTHENTICATE, useValue: authenticate },
        { provide: APP_FILTER, useClass: HttpProblems },
        { provide: EngineLife, useFactory: () => new EngineLife(own, inbox) },
        {
          provide: PolicyGenerations,
          inject: [PLATFORM],
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: TOOLS,
          inject: [PLATFORM, PolicyGenerations, DURABLE_JOBS],
          useFactory: (
            { journal, artifacts, clock, ids, log }: Platform,
            policies: PolicyGenerations,
            jobs: DurableJobs,
          ): Tools => ({
            journal,
            artifacts,
            clock,
            ids,
            log,
            engine,
            runFeatureSql: featureSql,
            locations: new Locations(new AllowedRoots(config.dataRoots), inbox),
            policies,
            jobs,
            parallelism: config.dataParallelism,
          }),
        },
        { provide: AnnounceArrival, inject: [TOOLS], useFactory: (tools: Tools) => new AnnounceArrival(tools) },
        { provide: QueueSnapshot, inject: [TOOLS], useFactory: (tools: Tools) => new QueueSnapshot(tools) },
        { provide: DecideBatch, inject: [TOOLS], useFactory: defineJobs },
        ArrivalsFeed,
        DataRpc,
      ],
    };
  }
}

/** Jobs are defined before the first message can enqueue one. */
function defineJobs(tools: Tools): DecideBatch {
  const decisions = new DecideBatch(tools);
  tools.jobs.define(new IngestBatch(tools).definition());
  tools.jobs.define(decisions.definition());
  tools.jobs.define(new PrepareSnapshot(tools).definition());
  return decisions;
}
