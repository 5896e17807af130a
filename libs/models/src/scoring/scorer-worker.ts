/**
 * Entry of the scoring worker. It runs compiled and, in tests, straight from this source with Node's type stripping:
 * erasable syntax only, and no imports of the project's own code except types.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor, env } from 'onnxruntime-web';
import type { WorkerReply, WorkerRequest, WorkerSettings } from './worker-protocol.js';

interface MemoryDescriptor {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}
declare const WebAssembly: { Memory: new (descriptor: MemoryDescriptor) => object; RuntimeError: new () => Error };

const { memoryPagesMax } = workerData as WorkerSettings;
const port = parentPort!;
const sessions = new Map<string, InferenceSession>();

// One thread: the pool of workers is the parallelism, and a second WebAssembly thread could not be stopped with this one.
env.wasm.numThreads = 1;
env.logLevel = 'error';
capMemory(memoryPagesMax);

let last = Promise.resolve();
port.on('message', (request: WorkerRequest) => {
  last = last.then(() => answer(request));
});

async function answer(request: WorkerRequest): Promise<void> {
  try {
    const probabilities = await perform(request);
    reply({ ok: true, probabilities }, [probabilities.buffer as ArrayBuffer]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // After a trap the runtime's memory is in an unknown state; an error it reports itself leaves it whole.
    reply({ ok: false, message, broken: error instanceof WebAssembly.RuntimeError }, []);
  }
}

async function perform(request: WorkerRequest): Promise<Float32Array> {
  switch (request.kind) {
    case 'load':
      sessions.set(request.digest, await InferenceSession.create(request.bytes, { executionProviders: ['wasm'] }));
      return new Float32Array();
    case 'score':
      return score(request.digest, request.rows, request.count, request.features);
    case 'unload':
      await sessions.get(request.digest)?.release();
      sessions.delete(request.digest);
      return new Float32Array();
  }
}

async function score(digest: string, rows: Float32Array, count: number, features: number): Promise<Float32Array> {
  const session = sessions.get(digest);
  if (!session) throw new Error('the model is not loaded');
  const input = new Tensor('float32', rows, [count, features]);
  const { probabilities } = await session.run({ X: input }, ['probabilities']);
  if (probabilities?.type !== 'float32' || probabilities.dims.length !== 2)
    throw new Error('probabilities are not float32 [N, 2]');
  if (probabilities.dims[0] !== count || probabilities.dims[1] !== 2)
    throw new Error(`probabilities have shape ${probabilities.dims.join(' × ')}`);
  const pairs = probabilities.data as Float32Array;
  const ofClassOne = new Float32Array(count);
  for (let row = 0; row < count; row++) ofClassOne[row] = pairs[2 * row + 1]!;
  return ofClassOne;
}

function reply(message: WorkerReply, transfer: ArrayBuffer[]): void {
  port.postMessage(message, transfer);
}

/** Node's resource limits do not count WebAssembly memory, so the runtime gets a memory that cannot grow past the limit. */
function capMemory(pages: number): void {
  WebAssembly.Memory = class extends WebAssembly.Memory {
    constructor(descriptor: MemoryDescriptor) {
      super({ ...descriptor, maximum: Math.min(descriptor.maximum ?? pages, Math.max(pages, descriptor.initial)) });
    }
  };
}
