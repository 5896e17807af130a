import { create, toBinary, type DescFile, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { grpcHealth, grpcReflection, grpcReflectionAlpha } from '@rondo/contracts';
import { serviceError } from './grpc-error.js';
import { plainDefinition } from './grpc-health.js';

type Request = grpcReflection.ServerReflectionRequest;
type Answer = grpcReflection.ServerReflectionResponse['messageResponse'];
type Admit = (metadata: grpc.Metadata, peer: string) => void;

/**
 * Server reflection v1 and v1alpha from the descriptors (some clients still ask for v1alpha only). The description of the API is
 * for those who may read: `admit` refuses others.
 */
export function reflectionServices(
  services: readonly DescService[],
  admit: Admit,
): readonly { definition: grpc.ServiceDefinition; handlers: grpc.UntypedServiceImplementation }[] {
  const described = [
    ...services,
    grpcHealth.Health,
    grpcReflection.ServerReflection,
    grpcReflectionAlpha.ServerReflection,
  ];
  const index = new DescriptorIndex(described);
  return [
    { service: grpcReflection.ServerReflection, schema: grpcReflection.ServerReflectionResponseSchema },
    { service: grpcReflectionAlpha.ServerReflection, schema: grpcReflectionAlpha.ServerReflectionResponseSchema },
  ].map(({ service, schema }) => {
    const info: grpc.handleBidiStreamingCall<Request, object> = (call) => {
      try {
        admit(call.metadata, call.getPeer());
      } catch (error) {
        call.emit('error', serviceError(error));
        return;
      }
      call.on('data', (request: Request) => {
        // Both versions have the same fields and numbers.
        const response = { validHost: request.host, originalRequest: request, messageResponse: index.answer(request) };
        call.write(create(schema as typeof grpcReflection.ServerReflectionResponseSchema, response));
      });
      call.on('end', () => call.end());
    };
    return {
      definition: plainDefinition(service),
      handlers: { ServerReflectionInfo: info } as grpc.UntypedServiceImplementation,
    };
  });
}

/** Finds files by name, symbol and extension. */
class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #services: readonly string[];

  constructor(services: readonly DescService[]) {
    this.#services = services.map((service) => service.typeName).sort();
    for (const service of services) this.#addFile(service.file);
  }

  answer({ messageRequest }: Request): Answer {
    switch (messageRequest.case) {
      case 'listServices':
        return {
          case: 'listServicesResponse',
          value: create(grpcReflection.ListServiceResponseSchema, {
            service: this.#services.map((name) => ({ name })),
          }),
        };
      case 'fileByFilename':
        return filesAnswer(this.#files.get(messageRequest.value), messageRequest.value);
      case 'fileContainingSymbol':
        return filesAnswer(this.#symbols.get(messageRequest.value), messageRequest.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = messageRequest.value;
        return filesAnswer(
          this.#extensions.get(containingType)?.get(extensionNumber),
          `extension ${extensionNumber} of ${containingType}`,
        );
      }
      case 'allExtensionNumbersOfType': {
        const extensionNumber = [...(this.#extensions.get(messageRequest.value)?.keys() ?? [])];
        if (!this.#symbols.has(messageRequest.value)) return notFound(messageRequest.value);
        const value = create(grpcReflection.ExtensionNumberResponseSchema, {
          baseTypeName: messageRequest.value,
          extensionNumber,
        });
        return { case: 'allExtensionNumbersResponse', value };
      }
      case undefined:
        return {
          case: 'errorResponse',
          value: create(grpcReflection.ErrorResponseSchema, {
            errorCode: grpc.status.INVALID_ARGUMENT,
            errorMessage: 'empty request',
          }),
        };
    }
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    file.dependencies.forEach((dependency) => this.#addFile(dependency));
    for (const type of [...file.messages, ...file.enums, ...file.services]) this.#symbols.set(type.typeName, file);
    for (const service of file.services)
      for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, file);
    const nested = [...file.messages];
    for (let message = nested.pop(); message; message = nested.pop()) {
      for (const type of [...message.nestedMessages, ...message.nestedEnums]) this.#symbols.set(type.typeName, file);
      nested.push(...message.nestedMessages);
    }
    for (const extension of file.extensions) {
      this.#symbols.set(extension.typeName, file);
      const known = this.#extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>();
      this.#extensions.set(extension.extendee.typeName, known.set(extension.number, file));
    }
  }
}

function filesAnswer(file: DescFile | undefined, asked: string): Answer {
  if (!file) return notFound(asked);
  const files = new Set<DescFile>();
  const add = (one: DescFile): void => {
    if (files.has(one)) return;
    files.add(one);
    one.dependencies.forEach(add);
  };
  add(file);
  const fileDescriptorProto = [...files].map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
  return {
    case: 'fileDescriptorResponse',
    value: create(grpcReflection.FileDescriptorResponseSchema, { fileDescriptorProto }),
  };
}

function notFound(asked: string): Answer {
  const value = create(grpcReflection.ErrorResponseSchema, {
    errorCode: grpc.status.NOT_FOUND,
    errorMessage: `nothing here is called "${asked.slice(0, 200)}"`,
  });
  return { case: 'errorResponse', value };
}
