import { computeInThread } from '@rondo/service/threads';
import type { Calculate, Calculation, CalculationResults } from '../ports/calculator.js';

const HEAP_MB_MAX = 2048;
const entry = new URL('./calculation-worker.js', import.meta.url);

/** Runs each calculation in a thread of its own: they are rare, take seconds, and two of them run beside each other. */
export const calculateInThread: Calculate = <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) =>
  computeInThread<Calculation, CalculationResults[K]>(
    { entry, name: `rondo-${calculation.kind}`, heapMbMax: HEAP_MB_MAX },
    calculation,
    { signal },
  );
