import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { makeAnyClient, type CallOptions, type Client, type Transport } from '@connectrpc/connect';

/**
 * A client typed by the service's descriptor. Unlike Connect's own, leaving a `for await` over a stream cancels the call, and errors
 * pass through `translate`.
 */
export function typedClient<S extends DescService>(
  service: S,
  transport: Transport,
  translate: (error: unknown) => Error,
): Client<S> {
  return makeAnyClient(service, (method) => {
    if (method.methodKind === 'unary') return unaryCall(method as DescMethodUnary, transport, translate);
    if (method.methodKind === 'server_streaming')
      return streamCall(method as DescMethodServerStreaming, transport, translate);
    return null;
  }) as Client<S>;
}

function unaryCall(method: DescMethodUnary, transport: Transport, translate: (error: unknown) => Error) {
  return async (
    request: MessageInitShape<DescMessage>,
    options: CallOptions = {},
  ): Promise<MessageShape<DescMessage>> => {
    try {
      const response = await transport.unary(
        method,
        options.signal,
        options.timeoutMs,
        options.headers,
        request,
        options.contextValues,
      );
      options.onHeader?.(response.header);
      options.onTrailer?.(response.trailer);
      return response.message;
    } catch (error) {
      throw translate(error);
    }
  };
}

function streamCall(method: DescMethodServerStreaming, transport: Transport, translate: (error: unknown) => Error) {
  return async function* (
    request: MessageInitShape<DescMessage>,
    options: CallOptions = {},
  ): AsyncGenerator<MessageShape<DescMessage>> {
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    try {
      const response = await transport.stream(
        method,
        signal,
        options.timeoutMs,
        options.headers,
        once(request),
        options.contextValues,
      );
      options.onHeader?.(response.header);
      yield* response.message;
      options.onTrailer?.(response.trailer);
    } catch (error) {
      throw translate(error);
    } finally {
      left.abort();
    }
  };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
