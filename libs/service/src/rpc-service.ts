import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { Injectable } from '@nestjs/common';
import { Defect } from '@rondo/kernel';
import type { RegisteredRpc, RpcContext } from './ports.js';

const RPC_SERVICE = Symbol('rondo.rpc-service');

/** What a class must offer to carry out a service: one method per RPC, under its local name. */
export type RpcImplementation<S extends DescService> = {
  [K in keyof S['method']]: S['method'][K] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: RpcContext) => Promise<MessageInitShape<O>>
    : S['method'][K] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: RpcContext) => AsyncIterable<MessageInitShape<O>>
      : never;
};

/** Marks a provider as the implementation of an API service; the compiler checks that every method is there and fits. */
export function RpcService<S extends DescService>(
  service: S,
): <C extends new (...dependencies: never[]) => RpcImplementation<S>>(target: C) => void {
  return (target) => {
    Injectable()(target);
    Reflect.defineMetadata(RPC_SERVICE, service, target);
  };
}

/** Finds the RPC services among the instances of an application. Throws a Defect when one service has two implementations. */
export function registeredRpcs(instances: Iterable<unknown>): RegisteredRpc[] {
  const found = new Map<string, RegisteredRpc>();
  for (const instance of instances) {
    if (instance === null || typeof instance !== 'object') continue;
    const service = Reflect.getMetadata(RPC_SERVICE, instance.constructor) as DescService | undefined;
    if (!service) continue;
    if (found.has(service.typeName)) throw new Defect(`${service.typeName} has two implementations`);
    const methods = service.methods.map(({ localName }) => {
      const method = (instance as Record<string, unknown>)[localName];
      if (typeof method !== 'function')
        throw new Defect(`${instance.constructor.name} lacks ${service.typeName}.${localName}`);
      return [localName, method.bind(instance)] as const;
    });
    found.set(service.typeName, { service, implementation: Object.fromEntries(methods) });
  }
  return [...found.values()];
}
