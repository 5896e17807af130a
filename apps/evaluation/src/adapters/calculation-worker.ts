/** Worker thread of the heavy arithmetic: runs one calculation and says its result. */
import { parentPort, workerData } from 'node:worker_threads';
import { PermanentError, messageOf } from '@rondo/kernel';
import { runBacktest } from '../domain/backtest.js';
import { measure } from '../domain/measure.js';
import type { Calculation, CalculationResults } from '../ports/calculator.js';

/** What the thread says. */
export type CalculationReply =
  | { readonly ok: true; readonly result: CalculationResults[keyof CalculationResults] }
  | { readonly ok: false; readonly refused?: Pick<PermanentError, 'code' | 'detail'>; readonly message: string };

function calculate(calculation: Calculation): CalculationReply {
  try {
    const result = calculation.kind === 'measure' ? measure(calculation.request) : runBacktest(calculation.request);
    return { ok: true, result };
  } catch (error) {
    const message = messageOf(error);
    return error instanceof PermanentError
      ? { ok: false, refused: { code: error.code, detail: error.detail }, message }
      : { ok: false, message };
  }
}

parentPort?.postMessage(calculate(workerData as Calculation));
