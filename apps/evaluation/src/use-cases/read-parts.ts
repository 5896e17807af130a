import type { ArtifactStore } from '@rondo/artifacts';
import type { Engine, NumberMatrix } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { EvaluationJobInput, SplitReference } from '../domain/evaluation-job.js';
import type { PickRequest } from '../domain/fold-rows.js';
import type { MeasureRequest } from '../domain/measurement.js';

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
  /** Null where the policy takes rows as independent. */
  readonly clusters: MeasureRequest['clusters'];
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
    const { clusters: by } = spec.evaluation;
    const clusters = by === undefined ? null : { by, values: await reader.engine.readGroups(path, by, { signal }) };
    return { features, labels: target.columns[0]!, clusters };
  });
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
    let positives = 0;
    for (const label of columns[0]!) positives += label;
    return positives / n;
  });
}

/** A backtest shows a tendency, for which a part of the rows is enough: at most these, and these shares of the training rows. */
const FOLD_TRAIN = { share: 1 / 4, rowsMax: 20_000 };
const FOLD_TEST = { share: 1 / 16, rowsMax: 10_000, rowsMin: 1_000 };

/** What the origins of a backtest of so many folds are cut from: features and target of the training and validation rows. */
export async function readEarlier(
  reader: PartReader,
  { train, validation }: Parts,
  { spec, folds, signal }: { readonly spec: PipelineSpec; readonly folds: number; readonly signal: AbortSignal },
): Promise<PickRequest> {
  const { features, maxTrainRows, split } = spec.data;
  const { clusters } = spec.evaluation;
  const wanted = { numbers: [...features.columns, spec.model.target.column], times: [features.eventTime] };
  const read = (part: SplitReference) =>
    reader.artifacts.withFile(part.digest, async (path) => {
      const { numbers, times } = await reader.engine.readNumbers(path, wanted, { signal });
      const part = { times: times[0]!, columns: numbers };
      return clusters === undefined
        ? part
        : { ...part, clusters: await reader.engine.readGroups(path, clusters, { signal }) };
    });
  return {
    parts: [await read(train), await read(validation)],
    limits: {
      folds,
      embargoMs: split.embargoMs,
      trainRowsMax: Math.min(FOLD_TRAIN.rowsMax, Math.ceil(maxTrainRows * FOLD_TRAIN.share)),
      testRowsMax: Math.min(FOLD_TEST.rowsMax, Math.max(FOLD_TEST.rowsMin, Math.ceil(maxTrainRows * FOLD_TEST.share))),
    },
  };
}
