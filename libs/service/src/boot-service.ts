import 'reflect-metadata';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { BusServer } from '@rondo/messaging';
import { JobRunner } from './jobs/job-runner.js';
import { JobWakeUps } from './jobs/job-wake-ups.js';
import { nestLogger } from './nest-logger.js';
import { measureBacklog } from './measure-backlog.js';
import { observeDelivery } from './observe-delivery.js';
import { DURABLE_JOBS, PLATFORM, type Platform, type RegisteredRpc } from './ports.js';
import { registeredRpcs } from './rpc-service.js';

const HTTP_BODY_MAX = '1mb';

@Module({})
class PlatformModule {}

@Module({})
class ServiceRoot {}

/** What to start. The name of the service, which is also its consumer group, is `platform.service`. */
export interface ServiceOptions {
  readonly platform: Platform;
  readonly module: Type | DynamicModule;
  /** Deliveries with different keys in flight at once, default 64. */
  readonly concurrency?: number;
}

/** A service that runs. */
export interface RunningService {
  readonly name: string;
  readonly app: NestExpressApplication;
  readonly jobs: JobRunner;
  /** The API services its module offers, for the front door to serve. */
  rpcServices(): RegisteredRpc[];
  /** The Express application with the module's HTTP controllers; nobody listens on it yet. */
  readonly http: (request: unknown, response: unknown) => void;
  /** Stops taking messages, waits for those in flight, gives running jobs back. The platform stays open. */
  close(): Promise<void>;
}

/**
 * Starts a service: its Nest application, its subscription to the topics of its `@HandleEvent` methods, its durable jobs.
 * Rejects when a message type has two handlers or a dependency is missing; nothing consumes messages then.
 */
export async function bootService({ platform, module, concurrency }: ServiceOptions): Promise<RunningService> {
  const jobs = new JobRunner(platform);
  const providers = [
    { provide: PLATFORM, useValue: platform },
    { provide: DURABLE_JOBS, useValue: jobs },
  ];
  const root: DynamicModule = {
    module: ServiceRoot,
    imports: [{ module: PlatformModule, global: true, providers, exports: [PLATFORM, DURABLE_JOBS] }, module],
    controllers: [JobWakeUps],
  };
  const app = await NestFactory.create<NestExpressApplication>(root, new ExpressAdapter(), {
    logger: nestLogger(platform.log),
    abortOnError: false,
    bodyParser: false,
  });
  app.useBodyParser('json', { limit: HTTP_BODY_MAX, type: ['application/json', 'application/*+json'] });
  const strategy = new BusServer({
    bus: platform.bus,
    group: platform.service,
    around: observeDelivery(platform),
    ...(concurrency !== undefined && { concurrency }),
  });
  app.connectMicroservice({ strategy });
  try {
    await app.init();
    const rpcs = registeredRpcs(instancesOf(app));
    await app.startAllMicroservices();
    await jobs.recover();
    const stopMeasuring = measureBacklog(platform, jobs);
    return {
      name: platform.service,
      app,
      jobs,
      rpcServices: () => rpcs,
      http: app.getHttpAdapter().getInstance() as RunningService['http'],
      close: async () => {
        stopMeasuring();
        await strategy.close();
        await jobs.stop();
        await app.close();
      },
    };
  } catch (error) {
    await strategy.close();
    throw error;
  }
}

function* instancesOf(app: NestExpressApplication): Generator<unknown> {
  for (const module of app.get(ModulesContainer).values()) {
    for (const wrapper of module.providers.values()) yield wrapper.instance;
    for (const wrapper of module.controllers.values()) yield wrapper.instance;
  }
}
