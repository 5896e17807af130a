import { create } from '@bufbuild/protobuf';
import { inference } from '@rondo/contracts';
import type { Answer } from '../serving/endpoint-server.js';
import type { InferRequest } from '../domain/infer-request.js';

const DECISION_THRESHOLD = 0.5;

/** Which arm answered: `champion`, `candidate`, or `mixed` for rows of both. */
export type Variant = 'champion' | 'candidate' | 'mixed';

/** The arm that answered the request. */
export function variantOf(answer: Answer): Variant {
  if (!answer.byCandidate) return 'champion';
  return answer.byCandidate.includes(0) ? 'mixed' : 'candidate';
}

/** The reply in JSON, written by hand: the objects that JSON.stringify needs would cost more than the text. */
export function replyJson(endpoint: string, request: InferRequest, answer: Answer): string {
  const count = answer.probabilities.length;
  const parts: string[] = [];
  if (asked(request, 'label'))
    parts.push(`{"name":"label","datatype":"INT64","shape":[${count}],"data":[${labels(answer)}]}`);
  if (asked(request, 'probability'))
    parts.push(
      `{"name":"probability","datatype":"FP32","shape":[${count}],"data":[${answer.probabilities.join(',')}]}`,
    );
  if (asked(request, 'rondo_model_version')) {
    parts.push(
      `{"name":"rondo_model_version","datatype":"BYTES","shape":[${count}],"data":[${versions(answer)
        .map((version) => `"${version}"`)
        .join(',')}]}`,
    );
  }
  const id = request.id === '' ? '' : `"id":${JSON.stringify(request.id)},`;
  const logged = answer.requestId === '' ? '' : `"rondo_request_id":${JSON.stringify(answer.requestId)},`;
  const head = `{"model_name":${JSON.stringify(endpoint)},"model_version":"${answer.champion.version}",${id}`;
  return `${head}"parameters":{${logged}"rondo_variant":"${variantOf(answer)}"},"outputs":[${parts.join(',')}]}`;
}

/** The reply in protobuf; with raw contents when the request came with them. */
export function replyProto(
  endpoint: string,
  request: InferRequest,
  answer: Answer,
  raw: boolean,
): inference.ModelInferResponse {
  const outputs: { name: string; datatype: string; typed: () => object; bytes: () => Uint8Array }[] = [];
  const count = answer.probabilities.length;
  if (asked(request, 'label')) {
    const values = (): bigint[] => labels(answer).map(BigInt);
    outputs.push({
      name: 'label',
      datatype: 'INT64',
      typed: () => ({ int64Contents: values() }),
      bytes: () => new Uint8Array(BigInt64Array.from(values()).buffer),
    });
  }
  if (asked(request, 'probability')) {
    outputs.push({
      name: 'probability',
      datatype: 'FP32',
      typed: () => ({ fp32Contents: Array.from(answer.probabilities) }),
      bytes: () => new Uint8Array(Float32Array.from(answer.probabilities).buffer),
    });
  }
  if (asked(request, 'rondo_model_version')) {
    outputs.push({
      name: 'rondo_model_version',
      datatype: 'BYTES',
      typed: () => ({ bytesContents: versions(answer).map((version) => Buffer.from(version)) }),
      bytes: () => lengthPrefixed(versions(answer)),
    });
  }
  const text = (value: string) => ({ parameterChoice: { case: 'stringParam' as const, value } });
  return create(inference.ModelInferResponseSchema, {
    modelName: endpoint,
    modelVersion: String(answer.champion.version),
    id: request.id,
    parameters: {
      ...(answer.requestId !== '' && { rondo_request_id: text(answer.requestId) }),
      rondo_variant: text(variantOf(answer)),
    },
    outputs: outputs.map(({ name, datatype, typed }) => ({
      name,
      datatype,
      shape: [BigInt(count)],
      ...(!raw && { contents: typed() }),
    })),
    ...(raw && { rawOutputContents: outputs.map((output) => output.bytes()) }),
  });
}

function asked(request: InferRequest, name: string): boolean {
  return request.outputs === undefined || request.outputs.includes(name);
}

function labels(answer: Answer): number[] {
  return Array.from(answer.probabilities, (probability) => (probability > DECISION_THRESHOLD ? 1 : 0));
}

function versions(answer: Answer): string[] {
  const champion = String(answer.champion.version);
  const candidate = String(answer.candidate?.version ?? '');
  return Array.from(answer.probabilities, (_, row) => (answer.byCandidate?.[row] === 1 ? candidate : champion));
}

/** BYTES in raw form: a little-endian length of four bytes before each element. */
function lengthPrefixed(values: readonly string[]): Uint8Array {
  const encoded = new Map<string, Buffer>();
  for (const value of new Set(values)) {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    encoded.set(value, Buffer.concat([length, bytes]));
  }
  return Buffer.concat(values.map((value) => encoded.get(value)!));
}
