import type { Calculation, CalculationResults } from '../domain/calculation.js';

/**
 * Does heavy arithmetic, and takes over the arrays of its request. Implementations for production must not hold up the event loop and must stop at the signal.
 * Rejects with PermanentError when the calculation refuses its input or needs too much memory, with the reason of the signal when
 * it was stopped, with TransientError when its thread died.
 */
export type Calculate = <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) => Promise<CalculationResults[K]>;
