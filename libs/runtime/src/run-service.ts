import { hostname } from 'node:os';
import type { DynamicModule } from '@nestjs/common';
import { sweepScratch, type S3Address } from '@rondo/artifacts';
import {
  ConfigError,
  parseConfig,
  type ConfigOf,
  type ConfigProblem,
  type ConfigSchema,
  type Environment,
} from '@rondo/config';
import { Engine } from '@rondo/datasets';
import type { Journal } from '@rondo/journal';
import { messageOf, PermanentError, randomIds, systemClock } from '@rondo/kernel';
import { createScorer, type Scorer } from '@rondo/models';
import { frontDoor, type Mount, type RunningFrontDoor } from '@rondo/rpc';
import type { Authenticator } from '@rondo/security';
import { bootService, type Platform, type RunningService } from '@rondo/service';
import { createLogger, createTelemetry, type Logger, type RunningTelemetry } from '@rondo/telemetry';
import { openApi, type OpenApi } from './api.js';
import { apiConfig, runtimeConfig, type ApiConfig, type RuntimeConfig } from './config.js';
import { connect, s3AddressOf, type Connections } from './connections.js';
import { misspeltVariables } from './misspelt.js';
import { SERVICES, type ServiceName } from './owners.js';
import { patiently } from './readiness.js';
import { recognition, type Recognition } from './recognise.js';

/** Version of all processes. */
export const VERSION = '0.1.0';

const NO_ARTIFACT = `sha256:${'0'.repeat(64)}`;

/** What the module of a service may need from the process that runs it. */
export interface ModuleParts<C extends ConfigSchema> {
  readonly config: ConfigOf<C>;
  readonly version: string;
  readonly environment: Environment;
  readonly authenticate: Authenticator['authenticate'];
  /** The process's data engine; made when it is first asked for. */
  engine(): Engine;
  /** The process's model scorer; made when it is first asked for. */
  scorer(): Scorer;
  /** Where the bucket is and how requests to it are signed. */
  readonly s3: S3Address;
  /** Address of a trace, when the settings say where traces are kept. */
  readonly traceUrl: ((traceId: string) => string) | undefined;
  /** The journals of all services, for reading. */
  journals(): { readonly service: string; readonly journal: Journal }[];
}

/** A service as its `main.ts` describes it. */
export interface ServiceDefinition<C extends ConfigSchema> {
  readonly name: ServiceName;
  /** Settings of the service itself. */
  readonly config: C;
  readonly module: (parts: ModuleParts<C>) => DynamicModule;
  /** Parts of the HTTP port that the service answers itself. */
  readonly mounts?: (service: RunningService) => readonly Mount[];
  /** Where else it listens, for the log. */
  readonly addresses?: (service: RunningService) => Readonly<Record<string, string>>;
  /** Serves the whole API, console included; what other processes own is forwarded. */
  readonly servesApi?: boolean;
}

/** A service that runs in this process. */
export interface RunningProcess {
  readonly door: RunningFrontDoor;
  readonly service: RunningService;
  /** Stops consuming, ends what is in flight, gives jobs and leases back, closes. */
  close(): Promise<void>;
}

/**
 * Runs a service until SIGTERM or SIGINT. Sets the exit code: 0 after a clean end, 1 when it could not start or did not end in
 * time; what is wrong is on standard error, one line for each problem.
 */
