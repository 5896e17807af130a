import { describe, expect, it } from '@jest/globals';
import { runFold } from './backtest.js';
import { planFolds } from './fold-rows.js';

const times = Float64Array.from({ length: 400 }, (_, i) => i * 10);
const limits = { folds: 3, embargoMs: 0, trainRowsMax: 1_000, testRowsMax: 1_000 };

const recipe = { trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 10 } } as const;
const columns = [Float32Array.from(times, (_, i) => i % 7)];

describe('the folds of a backtest', () => {
  it('are left out when there is one class only to learn from', () => {
    const target = Float32Array.from(times, (_, i) => (i > 150 && i % 2 === 0 ? 1 : 0));
    const compared = planFolds(times, limits).map((planned) => {
      const fold = { ...planned, champion: null, challenger: null };
      return runFold({ recipe, featureNames: ['x'], columns, target, fold, clusters: null, folds: 3 });
    });
    expect(compared.map((fold) => fold?.n)).toEqual([undefined, 100, 100]);
  });

  it('have intervals over the clusters of their rows, and are left out with one', () => {
    const target = Float32Array.from(times, (_, i) => (i % 3 === 0 ? 1 : 0));
    const [planned] = planFolds(times, limits);
    const fold = { ...planned!, champion: null, challenger: null };
    const widths = [null, 20, 1].map((days) => {
      const clusters =
        days === null ? null : Float64Array.from({ length: 100 }, (_, i) => Math.floor((i * days) / 100));
      const compared = runFold({ recipe, featureNames: ['x'], columns, target, fold, clusters, folds: 1 });
      return compared && compared.difference.upper - compared.difference.lower;
    });
    expect(widths[2]).toBeNull();
    expect(widths[1]).toBeGreaterThan(0);
    expect(widths[1]).not.toBe(widths[0]);
  });
});
