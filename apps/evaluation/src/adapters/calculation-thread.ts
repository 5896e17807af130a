import { availableParallelism } from 'node:os';
import { computeInThread } from '@rondo/service/threads';
import type { Calculation, CalculationResults } from '../domain/calculation.js';
import type { Calculate } from '../ports/calculator.js';

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
function buffersOf(calculation: Calculation): ArrayBuffer[] {
  return arraysOf(calculation).map(({ buffer }) => buffer as ArrayBuffer);
}

function arraysOf({ kind, request }: Calculation): readonly (Float32Array | Float64Array)[] {
  switch (kind) {
    case 'measure': {
      const { labels, challenger, champion, features, clusters } = request;
      const optional = [...(champion ? [champion] : []), ...(clusters ? [clusters.values] : [])];
      return [labels, challenger, features.values, ...optional];
    }
    case 'pickFolds':
      return request.parts.flatMap(({ times, columns, clusters }) => [
        times,
        ...columns,
        ...(clusters ? [clusters] : []),
      ]);
    case 'fold':
      return [...request.columns, request.target];
  }
}
