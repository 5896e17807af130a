import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { DynamicModule } from '@nestjs/common';
import { FolderArtifactStore, sweepScratch } from '@rondo/artifacts';
import { parseConfig, type Environment } from '@rondo/config';
import { AccessDeniedSchema, allTopics } from '@rondo/contracts';
import { controlPlaneConfig, ControlPlaneModule, type ShownSpan, type Surroundings } from '@rondo/control-plane';
import { dataPrepConfig, DataPrepModule } from '@rondo/data-prep';
import { Engine } from '@rondo/datasets';
import { driftMonitorConfig, DriftMonitorModule } from '@rondo/drift-monitor';
import { evaluationConfig, EvaluationModule } from '@rondo/evaluation';
import { gatewayConfig, InferenceGateway, InferenceGatewayModule } from '@rondo/inference-gateway';
import { SqliteStore, type Journal } from '@rondo/journal';
import { assert, randomIds, systemClock } from '@rondo/kernel';
import { labelingConfig, LabelingModule } from '@rondo/labeling';
import { createScorer, type Scorer } from '@rondo/models';
import { rolloutConfig, RolloutModule } from '@rondo/rollout';
import { frontDoor, StreamHub, type RunningFrontDoor } from '@rondo/rpc';
import { Authenticator, Sessions, TokenFile } from '@rondo/security';
import { bootService, type Platform, type RunningService } from '@rondo/service';
import {
  createLogger,
  createTelemetry,
  SqliteSpanStore,
  type FinishedSpan,
  type Logger,
  type RunningTelemetry,
} from '@rondo/telemetry';
import { trainingConfig, TrainingModule } from '@rondo/training';
import type { StandaloneConfig } from './config.js';
import { DATABASE } from './home.js';

/** Every service in one process, on one SQLite file. */
export interface RunningStandalone {
  readonly door: RunningFrontDoor;
  readonly gatewayHttpUrl: string;
  readonly gatewayGrpcAddress: string;
  readonly store: SqliteStore;
  readonly tokens: TokenFile;
  readonly log: Logger;
  /** A fresh address that signs one browser in, once. */
  signInUrl(): string;
  /** Resolves when every message is handled and no job runs. */
  idle(): Promise<void>;
  /** Stops taking messages, lets those in flight end, closes everything. */
  close(): Promise<void>;
}

export interface StandaloneOptions {
  readonly config: StandaloneConfig;
  /** Environment from which the services read their settings. */
  readonly environment: Environment;
  readonly version: string;
  /** Folder of the built console. */
  readonly consoleFolder: string;
  /** Folders besides the inbox that data may be read from. */
  readonly dataRoots: readonly string[];
}

/** The parts that all services of the process share. */
interface Shared {
  readonly home: string;
  readonly store: SqliteStore;
  readonly artifacts: FolderArtifactStore;
  readonly engine: Engine;
  readonly scorer: Scorer;
  readonly spans: SqliteSpanStore;
  readonly telemetry: RunningTelemetry;
  readonly log: Logger;
  readonly tokens: TokenFile;
  readonly sessions: Sessions;
  readonly authenticator: Authenticator;
  readonly journals: { readonly service: string; readonly journal: Journal }[];
}

/** Starts the services one after the other, then opens the doors. What was unfinished goes on by itself. */
export async function startStandalone(options: StandaloneOptions): Promise<RunningStandalone> {
  const shared = await openShared(options);
  const services: RunningService[] = [];
  try {
    for (const [name, module] of modulesOf(options, shared)) {
      services.push(await bootService({ platform: platformOf(shared, name), module }));
    }
    return await openDoors(options, shared, services);
  } catch (error) {
    await closeAll(shared, services);
    throw error;
  }
}

