import type { inference } from '@rondo/contracts';
import {
  checkEventTime,
  checkId,
  checkKey,
  checkOutputs,
  checkPerRow,
  KEY_LENGTH_MAX,
  refuse,
  rowsOfShape,
  type InferRequest,
} from '../domain/infer-request.js';
import type { InferContext } from '../domain/infer-json.js';

const INPUTS_MAX = 2;
const utf8 = new TextDecoder('utf-8', { fatal: true });

type Tensor = inference.ModelInferRequest_InferInputTensor;

/**
 * Reads an Open Inference Protocol v2 request in protobuf, with typed or raw contents; otherwise as the JSON form, with NaN for
 * missing.
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function inferRequestFromProto(message: inference.ModelInferRequest, context: InferContext): InferRequest {
  const { inputs, rawInputContents: raw } = message;
  if (inputs.length === 0 || inputs.length > INPUTS_MAX)
    refuse('inputs', `${inputs.length} tensors`, 'must be X and at most rondo_key');
  if (raw.length > 0 && raw.length !== inputs.length)
    refuse('raw_input_contents', `${raw.length} entries`, `must be one per input (${inputs.length}), or none`);
  const x = find(inputs, 'X', 'FP32');
  if (x < 0) refuse('inputs', 'no tensor X', 'must hold the tensor X');
  const key = find(inputs, 'rondo_key', 'BYTES');
  if (inputs.length === 2 && key < 0)
    refuse(
      'inputs',
      inputs.map((tensor) => tensor.name),
      'must be X and rondo_key',
    );
  const count = rowsOfShape(`inputs[${x}].shape`, shapeOf(`inputs[${x}].shape`, inputs[x]!), context.features);
  const rows =
    raw.length > 0
      ? rawFloats(x, inputs[x]!, raw[x]!, count * context.features)
      : typedFloats(x, inputs[x]!, count * context.features);
  const keys = key >= 0 ? keyTensor(key, inputs[key]!, raw, count) : keyParameter(message, count);
  const time = textParameter(message, 'event_time');
  const outputs = checkOutputs(
    'outputs',
    message.outputs.map((output) => output.name),
  );
  return {
    id: checkId('id', message.id),
    rows,
    count,
    ...(keys && { keys }),
    ...(time !== undefined && { eventTimeMs: checkEventTime('parameters.event_time', time, context.nowMs) }),
    ...(outputs && { outputs }),
  };
}

function find(inputs: readonly Tensor[], name: string, datatype: string): number {
  const index = inputs.findIndex((tensor) => tensor.name === name);
  if (index < 0) return index;
  if (inputs.some((tensor, i) => i > index && tensor.name === name)) refuse('inputs', name, 'must not be repeated');
  if (inputs[index]!.datatype !== datatype)
    refuse(`inputs[${index}].datatype`, inputs[index]!.datatype, `must be ${datatype} for ${name}`);
  return index;
}

function shapeOf(field: string, tensor: Tensor): number[] {
  if (tensor.shape.length > 8) refuse(field, `${tensor.shape.length} dimensions`, 'must be at most 8 dimensions');
  return tensor.shape.map(Number);
}

function rawFloats(index: number, tensor: Tensor, raw: Uint8Array, length: number): Float32Array {
  checkNoContents(index, tensor);
  if (raw.byteLength !== 4 * length)
    refuse(`raw_input_contents[${index}]`, `${raw.byteLength} bytes`, `must be ${4 * length} bytes (${length} × FP32)`);
  const rows = new Float32Array(length);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let i = 0; i < length; i++) rows[i] = view.getFloat32(4 * i, true);
  return checkedFloats(`raw_input_contents[${index}]`, rows);
}

function typedFloats(index: number, tensor: Tensor, length: number): Float32Array {
  const values = tensor.contents?.fp32Contents ?? [];
  const field = `inputs[${index}].contents.fp32_contents`;
  if (values.length !== length) refuse(field, `${values.length} values`, `must be ${length} values`);
  checkOnly(index, tensor, 'fp32Contents');
  return checkedFloats(field, Float32Array.from(values));
}

function checkedFloats(field: string, rows: Float32Array): Float32Array {
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]!;
    if (value === Infinity || value === -Infinity)
      refuse(`${field}[${i}]`, value, 'must be finite, or NaN for missing');
  }
  return rows;
}

function keyTensor(index: number, tensor: Tensor, raw: readonly Uint8Array[], count: number): string[] {
  checkPerRow(`inputs[${index}].shape`, shapeOf(`inputs[${index}].shape`, tensor), count);
  if (raw.length > 0) {
    checkNoContents(index, tensor);
    return rawTexts(`raw_input_contents[${index}]`, raw[index]!, count);
  }
  checkOnly(index, tensor, 'bytesContents');
  const values = tensor.contents?.bytesContents ?? [];
  const field = `inputs[${index}].contents.bytes_contents`;
  if (values.length !== count) refuse(field, `${values.length} values`, `must be ${count} values`);
  return values.map((bytes, i) => textOf(`${field}[${i}]`, bytes));
}

/** Elements of BYTES in raw form: a little-endian length of four bytes, then that many bytes. */
function rawTexts(field: string, raw: Uint8Array, count: number): string[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > raw.byteLength)
      refuse(`${field}[${i}]`, `ends at byte ${raw.byteLength}`, 'must have a length of four bytes');
    const length = view.getUint32(at, true);
    if (length > raw.byteLength - at - 4)
      refuse(`${field}[${i}]`, `length ${length}`, 'must not reach beyond the contents');
    texts.push(textOf(`${field}[${i}]`, raw.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  if (at !== raw.byteLength) refuse(field, `${raw.byteLength - at} bytes more`, `must hold exactly ${count} elements`);
  return texts;
}

function textOf(field: string, bytes: Uint8Array): string {
  if (bytes.byteLength > 4 * KEY_LENGTH_MAX)
    refuse(field, `${bytes.byteLength} bytes`, `must be at most ${KEY_LENGTH_MAX} characters`);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    refuse(field, 'bytes', 'must be UTF-8');
  }
  return checkKey(field, text);
}

