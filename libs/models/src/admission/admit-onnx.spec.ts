import { describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { onnx } from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import fc from 'fast-check';
import { admitOnnx, constantToOnnx, inspectOnnx, type AdmissionRequest, type FindingCode } from '../index.js';

const { AttributeProto_AttributeType: AttributeType, TensorProto_DataLocation: Location } = onnx;
const plain = constantToOnnx(0.25, 3);

/** The plain model after a change. */
function changed(change: (model: onnx.ModelProto, graph: onnx.GraphProto) => void): Uint8Array {
  const model = fromBinary(onnx.ModelProtoSchema, plain);
  change(model, model.graph!);
  return toBinary(onnx.ModelProtoSchema, model);
}

function tensor(init: Partial<onnx.TensorProto>): onnx.TensorProto {
  return create(onnx.TensorProtoSchema, { name: 'w', dims: [2n], dataType: 1, floatData: [1, 2], ...init } as object);
}

function external(location: string): onnx.TensorProto {
  const externalData = [create(onnx.StringStringEntryProtoSchema, { key: 'location', value: location })];
  return tensor({ floatData: [], dataLocation: Location.EXTERNAL, externalData });
}

function node(init: { opType: string; domain?: string; overload?: string; attribute?: object[] }): onnx.NodeProto {
  return create(onnx.NodeProtoSchema, { input: ['X'], output: ['y'], ...init } as object);
}

function dims(value: onnx.ValueInfoProto, ...sizes: (bigint | string)[]): void {
  const shape = sizes.map((size) => ({
    value:
      typeof size === 'bigint'
        ? { case: 'dimValue' as const, value: size }
        : { case: 'dimParam' as const, value: size },
  }));
  value.type = create(onnx.TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType: elementType(value), shape: { dim: shape } } },
  });
}

function elementType(value: onnx.ValueInfoProto): number {
  return value.type?.value.case === 'tensorType' ? value.type.value.value.elemType : 0;
}

function setType(value: onnx.ValueInfoProto, elemType: number): void {
  if (value.type?.value.case === 'tensorType') value.type.value.value.elemType = elemType;
}

/** Bytes of a field that holds `payload`. */
function fieldOf(number: number, payload: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(payload).finish();
}

/** A graph in an attribute of a node in a graph in an attribute … */
function nested(levels: number): Uint8Array {
  let graph: Uint8Array = new Uint8Array();
  for (let level = 0; level < levels; level++) graph = fieldOf(1, fieldOf(5, fieldOf(6, graph)));
  return Uint8Array.of(...plain, ...fieldOf(7, graph));
}

const many = (count: number, bytes: Uint8Array): Uint8Array => {
  const all = new Uint8Array(count * bytes.length);
  for (let index = 0; index < count; index++) all.set(bytes, index * bytes.length);
  return all;
};

