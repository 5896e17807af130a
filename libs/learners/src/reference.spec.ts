import { describe, expect, it } from '@jest/globals';
import { scoreTrees, trainGradientBoostedTrees, trainLogisticRegression, type TrainingTable } from './index.js';

/** Printed by testing/reference/make-reference.py with scikit-learn 1.9.1 and NumPy 2.4.1. */
const reference = {
  positives: 7439,
  treesAucScore: 0.8003279780323325,
  treesLogLoss: 0.5183968679831836,
  linearWeights: [0.7160912311468554, 0.3367583349457126, 0.2605381167906173, -0.009960180261141755],
  linearIntercept: -0.6056048302999294,
};

/** The same rows as the script makes: integer arithmetic, so both sides get them exactly. */
function table(rows: number, seed: number): TrainingTable {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const columns = Array.from({ length: 5 }, () => new Float32Array(rows));
  const target = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const x = columns.map(uniform) as [number, number, number, number, number];
    const gap = uniform() < 0.15;
    const odds = 3 * x[0] - 2 + (x[1] > 0.5 ? 2 * x[2] : 0) + (gap ? 1.5 : 0) - 3 * x[3] * x[3];
    target[row] = uniform() < 1 / (1 + Math.exp(-odds)) ? 1 : 0;
    if (gap) x[3] = NaN;
    columns.forEach((column, index) => (column[row] = x[index]!));
  }
  return { columns, target, featureNames: columns.map((_, index) => `x${index}`) };
}

/** Area under the ROC curve by ranks; tied rows share their mean rank. */
function aucScore(target: Uint8Array, scores: Float32Array): number {
  const order = Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]!);
  let rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    for (let i = start; i < end; i++) if (target[order[i]!]) rankSum += (start + 1 + end) / 2;
    start = end;
  }
  const positives = target.reduce((sum, label) => sum + label, 0);
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (target.length - positives));
}

describe('compared with scikit-learn', () => {
  const train = table(20_000, 1);
  const test = table(20_000, 2);

  it('learns from the same rows', () => {
    expect(train.target.reduce((sum, label) => sum + label, 0)).toBe(reference.positives);
  });

  it('boosted trees are as good as HistGradientBoostingClassifier', () => {
    const params = { rounds: 100, learningRate: 0.1, maxLeaves: 31, minRowsInLeaf: 20 };
    const model = trainGradientBoostedTrees({ ...train, params });
    const rows = Float32Array.from({ length: 100_000 }, (_, i) => test.columns[i % 5]![Math.floor(i / 5)]!);
    const p = scoreTrees(model, rows, 20_000);
    const loss = p.reduce((sum, value, row) => sum - Math.log(test.target[row] ? value : 1 - value), 0) / 20_000;
    expect(Math.abs(aucScore(test.target, p) - reference.treesAucScore)).toBeLessThan(0.002);
    expect(Math.abs(loss - reference.treesLogLoss)).toBeLessThan(0.002);
  });

  it('logistic regression finds the weights of LogisticRegression', () => {
    const complete = [0, 1, 2, 4];
    const model = trainLogisticRegression({
      columns: complete.map((index) => train.columns[index]!),
      target: train.target,
      featureNames: complete.map((index) => `x${index}`),
      params: { l2: 2, maxIterations: 50 },
    });
    expect(model.converged).toBe(true);
    model.weights.forEach((weight, index) => expect(weight).toBeCloseTo(reference.linearWeights[index]!, 4));
    expect(model.intercept).toBeCloseTo(reference.linearIntercept, 4);
  });
});
