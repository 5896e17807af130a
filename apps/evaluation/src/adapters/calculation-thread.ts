import { availableParallelism } from 'node:os';
import { computeInThread } from '@rondo/service/threads';
import type { Calculate, Calculation, CalculationResults } from '../ports/calculator.js';

const HEAP_MB_MAX = 2048;
const entry = new URL('./calculation-worker.js', import.meta.url);
let free = availableParallelism();
const waiting: (() => void)[] = [];

/** Runs each calculation in a thread of its own, because they are rare and take seconds: one per processor, the others wait in order. */
export const calculateInThread: Calculate = async <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) => {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    const thread = { entry, name: `rondo-${calculation.kind}`, heapMbMax: HEAP_MB_MAX };
    return await computeInThread<Calculation, CalculationResults[K]>(thread, calculation, {
      signal,
      transfer: buffersOf(calculation),
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
};

/** Columns of a million rows are handed over: copying them would hold up the event loop. */
function buffersOf({ kind, request }: Calculation): ArrayBuffer[] {
  const arrays =
    kind === 'measure'
      ? [
          ...[request.labels, request.challenger, ...(request.champion ? [request.champion] : [])],
          ...[...request.cohorts, ...request.fairness, ...(request.slices?.columns ?? [])].map(({ values }) => values),
        ]
      : [...request.columns, request.target];
  return arrays.map(({ buffer }) => buffer as ArrayBuffer);
}
