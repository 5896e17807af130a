import { ComputeThread } from '@rondo/service/threads';
import type { MetricEstimate } from '@rondo/statistics';
import type { MeasuredRows } from '../ports/measure.js';

const HEAP_MB_MAX = 1024;

/** Measures models one after the other in a thread that is kept. */
export class MeasuringThread {
  readonly #thread = new ComputeThread<MeasuredRows, readonly MetricEstimate[]>({
    entry: new URL('./measuring-worker.js', import.meta.url),
    name: 'rondo-training-metrics',
    heapMbMax: HEAP_MB_MAX,
  });

  /** See the port `Measure`. */
  measure({ labels, probabilities }: MeasuredRows, signal: AbortSignal): Promise<readonly MetricEstimate[]> {
    const transfer = [labels.buffer as ArrayBuffer, probabilities.buffer as ArrayBuffer];
    return this.#thread.ask({ labels, probabilities }, { signal, transfer });
  }

  /** Called by Nest when the service ends. */
  onModuleDestroy(): Promise<void> {
    return this.#thread.close();
  }
}
