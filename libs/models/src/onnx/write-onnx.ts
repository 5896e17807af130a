import { create, toBinary } from '@bufbuild/protobuf';
import * as onnx from '@rondo/contracts/onnx';
import { PermanentError, unreachable } from '@rondo/kernel';
import type { LinearModel, Model, TreeEnsemble } from '@rondo/learners';
import { featureNamesKey, mlDomain } from './vocabulary.js';

/** Free text kept with a model, for example `{ pipeline: 'flight-delay' }`; keys must not start with `rondo.`. */
export type ModelMetadata = Readonly<Record<string, string>>;

const { FLOAT, INT64 } = onnx.TensorProto_DataType;
const { AttributeProto_AttributeType: AttributeType } = onnx;
const encoder = new TextEncoder();

/**
 * Any built-in model as ONNX; see {@link treesToOnnx}.
 * @throws PermanentError `invalid` for metadata keys that are reserved
 */
export function modelToOnnx(model: Model, metadata: ModelMetadata = {}): Uint8Array<ArrayBuffer> {
  switch (model.kind) {
    case 'tree-ensemble':
      return treesToOnnx(model, metadata);
    case 'linear':
      return linearToOnnx(model, metadata);
    case 'constant':
      return treesToOnnx(constantTrees(model.probability, model.featureNames), metadata);
    default:
      return unreachable(model);
  }
}

/**
 * A tree ensemble as an ONNX file: input `X` float32 [N, features], outputs `label` int64 [N] (1 above one half) and
 * `probabilities` float32 [N, 2]. Equal models and metadata give equal bytes.
 * @throws PermanentError `invalid` for metadata keys that are reserved
 */
export function treesToOnnx(model: TreeEnsemble, metadata: ModelMetadata = {}): Uint8Array<ArrayBuffer> {
  const node = mlNode('TreeEnsembleClassifier', ['X'], ['label', 'probabilities'], treeAttributes(model));
  return toFile([node], model.featureNames.length, model.featureNames, metadata);
}

/**
 * A linear model as an ONNX file of three steps, missing → mean, standardise, classify, with the signature of
 * {@link treesToOnnx}. Standardising inside the graph keeps float32 precision for values far from zero.
 * @throws PermanentError `invalid` for metadata keys that are reserved
 */
export function linearToOnnx(model: LinearModel, metadata: ModelMetadata = {}): Uint8Array<ArrayBuffer> {
  const weights = [...model.weights];
  const nodes = [
    mlNode(
      'Imputer',
      ['X'],
      ['filled'],
      [floats('imputed_value_floats', model.means), float('replaced_value_float', NaN)],
    ),
    mlNode('Scaler', ['filled'], ['standardised'], [floats('offset', model.means), floats('scale', model.scales)]),
    mlNode(
      'LinearClassifier',
      ['standardised'],
      ['label', 'probabilities'],
      [
        ints('classlabels_ints', [0, 1]),
        floats('coefficients', [...weights.map((weight) => -weight), ...weights]),
        floats('intercepts', [-model.intercept, model.intercept]),
        int('multi_class', 0),
        text('post_transform', 'LOGISTIC'),
      ],
    ),
  ];
  return toFile(nodes, weights.length, model.featureNames, metadata);
}

/**
 * A model that answers `probability` for every row, missing values or not, with the signature of {@link treesToOnnx}.
 * @param probability strictly between 0 and 1
 * @param nFeatures width of the input, from 1
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function constantToOnnx(probability: number, nFeatures: number): Uint8Array<ArrayBuffer> {
  if (!(probability > 0 && probability < 1)) refuse('probability', probability, 'between 0 and 1, both excluded');
  if (!Number.isInteger(nFeatures) || nFeatures < 1) refuse('nFeatures', nFeatures, 'integer >= 1');
  const node = mlNode(
    'TreeEnsembleClassifier',
    ['X'],
    ['label', 'probabilities'],
    treeAttributes(constantTrees(probability, [])),
  );
  return toFile([node], nFeatures, undefined, {});
}

/** One tree of one leaf: a linear model would turn a missing value into NaN. */
function constantTrees(probability: number, featureNames: readonly string[]): TreeEnsemble {
  const leaf = {
    feature: Int32Array.of(-1),
    threshold: new Float32Array(1),
    left: new Int32Array(1),
    right: new Int32Array(1),
    missingLeft: new Uint8Array(1),
    value: Float32Array.of(Math.log(probability / (1 - probability))),
    gain: new Float64Array(1),
  };
  return { kind: 'tree-ensemble', featureNames, baseScore: 0, trees: [leaf] };
}

