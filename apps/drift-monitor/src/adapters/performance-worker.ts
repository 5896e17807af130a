/**
 * Worker thread of the performance metrics. Erasable syntax only and no relative imports, so that Node runs this file as it
 * is in tests and compiled everywhere else.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { classificationEstimates, estimatePerformance } from '@rondo/statistics';

/** What the thread is started with: rows with outcomes, or scores alone. */
export type PerformanceInput =
  | {
      readonly by: 'labels';
      readonly scores: Float32Array;
      readonly labels: Uint8Array;
    }
  | { readonly by: 'scores'; readonly scores: Float32Array };

/** What the thread says. */
export type PerformanceAnswer =
  | {
      readonly ok: true;
      readonly result: ReturnType<typeof classificationEstimates> | ReturnType<typeof estimatePerformance>;
    }
  | { readonly ok: false; readonly message: string };

/** Where the metrics do not depend on a threshold any will do. */
const threshold = 0.5;
const input = workerData as PerformanceInput;

try {
  const result =
    input.by === 'labels'
      ? classificationEstimates(input.labels, input.scores)
      : estimatePerformance(input.scores, { threshold });
  parentPort?.postMessage({ ok: true, result } satisfies PerformanceAnswer);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  parentPort?.postMessage({ ok: false, message } satisfies PerformanceAnswer);
}
