/**
 * Worker thread of the built-in trainers. Erasable syntax only and no relative imports, so that Node runs this file as it
 * is in tests and compiled everywhere else.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { featureImportance, trainGradientBoostedTrees, trainLogisticRegression, type Model } from '@rondo/learners';
import { modelToOnnx } from '@rondo/models';

/** What the thread is started with. */
export interface BuiltinJob {
  readonly trainer: 'builtin/gradient-boosted-trees' | 'builtin/logistic-regression';
  readonly params: Readonly<Record<string, number>>;
  readonly columns: Float32Array[];
  readonly target: Uint8Array;
  readonly featureNames: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the thread says. */
export type BuiltinMessage =
  | { readonly type: 'progress'; readonly progress: number }
  | { readonly type: 'done'; readonly onnx: Uint8Array; readonly featureImportance: readonly number[] }
  | { readonly type: 'failed'; readonly message: string };

const job = workerData as BuiltinJob;
const say = (message: BuiltinMessage): void => parentPort?.postMessage(message);
const PROGRESS_EVERY_ROUNDS = 10;

function train(): Model {
  const table = { columns: job.columns, target: job.target, featureNames: job.featureNames };
  if (job.trainer === 'builtin/logistic-regression') return trainLogisticRegression({ ...table, params: job.params as never });
  const rounds = job.params['rounds'] ?? 1;
  return trainGradientBoostedTrees({
    ...table,
    params: job.params as never,
    onRound: (round: number) => {
      if (round % PROGRESS_EVERY_ROUNDS === 0) say({ type: 'progress', progress: round / rounds });
    },
  });
}

try {
  const model = train();
  say({
    type: 'done',
    onnx: modelToOnnx(model, job.metadata),
    featureImportance: featureImportance(model).map((item) => item.share),
  });
} catch (error) {
  say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
