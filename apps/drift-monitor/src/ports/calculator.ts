import type { Calculation, CalculationResults } from '../domain/calculation.js';

/**
 * Does arithmetic over many rows. Implementations for production must not hold up the event loop and must stop at the signal.
 * Rejects with PermanentError when the calculation refuses its input or needs too much memory, with the reason of the signal when
 * it was stopped, with TransientError when its thread died.
 */
export type Calculate = <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) => Promise<CalculationResults[K]>;
