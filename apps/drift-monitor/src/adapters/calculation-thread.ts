import { ComputeThread } from '@rondo/service/threads';
import type { Calculation, CalculationResults } from '../domain/calculation.js';

const HEAP_MB_MAX = 1024;
const entry = new URL('./calculation-worker.js', import.meta.url);

/** Does the calculations of the service one after the other in a thread that is kept. */
export class CalculationThread {
  readonly #thread = new ComputeThread<Calculation, CalculationResults[Calculation['kind']]>({
    entry,
    name: 'rondo-drift',
    heapMbMax: HEAP_MB_MAX,
  });

  /** See the port `Calculate`. */
  async calculate<K extends Calculation['kind']>(
    calculation: Extract<Calculation, { kind: K }>,
    signal: AbortSignal,
  ): Promise<CalculationResults[K]> {
    const transfer = arraysOf(calculation).map(({ buffer }) => buffer as ArrayBuffer);
    return (await this.#thread.ask(calculation, { signal, transfer })) as CalculationResults[K];
  }

  /** Called by Nest when the service ends. */
  onModuleDestroy(): Promise<void> {
    return this.#thread.close();
  }
}

function arraysOf(calculation: Calculation): readonly (Float32Array | Float64Array | Uint32Array | Uint8Array)[] {
  switch (calculation.kind) {
    case 'profile':
    case 'compare':
    case 'compareInSeason':
    case 'segment':
      return [calculation.column];
    case 'join':
      return [
        calculation.labelledScores,
        calculation.labels,
        calculation.labelledKeys,
        ...calculation.batchKeys.map(({ bytes }) => bytes),
      ];
    case 'measure':
      return [calculation.scores, calculation.labels];
    case 'expect':
      return [calculation.scores];
    case 'forecast':
      return [calculation.values];
  }
}
