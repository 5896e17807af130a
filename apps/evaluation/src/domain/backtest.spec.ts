import { describe, expect, it } from '@jest/globals';
import { runFold } from './backtest.js';
import { planFolds } from './fold-rows.js';

const times = Float64Array.from({ length: 400 }, (_, i) => i * 10);
const limits = { folds: 3, embargoMs: 0, trainRowsMax: 1_000, testRowsMax: 1_000 };

describe('the folds of a backtest', () => {
  it('are left out when there is one class only to learn from', () => {
    const recipe = { trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 10 } } as const;
    const target = Float32Array.from(times, (_, i) => (i > 150 && i % 2 === 0 ? 1 : 0));
    const columns = [Float32Array.from(times, (_, i) => i % 7)];
    const compared = planFolds(times, limits).map((planned) => {
      const fold = { ...planned, champion: null, challenger: null };
      return runFold({ recipe, featureNames: ['x'], columns, target, fold });
    });
    expect(compared.map((fold) => fold?.n)).toEqual([undefined, 100, 100]);
  });
});
