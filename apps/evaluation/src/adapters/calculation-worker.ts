/** Worker thread of the heavy arithmetic: runs one calculation and says its result. */
import { answerRequests } from '@rondo/service/threads';
import { runFold } from '../domain/backtest.js';
import { measure } from '../domain/measure.js';
import type { Calculation, CalculationResults } from '../ports/calculator.js';

answerRequests((calculation: Calculation): CalculationResults[keyof CalculationResults] =>
  calculation.kind === 'measure' ? measure(calculation.request) : runFold(calculation.request),
);
