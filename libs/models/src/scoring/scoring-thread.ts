import { Worker } from 'node:worker_threads';
import { PermanentError, TransientError, assert } from '@rondo/kernel';
import type { WorkerReply, WorkerRequest, WorkerSettings } from './worker-protocol.js';

interface Call {
  readonly resolve: (probabilities: Float32Array) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const heapMbMax = 256;
const pagesPerMb = 16;

/**
 * One worker thread with ONNX Runtime. It serves one call at a time; a call that takes longer than its budget ends the
 * thread, because a running model cannot be interrupted in any other way. A dead thread stays dead: make a new one.
 */
export class ScoringThread {
  /** Digests of the models the thread holds. */
  readonly loaded = new Set<string>();
  private readonly worker: Worker;
  private call: Call | undefined;
  private dead = false;

  constructor(memoryMb: number) {
    const settings: WorkerSettings = { memoryPagesMax: memoryMb * pagesPerMb };
    // From source (tests) Node strips the types itself, so the entry has the extension of this very file.
    const entry = import.meta.url.endsWith('.ts') ? './scorer-worker.ts' : './scorer-worker.js';
    this.worker = new Worker(new URL(entry, import.meta.url), {
      name: 'rondo-scorer',
      workerData: settings,
      // Nothing of the process's environment or flags is the model's business.
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    this.worker.on('message', (reply: WorkerReply) => this.settle(reply));
    this.worker.on('error', (error: Error & { code?: string }) => this.die(crashError(error)));
    this.worker.on('exit', () => this.die(new TransientError('the scoring worker stopped')));
    this.worker.unref();
  }

  /** False once the thread has ended for whatever reason. */
  get alive(): boolean {
    return !this.dead;
  }

  /**
   * Sends one request and waits for its answer.
   * @throws PermanentError `deadline-exceeded` over budget, `exhausted` out of memory, `failed-precondition` when the model
   * cannot be loaded or run; TransientError when the thread ended
   */
  ask(request: WorkerRequest, transfer: ArrayBuffer[], budgetMs: number): Promise<Float32Array> {
    assert(!this.call, 'a scoring thread serves one call at a time');
    if (this.dead) return Promise.reject(new TransientError('the scoring worker stopped'));
    return new Promise((resolve, reject) => {
      // An answer that lies here already was in time: it was this thread that could not look.
      const timer = setTimeout(
        () => setImmediate(() => this.expire(call, overBudget(request.kind, budgetMs))),
        budgetMs,
      );
      const call = { resolve, reject, timer };
      this.call = call;
      this.worker.ref();
      this.worker.postMessage(request, transfer);
    });
  }

  /** Ends the thread; a call under way is rejected with `reason`. */
  async end(reason: Error): Promise<void> {
    this.die(reason);
    await this.worker.terminate();
  }

  private settle(reply: WorkerReply): void {
    if (reply.ok) return this.finish()?.resolve(reply.probabilities);
    const error = new PermanentError('failed-precondition', 'the model could not be loaded or run', {
      reason: 'MODEL_FAILED',
      cause: new Error(reply.message),
    });
    if (reply.broken) this.die(error);
    else this.finish()?.reject(error);
  }

  private expire(call: Call, reason: Error): void {
    if (this.call === call) this.die(reason);
  }

  private die(reason: Error): void {
    if (!this.dead) {
      this.dead = true;
      void this.worker.terminate();
    }
    this.finish()?.reject(reason);
  }

  private finish(): Call | undefined {
    const call = this.call;
    if (call) clearTimeout(call.timer);
    this.call = undefined;
    this.worker.unref();
    return call;
  }
}

function overBudget(kind: string, budgetMs: number): PermanentError {
  return new PermanentError(
    'deadline-exceeded',
    `the model's ${kind} took longer than its ${budgetMs} ms and was stopped`,
    {
      field: 'budgetMs',
      value: budgetMs,
      rule: 'the run ends within its budget',
      reason: 'OVER_BUDGET',
    },
  );
}

function crashError(error: Error & { code?: string }): Error {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new PermanentError('exhausted', 'the model ran out of memory', { reason: 'OUT_OF_MEMORY', cause: error });
  }
  return new TransientError('the scoring worker crashed', { cause: error });
}
