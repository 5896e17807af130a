import { Worker } from 'node:worker_threads';
import { Defect, PermanentError, TransientError } from '@rondo/kernel';
import type { Calculate, Calculation, CalculationResults } from '../ports/calculator.js';
import type { CalculationReply } from './calculation-worker.js';

const HEAP_MB_MAX = 2048;

/**
 * From source (tests) Node strips the types itself, so the entry has the extension of this very file and every import of a
 * `.js` file of the project means the `.ts` file beside it.
 */
const fromSource = import.meta.url.endsWith('.ts');
const entry = new URL(fromSource ? './calculation-worker.ts' : './calculation-worker.js', import.meta.url);
const sourceHook = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(name.startsWith('.') && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const sourceFlags = [
  '--conditions=@rondo/source',
  '--experimental-transform-types',
  '--disable-warning=ExperimentalWarning',
  `--import=data:text/javascript,${encodeURIComponent(sourceHook)}`,
];

/** Runs each calculation in a thread of its own, so that the event loop stays free for seconds of arithmetic. */
export const calculateInThread: Calculate = <K extends Calculation['kind']>(
  calculation: Extract<Calculation, { kind: K }>,
  signal: AbortSignal,
) =>
  new Promise<CalculationResults[K]>((resolve, reject) => {
    signal.throwIfAborted();
    const worker = new Worker(entry, {
      name: `rondo-${calculation.kind}`,
      workerData: calculation,
      env: {},
      execArgv: fromSource ? sourceFlags : [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      void worker.terminate();
      settle();
    };
    const onAbort = (): void => end(() => reject(new TransientError(`the ${calculation.kind} was stopped`)));
    signal.addEventListener('abort', onAbort);
    worker.on('message', (reply: CalculationReply) =>
      end(() => (reply.ok ? resolve(reply.result as CalculationResults[K]) : reject(refusal(reply)))),
    );
    worker.on('error', (error) =>
      end(() => reject(new TransientError(`the ${calculation.kind} thread died`, { cause: error }))),
    );
    worker.on('exit', (code) =>
      end(() => reject(new TransientError(`the ${calculation.kind} thread stopped with ${code}`))),
    );
  });

function refusal({ refused, message }: Extract<CalculationReply, { ok: false }>): Error {
  return refused ? new PermanentError(refused.code, message, refused.detail) : new Defect(message);
}