export async function runService<C extends ConfigSchema>(
  definition: ServiceDefinition<C>,
  environment: Environment,
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  let running: RunningProcess;
  try {
    running = await startService(definition, environment);
  } catch (error) {
    const expected = error instanceof PermanentError;
    process.stderr.write(`rondo ${definition.name}: ${expected ? error.message : describe(error)}\n`);
    process.exit(1);
  }
  await asked;
  const { shutdownMs } = parseConfig(runtimeConfig, environment);
  const timer = setTimeout(() => {
    process.stderr.write(`rondo ${definition.name}: did not end within ${shutdownMs} ms\n`);
    process.exit(1);
  }, shutdownMs);
  await running.close();
  clearTimeout(timer);
  process.exit(0);
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : messageOf(error);

/** Starts a service in this process. @throws ConfigError or StartProblems naming everything that is wrong */
export async function startService<C extends ConfigSchema>(
  definition: ServiceDefinition<C>,
  environment: Environment,
): Promise<RunningProcess> {
  const settings = parseAll(definition, environment);
  const { runtime } = settings;
  const log = createLogger({
    service: definition.name,
    level: runtime.logLevel,
    write: (line) => void process.stdout.write(line),
  });
  const unknown = misspeltVariables(environment);
  if (unknown.length > 0) log.warn('variables that no setting has', { variables: unknown.join(', ') });
  const telemetry = createTelemetry({
    service: definition.name,
    version: VERSION,
    processMetrics: true,
    sampleRatio: runtime.traceSampleRatio,
    ...(runtime.otlpEndpoint !== undefined && { otlpEndpoint: runtime.otlpEndpoint }),
  });
  await sweepScratch();
  if (runtime.scratchFolder !== undefined) await sweepScratch(runtime.scratchFolder);
  const connections = await connect(runtime, `rondo-${definition.name}`, log);
  const life = new Life(definition, { ...settings, environment, connections, telemetry, log });
  try {
    return await life.start();
  } catch (error) {
    await life.close();
    throw error;
  }
}

interface Settings<C extends ConfigSchema> {
  readonly runtime: RuntimeConfig;
  readonly api: ApiConfig;
  readonly own: ConfigOf<C>;
}

/** All problems of all settings at once. */
function parseAll<C extends ConfigSchema>(
  { config, servesApi }: ServiceDefinition<C>,
  environment: Environment,
): Settings<C> {
  const problems: ConfigProblem[] = [];
  const parsed = [runtimeConfig, servesApi ? apiConfig : {}, config].map((schema) => {
    try {
      return parseConfig(schema as ConfigSchema, environment);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return { runtime: parsed[0] as RuntimeConfig, api: parsed[1] as ApiConfig, own: parsed[2] as ConfigOf<C> };
}

type Surroundings<C extends ConfigSchema> = Settings<C> & {
  readonly environment: Environment;
  readonly connections: Connections;
  readonly telemetry: RunningTelemetry;
  readonly log: Logger;
};

/** What is open, in the order it was opened; closed the other way round. */
class Life<C extends ConfigSchema> {
  readonly #definition: ServiceDefinition<C>;
  readonly #around: Surroundings<C>;
  readonly #closing: (() => Promise<unknown> | void)[] = [];

  constructor(definition: ServiceDefinition<C>, around: Surroundings<C>) {
    this.#definition = definition;
    this.#around = around;
    this.#closing.push(
      () => around.telemetry.close(),
      () => around.connections.close(),
    );
  }

  async start(): Promise<RunningProcess> {
    const { runtime, connections, log } = this.#around;
    const platform = this.#platform();
    const recognised = recognition({
      tokensFile: runtime.tokensFile,
      sessionKey: runtime.sessionKey?.reveal(),
      journal: connections.store.journal('front-door'),
      log,
    });
    this.#closing.push(() => recognised.close());
    const module = this.#definition.module(this.#parts(recognised));
    const service = await bootService({ platform, module });
    this.#closing.push(() => service.close());
    const door = await this.#openDoor(service, platform, recognised);
    this.#closing.push(() => door.close());
    log.info('the service runs', {
      http: door.httpUrl,
      grpc: door.grpcAddress,
      replica: platform.replica!.name,
      ...this.#definition.addresses?.(service),
    });
    return { door, service, close: () => this.close() };
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        this.#around.log.warn('something could not be closed cleanly', { 'error.message': messageOf(error) });
      }
    }
  }

  #platform(): Platform {
    const { runtime, connections, telemetry, log } = this.#around;
    const { name: service } = this.#definition;
    const replica = runtime.replica ?? `${hostname()}-${randomIds.next().slice(-12)}`;
    return {
      service,
      replica: { name: replica, jobLeaseMs: runtime.jobLeaseMs },
      bus: connections.bus,
      journal: connections.store.journal(service, { currentTraceparent: () => telemetry.current() }),
      artifacts: connections.artifacts,
      clock: systemClock,
      ids: randomIds,
      telemetry,
      log: log.child({ 'rondo.replica': replica }),
    };
  }

  #parts({ authenticator }: Recognition): ModuleParts<C> {
    const { runtime, own, api, environment, connections } = this.#around;
    const template = api.traceUrlTemplate;
    let engine: Engine | undefined;
    let scorer: Scorer | undefined;
    this.#closing.push(
      () => engine?.close(),
      () => scorer?.close(),
    );
    return {
      config: own,
      version: VERSION,
      environment,
      s3: s3AddressOf(runtime),
      traceUrl: template === undefined ? undefined : (traceId) => template.replaceAll('{traceId}', traceId),
      authenticate: authenticator.authenticate.bind(authenticator),
      engine: () => (engine ??= new Engine({ threads: 1 })),
      scorer: () => (scorer ??= createScorer({ maxThreads: 1 })),
      journals: () =>
        ['front-door', ...SERVICES].map((service) => ({
          service,
          journal: connections.store.journal(service, { readOnly: true }),
        })),
    };
  }

  async #openDoor(service: RunningService, platform: Platform, recognised: Recognition): Promise<RunningFrontDoor> {
    const { runtime, api, connections, telemetry, log } = this.#around;
    let opened: OpenApi | undefined;
    if (this.#definition.servesApi) {
      opened = await openApi({ config: api, own: service.rpcServices(), platform });
      this.#closing.push(() => opened?.close());
    }
    return frontDoor({
      http: { host: runtime.host, port: runtime.httpPort },
      grpc: { host: runtime.host, port: runtime.grpcPort },
      rpcs: [...service.rpcServices(), ...(opened?.rpcs ?? [])],
      authenticator: recognised.authenticator,
      telemetry,
      log,
      hosts: runtime.publicHosts,
      mounts: [...(this.#definition.mounts?.(service) ?? []), ...(opened?.mounts ?? [])],
      ready: {
        bus: patiently(() => connections.bus.check()),
        store: patiently(() => platform.journal.load('readiness', 'none')),
        artifacts: patiently(() => connections.artifacts.has(NO_ARTIFACT)),
      },
      ...(opened && { sessions: recognised.sessions, stream: opened.stream }),
      ...(opened && api.consoleFolder !== undefined && { statics: api.consoleFolder }),
    });
  }
}