async function openShared({ config, version }: StandaloneOptions): Promise<Shared> {
  const home = resolve(config.home);
  await mkdir(join(home, 'inbox'), { recursive: true, mode: 0o700 });
  await sweepScratch();
  const logFile = createWriteStream(join(home, 'rondo.log'), { flags: 'a', mode: 0o600 });
  const log = createLogger({
    service: 'standalone',
    level: config.logLevel,
    write: (line) => void logFile.write(line),
  });
  const spans = new SqliteSpanStore(join(home, 'spans.db'));
  const telemetry = createTelemetry({
    service: 'standalone',
    version,
    sinks: [spans],
    processMetrics: true,
    onSinkError: (error) => log.error('spans were lost', {}, error),
    ...(config.otlpEndpoint !== undefined && { otlpEndpoint: config.otlpEndpoint }),
  });
  const store = SqliteStore.open(join(home, DATABASE), {
    busOptions: {
      onParked: (parked) =>
        log.error('message parked', {
          type: parked.delivery.type,
          group: parked.delivery.group,
          reason: parked.reason,
        }),
    },
  });
  const tokens = new TokenFile(home, systemClock);
  const sessions = new Sessions(systemClock);
  const doorJournal = store.journal('front-door', { currentTraceparent: () => telemetry.current() });
  const authenticator = new Authenticator({
    tokens,
    sessions,
    clock: systemClock,
    onDenied: (denial) => recordDenial(doorJournal, log, denial),
  });
  return {
    home,
    store,
    artifacts: new FolderArtifactStore(join(home, 'artifacts')),
    engine: new Engine(),
    scorer: createScorer({ maxThreads: 1 }),
    spans,
    telemetry,
    log,
    tokens,
    sessions,
    authenticator,
    journals: [{ service: 'front-door', journal: doorJournal }],
  };
}

function recordDenial(
  journal: Journal,
  log: Logger,
  denial: { method: string; principal: string; reason: string; atMs: number },
): void {
  const id = randomIds.next();
  const message = create(AccessDeniedSchema, {
    method: denial.method,
    principal: denial.principal,
    reason: denial.reason,
    at: timestampFromMs(denial.atMs),
  });
  const kept = journal.once({ consumer: 'front-door', messageId: id, actor: denial.principal || 'anonymous' }, (unit) =>
    unit.save({ kind: 'denial', id, state: {}, outgoing: [{ schema: AccessDeniedSchema, message, key: 'access' }] }),
  );
  kept.catch((error: unknown) => log.error('a denial could not be recorded', { method: denial.method }, error));
}

function platformOf(shared: Shared, service: string): Platform {
  const telemetry = shared.telemetry.forService(service);
  const known = shared.journals.find((item) => item.service === service)?.journal;
  const journal = known ?? shared.store.journal(service, { currentTraceparent: () => telemetry.current() });
  if (!known) shared.journals.push({ service, journal });
  return {
    service,
    bus: shared.store.bus,
    journal,
    artifacts: shared.artifacts,
    clock: systemClock,
    ids: randomIds,
    telemetry,
    log: shared.log.child({ service }),
  };
}

function modulesOf({ environment, version, dataRoots }: StandaloneOptions, shared: Shared): [string, DynamicModule][] {
  const { engine, scorer, authenticator, spans, journals, home } = shared;
  const surroundings: Surroundings = {
    version,
    mode: 'embedded',
    journals,
    spans: ({ cycleId, traceId }) =>
      Promise.resolve((cycleId ? spans.byCycle(cycleId) : spans.byTrace(traceId)).map(shownSpan)),
  };
  const authenticate = authenticator.authenticate.bind(authenticator);
  // A service's own default stands where the environment says nothing.
  const dataEnvironment = { RONDO_DATA_ROOTS: [join(home, 'inbox'), ...dataRoots].join(','), ...environment };
  const gatewayEnvironment = { RONDO_GATEWAY_STATE_FOLDER: join(home, 'gateway'), ...environment };
  return [
    [
      'control-plane',
      ControlPlaneModule.forRoot({ config: parseConfig(controlPlaneConfig, environment), surroundings }),
    ],
    ['data-prep', DataPrepModule.forRoot({ config: parseConfig(dataPrepConfig, dataEnvironment), authenticate })],
    ['drift-monitor', DriftMonitorModule.forRoot({ config: parseConfig(driftMonitorConfig, environment), engine })],
    ['labeling', LabelingModule.forRoot(parseConfig(labelingConfig, environment))],
    [
      'training',
      TrainingModule.forRoot({
        config: parseConfig(trainingConfig, environment),
        engine,
        scorer,
        path: environment['PATH'] ?? '',
      }),
    ],
    ['evaluation', EvaluationModule.forRoot({ config: parseConfig(evaluationConfig, environment), engine, scorer })],
    ['rollout', RolloutModule.forRoot(parseConfig(rolloutConfig, environment))],
    [
      'inference-gateway',
      InferenceGatewayModule.forRoot({ config: parseConfig(gatewayConfig, gatewayEnvironment), authenticate }),
    ],
  ];
}

