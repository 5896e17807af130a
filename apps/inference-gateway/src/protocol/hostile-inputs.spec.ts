import { describe, expect, it } from '@jest/globals';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { inference } from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { inferRequestFromJson } from '../domain/infer-json.js';
import { inferRequestFromProto } from './infer-proto.js';
import { feedbackEntries, labelEntries } from '../domain/outcome-requests.js';

const context = { features: 2, nowMs: Date.UTC(2026, 0, 1) };
const x = (changes: Record<string, unknown> = {}) => ({
  name: 'X',
  datatype: 'FP32',
  shape: [2, 2],
  data: [1, 2, 3, 4],
  ...changes,
});
const key = (changes: Record<string, unknown> = {}) => ({
  name: 'rondo_key',
  datatype: 'BYTES',
  shape: [2],
  data: ['a', 'b'],
  ...changes,
});

/** The field an input is refused by; the message must name field, value and rule in few words. */
function refusedBy(work: () => unknown): string | undefined {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    expect(error.code).toBe('invalid');
    expect(error.detail.rule).toBeTruthy();
    expect(error.message.length).toBeLessThan(400);
    expect(error.message).toContain(error.detail.field!);
    return error.detail.field;
  }
}

const json = (text: string): unknown => JSON.parse(text);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('hostile inference requests in JSON', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'request'],
    ['a list', [], 'request'],
    ['a text', 'X', 'request'],
    ['no inputs', {}, 'inputs'],
    ['inputs as an object', { inputs: { 0: x(), length: 1 } }, 'inputs'],
    ['a million inputs', { inputs: new Array(1_000_000).fill(x()) }, 'inputs'],
    ['an unknown field', { inputs: [x()], model: 'other' }, 'model'],
    ['__proto__ beside the inputs', json('{"inputs":[],"__proto__":{"inputs":[1]}}'), '__proto__'],
    ['constructor inside a tensor', { inputs: [json('{"name":"X","constructor":1}')] }, 'inputs[0].constructor'],
    ['an unknown tensor', { inputs: [x({ name: 'Y' })] }, 'inputs[0].name'],
    ['a repeated tensor', { inputs: [x(), x()] }, 'inputs[1].name'],
    ['only keys', { inputs: [key()] }, 'inputs'],
    ['another datatype', { inputs: [x({ datatype: 'FP64' })] }, 'inputs[0].datatype'],
    ['no shape', { inputs: [x({ shape: undefined })] }, 'inputs[0].shape'],
    ['a shape of texts', { inputs: [x({ shape: ['2', '2'] })] }, 'inputs[0].shape'],
    ['one dimension', { inputs: [x({ shape: [4] })] }, 'inputs[0].shape'],
    ['a negative dimension', { inputs: [x({ shape: [-2, 2] })] }, 'inputs[0].shape[0]'],
    ['no rows', { inputs: [x({ shape: [0, 2], data: [] })] }, 'inputs[0].shape[0]'],
    ['half a row', { inputs: [x({ shape: [1.5, 2] })] }, 'inputs[0].shape[0]'],
    ['a product that overflows', { inputs: [x({ shape: [2 ** 31, 2 ** 31] })] }, 'inputs[0].shape[0]'],
    ['a dimension of 1e400', { inputs: [x({ shape: [json('1e400'), 2] })] }, 'inputs[0].shape[0]'],
    ['the wrong width', { inputs: [x({ shape: [2, 3] })] }, 'inputs[0].shape[1]'],
    ['fewer values than the shape', { inputs: [x({ data: [1, 2, 3] })] }, 'inputs[0].data'],
    ['more values than the shape', { inputs: [x({ data: [1, 2, 3, 4, 5] })] }, 'inputs[0].data'],
    ['a text among the values', { inputs: [x({ data: [1, 'NaN', 3, 4] })] }, 'inputs[0].data[1]'],
    ['1e400 among the values', { inputs: [x({ data: [1, json('1e400'), 3, 4] })] }, 'inputs[0].data[1]'],
    ['a value beyond float32', { inputs: [x({ data: [1, 2, 3, 1e39] })] }, 'inputs[0].data[3]'],
    ['rows of unequal width', { inputs: [x({ data: [[1, 2], [3]] })] }, 'inputs[0].data[1]'],
    ['a list a hundred thousand deep', { inputs: [x({ data: json(nested(100_000)) })] }, 'inputs[0].data'],
    ['keys of another length', { inputs: [x(), key({ shape: [3] })] }, 'inputs[1].shape'],
    ['fewer keys than rows', { inputs: [x(), key({ data: ['a'] })] }, 'inputs[1].data'],
    ['an operator as a key', { inputs: [x(), key({ data: ['a', { $gt: '' }] })] }, 'inputs[1].data[1]'],
    ['an endless key', { inputs: [x(), key({ data: ['a', 'b'.repeat(1_000_000)] })] }, 'inputs[1].data[1]'],
    ['a key parameter for two rows', { inputs: [x()], parameters: { rondo_key: 'a' } }, 'parameters.rondo_key'],
    ['a time that is none', { inputs: [x()], parameters: { event_time: 'yesterday' } }, 'parameters.event_time'],
    ['a time as a number', { inputs: [x()], parameters: { event_time: 1 } }, 'parameters.event_time'],
    [
      'a time far ahead',
      { inputs: [x()], parameters: { event_time: '2027-01-01T00:00:00Z' } },
      'parameters.event_time',
    ],
    [
      'the 31st of February',
      { inputs: [x()], parameters: { event_time: '2025-13-31T00:00:00Z' } },
      'parameters.event_time',
    ],
    ['an id with a line break', { id: 'a\nb', inputs: [x()] }, 'id'],
    ['an id with a hash, which handles use', { id: 'a#1', inputs: [x()] }, 'id'],
    ['an endless id', { id: 'a'.repeat(129), inputs: [x()] }, 'id'],
    ['an unknown output', { inputs: [x()], outputs: [{ name: 'secret' }] }, 'outputs[0].name'],
    ['a repeated output', { inputs: [x()], outputs: [{ name: 'label' }, { name: 'label' }] }, 'outputs[1].name'],
  ])('refuses %s', (_, body, field) => {
    expect(refusedBy(() => inferRequestFromJson(body, context))).toBe(field);
  });

  it('takes flat and nested values, null for missing, -0, and unknown parameters', () => {
    const flat = inferRequestFromJson({ inputs: [x({ data: [1, null, -0, 4] })], parameters: { trace: 'x' } }, context);
    const rows = inferRequestFromJson(
      {
        inputs: [
          x({
            data: [
              [1, null],
              [-0, 4],
            ],
          }),
        ],
      },
      context,
    );
    expect(flat.rows).toEqual(rows.rows);
    expect([...flat.rows]).toEqual([1, Number.NaN, -0, 4]);
  });
});

