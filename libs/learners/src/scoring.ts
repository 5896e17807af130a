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
 * Log-odds of a tree ensemble, summed in float32 in tree order and then the base score: bit-equal to ONNX Runtime.
 * @throws PermanentError `invalid` when the length of `rows` is not n × features
 */
export function rawScoreTrees(model: TreeEnsemble, rows: Float32Array, n: number): Float32Array {
  const width = model.featureNames.length;
  checkRows(rows, n, width);
  const scores = new Float32Array(n);
  for (const tree of model.trees) addTree(tree, rows, width, scores);
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

/** A function of its own: V8 compiles the loop once for batches and single rows alike. */
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
