import {
  checkEventTime,
  checkId,
  checkKey,
  checkOutputs,
  checkPerRow,
  refuse,
  rowsOfShape,
  type InferRequest,
} from './infer-request.js';

const INPUTS_MAX = 2;
const TOP_FIELDS = new Set(['id', 'parameters', 'inputs', 'outputs']);
const TENSOR_FIELDS = new Set(['name', 'shape', 'datatype', 'parameters', 'data']);
const OUTPUT_FIELDS = new Set(['name', 'parameters']);

/** What the checks need to know. */
export interface InferContext {
  readonly features: number;
  readonly nowMs: number;
}

type Fields = Record<string, unknown>;

/**
 * Reads an Open Inference Protocol v2 request in JSON. `X` FP32 [rows, features], flat or nested, null = missing; optional
 * `rondo_key` BYTES [rows]; parameters `rondo_key` (one row) and `event_time`.
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function inferRequestFromJson(body: unknown, context: InferContext): InferRequest {
  const request = fieldsOf('request', body, TOP_FIELDS);
  const parameters = request['parameters'] === undefined ? {} : fieldsOf('parameters', request['parameters']);
  const { x, keys } = tensorsOf(request['inputs']);
  const count = rowsOfShape(`${x.path}.shape`, numbersOf(`${x.path}.shape`, x.tensor['shape']), context.features);
  const rows = floatsOf(`${x.path}.data`, x.tensor['data'], count, context.features);
  const keyList = keysOf(keys, parameters, count);
  const outputs = outputsOf(request['outputs']);
  return {
    id: checkId('id', request['id']),
    rows,
    count,
    ...(keyList && { keys: keyList }),
    ...(parameters['event_time'] !== undefined && {
      eventTimeMs: checkEventTime('parameters.event_time', parameters['event_time'], context.nowMs),
    }),
    ...(outputs && { outputs }),
  };
}

interface Tensor {
  readonly path: string;
  readonly tensor: Fields;
}

function tensorsOf(inputs: unknown): { readonly x: Tensor; readonly keys: Tensor | undefined } {
  if (!Array.isArray(inputs) || inputs.length === 0) refuse('inputs', inputs, 'must be a list with the tensor X');
  if (inputs.length > INPUTS_MAX) refuse('inputs', `${inputs.length} tensors`, `must be X and at most rondo_key`);
  let x: Tensor | undefined;
  let keys: Tensor | undefined;
  for (let i = 0; i < inputs.length; i++) {
    const path = `inputs[${i}]`;
    const tensor = fieldsOf(path, inputs[i], TENSOR_FIELDS);
    const { name, datatype } = tensor;
    if (name !== 'X' && name !== 'rondo_key') refuse(`${path}.name`, name, 'must be X or rondo_key');
    const wanted = name === 'X' ? 'FP32' : 'BYTES';
    if (datatype !== wanted) refuse(`${path}.datatype`, datatype, `must be ${wanted} for ${name}`);
    if (name === 'X' ? x : keys) refuse(`${path}.name`, name, 'must not be repeated');
    if (name === 'X') x = { path, tensor };
    else keys = { path, tensor };
  }
  if (!x) refuse('inputs', 'no tensor X', 'must hold the tensor X');
  return { x, keys };
}

function keysOf(tensor: Tensor | undefined, parameters: Fields, count: number): readonly string[] | undefined {
  const single = parameters['rondo_key'];
  if (!tensor) {
    if (single === undefined) return undefined;
    if (count !== 1)
      refuse('parameters.rondo_key', single, `is for a single row; use the tensor rondo_key for ${count} rows`);
    return [checkKey('parameters.rondo_key', single)];
  }
  if (single !== undefined) refuse('parameters.rondo_key', single, 'must not stand beside the tensor rondo_key');
  const { path } = tensor;
  checkPerRow(`${path}.shape`, numbersOf(`${path}.shape`, tensor.tensor['shape']), count);
  const data = tensor.tensor['data'];
  if (!Array.isArray(data) || data.length !== count) refuse(`${path}.data`, data, `must be a list of ${count} texts`);
  for (let i = 0; i < count; i++) checkKey(`${path}.data[${i}]`, data[i]);
  return data as string[];
}

function outputsOf(outputs: unknown): readonly string[] | undefined {
  if (outputs === undefined) return undefined;
  if (!Array.isArray(outputs) || outputs.length > 16)
    refuse('outputs', outputs, 'must be a list of at most 16 outputs');
  const names = outputs.map((output: unknown, i) => {
    const { name } = fieldsOf(`outputs[${i}]`, output, OUTPUT_FIELDS);
    if (typeof name !== 'string') refuse(`outputs[${i}].name`, name, 'must be a text');
    return name;
  });
  return checkOutputs('outputs', names);
}

function floatsOf(field: string, data: unknown, count: number, features: number): Float32Array {
  if (!Array.isArray(data)) refuse(field, data, 'must be a list of numbers');
  const rows = new Float32Array(count * features);
  if (data.length === count && Array.isArray(data[0])) {
    for (let row = 0; row < count; row++) {
      const values: unknown = data[row];
      if (!Array.isArray(values) || values.length !== features)
        refuse(`${field}[${row}]`, values, `must be a list of ${features} numbers`);
      copyFloats(`${field}[${row}]`, values, rows, row * features);
    }
    return rows;
  }
  if (data.length !== rows.length)
    refuse(field, `${data.length} values`, `must be ${count} × ${features} = ${rows.length} values`);
  copyFloats(field, data, rows, 0);
  return rows;
}

function copyFloats(field: string, values: readonly unknown[], rows: Float32Array, start: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null) {
      rows[start + i] = Number.NaN;
      continue;
    }
    if (typeof value !== 'number') refuse(`${field}[${i}]`, value, 'must be a number, or null for missing');
    rows[start + i] = value;
    if (!Number.isFinite(rows[start + i]))
      refuse(`${field}[${i}]`, value, 'must fit a 32-bit float; infinity is not allowed');
  }
}

function numbersOf(field: string, value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length > 8 || !value.every((item) => typeof item === 'number'))
    refuse(field, value, 'must be a list of numbers');
  return value as number[];
}

function fieldsOf(field: string, value: unknown, known?: ReadonlySet<string>): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, value, 'must be an object');
  if (known) {
    for (const key in value)
      if (!known.has(key))
        refuse(
          field === 'request' ? key : `${field}.${key}`,
          'present',
          `is not a field of the protocol; known are ${[...known].join(', ')}`,
        );
  }
  return value as Fields;
}
