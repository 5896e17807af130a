import type { ClassProbabilities } from './active-learning.js';
import { checkSameLength, checkWeights, invalid, type Numbers } from './checks.js';
import { checkClassLabels, checkClassProbabilities } from './class-probabilities.js';
import { rocAuc, weightedMean, type Weighted } from './classification-metrics.js';

/** As in scikit-learn: the spacing of doubles at 1. */
const SMALLEST_PROBABILITY = 2.220446049250313e-16;

/**
 * Rows (with `weights`, their sum) by true class (first index) and decided class (second). Labels and decisions are whole
 * numbers from 0 to `classes` - 1.
 * @example confusionMatrix([0, 1, 2, 2], [0, 2, 2, 2], 3) // => [[1, 0, 0], [0, 0, 1], [0, 0, 2]]
 */
export function confusionMatrix(
  labels: Numbers,
  decisions: Numbers,
  classes: number,
  { weights }: Weighted = {},
): number[][] {
  checkClassLabels('labels', labels, classes);
  checkSameLength('decisions', decisions, 'labels', labels);
  checkClassLabels('decisions', decisions, classes);
  if (weights !== undefined) checkWeights('weights', weights, labels.length);
  const matrix = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  for (let row = 0; row < labels.length; row++) {
    matrix[labels[row]!]![decisions[row]!]! += weights === undefined ? 1 : weights[row]!;
  }
  return matrix;
}

/**
 * Mean negative log probability of the true class, in nats; lower is better, ln(classes) is guessing. A probability
 * nearer to 0 or 1 than 2.2e-16 is moved to that distance.
 * @example multiclassLogLoss([0, 2], { probabilities: [0.7, 0.2, 0.1, 0.1, 0.1, 0.8], classes: 3 }) // => 0.289909
 */
export function multiclassLogLoss(labels: Numbers, rows: ClassProbabilities, { weights }: Weighted = {}): number {
  return weightedMean(multiclassLogLossPerRow(labels, rows), weights);
}

/**
 * The terms whose mean is {@link multiclassLogLoss}, one per row, in nats.
 * @example Array.from(multiclassLogLossPerRow([0, 2], { probabilities: [0.7, 0.2, 0.1, 0.1, 0.1, 0.8], classes: 3 })) // => [0.356675, 0.223144]
 */
export function multiclassLogLossPerRow(labels: Numbers, rows: ClassProbabilities): Float64Array {
  checkClassProbabilities(labels, rows);
  const { probabilities, classes } = rows;
  const losses = new Float64Array(labels.length);
  for (let row = 0; row < losses.length; row++) {
    const ofTruth = probabilities[row * classes + labels[row]!]!;
    losses[row] = -Math.log(Math.min(1 - SMALLEST_PROBABILITY, Math.max(SMALLEST_PROBABILITY, ofTruth)));
  }
  return losses;
}

/**
 * Mean over the classes of the ROC AUC of that class against the rest, each counted alike (`macro`) or by its share of the
 * rows (`weighted`). Range 0..1, 0.5 is chance. Refused: a class without rows (or one that has all of them), for which
 * no area exists. Source: Provost & Domingos (2003), Machine Learning 52:199.
 * @example multiclassAuc([0, 1, 2, 2], { probabilities: [0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.1, 0.1, 0.8, 0.3, 0.5, 0.2], classes: 3 }) // => 0.805556
 */
export function multiclassAuc(
  labels: Numbers,
  rows: ClassProbabilities,
  options: Weighted & { readonly average?: 'macro' | 'weighted' } = {},
): number {
  const { average = 'macro', weights } = options;
  checkClassProbabilities(labels, rows);
  const { classes } = rows;
  if (weights !== undefined) checkWeights('weights', weights, labels.length);
  const ofClass = classWeights(labels, classes, weights);
  let [sum, total] = [0, 0];
  for (let k = 0; k < classes; k++) {
    if (ofClass[k] === 0) throw invalid('labels', k, `needs rows of every class; class ${k} has none`);
    const share = average === 'macro' ? 1 : ofClass[k]!;
    const [own, scores] = oneVersusRest(labels, rows, k);
    sum += share * rocAuc(own, scores, weights === undefined ? {} : { weights });
    total += share;
  }
  return sum / total;
}

/** Labels and scores of one class against all others. */
export function oneVersusRest(
  labels: Numbers,
  { probabilities, classes }: ClassProbabilities,
  k: number,
): [Uint8Array, Float64Array] {
  const own = new Uint8Array(labels.length);
  const scores = new Float64Array(labels.length);
  for (let row = 0; row < own.length; row++) {
    own[row] = labels[row] === k ? 1 : 0;
    scores[row] = probabilities[row * classes + k]!;
  }
  return [own, scores];
}

function classWeights(labels: Numbers, classes: number, weights: Numbers | undefined): Float64Array {
  const sums = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) sums[labels[row]!]! += weights === undefined ? 1 : weights[row]!;
  return sums;
}
