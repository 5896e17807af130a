/** Worker thread of the built-in trainers: trains one model and says its ONNX file. */
import {
  featureImportance,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type GradientBoostingParams,
  type LogisticRegressionParams,
  type Model,
} from '@rondo/learners';
import { modelToOnnx } from '@rondo/models/onnx';
import { answerRequests } from '@rondo/service/threads';

/** What the thread is asked. */
export interface BuiltinJob {
  readonly trainer: 'builtin/gradient-boosted-trees' | 'builtin/logistic-regression';
  /** Admitted with the policy, so they fit the trainer. */
  readonly params: object;
  readonly columns: Float32Array[];
  readonly target: Uint8Array;
  readonly featureNames: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the thread answers. */
export interface BuiltinResult {
  readonly onnx: Uint8Array;
  /** Shares by feature, summing to 1. */
  readonly featureImportance: readonly number[];
}

const PROGRESS_EVERY_ROUNDS = 10;

function train(job: BuiltinJob, report: (progress: number) => void): Model {
  const table = { columns: job.columns, target: job.target, featureNames: job.featureNames };
  if (job.trainer === 'builtin/logistic-regression') {
    return trainLogisticRegression({ ...table, params: job.params as LogisticRegressionParams });
  }
  const params = job.params as GradientBoostingParams;
  const onRound = (round: number): void => {
    if (round % PROGRESS_EVERY_ROUNDS === 0) report(round / params.rounds);
  };
  return trainGradientBoostedTrees({ ...table, params, onRound });
}

answerRequests((job: BuiltinJob, report): BuiltinResult => {
  const model = train(job, report);
  return {
    onnx: modelToOnnx(model, job.metadata),
    featureImportance: featureImportance(model).map(({ share }) => share),
  };
});
