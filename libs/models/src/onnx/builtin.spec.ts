import { describe, expect, it } from '@jest/globals';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { onnx } from '@rondo/contracts';
import { PermanentError, seededRandom } from '@rondo/kernel';
import {
  scoreTrees,
  trainConstantBaseline,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type TreeEnsemble,
} from '@rondo/learners';
import { admitOnnx, constantToOnnx, inspectOnnx, linearToOnnx, modelToOnnx, treesToOnnx } from '../index.js';
import { readBuiltinTrees } from './read-builtin.js';

const random = seededRandom(3);
const columns = [0, 1, 2].map(() =>
  Float32Array.from({ length: 400 }, () => (random.next() < 0.2 ? NaN : random.next())),
);
const target = Uint8Array.from({ length: 400 }, (_, row) => (columns[0]![row]! > 0.5 || random.next() < 0.2 ? 1 : 0));
const table = { columns, target, featureNames: ['x "quoted"', 'y', 'z'] };
const params = { rounds: 12, learningRate: 0.3, maxLeaves: 7, minRowsInLeaf: 3 };
const trees = trainGradientBoostedTrees({ ...table, params });
const rows = Float32Array.from({ length: 1200 }, (_, i) => columns[i % 3]![Math.floor(i / 3)]!);

const read = (bytes: Uint8Array): TreeEnsemble | undefined =>
  readBuiltinTrees(fromBinary(onnx.ModelProtoSchema, bytes).graph!, 3, table.featureNames);

/** The trees' file after a change to one attribute of its node. */
function changed(name: string, change: (attribute: onnx.AttributeProto, node: onnx.NodeProto) => void): Uint8Array {
  const model = fromBinary(onnx.ModelProtoSchema, treesToOnnx(trees));
  const node = model.graph!.node[0]!;
  change(
    node.attribute.find((attribute) => attribute.name === name)!,
    node,
  );
  return toBinary(onnx.ModelProtoSchema, model);
}

describe('model files', () => {
  it('are admitted, whatever the model, and name their features', () => {
    const linear = trainLogisticRegression({ ...table, params: { l2: 1, maxIterations: 20 } });
    for (const model of [trees, linear, trainConstantBaseline(table)]) {
      const bytes = modelToOnnx(model, { pipeline: 'p' });
      expect(admitOnnx(bytes, { features: 3 })).toMatchObject({
        admitted: true,
        model: { featureNames: table.featureNames },
      });
      expect(modelToOnnx(model, { pipeline: 'p' })).toEqual(bytes);
    }
    expect(inspectOnnx(linearToOnnx(linear)).operators).toEqual([
      'ai.onnx.ml.Imputer',
      'ai.onnx.ml.LinearClassifier',
      'ai.onnx.ml.Scaler',
    ]);
  });

  it('do not depend on the order of the metadata', () => {
    expect(treesToOnnx(trees, { a: '1', b: '2' })).toEqual(treesToOnnx(trees, { b: '2', a: '1' }));
  });

  it.each([
    ['metadata', () => treesToOnnx(trees, { 'rondo.feature_names': '[]' })],
    ['probability', () => constantToOnnx(1, 3)],
    ['probability', () => constantToOnnx(NaN, 3)],
    ['nFeatures', () => constantToOnnx(0.5, 0)],
  ])('are refused by name: %s', (field, write) => {
    expect(write).toThrow(PermanentError);
    expect(write).toThrow(expect.objectContaining({ detail: expect.objectContaining({ field }) }));
  });
});

describe('a built-in ensemble', () => {
  it('comes back from its file as it was, but for the gains', () => {
    const back = read(treesToOnnx(trees))!;
    expect(back.trees.map(({ gain: _gain, ...tree }) => tree)).toEqual(
      trees.trees.map(({ gain: _gain, ...tree }) => tree),
    );
    expect(back.baseScore).toBe(trees.baseScore);
    expect(scoreTrees(back, rows, 400)).toEqual(scoreTrees(trees, rows, 400));
  });

  const bump = (list: bigint[] | number[], index: number, by: number): void => {
    (list as unknown[])[index] =
      typeof list[index] === 'bigint' ? (list[index] as bigint) + BigInt(by) : (list[index] as number) + by;
  };

  it.each<[string, string, (attribute: onnx.AttributeProto, node: onnx.NodeProto) => void]>([
    ['another transformation', 'post_transform', (a) => (a.s = new TextEncoder().encode('SOFTMAX'))],
    ['other labels', 'classlabels_int64s', (a) => a.ints.reverse()],
    ['another class', 'class_ids', (a) => bump(a.ints, 0, 1)],
    ['two base values', 'base_values', (a) => a.floats.push(0)],
    ['a branch of another kind', 'nodes_modes', (a) => (a.strings[0] = new TextEncoder().encode('BRANCH_LT'))],
    ['a child before its parent, a cycle', 'nodes_truenodeids', (a) => (a.ints[0] = 0n)],
    ['a child outside the tree', 'nodes_falsenodeids', (a) => (a.ints[0] = 10_000n)],
    ['a feature outside the row', 'nodes_featureids', (a) => (a.ints[0] = 3n)],
    ['a negative feature', 'nodes_featureids', (a) => (a.ints[0] = -1n)],
    ['a leaf without a value', 'class_nodeids', (a) => (a.ints[0] = 10_000n)],
    ['a leaf with two values', 'class_nodeids', (a) => (a.ints[1] = a.ints[0]!)],
    ['an infinite value', 'class_weights', (a) => (a.floats[0] = Infinity)],
    ['nodes out of order', 'nodes_nodeids', (a) => a.ints.reverse()],
    ['trees out of order', 'nodes_treeids', (a) => a.ints.reverse()],
    ['a list too short', 'nodes_values', (a) => a.floats.pop()],
    ['a missing attribute', 'nodes_values', (_, node) => node.attribute.pop()],
    [
      'an attribute too many',
      'nodes_values',
      (_, node) => node.attribute.push({ ...node.attribute[0]!, name: 'nodes_hitrates' }),
    ],
    ['an attribute twice', 'nodes_values', (a, node) => (node.attribute[0] = a)],
    ['another input', 'nodes_values', (_, node) => (node.input = ['Y'])],
    ['swapped outputs', 'nodes_values', (_, node) => node.output.reverse()],
    ['another operator', 'nodes_values', (_, node) => (node.opType = 'TreeEnsembleRegressor')],
  ])('is left to ONNX Runtime with %s', (_what, name, change) => {
    expect(read(changed(name, change))).toBeUndefined();
  });
});
