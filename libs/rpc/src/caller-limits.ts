import { createServer, type RequestListener, type Server } from 'node:http';
import * as grpc from '@grpc/grpc-js';

/** What a port gives a single caller, so that slow, broken or hostile ones cannot take it from the others. */
export interface CallerLimits {
  /** Longest time until the head of a request is complete, in ms. */
  readonly headMs: number;
  /** Longest time until a request is complete, body included, in ms. */
  readonly requestMs: number;
  /** Longest silence on an HTTP connection, in ms, also while an answer is written that nobody reads; 0 where streams may be silent. */
  readonly silenceMs: number;
  /** Open HTTP connections; further ones are closed at once. */
  readonly connectionsMax: number;
}

/** Limits that no honest caller meets. */
export const CALLER_LIMITS: CallerLimits = { headMs: 10_000, requestMs: 30_000, silenceMs: 0, connectionsMax: 2_000 };

const HEAD_BYTES_MAX = 16_384;

/** Time between two calls after which a caller has to connect again, in ms; above the 60 s of common load balancers. */
const KEEP_ALIVE_MS = 65_000;

/** Silence after which the operating system asks whether the other side is still there, in ms. */
const PROBE_AFTER_MS = 30_000;

/** An HTTP server that holds its callers to the limits. Node answers 408 to a request that is not complete in time. */
export function limitedHttpServer(limits: CallerLimits, listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      // Node looks every 30 s by default, so a limit of 10 s would be one of 40 s.
      connectionsCheckingInterval: Math.ceil(limits.headMs / 10),
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
    },
    listener,
  );
  server.maxConnections = limits.connectionsMax;
  server.setTimeout(limits.silenceMs);
  return server;
}

/** Options of a gRPC server by which dead connections and requests that never end are cut. */
export function limitedGrpc(limits: CallerLimits): grpc.ServerOptions {
  return {
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    interceptors: [requestTimeout(limits.requestMs)],
  };
}

/** Ends calls of one request message that is not complete in time with DEADLINE_EXCEEDED. */
function requestTimeout(requestMs: number): grpc.ServerInterceptor {
  return (method, call) => {
    if (method.requestStream) return new grpc.ServerInterceptingCall(call);
    const timer = setTimeout(
      () =>
        intercepting.sendStatus({
          code: grpc.status.DEADLINE_EXCEEDED,
          details: `the request was not complete after ${requestMs} ms`,
        }),
      requestMs,
    );
    const listener = new grpc.ServerListenerBuilder()
      .withOnReceiveHalfClose((next) => {
        clearTimeout(timer);
        next();
      })
      .withOnCancel(() => clearTimeout(timer))
      .build();
    const intercepting = new grpc.ServerInterceptingCall(
      call,
      new grpc.ResponderBuilder()
        .withStart((next) => next(listener))
        .withSendStatus((status, next) => {
          clearTimeout(timer);
          next(status);
        })
        .build(),
    );
    return intercepting;
  };
}