function treeAttributes({ trees, baseScore }: TreeEnsemble): onnx.AttributeProto[] {
  const nodes = trees.flatMap((tree, treeId) =>
    Array.from(tree.feature, (feature, node) => ({ tree, treeId, node, leaf: feature < 0 })),
  );
  const leaves = nodes.filter(({ leaf }) => leaf);
  return [
    floats('base_values', [baseScore]),
    ints(
      'class_ids',
      leaves.map(() => 0),
    ),
    ints(
      'class_nodeids',
      leaves.map(({ node }) => node),
    ),
    ints(
      'class_treeids',
      leaves.map(({ treeId }) => treeId),
    ),
    floats(
      'class_weights',
      leaves.map(({ tree, node }) => tree.value[node]!),
    ),
    ints('classlabels_int64s', [0, 1]),
    ints(
      'nodes_falsenodeids',
      nodes.map(({ tree, node }) => tree.right[node]!),
    ),
    ints(
      'nodes_featureids',
      nodes.map(({ tree, node, leaf }) => (leaf ? 0 : tree.feature[node]!)),
    ),
    ints(
      'nodes_missing_value_tracks_true',
      nodes.map(({ tree, node }) => tree.missingLeft[node]!),
    ),
    texts(
      'nodes_modes',
      nodes.map(({ leaf }) => (leaf ? 'LEAF' : 'BRANCH_LEQ')),
    ),
    ints(
      'nodes_nodeids',
      nodes.map(({ node }) => node),
    ),
    ints(
      'nodes_treeids',
      nodes.map(({ treeId }) => treeId),
    ),
    ints(
      'nodes_truenodeids',
      nodes.map(({ tree, node }) => tree.left[node]!),
    ),
    floats(
      'nodes_values',
      nodes.map(({ tree, node }) => tree.threshold[node]!),
    ),
    text('post_transform', 'LOGISTIC'),
  ];
}

function toFile(
  node: onnx.NodeProto[],
  nFeatures: number,
  featureNames: readonly string[] | undefined,
  metadata: ModelMetadata,
): Uint8Array<ArrayBuffer> {
  const model = create(onnx.ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'rondo',
    opsetImport: [
      { domain: mlDomain, version: 3n },
      { domain: '', version: 17n },
    ],
    metadataProps: metadataProps(featureNames, metadata),
    graph: {
      name: 'classifier',
      node,
      input: [tensor('X', FLOAT, ['N', nFeatures])],
      output: [tensor('label', INT64, ['N']), tensor('probabilities', FLOAT, ['N', 2])],
    },
  });
  return toBinary(onnx.ModelProtoSchema, model);
}

function metadataProps(featureNames: readonly string[] | undefined, metadata: ModelMetadata) {
  for (const key of Object.keys(metadata)) {
    if (key.startsWith('rondo.')) refuse('metadata', key, 'keys do not start with "rondo."');
  }
  const all = { ...metadata, ...(featureNames && { [featureNamesKey]: JSON.stringify(featureNames) }) };
  return Object.entries(all)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value }));
}

function tensor(name: string, elemType: number, dims: readonly (string | number)[]) {
  const dim = dims.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue' as const, value: BigInt(size) }
        : { case: 'dimParam' as const, value: size },
  }));
  return { name, type: { value: { case: 'tensorType' as const, value: { elemType, shape: { dim } } } } };
}

function mlNode(opType: string, input: string[], output: string[], attribute: onnx.AttributeProto[]): onnx.NodeProto {
  return create(onnx.NodeProtoSchema, { opType, domain: mlDomain, name: opType, input, output, attribute });
}

function ints(name: string, values: readonly number[]): onnx.AttributeProto {
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
}

function int(name: string, value: number): onnx.AttributeProto {
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
}

function floats(name: string, values: ArrayLike<number>): onnx.AttributeProto {
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: Array.from(values) });
}

function float(name: string, value: number): onnx.AttributeProto {
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
}

function texts(name: string, values: readonly string[]): onnx.AttributeProto {
  const strings = values.map((value) => encoder.encode(value));
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.STRINGS, strings });
}

function text(name: string, value: string): onnx.AttributeProto {
  return create(onnx.AttributeProtoSchema, { name, type: AttributeType.STRING, s: encoder.encode(value) });
}

function refuse(field: string, value: unknown, rule: string): never {
  throw new PermanentError('invalid', `${field}: ${String(value)} breaks the rule "${rule}"`, { field, value, rule });
}
