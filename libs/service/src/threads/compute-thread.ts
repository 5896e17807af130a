import { Worker } from 'node:worker_threads';
import { Defect, PermanentError, TransientError } from '@rondo/kernel';
import type { ThreadReply } from './answer-requests.js';

/** What a thread runs and may use. */
export interface ComputeThreadOptions {
  /** Module that calls `answerRequests`, as the compiled file beside the caller: `new URL('./x-worker.js', import.meta.url)`. */
  readonly entry: URL;
  /** Shown in profiles and messages. */
  readonly name: string;
  /** Heap in MiB; a computation that needs more is refused as `exhausted`. Arrays that are handed over do not count. */
  readonly heapMbMax: number;
}

/** How a request is sent. */
export interface Asking {
  /** Stops the computation; the answer is then rejected with the signal's reason. */
  readonly signal: AbortSignal;
  /** Buffers of the request that are handed over instead of copied: the caller has them no longer. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Told how far the computation is, as a share from 0 to 1, when it says so. */
  readonly onProgress?: (progress: number) => void;
}

/**
 * From source (tests) Node strips the types itself, so the entry has the extension of this very file and every import of a
 * `.js` file of the project means the `.ts` file beside it.
 */
const fromSource = import.meta.url.endsWith('.ts');
const sourceHook = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(name.startsWith('.') && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context) });`;
const sourceFlags = [
  '--conditions=@rondo/source',
  '--experimental-transform-types',
  '--disable-warning=ExperimentalWarning',
  `--import=data:text/javascript,${encodeURIComponent(sourceHook)}`,
];

interface Call {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly release: () => void;
  readonly onProgress: Asking['onProgress'];
}

/**
 * A thread for arithmetic that would hold up the event loop. It starts with the first request and is kept, because loading
 * and warming up the code takes longer than most computations. One request is computed at a time; others wait their turn
 * in the order they came. A computation can only be stopped together with its thread; the next request gets a new one.
 */
export class ComputeThread<Request, Result> {
  #worker: Worker | undefined;
  #call: Call | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(private readonly options: ComputeThreadOptions) {}

  /**
   * Has a request computed.
   * @throws PermanentError as the computation threw it, `exhausted` when its heap was too small; TransientError when the
   * thread died or is closed; Defect for anything else that the computation threw
   */
  ask(request: Request, asking: Asking): Promise<Result> {
    const answer = this.#turn.then(() => this.#perform(request, asking));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** Ends the thread; the request under way and later ones are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker) this.#lose(worker, new TransientError(`the thread ${this.options.name} is closed`));
    await worker?.terminate();
  }

  #perform(request: Request, { signal, transfer = [], onProgress }: Asking): Promise<Result> {
    signal.throwIfAborted();
    if (this.#closed) throw new TransientError(`the thread ${this.options.name} is closed`);
    const worker = (this.#worker ??= this.#start());
    return new Promise<Result>((resolve, reject) => {
      worker.postMessage(request, transfer);
      const onAbort = (): void => this.#lose(worker, signal.reason);
      signal.addEventListener('abort', onAbort);
      this.#call = { resolve, reject, release: () => signal.removeEventListener('abort', onAbort), onProgress };
      worker.ref();
    });
  }

  #start(): Worker {
    const { entry, name, heapMbMax } = this.options;
    const worker = new Worker(fromSource ? new URL(entry.href.replace(/\.js$/, '.ts')) : entry, {
      name,
      // Nothing of the process's environment or flags is the computation's business.
      env: {},
      execArgv: fromSource ? sourceFlags : [],
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    // Idle, it does not keep the process alive.
    worker.unref();
    worker.on('message', (reply: ThreadReply) => {
      if (worker !== this.#worker) return;
      if (reply.ok === undefined) return this.#call?.onProgress?.(reply.progress);
      worker.unref();
      const call = this.#endCall();
      if (reply.ok) call?.resolve(reply.result as never);
      else call?.reject(refusal(reply));
    });
    worker.on('error', (error) => this.#lose(worker, deathOf(name, error)));
    worker.on('exit', (code) => this.#lose(worker, new TransientError(`the thread ${name} stopped with ${code}`)));
    return worker;
  }

  /** A thread that was lost before may still have something to say; nobody listens. */
  #lose(worker: Worker, reason: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    void worker.terminate();
    this.#endCall()?.reject(reason);
  }

  #endCall(): Call | undefined {
    const call = this.#call;
    this.#call = undefined;
    call?.release();
    return call;
  }
}

/** Computes one request in a thread of its own, for computations that are rare or run beside each other. */
export async function computeInThread<Request, Result>(
  options: ComputeThreadOptions,
  request: Request,
  asking: Asking,
): Promise<Result> {
  const thread = new ComputeThread<Request, Result>(options);
  try {
    return await thread.ask(request, asking);
  } finally {
    await thread.close();
  }
}

function refusal({ refused, message }: Extract<ThreadReply, { readonly ok: false }>): Error {
  return refused ? new PermanentError(refused.code, message, refused.detail) : new Defect(message);
}

function deathOf(name: string, cause: unknown): Error {
  if ((cause as { code?: string }).code !== 'ERR_WORKER_OUT_OF_MEMORY')
    return new TransientError(`the thread ${name} died`, { cause });
  return new PermanentError('exhausted', `the thread ${name} ran out of memory`, { reason: 'OUT_OF_MEMORY', cause });
}
