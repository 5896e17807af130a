import { fromBinary, toBinary, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { CallChain, IncomingCall } from './call-chain.js';
import { limitedGrpc, type CallerLimits } from './caller-limits.js';
import { healthDefinition, healthHandlers, type HealthStatus } from './grpc-health.js';
import { reflectionServices } from './grpc-reflection.js';
import type { RpcRoute } from './routes.js';
import { serviceError } from './grpc-error.js';

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: readonly RpcRoute[];
  readonly services: readonly DescService[];
  readonly chain: CallChain;
  readonly health: HealthStatus;
  /** Refuses callers that may not read the description of the API. @throws */
  readonly admitReflection: (metadata: grpc.Metadata, peer: string) => void;
  /** Largest message either way, in bytes. */
  readonly messageBytes: number;
  readonly limits: CallerLimits;
}

/** A gRPC server that runs. */
export interface RunningGrpcServer {
  readonly port: number;
  /** Lets running calls end for `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Serves the routes with @grpc/grpc-js, from protobuf-es descriptors: no .proto file is read at run time. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<RunningGrpcServer> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.messageBytes,
    'grpc.max_send_message_length': options.messageBytes * 4,
    'grpc.max_concurrent_streams': 200,
    ...limitedGrpc(options.limits),
  });
  for (const service of options.services) {
    const routes = options.routes.filter((route) => route.method.parent === service);
    const handlers = routes.map((route) => [route.method.name, handlerOf(route, options.chain)] as const);
    server.addService(definitionOf(service), Object.fromEntries(handlers) as grpc.UntypedServiceImplementation);
  }
  server.addService(healthDefinition, healthHandlers(options.health));
  for (const { definition, handlers } of reflectionServices(options.services, options.admitReflection))
    server.addService(definition, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${options.host}:${options.port}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, close: (graceMs) => closeServer(server, graceMs) };
}

function closeServer(server: grpc.Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Requests arrive as bytes: the caller is recognised before anything is decoded. */
function definitionOf(service: DescService): grpc.ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [
      method.name,
      {
        path: `/${service.typeName}/${method.name}`,
        originalName: method.localName,
        requestStream: false,
        responseStream: method.methodKind === 'server_streaming',
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
        responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
      },
    ]),
  );
}

function handlerOf(route: RpcRoute, chain: CallChain): grpc.UntypedHandleCall {
  return route.method.methodKind === 'unary' ? unaryHandler(route, chain) : streamHandler(route, chain);
}

function unaryHandler(route: RpcRoute, chain: CallChain): grpc.handleUnaryCall<Buffer, Message> {
  return (call, callback) => {
    const incoming = incomingOf(route, call);
    Promise.resolve()
      .then(() => chain.unary(incoming, chain.admit(incoming), () => decode(route.method, call.request)))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(serviceError(error)),
      );
  };
}

function streamHandler(route: RpcRoute, chain: CallChain): grpc.handleServerStreamingCall<Buffer, Message> {
  return (call) => {
    const incoming = incomingOf(route, call);
    const run = async (): Promise<void> => {
      for await (const message of chain.stream(incoming, chain.admit(incoming), () =>
        decode(route.method, call.request),
      )) {
        if (!call.write(message)) await drained(call, incoming.signal);
      }
      call.end();
    };
    run().catch((error: unknown) => call.emit('error', serviceError(error)));
  };
}

const drained = (call: grpc.ServerWritableStream<Buffer, Message>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    call.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

type AnyCall = grpc.ServerUnaryCall<Buffer, Message> | grpc.ServerWritableStream<Buffer, Message>;

function incomingOf(route: RpcRoute, call: AnyCall): IncomingCall {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  const deadline = call.getDeadline();
  const deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime();
  return {
    route,
    system: 'grpc',
    credentials: credentialsOf(call.metadata, call.getPeer()),
    traceparent: firstText(call.metadata, 'traceparent'),
    signal: gone.signal,
    ...(Number.isFinite(deadlineMs) && { timeoutMs: deadlineMs - Date.now() }),
  };
}

/** What gRPC metadata say about the caller. */
export function credentialsOf(metadata: grpc.Metadata, peer: string): IncomingCall['credentials'] {
  return {
    authorization: firstText(metadata, 'authorization'),
    cookie: firstText(metadata, 'cookie'),
    remoteAddress: peer.replace(/:\d+$/, ''),
  };
}

function firstText(metadata: grpc.Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}

function decode(method: DescMethod, bytes: Buffer): Message {
  try {
    return fromBinary(method.input, bytes);
  } catch (cause) {
    throw new PermanentError('invalid', `the request is not a ${method.input.typeName}: ${messageOf(cause)}`, {
      field: method.input.typeName,
      rule: 'protobuf wire format',
      reason: 'MESSAGE_MALFORMED',
      cause,
    });
  }
}