describe('hostile inference requests in protobuf', () => {
  type Init = MessageInitShape<typeof inference.ModelInferRequestSchema>;
  const tensor = (changes: object = {}) => ({
    name: 'X',
    datatype: 'FP32',
    shape: [1n, 2n],
    contents: { fp32Contents: [1, 2] },
    ...changes,
  });
  const keys = (changes: object = {}) => ({
    name: 'rondo_key',
    datatype: 'BYTES',
    shape: [1n],
    contents: { bytesContents: [Buffer.from('a')] },
    ...changes,
  });
  const floats = new Uint8Array(8);
  const prefixed = (length: number, text: string): Uint8Array => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(length);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const bare = (init: object) => ({ ...init, contents: undefined });

  it.each<[string, Init, string]>([
    ['nothing', {}, 'inputs'],
    ['three tensors', { inputs: [tensor(), keys(), keys()] }, 'inputs'],
    ['a repeated tensor', { inputs: [tensor(), tensor()] }, 'inputs'],
    ['an unknown second tensor', { inputs: [tensor(), keys({ name: 'Z' })] }, 'inputs'],
    ['another datatype', { inputs: [tensor({ datatype: 'INT64' })] }, 'inputs[0].datatype'],
    ['dimensions of 2^31', { inputs: [tensor({ shape: [2n ** 31n, 2n ** 31n] })] }, 'inputs[0].shape[0]'],
    ['dimensions of 2^62', { inputs: [tensor({ shape: [2n ** 62n, 2n] })] }, 'inputs[0].shape[0]'],
    ['a negative dimension', { inputs: [tensor({ shape: [-1n, 2n] })] }, 'inputs[0].shape[0]'],
    ['a million dimensions', { inputs: [tensor({ shape: new Array(1_000_000).fill(1n) })] }, 'inputs[0].shape'],
    [
      'values in the wrong list',
      { inputs: [tensor({ contents: { fp64Contents: [1, 2] } })] },
      'inputs[0].contents.fp32_contents',
    ],
    [
      'values in two lists',
      { inputs: [tensor({ contents: { fp32Contents: [1, 2], intContents: [1] } })] },
      'inputs[0].contents',
    ],
    [
      'infinity',
      { inputs: [tensor({ contents: { fp32Contents: [1, Infinity] } })] },
      'inputs[0].contents.fp32_contents[1]',
    ],
    ['contents beside raw contents', { inputs: [tensor()], rawInputContents: [floats] }, 'inputs[0].contents'],
    [
      'raw contents of another number',
      { inputs: [bare(tensor())], rawInputContents: [floats, floats] },
      'raw_input_contents',
    ],
    [
      'raw contents that are no multiple of four',
      { inputs: [bare(tensor())], rawInputContents: [new Uint8Array(7)] },
      'raw_input_contents[0]',
    ],
    [
      'a length prefix beyond the contents',
      { inputs: [bare(tensor()), bare(keys())], rawInputContents: [floats, prefixed(0xffffffff, 'a')] },
      'raw_input_contents[1][0]',
    ],
    [
      'half a length prefix',
      { inputs: [bare(tensor()), bare(keys())], rawInputContents: [floats, new Uint8Array(3)] },
      'raw_input_contents[1][0]',
    ],
    [
      'bytes after the last element',
      { inputs: [bare(tensor()), bare(keys())], rawInputContents: [floats, prefixed(1, 'abc')] },
      'raw_input_contents[1]',
    ],
    [
      'a key that is not UTF-8',
      { inputs: [tensor(), keys({ contents: { bytesContents: [Uint8Array.of(0xff, 0xfe)] } })] },
      'inputs[1].contents.bytes_contents[0]',
    ],
    [
      'an endless key',
      { inputs: [tensor(), keys({ contents: { bytesContents: [new Uint8Array(2_000)] } })] },
      'inputs[1].contents.bytes_contents[0]',
    ],
    [
      'a parameter of another type',
      { inputs: [tensor()], parameters: { rondo_key: { parameterChoice: { case: 'int64Param', value: 1n } } } },
      'parameters.rondo_key',
    ],
    ['an unknown output', { inputs: [tensor()], outputs: [{ name: 'secret' }] }, 'outputs[0].name'],
  ])('refuses %s', (_, init, field) => {
    expect(refusedBy(() => inferRequestFromProto(create(inference.ModelInferRequestSchema, init), context))).toBe(
      field,
    );
  });

  it('reads raw contents that do not start at a multiple of four', () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat32(1, 1.5, true);
    new DataView(bytes.buffer).setFloat32(5, Number.NaN, true);
    const message = create(inference.ModelInferRequestSchema, {
      inputs: [bare(tensor())],
      rawInputContents: [bytes.subarray(1)],
    });
    expect([...inferRequestFromProto(message, context).rows]).toEqual([1.5, Number.NaN]);
  });
});

