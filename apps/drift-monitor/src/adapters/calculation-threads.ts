import { ComputeThread } from '@rondo/service/threads';
import type { Calculation, CalculationResults } from '../domain/calculation.js';

const HEAP_MB_MAX = 1024;
const entry = new URL('./calculation-worker.js', import.meta.url);

/**
 * Does the calculations of the service in two threads that are kept, each one after the other: features in one, whole windows and
 * series in the other, since both are wanted of a window at once.
 */
export class CalculationThreads {
  readonly #features = threadFor('features');
  readonly #windows = threadFor('windows');

  /** See the port `Calculate`. */
  async calculate<K extends Calculation['kind']>(
    calculation: Extract<Calculation, { kind: K }>,
    signal: AbortSignal,
  ): Promise<CalculationResults[K]> {
    const transfer = arraysOf(calculation).map(({ buffer }) => buffer as ArrayBuffer);
    const thread = OF_WINDOWS.has(calculation.kind) ? this.#windows : this.#features;
    return (await thread.ask(calculation, { signal, transfer })) as CalculationResults[K];
  }

  /** Called by Nest when the service ends. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#features.close(), this.#windows.close()]);
  }
}

const OF_WINDOWS: ReadonlySet<Calculation['kind']> = new Set(['measure', 'expect', 'forecast']);

const threadFor = (what: string) =>
  new ComputeThread<Calculation, CalculationResults[Calculation['kind']]>({
    entry,
    name: `rondo-drift-${what}`,
    heapMbMax: HEAP_MB_MAX,
  });

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