function keyParameter(message: inference.ModelInferRequest, count: number): string[] | undefined {
  const key = textParameter(message, 'rondo_key');
  if (key === undefined) return undefined;
  if (count !== 1)
    refuse('parameters.rondo_key', key, `is for a single row; use the tensor rondo_key for ${count} rows`);
  return [checkKey('parameters.rondo_key', key)];
}

function textParameter(message: inference.ModelInferRequest, name: string): string | undefined {
  if (!Object.hasOwn(message.parameters, name)) return undefined;
  const choice = message.parameters[name]?.parameterChoice;
  if (choice?.case !== 'stringParam') refuse(`parameters.${name}`, choice?.case ?? 'empty', 'must be a string_param');
  return choice.value;
}

function checkNoContents(index: number, tensor: Tensor): void {
  if (tensor.contents) refuse(`inputs[${index}].contents`, 'present', 'must be absent beside raw_input_contents');
}

function checkOnly(index: number, tensor: Tensor, field: 'fp32Contents' | 'bytesContents'): void {
  const { contents } = tensor;
  if (!contents) return;
  const lists = {
    boolContents: contents.boolContents,
    intContents: contents.intContents,
    int64Contents: contents.int64Contents,
    uintContents: contents.uintContents,
    uint64Contents: contents.uint64Contents,
    fp32Contents: contents.fp32Contents,
    fp64Contents: contents.fp64Contents,
    bytesContents: contents.bytesContents,
  };
  for (const [name, list] of Object.entries(lists))
    if (name !== field && list.length > 0) refuse(`inputs[${index}].contents`, name, `must hold ${field} only`);
}