const hostile: [what: string, code: FindingCode, bytes: Uint8Array, request?: AdmissionRequest][] = [
  ['an empty file', 'not-onnx', new Uint8Array()],
  ['text', 'not-onnx', new TextEncoder().encode('{"model": true}')],
  ['a pickle', 'not-onnx', Uint8Array.from([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x8c, 2, 0x6f, 0x73])],
  ['a truncated model', 'not-onnx', plain.subarray(0, plain.length - 5)],
  [
    'a model without a graph',
    'not-onnx',
    toBinary(onnx.ModelProtoSchema, create(onnx.ModelProtoSchema, { irVersion: 8n })),
  ],
  ['a length that reaches past the end', 'not-onnx', Uint8Array.of(...plain, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07)],
  ['a file over the size limit', 'too-large', plain, { bytesMax: plain.length - 1 }],
  [
    'a million empty messages',
    'too-many-messages',
    Uint8Array.of(...plain, ...fieldOf(7, many(60_000, Uint8Array.of(0x0a, 0)))),
  ],
  [
    'a million packed numbers',
    'too-many-values',
    changed((_, { initializer }) =>
      initializer.push(tensor({ dims: [9n], floatData: [], int64Data: Array<bigint>(60_000).fill(1n) })),
    ),
    { valuesMax: 50_000 },
  ],
  ['graphs in graphs', 'too-deep', nested(40)],
  ['ten thousand graphs in graphs', 'too-deep', nested(3000)],
  ['a field ONNX does not have', 'unknown-field', Uint8Array.of(...plain, ...fieldOf(4000, Uint8Array.of(1)))],
  ['a group', 'unknown-field', Uint8Array.of(...plain, 0x3b, 0x3c)],
  [
    'too many nodes',
    'too-many-nodes',
    changed((_, graph) => graph.node.push(...Array.from({ length: 9 }, () => node({ opType: 'Identity' })))),
    { nodesMax: 9 },
  ],
  [
    'a long list attribute',
    'attribute-too-long',
    changed((_, graph) =>
      graph.node.push(
        node({
          opType: 'Cast',
          attribute: [{ name: 'to', type: AttributeType.INTS, ints: Array<bigint>(11).fill(0n) }],
        }),
      ),
    ),
    { attributeLengthMax: 10 },
  ],
  [
    'a long text attribute',
    'attribute-too-long',
    changed((_, graph) =>
      graph.node.push(
        node({ opType: 'Cast', attribute: [{ name: 'to', type: AttributeType.STRING, s: new Uint8Array(11) }] }),
      ),
    ),
    { attributeLengthMax: 10 },
  ],
  ...['../secret', '/etc/passwd', 'secret.bin', 'C:\\secret', ''].map((location): [string, FindingCode, Uint8Array] => [
    `weights in the file "${location}"`,
    'external-data',
    changed((_, { initializer }) => initializer.push(external(location))),
  ]),
  [
    'an outside location that its flag denies',
    'external-data',
    changed((_, { initializer }) => initializer.push({ ...external('x'), dataLocation: Location.DEFAULT })),
  ],
  [
    'an outside location without a path',
    'external-data',
    changed((_, { initializer }) => initializer.push({ ...tensor({}), dataLocation: Location.EXTERNAL })),
  ],
  [
    'outside data in a Constant',
    'external-data',
    changed((_, graph) =>
      graph.node.push(
        node({ opType: 'Constant', attribute: [{ name: 'value', type: AttributeType.TENSOR, t: external('x') }] }),
      ),
    ),
  ],
  [
    'outside data in a list of tensors',
    'external-data',
    changed((_, graph) =>
      graph.node.push(
        node({
          opType: 'Constant',
          attribute: [{ name: 'value', type: AttributeType.TENSORS, tensors: [tensor({}), external('x')] }],
        }),
      ),
    ),
  ],
  [
    'outside data behind another type tag',
    'external-data',
    changed((_, graph) =>
      graph.node.push(
        node({ opType: 'Cast', attribute: [{ name: 'to', type: AttributeType.INT, i: 1n, t: external('x') }] }),
      ),
    ),
  ],
  [
    'a sparse initialiser',
    'sparse-tensor',
    changed((_, graph) =>
      graph.sparseInitializer.push(create(onnx.SparseTensorProtoSchema, { values: external('x') })),
    ),
  ],
  [
    'a sparse constant',
    'sparse-tensor',
    changed((_, graph) =>
      graph.node.push(
        node({
          opType: 'Constant',
          attribute: [
            { name: 'sparse_value', type: AttributeType.SPARSE_TENSOR, sparseTensor: { values: tensor({}) } },
          ],
        }),
      ),
    ),
  ],
  [
    'a shape larger than its data',
    'tensor-mismatch',
    changed((_, { initializer }) => initializer.push(tensor({ dims: [1n << 40n] }))),
  ],
  [
    'a shape that overflows',
    'tensor-mismatch',
    changed((_, { initializer }) => initializer.push(tensor({ dims: [1n << 32n, 1n << 32n, 2n] }))),
  ],
  [
    'a negative shape',
    'tensor-mismatch',
    changed((_, { initializer }) => initializer.push(tensor({ dims: [-1n, -2n] }))),
  ],
  [
    'raw bytes of the wrong number',
    'tensor-mismatch',
    changed((_, { initializer }) => initializer.push(tensor({ floatData: [], rawData: new Uint8Array(7) }))),
  ],
  [
    'an unknown element type',
    'tensor-mismatch',
    changed((_, { initializer }) => initializer.push(tensor({ dataType: 99 }))),
  ],
  [
    'a tensor in segments',
    'tensor-mismatch',
    changed((_, { initializer }) =>
      initializer.push(tensor({ segment: create(onnx.TensorProto_SegmentSchema, { begin: 0n, end: 1n }) })),
    ),
  ],
  [
    'a function',
    'local-function',
    changed((model) => model.functions.push(create(onnx.FunctionProtoSchema, { name: 'f', domain: 'mine' }))),
  ],
  [
    'an overloaded call',
    'local-function',
    changed((_, graph) => graph.node.push(node({ opType: 'Identity', overload: 'mine' }))),
  ],
  [
    'an attribute of a function',
    'local-function',
    changed((_, graph) => graph.node.push(node({ opType: 'Cast', attribute: [{ name: 'to', refAttrName: 'to' }] }))),
  ],
  [
    'a training graph',
    'training-info',
    changed((model) => model.trainingInfo.push(create(onnx.TrainingInfoProtoSchema, {}))),
  ],
  [
    'a sub-graph',
    'sub-graph',
    changed((_, graph) =>
      graph.node.push(
        node({ opType: 'Identity', attribute: [{ name: 'body', type: AttributeType.GRAPH, g: { name: 'g' } }] }),
      ),
    ),
  ],
  [
    'a list of sub-graphs',
    'sub-graph',
    changed((_, graph) =>
      graph.node.push(
        node({ opType: 'Identity', attribute: [{ name: 'body', type: AttributeType.INT, graphs: [{ name: 'g' }] }] }),
      ),
    ),
  ],
  ...[
    'Loop',
    'If',
    'Scan',
    'ConstantOfShape',
    'Expand',
    'Tile',
    'Range',
    'RandomNormal',
    'SequenceMap',
    'StringConcat',
    'identity',
    'Identity\u0000',
    '',
  ].map((opType): [string, FindingCode, Uint8Array] => [
    `the operator ${JSON.stringify(opType)}`,
    'operator-not-allowed',
    changed((_, graph) => graph.node.push(node({ opType }))),
  ]),
  [
    'a map as output',
    'operator-not-allowed',
    changed((_, graph) => graph.node.push(node({ opType: 'ZipMap', domain: 'ai.onnx.ml' }))),
  ],
  [
    'a custom operator',
    'unknown-domain',
    changed((_, graph) => graph.node.push(node({ opType: 'Identity', domain: 'com.microsoft' }))),
  ],
  [
    'an operator set of its own',
    'unknown-domain',
    changed((model) =>
      model.opsetImport.push(create(onnx.OperatorSetIdProtoSchema, { domain: '__proto__', version: 1n })),
    ),
  ],
  ['two inputs', 'wrong-inputs', changed((_, graph) => graph.input.push({ ...graph.input[0]!, name: 'Y' }))],
  ['another input', 'wrong-inputs', changed((_, graph) => (graph.input[0]!.name = 'input'))],
  ['a missing output', 'wrong-outputs', changed((_, graph) => graph.output.pop())],
  ['a third output', 'wrong-outputs', changed((_, graph) => graph.output.push({ ...graph.output[0]!, name: 'more' }))],
  ['two labels', 'wrong-outputs', changed((_, graph) => (graph.output[1]!.name = 'label'))],
  ['a double input', 'wrong-type', changed((_, graph) => setType(graph.input[0]!, 11))],
  ['a text label', 'wrong-type', changed((_, graph) => setType(graph.output[0]!, 8))],
  [
    'a sequence as output',
    'wrong-type',
    changed(
      (_, graph) =>
        (graph.output[1]!.type = create(onnx.TypeProtoSchema, { value: { case: 'sequenceType', value: {} } })),
    ),
  ],
  ['an output without a type', 'wrong-type', changed((_, graph) => (graph.output[1]!.type = undefined))],
  ['a fixed number of rows', 'wrong-shape', changed((_, graph) => dims(graph.input[0]!, 1n, 3n))],
  ['features left open', 'wrong-shape', changed((_, graph) => dims(graph.input[0]!, 'N', 'F'))],
  ['no features', 'wrong-shape', changed((_, graph) => dims(graph.input[0]!, 'N', 0n))],
  ['a million features', 'wrong-shape', changed((_, graph) => dims(graph.input[0]!, 'N', 1_000_000n))],
  ['three-dimensional rows', 'wrong-shape', changed((_, graph) => dims(graph.input[0]!, 'N', 3n, 3n))],
  ['three classes', 'wrong-shape', changed((_, graph) => dims(graph.output[1]!, 'N', 3n))],
  ['a label for all rows together', 'wrong-shape', changed((_, graph) => dims(graph.output[0]!, 1n))],
  ['another number of features than wanted', 'feature-count', plain, { features: 4 }],
  ...['["a","b"]', '["a","b","a"]', '[1,2,3]', '{"__proto__":[]}', '[[[', '"abc"'].map(
    (value): [string, FindingCode, Uint8Array] => [
      `the feature names ${value}`,
      'feature-names',
      changed((model) =>
        model.metadataProps.push(create(onnx.StringStringEntryProtoSchema, { key: 'rondo.feature_names', value })),
      ),
    ],
  ),
];

