import { PermanentError, type Clock } from '@rondo/kernel';
import { authorize, isAllowed, type Credentials, type Principal } from '@rondo/security';
import type { InferRequest } from '../domain/infer-request.js';
import type { EndpointTable } from '../serving/endpoint-table.js';
import type { RecordOutcomes } from '../serving/record-outcomes.js';

/** Recognises a caller, or throws `unauthenticated`. */
export type Authenticate = (credentials: Credentials, method: string) => Principal;

/** Name and version of this server in the protocol's metadata. */
export const SERVER = {
  name: 'rondo-inference-gateway',
  version: '0.1.0',
  extensions: ['rondo_key', 'rondo_model_version'],
} as const;

/** Platform word of the protocol for the files that are served. */
export const MODEL_PLATFORM = 'onnx';

/** Name, type and shape of a tensor; -1 = varies. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** What is known about a served model. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** Columns of `X`, when the file tells them. */
  readonly featureNames: readonly string[];
}

/** What both protocols call. */
export class GatewayApi {
  constructor(
    readonly table: EndpointTable,
    readonly outcomes: RecordOutcomes,
    readonly clock: Clock,
    private readonly authenticate: Authenticate,
  ) {}

  /** Lets callers who may ask for predictions pass: everybody with a token except annotators alone. */
  admitCaller(credentials: Credentials, method: string): Principal {
    const principal = this.authenticate(credentials, method);
    if (!isAllowed(principal, 'viewer')) authorize(principal, 'producer', method);
    return principal;
  }

  /** Event times move the clock of policies that follow the data, so only those who report outcomes may set them. @throws `denied` */
  admitEventTime({ eventTimeMs }: InferRequest, principal: Principal): void {
    if (eventTimeMs === undefined || isAllowed(principal, 'producer')) return;
    throw new PermanentError('denied', `parameters.event_time is for producers; ${principal.id} is none`, {
      field: 'parameters.event_time',
      rule: 'absent, or set by a caller with the role producer',
      reason: 'ROLE_REQUIRED',
    });
  }

  /** Lets those pass who report outcomes. */
  admitProducer(credentials: Credentials, method: string): Principal {
    const principal = this.authenticate(credentials, method);
    authorize(principal, 'producer', method);
    return principal;
  }

  /** @throws `not-found` for an unknown endpoint or version */
  metadata(endpoint: string, version: string | undefined): ModelMetadata {
    const server = this.table.serving(endpoint);
    const model =
      version === undefined ? server.championModel : this.table.modelOf(server, this.table.version(server, version));
    return {
      name: endpoint,
      versions: this.table.versionsOf(server),
      inputs: [
        { name: 'X', datatype: 'FP32', shape: [-1, model.features] },
        { name: 'rondo_key', datatype: 'BYTES', shape: [-1] },
      ],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probability', datatype: 'FP32', shape: [-1] },
        { name: 'rondo_model_version', datatype: 'BYTES', shape: [-1] },
      ],
      featureNames: model.featureNames ?? [],
    };
  }

  /** Whether the endpoint, or one version of it, can answer. */
  ready(endpoint: string, version: string | undefined): boolean {
    try {
      const server = this.table.serving(endpoint);
      if (version !== undefined) this.table.version(server, version);
      return true;
    } catch (error) {
      if (error instanceof PermanentError && version === undefined) throw error;
      return false;
    }
  }
}
