import { describe, expect, it } from '@jest/globals';
import { pickFold, planFolds, runFold, withinFold } from './backtest.js';

const times = Float64Array.from({ length: 400 }, (_, i) => i * 10);
const plan = { folds: 3, embargoMs: 0, trainRowsMax: 1_000, testRowsMax: 1_000 };

describe('the origins of a backtest', () => {
  it('never train on rows at or after the ones they predict', () => {
    const folds = planFolds(times, plan);
    expect(folds).toHaveLength(3);
    for (const { train, test } of folds) expect(times[train.at(-1)!]).toBeLessThan(times[test[0]!]!);
    expect(folds.at(-1)!.test.at(-1)).toBe(399);
  });

  it('keep the embargo clear', () => {
    for (const { train, test } of planFolds(times, { ...plan, embargoMs: 200 })) {
      expect(times[test[0]!]! - times[train.at(-1)!]!).toBeGreaterThanOrEqual(200);
    }
  });

  it('thin rows evenly above the limit', () => {
    const [fold] = planFolds(times, { ...plan, trainRowsMax: 10, testRowsMax: 5 });
    expect([...fold!.train]).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(fold!.test).toHaveLength(5);
  });

  it('are none where there is no time to cut', () => {
    expect(planFolds(new Float64Array(), plan)).toEqual([]);
    expect(planFolds(Float64Array.of(5, 5, 5), plan)).toEqual([]);
  });

  it('take the k-th row where the limit divides the rows unevenly', () => {
    const [fold] = planFolds(times, { ...plan, trainRowsMax: 7 });
    expect([...fold!.train]).toEqual([0, 14, 28, 42, 57, 71, 85]);
  });

  it('give the same with nothing but their own rows', () => {
    const recipe = { trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 10 } } as const;
    const target = Float32Array.from(times, (_, i) => Number(i % 3 === 0));
    const column = Float32Array.from(times, (_, i) => (i * 37) % 11);
    for (const planned of planFolds(times, { ...plan, trainRowsMax: 60, testRowsMax: 30 })) {
      const others = { champion: null, challenger: null };
      const common = { recipe, featureNames: ['x'] };
      const whole = runFold({ ...common, columns: [column], target, fold: { ...planned, ...others } });
      const columns = [pickFold(planned, column)];
      const fold = { ...withinFold(planned), ...others };
      expect(runFold({ ...common, columns, target: pickFold(planned, target), fold })).toEqual(whole);
      expect(whole!.trainRows).toBe(60);
    }
  });

  it('are left out when there is one class only to learn from', () => {
    const recipe = { trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 10 } } as const;
    const target = Float32Array.from(times, (_, i) => (i > 150 && i % 2 === 0 ? 1 : 0));
    const columns = [Float32Array.from(times, (_, i) => i % 7)];
    const compared = planFolds(times, plan).map((planned) => {
      const fold = { ...planned, champion: null, challenger: null };
      return runFold({ recipe, featureNames: ['x'], columns, target, fold });
    });
    expect(compared.map((fold) => fold?.n)).toEqual([undefined, 100, 100]);
  });
});