describe('admission', () => {
  it('lets a plain model in and says what it is', () => {
    expect(admitOnnx(plain, { features: 3 })).toEqual({
      admitted: true,
      model: {
        signature: {
          inputs: [{ name: 'X', elementType: 'float32', dims: ['N', 3] }],
          outputs: [
            { name: 'label', elementType: 'int64', dims: ['N'] },
            { name: 'probabilities', elementType: 'float32', dims: ['N', 2] },
          ],
        },
        features: 3,
        featureNames: undefined,
        operators: ['ai.onnx.ml.TreeEnsembleClassifier'],
        opsets: [
          { domain: 'ai.onnx.ml', version: 3 },
          { domain: 'ai.onnx', version: 17 },
        ],
        producer: 'rondo',
        sizeBytes: plain.length,
      },
    });
  });

  it('lets outputs in whose sizes the file leaves open', () => {
    const open = changed((_, graph) => {
      dims(graph.output[1]!, 'N', 'classes');
      if (graph.output[0]!.type?.value.case === 'tensorType') graph.output[0]!.type.value.value.shape = undefined;
    });
    expect(admitOnnx(open).admitted).toBe(true);
  });

  it('lets inner tensors in that are whole', () => {
    const whole = changed((_, { initializer }) =>
      initializer.push(
        tensor({}),
        tensor({ floatData: [], rawData: new Uint8Array(8) }),
        tensor({ dims: [0n], floatData: [] }),
      ),
    );
    expect(admitOnnx(whole).admitted).toBe(true);
  });

  it.each(hostile)('refuses %s: %s', (_what, code, bytes, request = {}) => {
    const verdict = admitOnnx(bytes, request);
    if (verdict.admitted) throw new Error('admitted');
    expect(verdict.findings.map((finding) => finding.code)).toContain(code);
    for (const finding of verdict.findings) {
      expect(finding.value.length).toBeLessThanOrEqual(100);
      expect(finding.message).toMatch(/^[\P{C}]+$/u);
      expect(finding.field && finding.rule).toBeTruthy();
    }
  });

  it('lists every problem, up to a hundred', () => {
    const bad = changed((model, graph) => {
      graph.input[0]!.name = 'input';
      model.functions.push(create(onnx.FunctionProtoSchema, {}));
      graph.node.push(...Array.from({ length: 200 }, () => node({ opType: 'Loop' })));
    });
    const verdict = admitOnnx(bad);
    expect(verdict).toMatchObject({ admitted: false, findings: { length: 100 } });
    expect(verdict.admitted === false && verdict.findings[0]!.code).toBe('local-function');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(admitOnnx(bytes).admitted).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: plain.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const verdict = admitOnnx(plain.map((byte, index) => (index === at ? byte ^ flip : byte)));
        expect(typeof verdict.admitted).toBe('boolean');
      }),
    );
  });
});

describe('inspection', () => {
  it('reads what admission would refuse', () => {
    const bytes = changed((_, graph) => graph.node.push(node({ opType: 'Loop' })));
    expect(inspectOnnx(bytes).operators).toEqual(['ai.onnx.Loop', 'ai.onnx.ml.TreeEnsembleClassifier']);
  });

  it('refuses what is not ONNX, by name', () => {
    expect(() => inspectOnnx(new Uint8Array(3))).toThrow(PermanentError);
    expect(() => inspectOnnx(new Uint8Array(3))).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ reason: 'NOT_ONNX' }) }),
    );
  });
});
