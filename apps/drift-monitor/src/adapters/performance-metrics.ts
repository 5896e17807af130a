import { Worker } from 'node:worker_threads';
import { Defect } from '@rondo/kernel';
import {
  classificationEstimates,
  estimatePerformance,
  type ExpectedMetric,
  type MetricEstimate,
  type PerformanceEstimate,
} from '@rondo/statistics';
import type { EstimateValue } from '../domain/model-reference.js';
import type { PerformanceAnswer, PerformanceInput } from './performance-worker.js';

/** Up to here the metrics take a few milliseconds, less than a thread takes to start. */
const ROWS_IN_PLACE = 5000;
const CONFIDENCE = 0.95;
const HEAP_MB_MAX = 1024;

/** Metrics on rows whose outcomes are known. The arrays are taken over. */
export async function measuredMetrics(
  scores: Float32Array,
  labels: Uint8Array,
  signal: AbortSignal,
): Promise<EstimateValue[]> {
  if (scores.length <= ROWS_IN_PLACE) return classificationEstimates(labels, scores);
  return (await inWorker({ by: 'labels', scores, labels }, signal)) as MetricEstimate[];
}

/**
 * Metrics expected from the scores alone, if they are calibrated (confidence-based performance estimation). Sees changes of
 * the inputs only. The array is taken over.
 */
export async function expectedMetrics(scores: Float32Array, signal: AbortSignal): Promise<EstimateValue[]> {
  const n = scores.length;
  const meanScore = scores.reduce((sum, score) => sum + score, 0) / n;
  const expected =
    n <= ROWS_IN_PLACE
      ? estimatePerformance(scores, { threshold: 0.5 })
      : ((await inWorker({ by: 'scores', scores }, signal)) as PerformanceEstimate);
  const base = {
    confidence: CONFIDENCE,
    n,
    slice: 'all',
    method: 'expected from calibrated scores (CBPE)',
  };
  const estimate = (name: string, { value, lower, upper }: ExpectedMetric): EstimateValue => ({
    ...base,
    name,
    value,
    lower,
    upper,
  });
  return [
    estimate('logLoss', expected.logLoss),
    estimate('brier', expected.brierScoreLoss),
    ...(expected.rocAuc ? [estimate('rocAuc', expected.rocAuc)] : []),
    {
      ...base,
      name: 'meanScore',
      value: meanScore,
      method: 'mean of the scores, no interval',
    },
  ];
}

function inWorker(input: PerformanceInput, signal: AbortSignal): Promise<unknown> {
  // From source (tests) Node strips the types itself, so the entry has the extension of this very file.
  const entry = import.meta.url.endsWith('.ts') ? './performance-worker.ts' : './performance-worker.js';
  const transferList = [
    input.scores.buffer as ArrayBuffer,
    ...(input.by === 'labels' ? [input.labels.buffer as ArrayBuffer] : []),
  ];
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'rondo-performance',
      workerData: input,
      transferList,
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      void worker.terminate();
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    signal.addEventListener('abort', onAbort);
    worker.on('message', (answer: PerformanceAnswer) =>
      end(() => (answer.ok ? resolve(answer.result) : reject(new Defect(`the metrics failed: ${answer.message}`)))),
    );
    worker.on('error', (cause) => end(() => reject(cause)));
    worker.on('exit', (code) => end(() => reject(new Defect(`the metrics' thread ended with code ${code}`))));
  });
}
