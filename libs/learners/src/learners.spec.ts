import { describe, expect, it } from '@jest/globals';
import { PermanentError, seededRandom } from '@rondo/kernel';
import {
  featureImportance,
  rawScoreTrees,
  scoreModel,
  scoreTrees,
  trainConstantBaseline,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type Model,
} from './index.js';

const params = { rounds: 20, learningRate: 0.2, maxLeaves: 8, minRowsInLeaf: 10 };

/** Three features: one that matters, one whose absence matters, one of noise. */
function table(rows: number, seed: number) {
  const random = seededRandom(seed);
  const columns = [new Float32Array(rows), new Float32Array(rows), new Float32Array(rows)];
  const target = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    columns[0]![row] = random.next() * 4 - 2;
    columns[1]![row] = random.next() < 0.3 ? NaN : random.next();
    columns[2]![row] = random.next();
    const logOdds = 2 * columns[0]![row]! + (Number.isNaN(columns[1]![row]!) ? 2 : 0) - 0.5;
    target[row] = random.next() < 1 / (1 + Math.exp(-logOdds)) ? 1 : 0;
  }
  return { columns, target, featureNames: ['signal', 'gap', 'noise'] };
}

function rowsOf(columns: readonly Float32Array[]): Float32Array {
  const n = columns[0]!.length;
  return Float32Array.from(
    { length: n * columns.length },
    (_, i) => columns[i % columns.length]![Math.floor(i / columns.length)]!,
  );
}

function logLoss(target: Uint8Array, probabilities: Float32Array): number {
  let loss = 0;
  target.forEach((label, row) => (loss -= Math.log(label ? probabilities[row]! : 1 - probabilities[row]!)));
  return loss / target.length;
}

