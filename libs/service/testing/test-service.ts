import type { DescService } from '@bufbuild/protobuf';
import type { DynamicModule, Type } from '@nestjs/common';
import { Defect } from '@rondo/kernel';
import { bootService, type RunningService } from '../src/boot-service.js';
import type { RpcContext } from '../src/ports.js';
import type { RpcImplementation } from '../src/rpc-service.js';
import type { TestPlatform } from './test-platform.js';

/** A service started for a spec. */
export interface TestService {
  readonly service: RunningService;
  /** A provider of the service. */
  get<T>(token: Type<T> | symbol | string): T;
  /** The implementation of an API service, to be called directly; see {@link rpcContext}. */
  rpc<S extends DescService>(service: S): RpcImplementation<S>;
  /** Resolves when no message can be delivered and no job runs; retries and timers wait for the clock to be moved. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a service on a test platform. */
export async function testService(platform: TestPlatform, module: Type | DynamicModule): Promise<TestService> {
  const service = await bootService({ platform, module });
  return {
    service,
    get: (token) => service.app.get(token, { strict: false }),
    rpc: <S extends DescService>(desc: S) => {
      const found = service.rpcServices().find((rpc) => rpc.service.typeName === desc.typeName);
      if (!found) throw new Defect(`${platform.service} does not offer ${desc.typeName}`);
      return found.implementation as unknown as RpcImplementation<S>;
    },
    drain: () => drain(platform, [service]),
    close: () => service.close(),
  };
}

/** Resolves when no message can be delivered and no job of the services runs. Never sleeps. */
export async function drain(platform: TestPlatform, services: readonly RunningService[]): Promise<void> {
  do {
    await platform.bus.idle();
    await Promise.all(services.map(({ jobs }) => jobs.settled()));
  } while (!platform.bus.isIdle || !services.every(({ jobs }) => jobs.isIdle));
}

/** A call by somebody with the given roles. */
export function rpcContext(id = 'alice', ...roles: RpcContext['principal']['roles']): RpcContext {
  return { principal: { id, roles: roles.length > 0 ? roles : ['admin'] }, signal: new AbortController().signal };
}
