import type { FoldRequest } from '../domain/backtest.js';
import type { BacktestFold, Measurements, MeasureRequest } from '../domain/measurement.js';

/** Arithmetic that takes seconds. */
export type Calculation =
  | { readonly kind: 'measure'; readonly request: MeasureRequest }
  | { readonly kind: 'fold'; readonly request: FoldRequest };

/** Results by kind of calculation. */
export interface CalculationResults {
  readonly measure: Measurements;
  readonly fold: BacktestFold | null;
}

/**
 * Does heavy arithmetic, and takes over the columns of its request. Implementations for production must not hold up the event loop and must stop at the signal.
 * Rejects with PermanentError when the calculation refuses its input or needs too much memory, with the reason of the signal when
 * it was stopped, with TransientError when its thread died.
 */
export type Calculate = <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) => Promise<CalculationResults[K]>;