const problemOf = (run: () => unknown): PermanentError => {
  try {
    run();
  } catch (error) {
    if (error instanceof PermanentError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
};

describe('gradient-boosted trees', () => {
  it('beat the base rate on rows they have not seen', () => {
    const train = table(4000, 1);
    const test = table(4000, 2);
    const model = trainGradientBoostedTrees({ ...train, params });
    const rows = rowsOf(test.columns);
    const baseline = scoreModel(trainConstantBaseline(train), rows, 4000);
    expect(logLoss(test.target, scoreTrees(model, rows, 4000))).toBeLessThan(logLoss(test.target, baseline) - 0.15);
  });

  it('give the same bytes on every run', () => {
    const first = trainGradientBoostedTrees({ ...table(2000, 3), params });
    const second = trainGradientBoostedTrees({ ...table(2000, 3), params });
    expect(second).toEqual(first);
  });

  it('leave their input untouched', () => {
    const data = table(500, 4);
    const copy = structuredClone(data);
    trainGradientBoostedTrees({ ...data, params });
    expect(data).toEqual(copy);
  });

  it('learn on which side missing values belong', () => {
    const gap = Float32Array.from({ length: 400 }, (_, row) => (row % 2 ? NaN : row % 7));
    const target = Uint8Array.from({ length: 400 }, (_, row) => row % 2);
    for (const flip of [0, 1]) {
      const model = trainGradientBoostedTrees({
        columns: [gap],
        target: target.map((label) => label ^ flip),
        featureNames: ['gap'],
        params: { ...params, rounds: 60 },
      });
      const [missing, present] = scoreTrees(model, Float32Array.of(NaN, 3), 2);
      expect(flip ? present : missing).toBeGreaterThan(0.95);
      expect(flip ? missing : present).toBeLessThan(0.05);
    }
  });

  it('report a training loss that falls and equals the loss of the scores', () => {
    const data = table(2000, 5);
    const losses: number[] = [];
    const model = trainGradientBoostedTrees({ ...data, params, onRound: (_round, loss) => losses.push(loss()) });
    expect(losses).toHaveLength(params.rounds);
    losses.slice(1).forEach((loss, index) => expect(loss).toBeLessThan(losses[index]!));
    expect(losses.at(-1)).toBeCloseTo(logLoss(data.target, scoreTrees(model, rowsOf(data.columns), 2000)), 5);
  });

  it('stop when the observer throws', () => {
    const stop = new Error('stop');
    expect(() =>
      trainGradientBoostedTrees({
        ...table(200, 6),
        params,
        onRound: () => {
          throw stop;
        },
      }),
    ).toThrow(stop);
  });

  it('find the exact first split of a worked example', () => {
    // Two classes cut at 2.5; base rate ½ so g = ±½, h = ¼: leaf value = 0.5·4/(4·¼) = 2 at learning rate 1.
    const column = Float32Array.of(1, 2, 2, 1, 3, 4, 4, 3);
    const target = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1);
    const model = trainGradientBoostedTrees({
      columns: [column],
      target,
      featureNames: ['x'],
      params: { rounds: 1, learningRate: 1, maxLeaves: 2, minRowsInLeaf: 1 },
    });
    expect(model.baseScore).toBe(0);
    expect(model.trees[0]!.threshold[0]).toBe(2.5);
    expect([...rawScoreTrees(model, Float32Array.of(2.5, 2.5000002), 2)]).toEqual([-2, 2]);
    expect(model.trees[0]!.gain[0]).toBeCloseTo(8, 12); // 2²/1 + 2²/1 − 0²/2
  });

  it('shrink leaves by lambda', () => {
    const request = { columns: [Float32Array.of(1, 1, 3, 3)], target: Uint8Array.of(0, 0, 1, 1), featureNames: ['x'] };
    const shape = { rounds: 1, learningRate: 1, maxLeaves: 2, minRowsInLeaf: 1 };
    const model = trainGradientBoostedTrees({ ...request, params: { ...shape, lambda: 0.5 } });
    expect(rawScoreTrees(model, Float32Array.of(3), 1)[0]).toBeCloseTo(1, 6); // 1 / (½ + ½)
  });

  it('respect the number of leaves, rows per leaf and bins', () => {
    const data = table(1000, 7);
    const model = trainGradientBoostedTrees({
      ...data,
      params: { ...params, maxLeaves: 5, minRowsInLeaf: 150, maxBins: 4 },
    });
    const rows = rowsOf(data.columns);
    for (const tree of model.trees) {
      expect(tree.feature.filter((feature) => feature < 0).length).toBeLessThanOrEqual(5);
      const perLeaf = new Map<number, number>();
      for (let row = 0; row < 1000; row++) {
        let node = 0;
        while (tree.feature[node]! >= 0) {
          const x = rows[row * 3 + tree.feature[node]!]!;
          const left = x <= tree.threshold[node]! || (Number.isNaN(x) && tree.missingLeft[node] === 1);
          node = left ? tree.left[node]! : tree.right[node]!;
        }
        perLeaf.set(node, (perLeaf.get(node) ?? 0) + 1);
      }
      for (const count of perLeaf.values()) expect(count).toBeGreaterThanOrEqual(150);
    }
    const cuts = new Set(
      model.trees.flatMap((tree) => [...tree.threshold].filter((_, node) => tree.feature[node] === 0)),
    );
    expect(cuts.size).toBeLessThanOrEqual(4);
  });

  it('answer the base rate when nothing can be split', () => {
    const model = trainGradientBoostedTrees({
      columns: [new Float32Array(100).fill(7)],
      target: Uint8Array.from({ length: 100 }, (_, row) => (row < 25 ? 1 : 0)),
      featureNames: ['constant'],
      params,
    });
    expect(scoreTrees(model, Float32Array.of(7), 1)[0]).toBeCloseTo(0.25, 6);
    expect(featureImportance(model)).toEqual([{ featureName: 'constant', share: 0 }]);
  });
});

describe('logistic regression', () => {
  it('finds the maximum-likelihood odds of a two-by-two table', () => {
    // 30 of 40 against 10 of 40: log-odds ±log 3, so the coefficient per unit is 2·log 3.
    const columns = [Float32Array.from({ length: 80 }, (_, row) => (row < 40 ? 0 : 1))];
    const target = Uint8Array.from({ length: 80 }, (_, row) => (row % 40 < (row < 40 ? 10 : 30) ? 1 : 0));
    const model = trainLogisticRegression({
      columns,
      target,
      featureNames: ['x'],
      params: { l2: 0, maxIterations: 25 },
    });
    expect(model.converged).toBe(true);
    expect(model.weights[0]! * model.scales[0]!).toBeCloseTo(2 * Math.log(3), 5);
    expect([...scoreModel(model, Float32Array.of(0, 1, NaN), 3)]).toEqual([
      expect.closeTo(0.25, 6),
      expect.closeTo(0.75, 6),
      expect.closeTo(0.5, 6),
    ]);
  });

  it('lists columns that add nothing and still converges', () => {
    const { columns, target } = table(500, 8);
    const model = trainLogisticRegression({
      columns: [columns[0]!, columns[0]!.map((x) => 2 * x), new Float32Array(500).fill(3), columns[2]!],
      target,
      featureNames: ['a', 'twice a', 'constant', 'b'],
      params: { l2: 0, maxIterations: 50 },
    });
    expect(model.aliased).toEqual(['twice a', 'constant']);
    expect(model.converged).toBe(true);
    expect([...model.weights].map(Number.isFinite)).toEqual([true, true, true, true]);
  });

  it('admits that it did not converge on separable data, and does with a penalty', () => {
    const separable = {
      columns: [Float32Array.of(-2, -1, 1, 2)],
      target: Uint8Array.of(0, 0, 1, 1),
      featureNames: ['x'],
    };
    const free = trainLogisticRegression({ ...separable, params: { l2: 0, maxIterations: 10 } });
    const held = trainLogisticRegression({ ...separable, params: { l2: 1, maxIterations: 50 } });
    expect([free.converged, held.converged]).toEqual([false, true]);
    expect(held.weights[0]).toBeGreaterThan(0);
  });

  it('meets the condition of an optimum with a penalty', () => {
    const data = table(800, 9);
    const l2 = 3;
    const model = trainLogisticRegression({ ...data, params: { l2, maxIterations: 50 } });
    const probabilities = scoreModel(model, rowsOf(data.columns), 800);
    for (const [index, column] of data.columns.entries()) {
      let gradient = l2 * model.weights[index]!;
      for (let row = 0; row < 800; row++) {
        const z = Number.isNaN(column[row]!) ? 0 : (column[row]! - model.means[index]!) * model.scales[index]!;
        gradient += (probabilities[row]! - data.target[row]!) * z;
      }
      expect(gradient).toBeCloseTo(0, 3);
    }
  });

  it('keeps precision when values are far from zero', () => {
    const { columns, target } = table(500, 10);
    const shape = { target, featureNames: ['x'], params: { l2: 1, maxIterations: 50 } };
    const near = trainLogisticRegression({ ...shape, columns: [columns[2]!.map((x) => Math.round(x * 64))] });
    const far = trainLogisticRegression({ ...shape, columns: [columns[2]!.map((x) => 1e6 + Math.round(x * 64))] });
    expect(far.weights[0]).toBeCloseTo(near.weights[0]!, 4);
  });
});

describe('logistic regression on huge values', () => {
  it('refuses what would overflow float32', () => {
    const data = { columns: [Float32Array.of(1, -2e30)], target: Uint8Array.of(0, 1), featureNames: ['x'] };
    const problem = problemOf(() => trainLogisticRegression({ ...data, params: { l2: 1, maxIterations: 5 } }));
    expect(problem.detail.field).toBe('columns[0][1]');
  });
});

describe('the constant baseline', () => {
  it('answers the share of class 1, away from certainty', () => {
    const one = { columns: [Float32Array.of(1, 2, 3, 4)], featureNames: ['x'] };
    expect(trainConstantBaseline({ ...one, target: Uint8Array.of(1, 0, 0, 0) }).probability).toBe(0.25);
    expect(trainConstantBaseline({ ...one, target: Uint8Array.of(0, 0, 0, 0) }).probability).toBe(1e-6);
  });
});

describe('feature importance', () => {
  it('names the feature that decides, with shares that sum to one', () => {
    const data = table(3000, 11);
    const models: Model[] = [
      trainGradientBoostedTrees({ ...data, params }),
      trainLogisticRegression({ ...data, params: { l2: 1, maxIterations: 30 } }),
    ];
    for (const model of models) {
      const shares = featureImportance(model);
      expect(shares.map((item) => item.featureName)).toEqual(['signal', 'gap', 'noise']);
      expect(shares[0]!.share).toBeGreaterThan(0.5);
      expect(shares.reduce((sum, item) => sum + item.share, 0)).toBeCloseTo(1, 12);
    }
  });
});

describe('bad input', () => {
  const good = table(50, 12);
  const linear = { l2: 1, maxIterations: 10 };

  it.each([
    ['params.rounds', { ...params, rounds: 0 }],
    ['params.rounds', { ...params, rounds: 1.5 }],
    ['params.learningRate', { ...params, learningRate: 0 }],
    ['params.learningRate', { ...params, learningRate: NaN }],
    ['params.maxLeaves', { ...params, maxLeaves: 1 }],
    ['params.minRowsInLeaf', { ...params, minRowsInLeaf: 0 }],
    ['params.lambda', { ...params, lambda: -1 }],
    ['params.maxBins', { ...params, maxBins: 256 }],
  ])('is refused by name: %s of %j', (field, bad) => {
    const problem = problemOf(() => trainGradientBoostedTrees({ ...good, params: bad }));
    expect(problem.code).toBe('invalid');
    expect(problem.detail).toMatchObject({ field, rule: expect.any(String) });
    expect(problem.detail).toHaveProperty('value');
  });

  it('is refused when histograms would not fit memory', () => {
    const columns = Array.from({ length: 1000 }, () => new Float32Array(2));
    const featureNames = columns.map((_, index) => `f${index}`);
    const request = { columns, featureNames, target: Uint8Array.of(0, 1), params: { ...params, maxLeaves: 1024 } };
    expect(problemOf(() => trainGradientBoostedTrees(request)).detail.field).toBe('params.maxLeaves');
  });

  it.each([
    ['target[1]', { ...good, target: good.target.with(1, 2) }],
    ['columns[2]', { ...good, columns: [...good.columns.slice(0, 2), new Float32Array(3)] }],
    ['columns[0][4]', { ...good, columns: [good.columns[0]!.with(4, Infinity), ...good.columns.slice(1)] }],
    ['featureNames', { ...good, featureNames: ['a'] }],
    ['featureNames[1]', { ...good, featureNames: ['a', 'a', 'b'] }],
    ['featureNames[0]', { ...good, featureNames: ['', 'a', 'b'] }],
    ['columns', { columns: [], target: good.target, featureNames: [] }],
    ['target', { columns: [new Float32Array()], target: new Uint8Array(), featureNames: ['a'] }],
  ])('is refused by every learner: %s', (field, data) => {
    for (const train of [
      () => trainGradientBoostedTrees({ ...data, params }),
      () => trainLogisticRegression({ ...data, params: linear }),
      () => trainConstantBaseline(data),
    ]) {
      expect(problemOf(train).detail.field).toBe(field);
    }
  });

  it('is refused when only one class occurs', () => {
    const data = { ...good, target: new Uint8Array(50) };
    expect(problemOf(() => trainGradientBoostedTrees({ ...data, params })).code).toBe('failed-precondition');
    expect(problemOf(() => trainLogisticRegression({ ...data, params: linear })).detail.reason).toBe('SINGLE_CLASS');
  });

  it('is refused by the scorers when rows and features do not multiply', () => {
    const model = trainGradientBoostedTrees({ ...good, params });
    expect(problemOf(() => scoreTrees(model, new Float32Array(5), 2)).detail.field).toBe('rows');
  });
});
