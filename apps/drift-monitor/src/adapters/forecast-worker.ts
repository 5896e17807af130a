/**
 * Worker thread of long forecasts. Erasable syntax only and no relative imports, so that Node runs this file as it is in tests
 * and compiled everywhere else.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { forecast } from '@rondo/statistics';

/** What the thread is started with. */
export interface ForecastInput {
  readonly values: Float64Array;
  readonly options: Parameters<typeof forecast>[1];
}

/** What the thread says. */
export type ForecastAnswer =
  | { readonly ok: true; readonly result: ReturnType<typeof forecast> }
  | { readonly ok: false; readonly message: string };

const { values, options } = workerData as ForecastInput;

try {
  parentPort?.postMessage({ ok: true, result: forecast(values, options) } satisfies ForecastAnswer);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  parentPort?.postMessage({ ok: false, message } satisfies ForecastAnswer);
}
