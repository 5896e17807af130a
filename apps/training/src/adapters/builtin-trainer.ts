import type { Engine } from '@rondo/datasets';
import { Defect, messageOf, PermanentError } from '@rondo/kernel';
import { computeInThread } from '@rondo/service/threads';
import type { BuiltinJob, BuiltinResult } from './builtin-worker.js';
import { TrainerFailure, type TrainedModel, type Trainer, type TrainerJob, type TrainerRun } from '../ports/trainer.js';

const THREAD = {
  entry: new URL('./builtin-worker.js', import.meta.url),
  name: 'rondo-trainer',
  heapMbMax: 2048,
};

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
  // Plain loop: this runs on the main thread, over all rows.
  for (let row = 0; row < values.length; row++) {
    if (values[row] === 0 || values[row] === 1) continue;
    const message = `${name}: row ${row} of the training part is ${values[row]}; 0 or 1 is needed`;
    throw new TrainerFailure('BadData', message, { retryable: false });
  }
  return new Uint8Array(values);
}

async function inWorker(input: BuiltinJob, run: TrainerRun): Promise<TrainedModel> {
  const transfer = [...input.columns, input.target].map(({ buffer }) => buffer as ArrayBuffer);
  const onProgress = (progress: number): void => run.report({ stage: 'train', progress });
  const { signal } = run;
  try {
    const trained = await computeInThread<BuiltinJob, BuiltinResult>(THREAD, input, { signal, transfer, onProgress });
    return { ...trained, claimedMetrics: {}, logTail: '' };
  } catch (error) {
    throw failureOf(error, signal);
  }
}

function failureOf(error: unknown, signal: AbortSignal): TrainerFailure {
  if (signal.aborted) return new TrainerFailure('Deadline', 'stopped before it was done', { retryable: true });
  const refused = error instanceof PermanentError && error.code !== 'exhausted';
  if (refused) return new TrainerFailure('BadData', error.message, { retryable: false });
  return new TrainerFailure('TrainerExit', messageOf(error), { retryable: !(error instanceof Defect) });
}
