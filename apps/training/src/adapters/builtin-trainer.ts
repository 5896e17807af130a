import { Worker } from 'node:worker_threads';
import type { Engine } from '@rondo/datasets';
import type { BuiltinJob, BuiltinMessage } from './builtin-worker.js';
import { TrainerFailure, type TrainedModel, type Trainer, type TrainerJob, type TrainerProgress } from '../ports/trainer.js';

const HEAP_MB_MAX = 2048;

/** Trains gradient-boosted trees and logistic regression in a thread of their own; needs nothing but this package. */
export class BuiltinTrainer implements Trainer {
  constructor(private readonly engine: Engine) {}

  async train(job: TrainerJob, run: { readonly signal: AbortSignal; report(progress: TrainerProgress): void }): Promise<TrainedModel> {
    const { recipe } = job;
    if (recipe.trainer === 'command') throw new TrainerFailure('BadData', 'a command recipe needs the command trainer', { retryable: false });
    run.report({ stage: 'load', progress: 0 });
    const [features, target] = await Promise.all([
      this.engine.readColumns(job.trainPath, job.features, { signal: run.signal }),
      this.engine.readColumns(job.trainPath, [job.target], { signal: run.signal }),
    ]);
    const labels = targetOf(target.columns[0] ?? new Float32Array(), job.target);
    const params = Object.fromEntries(Object.entries(recipe.params).filter(([, value]) => value !== undefined)) as Record<string, number>;
    const metadata = { trainer: recipe.trainer, candidate: recipe.name };
    const input: BuiltinJob = { trainer: recipe.trainer, params, columns: features.columns, target: labels, featureNames: job.features, metadata };
    return inWorker(input, run);
  }
}

function targetOf(values: Float32Array, name: string): Uint8Array {
  const labels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value !== 0 && value !== 1) throw new TrainerFailure('BadData', `${name}: row ${i} of the training part is ${value}; 0 or 1 is needed`, { retryable: false });
    labels[i] = value;
  }
  return labels;
}

function inWorker(input: BuiltinJob, run: { readonly signal: AbortSignal; report(progress: TrainerProgress): void }): Promise<TrainedModel> {
  // From source (tests) Node strips the types itself, so the entry has the extension of this very file.
  const entry = import.meta.url.endsWith('.ts') ? './builtin-worker.ts' : './builtin-worker.js';
  const transferList = [...input.columns.map((column) => column.buffer as ArrayBuffer), input.target.buffer as ArrayBuffer];
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(entry, import.meta.url), {
      name: 'rondo-trainer',
      workerData: input,
      transferList,
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    const end = (settle: () => void): void => {
      run.signal.removeEventListener('abort', onAbort);
      void worker.terminate();
      settle();
    };
    const fail = (code: 'Deadline' | 'BadData' | 'TrainerExit', message: string, retryable: boolean): void =>
      end(() => reject(new TrainerFailure(code, message, { retryable })));
    const onAbort = (): void => fail('Deadline', 'stopped before it was done', true);
    run.signal.addEventListener('abort', onAbort);
    worker.on('message', (message: BuiltinMessage) => {
      if (message.type === 'progress') run.report({ stage: 'train', progress: message.progress });
      else if (message.type === 'failed') fail('BadData', message.message, false);
      else end(() => resolve({ onnx: message.onnx, featureImportance: message.featureImportance, claimedMetrics: {} }));
    });
    worker.on('error', (error) => fail('TrainerExit', `the training thread died: ${error.message}`, true));
    worker.on('exit', (code) => fail('TrainerExit', `the training thread stopped with ${code}`, true));
  });
}
