import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rawScoreTrees, scoreLinear, scoreTrees, trainGradientBoostedTrees, trainLogisticRegression } from './index.js';

const value = fc.oneof(
  { weight: 6, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, 0, -0) },
);
const tables = (values: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 4 }))
    .chain(([rows, features]) =>
      fc.record({
        columns: fc.array(
          fc.array(values, { minLength: rows, maxLength: rows }).map(Float32Array.from.bind(Float32Array)),
          {
            minLength: features,
            maxLength: features,
          },
        ),
        target: fc
          .array(fc.integer({ min: 0, max: 1 }), { minLength: rows, maxLength: rows })
          .map((labels) => Uint8Array.from([0, 1, ...labels.slice(2)])),
      }),
    )
    .map(({ columns, target }) => ({ columns, target, featureNames: columns.map((_, index) => `f${index}`) }));
const table = tables(value);
const moderate = tables(value.filter((x) => !(Math.abs(x) > 1e30)));
const params = { rounds: 5, learningRate: 0.3, maxLeaves: 6, minRowsInLeaf: 1 };

function rowsOf(columns: readonly Float32Array[]): Float32Array {
  return Float32Array.from(
    { length: columns[0]!.length * columns.length },
    (_, i) => columns[i % columns.length]![Math.floor(i / columns.length)]!,
  );
}

describe('learners, for any table', () => {
  it('score the training rows as training saw them', () => {
    fc.assert(
      fc.property(table, (data) => {
        let trainingLoss = NaN;
        const model = trainGradientBoostedTrees({
          ...data,
          params,
          onRound: (_round, loss) => (trainingLoss = loss()),
        });
        const scores = rawScoreTrees(model, rowsOf(data.columns), data.target.length);
        // A threshold that training and scoring compare differently would move rows between leaves and change the loss.
        const loss = data.target.reduce(
          (sum, label, row) => sum + Math.log1p(Math.exp(label ? -scores[row]! : scores[row]!)),
          0,
        );
        expect(loss / data.target.length).toBeCloseTo(trainingLoss, 4);
      }),
    );
  });

  it('give probabilities, and the same ones alone as in a batch', () => {
    fc.assert(
      fc.property(moderate, (data) => {
        const rows = rowsOf(data.columns);
        const width = data.columns.length;
        const trees = trainGradientBoostedTrees({ ...data, params });
        const linear = trainLogisticRegression({ ...data, params: { l2: 1, maxIterations: 20 } });
        const batch = scoreTrees(trees, rows, data.target.length);
        const linearBatch = scoreLinear(linear, rows, data.target.length);
        for (let row = 0; row < data.target.length; row++) {
          const one = rows.subarray(row * width, (row + 1) * width);
          expect(scoreTrees(trees, one, 1)[0]).toBe(batch[row]);
          expect(scoreLinear(linear, one, 1)[0]).toBe(linearBatch[row]);
          for (const p of [batch[row]!, linearBatch[row]!]) expect(p >= 0 && p <= 1).toBe(true);
        }
      }),
    );
  });

  it('do not depend on a strictly increasing change of units', () => {
    fc.assert(
      fc.property(table, fc.constantFrom(2, 0.5, 1024), (data, factor) => {
        const scaled = data.columns.map((column) => column.map((x) => x * factor));
        // Powers of two are exact unless they over- or underflow.
        fc.pre(
          scaled.every((column, index) => column.every((x, row) => Object.is(x / factor, data.columns[index]![row]))),
        );
        const plain = trainGradientBoostedTrees({ ...data, params });
        const other = trainGradientBoostedTrees({ ...data, columns: scaled, params });
        const n = data.target.length;
        expect(rawScoreTrees(other, rowsOf(scaled), n)).toEqual(rawScoreTrees(plain, rowsOf(data.columns), n));
      }),
    );
  });
});
