import type { DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, type Client, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { registry } from '@rondo/contracts';
import { typedClient } from './typed-client.js';
import { ERROR_HEADER, errorFromWire } from './wire-error.js';

export interface ConnectClientOptions {
  /** For example `http://127.0.0.1:4700`. */
  readonly baseUrl: string;
  readonly token?: string;
  /** Deadline of calls without their own, in ms. Default 15 s for unary calls. */
  readonly timeoutMs?: number;
  /** Default `connect`: JSON over plain HTTP. */
  readonly protocol?: 'connect' | 'grpc-web';
}

/** A client over HTTP/1.1, typed by the service's descriptor. Errors are PermanentError or TransientError. */
export function connectClient<S extends DescService>(service: S, options: ConnectClientOptions): Client<S> {
  const common = {
    baseUrl: options.baseUrl,
    httpVersion: '1.1' as const,
    interceptors: [withToken(options.token)],
    ...(options.timeoutMs !== undefined && { defaultTimeoutMs: options.timeoutMs }),
    jsonOptions: { registry },
  };
  const transport =
    options.protocol === 'grpc-web'
      ? createGrpcWebTransport(common)
      : createConnectTransport({ ...common, useBinaryFormat: false });
  return typedClient(service, transport, translate);
}

const withToken =
  (token: string | undefined): Interceptor =>
  (next) =>
  (request) => {
    if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };

function translate(error: unknown): Error {
  const connect = ConnectError.from(error, Code.Unavailable);
  return errorFromWire(connect.code, connect.rawMessage, connect.metadata.get(ERROR_HEADER) ?? undefined);
}
