import { create, type DescMethodServerStreaming, type DescMethodUnary, type DescService } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs, PermanentError } from '@rondo/kernel';
import type { RegisteredRpc, RpcContext } from '@rondo/service';
import { GrpcTransport } from './grpc-client.js';
import type { CallOrigin } from './routes.js';
import { ERROR_HEADER, failureFromWire, RpcFailure } from './wire-error.js';

/** Who owns the services that are forwarded. */
export interface ForwardOptions {
  /** Name of the owner, for messages. */
  readonly owner: string;
  /** Addresses `host:port` of its replicas. One name may stand for several addresses in DNS; all of them are used in turn. */
  readonly addresses: readonly string[];
}

/** Services of another process, offered here. */
export interface Forwarder {
  readonly rpcs: readonly RegisteredRpc[];
  close(): void;
}

type Context = RpcContext & { readonly origin: CallOrigin };

/** About three seconds in all: replicas of an owner that are restarted one after the other are not noticed. */
const ATTEMPTS = 6;
const AGAIN = { initialMs: 100, factor: 2, maxMs: 1_600 };

/** Calls are spread over the replicas; one that cannot be reached is left out until it can. */
const SPREAD = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/**
 * Offers services that another process owns: every method of each descriptor passes its message on and hands back the answer, with
 * the caller's token or session, the time that is left, the trace and, on failure, the error as the owner sent it. A read, or a
 * request with an id, is sent again for about three seconds while no replica of the owner can be reached.
 * @throws PermanentError `invalid` when there are several addresses and not all are IP addresses
 */
export function forwardTo(services: readonly DescService[], options: ForwardOptions): Forwarder {
  const channel = new grpc.Client(targetOf(options), grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.service_config': SPREAD,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.keepalive_time_ms': 30_000,
  });
  const transport = new GrpcTransport(channel, { address: '' });
  const rpcs = services.map((service) => ({
    service,
    implementation: Object.fromEntries(
      service.methods.map((method) => [
        method.localName,
        method.methodKind === 'unary'
          ? unary(method as DescMethodUnary, transport, options.owner)
          : streaming(method as DescMethodServerStreaming, transport, options.owner),
      ]),
    ),
  }));
  return { rpcs: rpcs as RegisteredRpc[], close: () => channel.close() };
}

function targetOf({ owner, addresses }: ForwardOptions): string {
  const [first = '', ...others] = addresses;
  if (others.length === 0 && first !== '') return `dns:///${first}`;
  const isIp = addresses.every((address) => /^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$/.test(address));
  if (isIp && addresses.length > 0) return `ipv4:${addresses.join(',')}`;
  throw new PermanentError(
    'invalid',
    `the addresses of ${owner} must be one name and port, or several IPv4 addresses with ports`,
    {
      field: owner,
      value: addresses.join(','),
      rule: 'name:port, or a.b.c.d:port,…',
    },
  );
}

function unary(method: DescMethodUnary, transport: GrpcTransport, owner: string) {
  const mayRepeat = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return async (request: never, context: Context) => {
    const { origin, signal } = context;
    const message = create(method.input, request);
    const untilMs = performance.now() + (origin.timeoutMs ?? Infinity);
    for (let attempt = 1; ; attempt++) {
      try {
        const leftMs = Number.isFinite(untilMs) ? Math.max(1, untilMs - performance.now()) : undefined;
        return (await transport.unary(method, signal, leftMs, headersOf(context), message)).message;
      } catch (error) {
        const isOver = attempt === ATTEMPTS || signal.aborted || performance.now() >= untilMs;
        if (isOver || !isUnanswered(error) || !(mayRepeat || isIdentified(message))) throw handedOn(error, owner);
        await pause(backoffMs(AGAIN, attempt, 0.5));
      }
    }
  };
}

/** True for a request that its id makes happen once however often it is sent. */
function isIdentified(message: object): boolean {
  return 'requestId' in message && typeof message.requestId === 'string' && message.requestId !== '';
}

/** True when the connection failed and the owner said nothing. */
function isUnanswered(error: unknown): boolean {
  const { code, metadata } = error as Partial<grpc.ServiceError>;
  return code === grpc.status.UNAVAILABLE && metadata?.get(ERROR_HEADER)[0] === undefined;
}

function streaming(method: DescMethodServerStreaming, transport: GrpcTransport, owner: string) {
  return async function* (request: never, context: Context) {
    const left = new AbortController();
    try {
      const signal = AbortSignal.any([context.signal, left.signal]);
      const requests = (async function* () {
        yield await Promise.resolve(create(method.input, request));
      })();
      const response = await transport.stream(method, signal, undefined, headersOf(context), requests);
      yield* response.message;
    } catch (error) {
      throw handedOn(error, owner);
    } finally {
      left.abort();
    }
  };
}

function headersOf({ origin, traceparent }: Context): Record<string, string> {
  const { authorization, cookie } = origin;
  return {
    ...(authorization !== undefined && { authorization }),
    ...(authorization === undefined && cookie !== undefined && { cookie }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** What the owner said, as it said it; when it said nothing, that it does not answer. */
function handedOn(error: unknown, owner: string): unknown {
  const { code, details, metadata } = error as Partial<grpc.ServiceError>;
  if (typeof code !== 'number') return error;
  if (isUnanswered(error)) {
    return new RpcFailure(
      `${owner} does not answer; try again`,
      { code: 'unavailable', retryAfterMs: 1000 },
      true,
      error,
    );
  }
  const header = metadata?.get(ERROR_HEADER)[0];
  return failureFromWire(code, details ?? '', typeof header === 'string' ? header : undefined, error);
}
