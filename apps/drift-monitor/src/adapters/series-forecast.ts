import { Worker } from 'node:worker_threads';
import { Defect } from '@rondo/kernel';
import { forecast, type Forecast } from '@rondo/statistics';
import type { ForecastAnswer, ForecastInput } from './forecast-worker.js';

/** Up to here a forecast takes a few milliseconds, less than a thread takes to start. */
const POINTS_IN_PLACE = 40;
const HEAP_MB_MAX = 256;

/** {@link forecast}, in a thread of its own when the series is long. */
export async function seriesForecast(input: ForecastInput, signal: AbortSignal): Promise<Forecast> {
  if (input.values.length <= POINTS_IN_PLACE) return forecast(input.values, input.options);
  // From source (tests) Node strips the types itself, so the entry has the extension of this very file.
  const entry = import.meta.url.endsWith('.ts') ? './forecast-worker.ts' : './forecast-worker.js';
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'rondo-forecast',
      workerData: input,
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      void worker.terminate();
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    signal.addEventListener('abort', onAbort);
    worker.on('message', (answer: ForecastAnswer) =>
      end(() => (answer.ok ? resolve(answer.result) : reject(new Defect(`the forecast failed: ${answer.message}`)))),
    );
    worker.on('error', (cause) => end(() => reject(cause)));
    worker.on('exit', (code) => end(() => reject(new Defect(`the forecast's thread ended with code ${code}`))));
  });
}
