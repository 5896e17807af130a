import { Worker } from 'node:worker_threads';
import type { Engine } from '@rondo/datasets';
import type { BuiltinJob, BuiltinMessage } from './builtin-worker.js';
import {
  TrainerFailure,
  type FailureCode,
  type TrainedModel,
  type Trainer,
  type TrainerJob,
  type TrainerRun,
} from '../ports/trainer.js';

const HEAP_MB_MAX = 2048;

/**
 * From source (tests) Node strips the types itself, so the entry has the extension of this very file and every import of a
 * `.js` file of the project means the `.ts` file beside it.
 */
const fromSource = import.meta.url.endsWith('.ts');
const entry = new URL(fromSource ? './builtin-worker.ts' : './builtin-worker.js', import.meta.url);
const sourceHook = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(name.startsWith('.') && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const sourceFlags = [
  '--conditions=@rondo/source',
  '--experimental-transform-types',
  '--disable-warning=ExperimentalWarning',
  `--import=data:text/javascript,${encodeURIComponent(sourceHook)}`,
];

/** Trains gradient-boosted trees and logistic regression in a thread of their own; needs nothing but this package. */
export class BuiltinTrainer implements Trainer {
  constructor(private readonly engine: Engine) {}

  async train(job: TrainerJob, run: TrainerRun): Promise<TrainedModel> {
    const { recipe } = job;
    if (recipe.trainer === 'command') {
      throw new TrainerFailure('BadData', 'a command recipe needs the command trainer', { retryable: false });
    }
    run.report({ stage: 'load', progress: 0 });
    const [features, target] = await Promise.all([
      this.engine.readColumns(job.trainPath, job.features, { signal: run.signal }),
      this.engine.readColumns(job.trainPath, [job.target], { signal: run.signal }),
    ]);
    return inWorker(
      {
        trainer: recipe.trainer,
        params: Object.fromEntries(Object.entries(recipe.params).filter(([, value]) => value !== undefined)),
        columns: features.columns,
        target: targetOf(target.columns[0] ?? new Float32Array(), job.target),
        featureNames: job.features,
        metadata: { trainer: recipe.trainer, candidate: recipe.name },
      },
      run,
    );
  }
}

function targetOf(values: Float32Array, name: string): Uint8Array {
  const wrong = values.findIndex((value) => value !== 0 && value !== 1);
  if (wrong < 0) return Uint8Array.from(values);
  const message = `${name}: row ${wrong} of the training part is ${values[wrong]}; 0 or 1 is needed`;
  throw new TrainerFailure('BadData', message, { retryable: false });
}

function inWorker(input: BuiltinJob, run: TrainerRun): Promise<TrainedModel> {
  const transferList = [
    ...input.columns.map((column) => column.buffer as ArrayBuffer),
    input.target.buffer as ArrayBuffer,
  ];
  return new Promise((resolve, reject) => {
    const stopped = new TrainerFailure('Deadline', 'stopped before it was done', { retryable: true });
    if (run.signal.aborted) return reject(stopped);
    const worker = new Worker(entry, {
      name: 'rondo-trainer',
      workerData: input,
      transferList,
      env: {},
      execArgv: fromSource ? sourceFlags : [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    const end = (settle: () => void): void => {
      run.signal.removeEventListener('abort', onAbort);
      void worker.terminate();
      settle();
    };
    const fail = (code: FailureCode, message: string, retryable: boolean): void =>
      end(() => reject(new TrainerFailure(code, message, { retryable })));
    const onAbort = (): void => end(() => reject(stopped));
    run.signal.addEventListener('abort', onAbort);
    worker.on('message', (message: BuiltinMessage) => {
      if (message.type === 'progress') run.report({ stage: 'train', progress: message.progress });
      else if (message.type === 'failed') fail(message.refused ? 'BadData' : 'TrainerExit', message.message, false);
      else
        end(() =>
          resolve({
            onnx: message.onnx,
            featureImportance: message.featureImportance,
            claimedMetrics: {},
            logTail: '',
          }),
        );
    });
    worker.on('error', (error) => fail('TrainerExit', `the training thread died: ${error.message}`, true));
    worker.on('exit', (code) => fail('TrainerExit', `the training thread stopped with ${code}`, true));
  });
}
