/** Worker thread of the built-in trainers: trains one model and says its ONNX file. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, PermanentError } from '@rondo/kernel';
import {
  featureImportance,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type GradientBoostingParams,
  type LogisticRegressionParams,
  type Model,
} from '@rondo/learners';
import { modelToOnnx } from '@rondo/models';

/** What the thread is started with. */
export interface BuiltinJob {
  readonly trainer: 'builtin/gradient-boosted-trees' | 'builtin/logistic-regression';
  /** Admitted with the policy, so they fit the trainer. */
  readonly params: object;
  readonly columns: Float32Array[];
  readonly target: Uint8Array;
  readonly featureNames: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the thread says. */
export type BuiltinMessage =
  | { readonly type: 'progress'; readonly progress: number }
  | { readonly type: 'done'; readonly onnx: Uint8Array; readonly featureImportance: readonly number[] }
  /** `refused`: the data or the parameters are at fault, not the trainer. */
  | { readonly type: 'failed'; readonly refused: boolean; readonly message: string };

const PROGRESS_EVERY_ROUNDS = 10;
const job = workerData as BuiltinJob;
const say = (message: BuiltinMessage): void => parentPort?.postMessage(message);

function train(): Model {
  const table = { columns: job.columns, target: job.target, featureNames: job.featureNames };
  if (job.trainer === 'builtin/logistic-regression') {
    return trainLogisticRegression({ ...table, params: job.params as LogisticRegressionParams });
  }
  const params = job.params as GradientBoostingParams;
  const onRound = (round: number): void => {
    if (round % PROGRESS_EVERY_ROUNDS === 0) say({ type: 'progress', progress: round / params.rounds });
  };
  return trainGradientBoostedTrees({ ...table, params, onRound });
}

try {
  const model = train();
  const shares = featureImportance(model).map(({ share }) => share);
  say({ type: 'done', onnx: modelToOnnx(model, job.metadata), featureImportance: shares });
} catch (error) {
  say({ type: 'failed', refused: error instanceof PermanentError, message: messageOf(error) });
}
