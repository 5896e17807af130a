import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ArtifactStore } from '@rondo/artifacts';
import type { Engine, NumberMatrix } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import { planFolds, type FoldPlan } from '../domain/backtest.js';
import type { EvaluationJobInput, SplitReference } from '../domain/evaluation-job.js';

/** What reading needs. */
export interface PartReader {
  readonly artifacts: ArtifactStore;
  readonly engine: Engine;
}

/** The three files an evaluation needs. */
export interface Parts {
  readonly train: SplitReference;
  readonly validation: SplitReference;
  readonly test: SplitReference;
}

/** @throws PermanentError `invalid` when a part is missing */
export function partsOf(input: EvaluationJobInput): Parts {
  const part = (name: string): SplitReference => {
    const split = input.splits[name];
    if (split && split.digest !== '') return split;
    throw new PermanentError('invalid', `the command names no ${name} part`, {
      field: 'splits',
      value: name,
      rule: 'train, validation and test',
      reason: 'SPLIT_MISSING',
    });
  };
  return { train: part('train'), validation: part('validation'), test: part('test') };
}

/** The rows of the sealed test part. */
export interface TestRows {
  readonly features: NumberMatrix;
  readonly labels: Float32Array;
}

export async function readTest(
  reader: PartReader,
  test: SplitReference,
  spec: PipelineSpec,
  signal: AbortSignal,
): Promise<TestRows> {
  return reader.artifacts.withFile(test.digest, async (path) => {
    const features = await reader.engine.readMatrix(path, spec.data.features.columns, { signal });
    const target = await reader.engine.readColumns(path, [spec.model.target.column], { signal });
    return { features, labels: target.columns[0]! };
  });
}

/** One column of a row-major matrix. The event loop turns before it, since a caller may want many columns of a million rows. */
export async function columnOf({ n, width, values }: NumberMatrix, column: number): Promise<Float32Array> {
  await nextTurn();
  const out = new Float32Array(n);
  for (let row = 0; row < n; row++) out[row] = values[row * width + column]!;
  return out;
}

/** Share of class 1 among the rows. */
export async function baseRate(
  reader: PartReader,
  part: SplitReference,
  spec: PipelineSpec,
  signal: AbortSignal,
): Promise<number> {
  return reader.artifacts.withFile(part.digest, async (path) => {
    const { n, columns } = await reader.engine.readColumns(path, [spec.model.target.column], { signal });
    return columns[0]!.reduce((sum, label) => sum + label, 0) / n;
  });
}

/** Training and validation rows one after the other, with their event times. */
export interface EarlierRows {
  readonly times: Float64Array;
  readonly columns: readonly Float32Array[];
  readonly target: Float32Array;
}

export async function readEarlier(
  reader: PartReader,
  { train, validation }: Parts,
  spec: PipelineSpec,
  signal: AbortSignal,
): Promise<EarlierRows> {
  const { columns: names, eventTime } = spec.data.features;
  const read = (part: SplitReference) =>
    reader.artifacts.withFile(part.digest, async (path) => {
      const times = await reader.engine.readTimes(path, eventTime, { signal });
      const { columns } = await reader.engine.readColumns(path, [...names, spec.model.target.column], { signal });
      return { times, columns };
    });
  const [a, b] = [await read(train), await read(validation)];
  const times = new Float64Array(a.times.length + b.times.length);
  times.set(a.times);
  times.set(b.times, a.times.length);
  const columns: Float32Array[] = [];
  for (const [index, column] of a.columns.entries()) {
    await nextTurn();
    const both = new Float32Array(times.length);
    both.set(column);
    both.set(b.columns[index]!, column.length);
    columns.push(both);
  }
  return { times, columns: columns.slice(0, names.length), target: columns[names.length]! };
}

/** A backtest shows a tendency, for which a part of the rows is enough: at most these, and these shares of the training rows. */
const FOLD_TRAIN = { share: 1 / 4, rowsMax: 20_000 };
const FOLD_TEST = { share: 1 / 16, rowsMax: 10_000, rowsMin: 1_000 };

/** The origins of the backtest, or none when the policy asks for none. */
export function foldsOf(times: Float64Array, spec: PipelineSpec): FoldPlan[] {
  const { backtest } = spec.evaluation;
  if (!backtest) return [];
  const { maxTrainRows, split } = spec.data;
  return planFolds(times, {
    folds: backtest.folds,
    embargoMs: split.embargoMs,
    trainRowsMax: Math.min(FOLD_TRAIN.rowsMax, Math.ceil(maxTrainRows * FOLD_TRAIN.share)),
    testRowsMax: Math.min(FOLD_TEST.rowsMax, Math.max(FOLD_TEST.rowsMin, Math.ceil(maxTrainRows * FOLD_TEST.share))),
  });
}
