import { PermanentError, unreachable } from '@rondo/kernel';
import type { ConstantModel, DecisionTree, LinearModel, Model, TreeEnsemble } from './models.js';

/** Probability that belongs to a log-odds value. */
export function sigmoid(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

/**
 * Probability of class 1 for each of `n` rows, in [0, 1].
 * @param rows row-major float32 values, one per feature, NaN for missing
 * @throws PermanentError `invalid` when the length of `rows` is not n × features
 */
export function scoreModel(model: Model, rows: Float32Array, n: number): Float32Array {
  switch (model.kind) {
    case 'tree-ensemble':
      return scoreTrees(model, rows, n);
    case 'linear':
      return scoreLinear(model, rows, n);
    case 'constant':
      return scoreConstant(model, rows, n);
    default:
      return unreachable(model);
  }
}

/** Probabilities of class 1 of a tree ensemble; see {@link scoreModel}. */
export function scoreTrees(model: TreeEnsemble, rows: Float32Array, n: number): Float32Array {
  return toProbabilities(rawScoreTrees(model, rows, n));
}

/**
 * Log-odds of a tree ensemble, summed in float32 in tree order and then the base score: bit-equal to ONNX Runtime. The
 * first call prepares the ensemble and keeps the result as long as the ensemble lives, which must not change after it.
 * @throws PermanentError `invalid` when the length of `rows` is not n × features
 */
export function rawScoreTrees(model: TreeEnsemble, rows: Float32Array, n: number): Float32Array {
  const width = model.featureNames.length;
  checkRows(rows, n, width);
  const scores = new Float32Array(n);
  const masks = leafMasksOf(model);
  if (masks) addByMasks(masks, rows, width, scores);
  else for (const tree of model.trees) addTree(tree, rows, width, scores);
  for (let row = 0; row < n; row++) scores[row] = scores[row]! + model.baseScore;
  return scores;
}

/** Probabilities of class 1 of a linear model; see {@link scoreModel}. */
export function scoreLinear(model: LinearModel, rows: Float32Array, n: number): Float32Array {
  return toProbabilities(rawScoreLinear(model, rows, n));
}

/**
 * Log-odds of a linear model. Infinite values, and values so far out that standardising them overflows float32, may give NaN.
 * @throws PermanentError `invalid` when the length of `rows` is not n × features
 */
export function rawScoreLinear(model: LinearModel, rows: Float32Array, n: number): Float32Array {
  const { means, scales, weights, intercept } = model;
  const width = weights.length;
  checkRows(rows, n, width);
  const scores = new Float32Array(n);
  for (let row = 0; row < n; row++) {
    const start = row * width;
    let score = intercept;
    for (let feature = 0; feature < width; feature++) {
      const x = rows[start + feature]!;
      if (x !== x) continue; // the mean, that is 0 after standardisation
      score += weights[feature]! * Math.fround(Math.fround(x - means[feature]!) * scales[feature]!);
    }
    scores[row] = score;
  }
  return scores;
}

/** The constant probability, `n` times; see {@link scoreModel}. */
export function scoreConstant(model: ConstantModel, rows: Float32Array, n: number): Float32Array {
  checkRows(rows, n, model.featureNames.length);
  return new Float32Array(n).fill(model.probability);
}

/** Walks one tree. A function of its own: V8 compiles the loop once for batches and single rows alike. */
function addTree(tree: DecisionTree, rows: Float32Array, width: number, scores: Float32Array): void {
  const { feature, threshold, left, right, missingLeft, value } = tree;
  for (let row = 0; row < scores.length; row++) {
    const start = row * width;
    let node = 0;
    let tested = feature[0]!;
    while (tested >= 0) {
      const x = rows[start + tested]!;
      const goesLeft = x <= threshold[node]! || (missingLeft[node] === 1 && x !== x);
      node = goesLeft ? left[node]! : right[node]!;
      tested = feature[node]!;
    }
    scores[row] = scores[row]! + value[node]!;
  }
}

const leavesMax = 32;
/** 8 MiB; beyond, the tables outgrow the caches they are fast in. */
const maskWordsMax = 2 ** 21;
/** With more words of masks than this per node visit of a walk, the walk is about as fast (measured: 1.15 at 3.8). */
const maskWordsPerVisit = 4;

/** An inner node as the masks see it. */
interface MaskedSplit {
  readonly tree: number;
  readonly threshold: number;
  readonly missingLeft: boolean;
  /** One bit per leaf of the left branch; the leftmost leaf of a tree has the highest bit. */
  readonly leftLeaves: number;
}

/** Where the masks of a feature are: for missing values at `start`, then for rank 0, 1, … `cuts.length`. */
interface MaskedFeature {
  readonly feature: number;
  /** All thresholds of the feature, ascending, each once. */
  readonly cuts: Float32Array;
  readonly start: number;
}

/**
 * An ensemble of small trees as bit vectors, after QuickScorer (Lucchese et al., SIGIR 2015): each node sent right
 * strikes out the leaves on its left, and of those that remain the leftmost is the one the row ends in. Here the nodes of
 * a feature are struck out together: what remains depends only on the rank of the value among the feature's thresholds,
 * so there is one mask per tree and rank. Scoring has no branch that depends on data, which is what makes walks slow.
 */
interface LeafMasks {
  readonly trees: number;
  readonly features: readonly MaskedFeature[];
  /** Words of `trees` masks each, see {@link MaskedFeature}. */
  readonly masks: Int32Array;
  /** 32 per tree, from the left. */
  readonly leafValues: Float32Array;
  /** Scratch: where the masks are that apply to a row. */
  readonly offsets: Int32Array;
  /** Scratch: the leaves that remain, per tree. */
  readonly remaining: Int32Array;
}

const masksOfModels = new WeakMap<TreeEnsemble, LeafMasks | 'walk'>();

/** The masks of an ensemble, or undefined when walking its trees is the better way. */
function leafMasksOf(model: TreeEnsemble): LeafMasks | undefined {
  let masks = masksOfModels.get(model);
  if (masks === undefined) {
    masks = buildMasks(model) ?? 'walk';
    masksOfModels.set(model, masks);
  }
  return masks === 'walk' ? undefined : masks;
}

function buildMasks({ trees, featureNames }: TreeEnsemble): LeafMasks | undefined {
  const splits = featureNames.map((): MaskedSplit[] => []);
  const leafValues = new Float32Array(trees.length * leavesMax);
  let visits = 0;
  for (const [index, tree] of trees.entries()) {
    const visitsOfTree = addSplits(tree, index, splits, leafValues);
    if (visitsOfTree === undefined) return undefined;
    visits += visitsOfTree;
  }
  const features: MaskedFeature[] = [];
  let words = 0;
  for (const [feature, ofFeature] of splits.entries()) {
    if (ofFeature.length === 0) continue;
    ofFeature.sort((a, b) => a.threshold - b.threshold);
    const thresholds = ofFeature.map(({ threshold }) => threshold);
    const cuts = Float32Array.from(thresholds.filter((threshold, i) => i === 0 || threshold > thresholds[i - 1]!));
    features.push({ feature, cuts, start: words });
    words += (cuts.length + 2) * trees.length;
  }
  if (words > maskWordsMax || features.length * trees.length > maskWordsPerVisit * visits) return undefined;
  const masks = new Int32Array(words).fill(-1);
  for (const { feature, start } of features) fillMasks(masks, start, trees.length, splits[feature]!);
  const offsets = new Int32Array(features.length);
  return { trees: trees.length, features, masks, leafValues, offsets, remaining: new Int32Array(trees.length) };
}

/**
 * Numbers the leaves of a tree and notes its splits by feature.
 * @returns mean depth of the leaves; undefined when the tree does not fit: too many leaves, or a threshold without a place
 */
function addSplits(
  tree: DecisionTree,
  index: number,
  splits: readonly MaskedSplit[][],
  leafValues: Float32Array,
): number | undefined {
  // Bounds the recursion; a node that several parents share counts once per path.
  if (tree.feature.length >= 2 * leavesMax) return undefined;
  let fits = true;
  let leaves = 0;
  let depths = 0;
  const leavesBelow = (node: number, depth: number): number => {
    if (leaves === leavesMax) fits = false;
    if (!fits) return 0;
    const feature = tree.feature[node]!;
    if (feature < 0) {
      leafValues[index * leavesMax + leaves] = tree.value[node]!;
      depths += depth;
      return 0x8000_0000 >>> leaves++;
    }
    const threshold = tree.threshold[node]!;
    if (!Number.isFinite(threshold)) fits = false;
    const leftLeaves = leavesBelow(tree.left[node]!, depth + 1);
    splits[feature]!.push({ tree: index, threshold, missingLeft: tree.missingLeft[node] === 1, leftLeaves });
    return leftLeaves | leavesBelow(tree.right[node]!, depth + 1);
  };
  leavesBelow(0, 0);
  return fits ? depths / leaves : undefined;
}

/** Fills the masks of a feature, all ones before, from its splits in ascending order. */
function fillMasks(masks: Int32Array, start: number, trees: number, splits: readonly MaskedSplit[]): void {
  let row = start + trees;
  let cut = -Infinity;
  for (const { tree, threshold, missingLeft, leftLeaves } of splits) {
    if (threshold > cut) {
      masks.copyWithin(row + trees, row, row + trees);
      row += trees;
      cut = threshold;
    }
    masks[row + tree] = masks[row + tree]! & ~leftLeaves;
    if (!missingLeft) masks[start + tree] = masks[start + tree]! & ~leftLeaves;
  }
}

function addByMasks(ensemble: LeafMasks, rows: Float32Array, width: number, scores: Float32Array): void {
  const { trees, features, masks, leafValues, offsets, remaining } = ensemble;
  for (let row = 0; row < scores.length; row++) {
    for (let i = 0; i < offsets.length; i++) {
      const { feature, cuts, start } = features[i]!;
      const x = rows[row * width + feature]!;
      offsets[i] = x !== x ? start : start + (1 + rankOf(cuts, x)) * trees;
    }
    intersect(masks, offsets, remaining);
    scores[row] = sumOfLeaves(remaining, leafValues);
  }
}

/** Number of cuts below `x`, of one or more: a binary search without branches, because half of them would be guessed wrong. */
function rankOf(cuts: Float32Array, x: number): number {
  let first = 0;
  for (let length = cuts.length, half = length >>> 1; half > 0; length -= half, half = length >>> 1) {
    first += half * Number(cuts[first + half - 1]! < x);
  }
  return first + Number(cuts[first]! < x);
}

/** ANDs the masks at each offset into `remaining`, four offsets at a time to save loads and stores. */
function intersect(masks: Int32Array, offsets: Int32Array, remaining: Int32Array): void {
  remaining.fill(-1);
  let i = 0;
  for (; i + 4 <= offsets.length; i += 4) {
    const [a, b, c, d] = [offsets[i]!, offsets[i + 1]!, offsets[i + 2]!, offsets[i + 3]!];
    for (let tree = 0; tree < remaining.length; tree++) {
      const four = masks[a + tree]! & masks[b + tree]! & masks[c + tree]! & masks[d + tree]!;
      remaining[tree] = remaining[tree]! & four;
    }
  }
  for (; i < offsets.length; i++) {
    const a = offsets[i]!;
    for (let tree = 0; tree < remaining.length; tree++) remaining[tree] = remaining[tree]! & masks[a + tree]!;
  }
}

function sumOfLeaves(remaining: Int32Array, leafValues: Float32Array): number {
  let sum = 0;
  for (let tree = 0; tree < remaining.length; tree++) {
    sum = Math.fround(sum + leafValues[tree * leavesMax + Math.clz32(remaining[tree]!)]!);
  }
  return sum;
}

function toProbabilities(scores: Float32Array): Float32Array {
  for (let row = 0; row < scores.length; row++) scores[row] = sigmoid(scores[row]!);
  return scores;
}

function checkRows(rows: Float32Array, n: number, width: number): void {
  if (Number.isInteger(n) && n >= 0 && rows.length === n * width) return;
  throw new PermanentError('invalid', `rows: ${rows.length} values are not ${n} rows of ${width} features`, {
    field: 'rows',
    value: rows.length,
    rule: `${n} × ${width} values`,
  });
}
