import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Message } from '@bufbuild/protobuf';
import {
  type Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type ConnectRouter,
  type HandlerContext,
} from '@connectrpc/connect';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import { registry } from '@rondo/contracts';
import type { Principal } from '@rondo/security';
import type { Logger } from '@rondo/telemetry';
import type { CallChain, IncomingCall } from './call-chain.js';
import type { RpcRoute } from './routes.js';
import { encodeDetail, ERROR_HEADER, failureOf } from './wire-error.js';

const REMOTE = createContextKey<string>('', { description: 'remote address' });
const CALLER = createContextKey<Principal | undefined>(undefined, { description: 'principal' });

export interface ConnectRoutesOptions {
  readonly routes: readonly RpcRoute[];
  readonly chain: CallChain;
  readonly messageBytes: number;
  readonly log: Logger;
}

/** Serves the routes as Connect (JSON and binary, GET for reads) and gRPC-Web; other paths go to `fallback`. */
export function connectRoutes(
  options: ConnectRoutesOptions,
  fallback: (request: IncomingMessage, response: ServerResponse) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  const handlers = new Map(routerOf(options).handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get((request.url ?? '').split('?', 1)[0]!);
    if (!handler) return fallback(request, response);
    // By default, leaving the body half read destroys the request without freeing the connection, and the next call on it hangs.
    request[Symbol.asyncIterator] = () => request.iterator({ destroyOnReturn: false });
    const values = createContextValues().set(REMOTE, request.socket.remoteAddress ?? '');
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        // A caller who left needs no answer; anything else cuts the connection, since part of an answer may be out.
        if (!request.socket.destroyed) options.log.error(`answering ${handler.requestPath} failed`, {}, error);
        response.destroy();
      });
  };
}

function routerOf({ routes, chain, messageBytes }: ConnectRoutesOptions): ConnectRouter {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const router = createConnectRouter({
    grpc: false,
    acceptCompression: [compressionGzip],
    readMaxBytes: messageBytes,
    writeMaxBytes: messageBytes * 4,
    // A weight of 0 % is an answer, not an absence.
    jsonOptions: { alwaysEmitImplicit: true, registry },
    requestGate: (context) => {
      const route = byName.get(`${context.service.typeName}/${context.method.name}`)!;
      context.values.set(
        CALLER,
        guarded(() => chain.admit(incomingOf(route, context))),
      );
    },
  });
  for (const route of routes) {
    if (route.method.methodKind === 'unary') {
      router.rpc(route.method, (request: Message, context: HandlerContext) =>
        chain.unary(incomingOf(route, context), context.values.get(CALLER)!, () => request).catch(rethrow),
      );
    } else {
      router.rpc(route.method, async function* (request: Message, context: HandlerContext) {
        try {
          yield* chain.stream(incomingOf(route, context), context.values.get(CALLER)!, () => request);
        } catch (error) {
          rethrow(error);
        }
      });
    }
  }
  return router;
}

function incomingOf(route: RpcRoute, context: HandlerContext): IncomingCall {
  const header = (name: string): string | undefined => context.requestHeader.get(name) ?? undefined;
  return {
    route,
    system: 'connect_rpc',
    credentials: {
      authorization: header('authorization'),
      cookie: header('cookie'),
      remoteAddress: context.values.get(REMOTE),
    },
    traceparent: header('traceparent'),
    signal: context.signal,
    timeoutMs: context.timeoutMs(),
  };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    rethrow(error);
  }
}

function rethrow(error: unknown): never {
  const failure = failureOf(error);
  throw new ConnectError(failure.message, failure.status as Code, { [ERROR_HEADER]: encodeDetail(failure.detail) });
}
