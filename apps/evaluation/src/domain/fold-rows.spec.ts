import { describe, expect, it } from '@jest/globals';
import { pickFolds, planFolds } from './fold-rows.js';

const times = Float64Array.from({ length: 400 }, (_, i) => i * 10);
const limits = { folds: 3, embargoMs: 0, trainRowsMax: 1_000, testRowsMax: 1_000 };

describe('the origins of a backtest', () => {
  it('never train on rows at or after the ones they predict', () => {
    const folds = planFolds(times, limits);
    expect(folds).toHaveLength(3);
    for (const { train, test } of folds) expect(times[train.at(-1)!]).toBeLessThan(times[test[0]!]!);
    expect(folds.at(-1)!.test.at(-1)).toBe(399);
  });

  it('keep the embargo clear', () => {
    for (const { train, test } of planFolds(times, { ...limits, embargoMs: 200 })) {
      expect(times[test[0]!]! - times[train.at(-1)!]!).toBeGreaterThanOrEqual(200);
    }
  });

  it('thin rows evenly above the limit', () => {
    const [fold] = planFolds(times, { ...limits, trainRowsMax: 10, testRowsMax: 5 });
    expect([...fold!.train]).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(fold!.test).toHaveLength(5);
  });

  it('are none where there is no time to cut', () => {
    expect(planFolds(new Float64Array(), limits)).toEqual([]);
    expect(planFolds(Float64Array.of(5, 5, 5), limits)).toEqual([]);
  });

  it('take the k-th row where the limit divides the rows unevenly', () => {
    const [fold] = planFolds(times, { ...limits, trainRowsMax: 7 });
    expect([...fold!.train]).toEqual([0, 14, 28, 42, 57, 71, 85]);
  });

  it('are picked with the values of their own rows, from all parts', () => {
    const columns = [Float32Array.from(times, (_, i) => i), Float32Array.from(times, (_, i) => (i * 37) % 11)];
    const part = (from: number, until: number) => ({
      times: times.slice(from, until),
      columns: columns.map((column) => column.slice(from, until)),
    });
    const thinned = { ...limits, trainRowsMax: 60, testRowsMax: 30 };
    const picked = pickFolds({ parts: [part(0, 330), part(330, 400)], limits: thinned });
    const whole = planFolds(times, thinned);
    const valuesAt = (of: readonly Float32Array[], rows: Uint32Array) =>
      of.map((column) => Array.from(rows, (row) => column[row]));
    expect(picked.map(({ plan, columns: own }) => [valuesAt(own, plan.train), valuesAt(own, plan.test)])).toEqual(
      whole.map(({ train, test }) => [valuesAt(columns, train), valuesAt(columns, test)]),
    );
    expect(picked.map(({ columns: own }) => own[0]!.length)).toEqual([90, 90, 90]);
    expect(picked.map(({ plan }) => plan.fromMs)).toEqual(whole.map(({ fromMs }) => fromMs));
  });
});
