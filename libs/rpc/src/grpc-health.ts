import { create, fromBinary, toBinary, type DescMethod, type DescService, type Message } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { grpcHealth } from '@rondo/contracts';

const {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus: Serving,
  HealthListResponseSchema,
} = grpcHealth;
type CheckRequest = grpcHealth.HealthCheckRequest;
type CheckResponse = grpcHealth.HealthCheckResponse;

/** Definition for grpc-js with messages decoded on both sides. */
export function plainDefinition(service: DescService): grpc.ServiceDefinition {
  const side = (method: DescMethod, which: 'input' | 'output') => ({
    write: (message: Message) => Buffer.from(toBinary(method[which], message)),
    read: (bytes: Buffer) => fromBinary(method[which], bytes),
  });
  return Object.fromEntries(
    service.methods.map((method) => [
      method.name,
      {
        path: `/${service.typeName}/${method.name}`,
        originalName: method.localName,
        requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
        responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
        requestSerialize: side(method, 'input').write,
        requestDeserialize: side(method, 'input').read,
        responseSerialize: side(method, 'output').write,
        responseDeserialize: side(method, 'output').read,
      },
    ]),
  );
}

/** Whether the server as a whole (`''`) and each service can be used; watchers hear of changes. */
export class HealthStatus {
  readonly #services: ReadonlySet<string>;
  readonly #watchers = new Set<() => void>();
  #isServing = false;

  constructor(services: readonly DescService[]) {
    this.#services = new Set(['', ...services.map((service) => service.typeName)]);
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  get services(): readonly string[] {
    return [...this.#services];
  }

  set(isServing: boolean): void {
    if (this.#isServing === isServing) return;
    this.#isServing = isServing;
    for (const notify of [...this.#watchers]) notify();
  }

  /** Undefined for a service that is not served here. */
  of(service: string): CheckResponse | undefined {
    if (!this.#services.has(service)) return undefined;
    return create(HealthCheckResponseSchema, { status: this.#isServing ? Serving.SERVING : Serving.NOT_SERVING });
  }

  watch(notify: () => void): () => void {
    this.#watchers.add(notify);
    return () => this.#watchers.delete(notify);
  }
}

/** grpc.health.v1.Health for grpc-js. */
export const healthDefinition: grpc.ServiceDefinition = plainDefinition(Health);

/** grpc.health.v1.Health; open to everybody, since probes carry no token and learn one bit. */
export function healthHandlers(health: HealthStatus): grpc.UntypedServiceImplementation {
  const check: grpc.handleUnaryCall<CheckRequest, CheckResponse> = (call, callback) => {
    const response = health.of(call.request.service);
    if (response) callback(null, response);
    else callback({ code: grpc.status.NOT_FOUND, details: `unknown service "${call.request.service.slice(0, 200)}"` });
  };
  const list: grpc.handleUnaryCall<grpcHealth.HealthListRequest, grpcHealth.HealthListResponse> = (_call, callback) => {
    const statuses = Object.fromEntries(health.services.map((service) => [service, health.of(service)!]));
    callback(null, create(HealthListResponseSchema, { statuses }));
  };
  const watch: grpc.handleServerStreamingCall<CheckRequest, CheckResponse> = (call) => {
    const send = (): void => {
      call.write(
        health.of(call.request.service) ?? create(HealthCheckResponseSchema, { status: Serving.SERVICE_UNKNOWN }),
      );
    };
    const stop = health.watch(send);
    call.on('cancelled', () => {
      stop();
      call.end();
    });
    send();
  };
  return { Check: check, List: list, Watch: watch } as grpc.UntypedServiceImplementation;
}
