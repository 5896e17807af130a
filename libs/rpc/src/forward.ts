import { create, type DescMethodServerStreaming, type DescMethodUnary, type DescService } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { PermanentError } from '@rondo/kernel';
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

/** Calls are spread over the replicas; one that cannot be reached is left out until it can. */
const SPREAD = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/**
 * Offers services that another process owns: every method of each descriptor passes its message on and hands back the answer, with
 * the caller's token or session, the time that is left, the trace and, on failure, the error as the owner sent it.
 * @throws PermanentError `invalid` when there are several addresses and not all are IP addresses
 */
export function forwardTo(services: readonly DescService[], options: ForwardOptions): Forwarder {
  const channel = new grpc.Client(targetOf(options), grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.service_config': SPREAD,
    'grpc.max_reconnect_backoff_ms': 2_000,
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
  return async (request: never, context: Context) => {
    try {
      const { origin, signal } = context;
      const response = await transport.unary(
        method,
        signal,
        origin.timeoutMs,
        headersOf(context),
        create(method.input, request),
      );
      return response.message;
    } catch (error) {
      throw handedOn(error, owner);
    }
  };
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
  const header = metadata?.get(ERROR_HEADER)[0];
  if (typeof header !== 'string' && code === grpc.status.UNAVAILABLE) {
    return new RpcFailure(
      `${owner} does not answer; try again`,
      { code: 'unavailable', retryAfterMs: 1000 },
      true,
      error,
    );
  }
  return failureFromWire(code, details ?? '', typeof header === 'string' ? header : undefined, error);
}
