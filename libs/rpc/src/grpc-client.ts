import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { type Client, type StreamResponse, type Transport, type UnaryResponse } from '@connectrpc/connect';
import * as grpc from '@grpc/grpc-js';
import { typedClient } from './typed-client.js';
import { ERROR_HEADER, errorFromWire } from './wire-error.js';

type HeadersLike = ConstructorParameters<typeof Headers>[0];

export interface GrpcClientOptions {
  /** `host:port`. */
  readonly address: string;
  readonly token?: string;
  /** Deadline of unary calls without their own, in ms. Default 15 s. */
  readonly timeoutMs?: number;
  /** Sent with every call as `traceparent`, when it gives one. */
  readonly traceparent?: () => string | undefined;
}

/** Calls to one address over gRPC, shared by its clients. */
export interface GrpcConnection {
  /** A client typed by the service's descriptor. Errors are PermanentError or TransientError with the detail the server sent. */
  client<S extends DescService>(service: S): Client<S>;
  close(): void;
}

/** Opens a connection; nothing is sent before the first call. */
export function grpcConnection(options: GrpcClientOptions): GrpcConnection {
  const channel = new grpc.Client(options.address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
  });
  const transport = new GrpcTransport(channel, options);
  return { client: (service) => typedClient(service, transport, wireError), close: () => channel.close() };
}

/** A client of one service with a connection of its own. */
export function grpcClient<S extends DescService>(
  service: S,
  options: GrpcClientOptions,
): Client<S> & { close(): void } {
  const connection = grpcConnection(options);
  return Object.assign(connection.client(service), { close: () => connection.close() });
}

/** A Connect transport on @grpc/grpc-js, so that generated types and grpc-js meet. */
export class GrpcTransport implements Transport {
  readonly #client: grpc.Client;
  readonly #options: GrpcClientOptions;

  constructor(client: grpc.Client, options: GrpcClientOptions) {
    this.#client = client;
    this.#options = options;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersLike,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    return new Promise((resolve, reject) => {
      const trailer = new Headers();
      const call = this.#client.makeUnaryRequest(
        pathOf(method),
        (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        create(method.input, input),
        this.#metadata(header),
        { deadline: Date.now() + (timeoutMs ?? this.#options.timeoutMs ?? 15_000) },
        (error, message) => {
          if (error) reject(error);
          else
            resolve({
              stream: false,
              service: method.parent,
              method,
              header: new Headers(),
              trailer,
              message: message!,
            });
        },
      );
      cancelWith(signal, call);
    });
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersLike,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    let request: MessageInitShape<I> | undefined;
    for await (const message of input) request ??= message;
    const call = this.#client.makeServerStreamRequest(
      pathOf(method),
      (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer) => fromBinary(method.output, bytes),
      create(method.input, request),
      this.#metadata(header),
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    );
    cancelWith(signal, call);
    const message: AsyncIterable<MessageShape<O>> = call;
    return { stream: true, service: method.parent, method, header: new Headers(), trailer: new Headers(), message };
  }

  #metadata(header: HeadersLike): grpc.Metadata {
    const metadata = new grpc.Metadata();
    new Headers(header).forEach((value, key) => metadata.set(key, value));
    if (this.#options.token !== undefined) metadata.set('authorization', `Bearer ${this.#options.token}`);
    const traceparent = this.#options.traceparent?.();
    if (traceparent !== undefined) metadata.set('traceparent', traceparent);
    return metadata;
  }
}

const pathOf = (method: DescMethodUnary | DescMethodStreaming): string => `/${method.parent.typeName}/${method.name}`;

function cancelWith(signal: AbortSignal | undefined, call: { cancel(): void }): void {
  if (signal?.aborted) call.cancel();
  else signal?.addEventListener('abort', () => call.cancel(), { once: true });
}

function wireError(error: unknown): Error {
  const { code, details, metadata } = error as Partial<grpc.ServiceError>;
  if (typeof code !== 'number') return error instanceof Error ? error : new TypeError(String(error));
  const header = metadata?.get(ERROR_HEADER)[0];
  return errorFromWire(code, details ?? '', typeof header === 'string' ? header : undefined);
}