function shownSpan(span: FinishedSpan): ShownSpan {
  const { parentSpanId, linkedTraceIds, attributes, ...rest } = span;
  return {
    ...rest,
    parentSpanId: parentSpanId ?? '',
    attributes: { ...attributes },
    linkedTraceIds: [...linkedTraceIds],
  };
}

async function openDoors(
  options: StandaloneOptions,
  shared: Shared,
  services: readonly RunningService[],
): Promise<RunningStandalone> {
  const { config, consoleFolder } = options;
  const { store, telemetry, log, authenticator, sessions, tokens } = shared;
  const stream = new StreamHub();
  const feed = await store.bus.subscribe({
    group: 'console-stream',
    topics: allTopics().filter((topic) => !/\.commands\.|\.serving\./.test(topic)),
    handle: (delivery) => {
      const kind = delivery.type.split('.').at(-1) ?? '';
      stream.publish({
        topic: delivery.topic,
        data: { pipeline: delivery.key, cycleId: delivery.headers['cycleid'] ?? '', kind },
      });
      return Promise.resolve();
    },
  });
  const intake = services.find((service) => service.name === 'data-prep') as RunningService;
  const door = await frontDoor({
    http: { host: config.host, port: config.httpPort },
    grpc: { host: config.host, port: config.grpcPort },
    rpcs: services.flatMap((service) => service.rpcServices()),
    authenticator,
    sessions,
    telemetry,
    log,
    stream,
    statics: consoleFolder,
    mounts: [{ path: '/v1/events', handler: intake.http, requires: 'producer' }],
  });
  const gateway = (services.find((service) => service.name === 'inference-gateway') as RunningService).app.get(
    InferenceGateway,
    { strict: false },
  );
  assert(gateway.addresses, 'the gateway listens once its service is booted');
  const { host: gatewayHost, httpPort, grpcPort } = gateway.addresses;
  return {
    door,
    gatewayHttpUrl: `http://${gatewayHost}:${httpPort}`,
    gatewayGrpcAddress: `${gatewayHost}:${grpcPort}`,
    store,
    tokens,
    log,
    signInUrl: () => `${door.httpUrl}/auth/signin?token=${sessions.createSignIn({ id: 'you', roles: ['admin'] })}`,
    idle: () => idle(store, services, gateway),
    close: async () => {
      await door.close();
      await feed.close();
      await closeAll(shared, services);
    },
  };
}

/**
 * A job may publish, a message may queue a job or change what the gateway serves, and the gateway publishes what it served: all of
 * them have to be idle at the same moment.
 */
async function idle(store: SqliteStore, services: readonly RunningService[], gateway: InferenceGateway): Promise<void> {
  do {
    await gateway.flush();
    await store.bus.idle();
    await Promise.all(services.map((service) => service.jobs.settled()));
    await gateway.flush();
  } while (!store.bus.isIdle || services.some((service) => !service.jobs.isIdle));
}

async function closeAll(shared: Shared, services: readonly RunningService[]): Promise<void> {
  for (const service of [...services].reverse()) await service.close();
  await shared.store.close();
  await shared.scorer.close();
  await shared.engine.close();
  await shared.telemetry.close();
  shared.spans.close();
}