describe('hostile outcomes', () => {
  const label = (changes: Record<string, unknown> = {}) => ({
    endpoint: 'e',
    request_id: 'r',
    labels: [0, 1, null],
    ...changes,
  });

  it.each<[string, unknown, string]>([
    ['a text', 'x', 'request'],
    ['no entries', [], 'request'],
    ['too many entries', new Array(1_001).fill(label()), 'request'],
    ['an operator as request id', label({ request_id: { $gt: '' } }), 'request_id'],
    ['a path as endpoint', label({ endpoint: '../secret' }), 'endpoint'],
    ['a label of 2', label({ labels: [2] }), 'labels[0]'],
    ['a label of true', label({ labels: [true] }), 'labels[0]'],
    ['labels as a text', label({ labels: '01' }), 'labels'],
    ['a negative row', label({ labels: [1], row_indexes: [-1] }), 'row_indexes[0]'],
    ['a row of 1e9', label({ labels: [1], row_indexes: [1e9] }), 'row_indexes[0]'],
    ['rows of another length', label({ row_indexes: [0] }), 'row_indexes'],
    ['two labels for a row that was sent alone', label({ request_id: 'r#3', labels: [0, 1] }), 'labels'],
    ['a second unknown field', [label(), label({ evil: 1 })], '[1].evil'],
    ['__proto__', json('{"endpoint":"e","request_id":"r","labels":[1],"__proto__":{}}'), '__proto__'],
    ['a time far ahead', label({ event_time: '9999-01-01T00:00:00Z' }), 'event_time'],
  ])('refuses labels with %s', (_, body, field) => {
    expect(refusedBy(() => labelEntries(body, context.nowMs))).toBe(field);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['NaN', { value: Number.NaN }, 'value'],
    ['a text as value', { value: '1' }, 'value'],
    ['markup as name', { value: 1, name: '<b>' }, 'name'],
    ['a row beside a handle of one', { value: 1, request_id: 'r#1', row_index: 2 }, 'row_index'],
  ])('refuses feedback with %s', (_, changes, field) => {
    expect(
      refusedBy(() => feedbackEntries({ endpoint: 'e', request_id: 'r', name: 'accepted', ...changes }, context.nowMs)),
    ).toBe(field);
  });

  it('leaves out unknown outcomes and finds the row of a handle', () => {
    expect(labelEntries(label(), 5)[0]).toMatchObject({ rowIndexes: [0, 1], labels: [0, 1], eventTimeMs: 5 });
    expect(labelEntries(label({ request_id: 'r#17', labels: [1] }), 5)[0]).toMatchObject({
      requestId: 'r',
      rowIndexes: [17],
      labels: [1],
    });
    expect(feedbackEntries({ endpoint: 'e', request_id: 'r#17', name: 'ok', value: true }, 5)[0]).toMatchObject({
      rowIndex: 17,
      value: 1,
    });
  });
});
