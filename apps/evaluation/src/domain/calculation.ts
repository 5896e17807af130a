import { runFold, type FoldRequest } from './backtest.js';
import { pickFolds, type FoldRows, type PickRequest } from './fold-rows.js';
import { measure } from './measure.js';
import type { BacktestFold, Measurements, MeasureRequest } from './measurement.js';

/** Arithmetic over all rows of a part, or that takes seconds. Its arrays are taken over. */
export type Calculation =
  | { readonly kind: 'measure'; readonly request: MeasureRequest }
  | { readonly kind: 'pickFolds'; readonly request: PickRequest }
  | { readonly kind: 'fold'; readonly request: FoldRequest };

/** Results by kind of calculation. */
export interface CalculationResults {
  readonly measure: Measurements;
  readonly pickFolds: readonly FoldRows[];
  readonly fold: BacktestFold | null;
}

/** Does the calculation here and now. */
export function calculated({ kind, request }: Calculation): CalculationResults[Calculation['kind']] {
  switch (kind) {
    case 'measure':
      return measure(request);
    case 'pickFolds':
      return pickFolds(request);
    case 'fold':
      return runFold(request);
  }
}
