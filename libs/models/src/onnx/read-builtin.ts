import type { onnx } from '@rondo/contracts';
import type { DecisionTree, TreeEnsemble } from '@rondo/learners';
import { mlDomain } from './vocabulary.js';

const decoder = new TextDecoder();
/** Everything a built-in ensemble's node holds; one attribute more or less and ONNX Runtime decides what it means. */
const attributeNames = [
  'base_values',
  'class_ids',
  'class_nodeids',
  'class_treeids',
  'class_weights',
  'classlabels_int64s',
  'nodes_falsenodeids',
  'nodes_featureids',
  'nodes_missing_value_tracks_true',
  'nodes_modes',
  'nodes_nodeids',
  'nodes_treeids',
  'nodes_truenodeids',
  'nodes_values',
  'post_transform',
];

/**
 * Reads back a tree ensemble that `treesToOnnx` could have written, so that it can be scored without ONNX Runtime. Every
 * deviation gives undefined. What is accepted is checked completely: all indexes in range and children after their
 * parent, so that scoring it always ends. Split gains are not in the file and come back as 0.
 */
export function readBuiltinTrees(
  graph: onnx.GraphProto,
  features: number,
  featureNames: readonly string[] | undefined,
): TreeEnsemble | undefined {
  const [node] = graph.node;
  if (graph.node.length !== 1 || graph.initializer.length > 0 || !node) return undefined;
  if (node.domain !== mlDomain || node.opType !== 'TreeEnsembleClassifier') return undefined;
  if (node.input.join() !== 'X' || node.output.join() !== 'label,probabilities') return undefined;
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  if (node.attribute.length !== attributeNames.length || !attributeNames.every((name) => attributes.has(name)))
    return undefined;
  const table = new AttributeTable(attributes);
  if (!table.isBinaryLogistic()) return undefined;
  const trees = table.trees(features);
  const names = featureNames ?? Array.from({ length: features }, (_, index) => `f${index}`);
  return trees && { kind: 'tree-ensemble', featureNames: names, baseScore: table.floats('base_values')[0]!, trees };
}

class AttributeTable {
  constructor(private readonly attributes: ReadonlyMap<string, onnx.AttributeProto>) {}

  floats(name: string): readonly number[] {
    return this.attributes.get(name)!.floats;
  }

  ints(name: string): readonly number[] {
    return this.attributes.get(name)!.ints.map(Number);
  }

  isBinaryLogistic(): boolean {
    return (
      decoder.decode(this.attributes.get('post_transform')!.s) === 'LOGISTIC' &&
      this.ints('classlabels_int64s').join() === '0,1' &&
      this.ints('class_ids').every((id) => id === 0) &&
      this.floats('base_values').length === 1
    );
  }

  trees(features: number): DecisionTree[] | undefined {
    const columns = this.columns();
    if (!columns) return undefined;
    const values = this.leafValues();
    const trees: DecisionTree[] = [];
    for (let start = 0, end: number; start < columns.treeIds.length; start = end) {
      end = start;
      while (columns.treeIds[end] === trees.length) end++;
      const tree = end > start ? treeOf(columns, start, end, features, values, trees.length) : undefined;
      if (!tree) return undefined;
      trees.push(tree);
    }
    return values && values.size === 0 && trees.length > 0 ? trees : undefined;
  }

  private columns() {
    const columns = {
      treeIds: this.ints('nodes_treeids'),
      nodeIds: this.ints('nodes_nodeids'),
      features: this.ints('nodes_featureids'),
      lefts: this.ints('nodes_truenodeids'),
      rights: this.ints('nodes_falsenodeids'),
      missingLefts: this.ints('nodes_missing_value_tracks_true'),
      thresholds: this.floats('nodes_values'),
      modes: this.attributes.get('nodes_modes')!.strings.map((mode) => decoder.decode(mode)),
    };
    const rows = columns.treeIds.length;
    return Object.values(columns).every(({ length }) => length === rows) ? columns : undefined;
  }

  /** Weight per tree and leaf; undefined when a leaf has several. */
  private leafValues(): Map<string, number> | undefined {
    const treeIds = this.ints('class_treeids');
    const nodeIds = this.ints('class_nodeids');
    const weights = this.floats('class_weights');
    const values = new Map(weights.map((weight, index) => [`${treeIds[index]}/${nodeIds[index]}`, weight]));
    const rows = this.ints('class_ids').length;
    return [treeIds, nodeIds, weights, [...values]].every(({ length }) => length === rows) ? values : undefined;
  }
}

type Columns = NonNullable<ReturnType<AttributeTable['columns']>>;

/** The tree in rows [start, end); takes the leaf values it uses out of `values`. */
function treeOf(
  columns: Columns,
  start: number,
  end: number,
  features: number,
  values: Map<string, number> | undefined,
  treeId: number,
): DecisionTree | undefined {
  const size = end - start;
  const tree: DecisionTree = {
    feature: new Int32Array(size).fill(-1),
    threshold: Float32Array.from(columns.thresholds.slice(start, end)),
    left: new Int32Array(size),
    right: new Int32Array(size),
    missingLeft: new Uint8Array(size),
    value: new Float32Array(size),
    gain: new Float64Array(size),
  };
  const inside = (child: number, node: number): boolean => Number.isInteger(child) && child > node && child < size;
  for (let node = 0; node < size; node++) {
    const row = start + node;
    if (columns.nodeIds[row] !== node) return undefined;
    if (columns.modes[row] === 'LEAF') {
      const key = `${treeId}/${node}`;
      const value = values?.get(key);
      if (value === undefined || !Number.isFinite(value)) return undefined;
      values!.delete(key);
      tree.value[node] = value;
      continue;
    }
    const feature = columns.features[row]!;
    const left = columns.lefts[row]!;
    const right = columns.rights[row]!;
    if (columns.modes[row] !== 'BRANCH_LEQ' || !(feature >= 0 && feature < features)) return undefined;
    if (!inside(left, node) || !inside(right, node)) return undefined;
    tree.feature[node] = feature;
    tree.left[node] = left;
    tree.right[node] = right;
    tree.missingLeft[node] = columns.missingLefts[row] === 1 ? 1 : 0;
  }
  return tree;
}
