import {
  create,
  fromBinary,
  toBinary,
  type DescMethodUnary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { inference } from '@rondo/contracts';
import { encodeDetail, ERROR_HEADER, failureOf, limitedGrpc, type CallerLimits } from '@rondo/rpc';
import type { Credentials } from '@rondo/security';
import type { Logger } from '@rondo/telemetry';
import { inferRequestFromProto } from './infer-proto.js';
import { MODEL_PLATFORM, SERVER, type GatewayApi, type TensorMetadata } from './gateway-api.js';
import { replyProto } from './infer-reply.js';
import { BODY_BYTES_MAX } from './request-body.js';

type Handle<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  credentials: Credentials,
) => Promise<MessageInitShape<O>> | MessageInitShape<O>;

/** Open Inference Protocol v2 over gRPC. */
export class GatewayGrpc {
  readonly #server: grpc.Server;
  readonly #handlers: Record<string, grpc.handleUnaryCall<Message, Message>> = {};
  readonly #definition: Record<string, grpc.MethodDefinition<Message, Message>> = {};

  constructor(
    private readonly api: GatewayApi,
    private readonly log: Logger,
    limits: CallerLimits,
  ) {
    const { method } = inference.GRPCInferenceService;
    this.#unary(method.serverLive, () => ({ live: true }));
    this.#unary(method.serverReady, () => ({ ready: api.table.ready }));
    this.#unary(method.serverMetadata, () => ({
      name: SERVER.name,
      version: SERVER.version,
      extensions: [...SERVER.extensions],
    }));
    this.#unary(method.modelReady, (request, credentials) => {
      api.admitCaller(credentials, 'inference.GRPCInferenceService/ModelReady');
      return { ready: api.ready(request.name, versionOf(request.version)) };
    });
    this.#unary(method.modelMetadata, (request, credentials) => this.#metadata(request, credentials));
    this.#unary(method.modelInfer, (request, credentials) => this.#infer(request, credentials));
    this.#server = new grpc.Server({
      'grpc.max_receive_message_length': BODY_BYTES_MAX,
      'grpc.max_concurrent_streams': 1_000,
      'grpc.max_metadata_size': 16_384,
      ...limitedGrpc(limits),
    } as grpc.ServerOptions);
    this.#server.addService(this.#definition, this.#handlers);
  }

  /** Starts to listen; port 0 takes a free one. Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`${host}:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  /** Lets calls under way end for `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.forceShutdown(), graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #metadata(
    request: inference.ModelMetadataRequest,
    credentials: Credentials,
  ): MessageInitShape<typeof inference.ModelMetadataResponseSchema> {
    this.api.admitCaller(credentials, 'inference.GRPCInferenceService/ModelMetadata');
    const { name, versions, inputs, outputs } = this.api.metadata(request.name, versionOf(request.version));
    const tensor = ({ shape, ...rest }: TensorMetadata) => ({ ...rest, shape: shape.map(BigInt) });
    return {
      name,
      versions: [...versions],
      platform: MODEL_PLATFORM,
      inputs: inputs.map(tensor),
      outputs: outputs.map(tensor),
    };
  }

  async #infer(request: inference.ModelInferRequest, credentials: Credentials): Promise<inference.ModelInferResponse> {
    const principal = this.api.admitCaller(credentials, 'inference.GRPCInferenceService/ModelInfer');
    const server = this.api.table.serving(request.modelName);
    const parsed = inferRequestFromProto(request, { features: server.features, nowMs: this.api.clock.now() });
    this.api.admitEventTime(parsed, principal);
    const version = versionOf(request.modelVersion);
    const answer =
      version === undefined
        ? await server.infer(parsed)
        : await server.inferVersion(this.api.table.version(server, version), parsed);
    return replyProto(request.modelName, parsed, answer, request.rawInputContents.length > 0);
  }

  #unary<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, handle: Handle<I, O>): void {
    this.#definition[method.name] = {
      path: `/${method.parent.typeName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message) => Buffer.from(toBinary(method.input, message as MessageShape<I>)),
      requestDeserialize: (bytes) => fromBinary(method.input, bytes) as Message,
      responseSerialize: (message) => Buffer.from(toBinary(method.output, message as MessageShape<O>)),
      responseDeserialize: (bytes) => fromBinary(method.output, bytes) as Message,
    };
    this.#handlers[method.name] = (call, callback) => {
      void this.#answer(method, handle, call, callback);
    };
  }

  async #answer<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    handle: Handle<I, O>,
    call: grpc.ServerUnaryCall<Message, Message>,
    callback: grpc.sendUnaryData<Message>,
  ): Promise<void> {
    try {
      const authorization = call.metadata.get('authorization')[0];
      const credentials = { authorization: authorization?.toString(), remoteAddress: addressOf(call.getPeer()) };
      const answer = await handle(call.request as MessageShape<I>, credentials);
      callback(null, create(method.output, answer) as Message);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.isFault)
        this.log.error('a call failed', { 'rondo.code': failure.code, 'rpc.method': method.name }, error);
      const metadata = new grpc.Metadata();
      metadata.set(ERROR_HEADER, encodeDetail(failure.detail));
      callback({ code: failure.status, details: failure.message, metadata });
    }
  }
}

type Message = MessageShape<DescMessage>;

function versionOf(version: string): string | undefined {
  return version === '' ? undefined : version;
}

function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
