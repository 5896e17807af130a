import { parentPort } from 'node:worker_threads';
import { messageOf, PermanentError } from '@rondo/kernel';

/** What a thread says to a request: a result, a refusal of the input, or that the computation is broken. */
export type ThreadReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly refused?: Pick<PermanentError, 'code' | 'detail'>; readonly message: string };

/** The other end of a {@link ComputeThread}, called once by the thread's entry: answers each request, one after the other. */
export function answerRequests<Request, Result>(compute: (request: Request) => Result): void {
  parentPort?.on('message', (request: Request) => parentPort?.postMessage(replyTo(compute, request)));
}

function replyTo<Request, Result>(compute: (request: Request) => Result, request: Request): ThreadReply {
  try {
    return { ok: true, result: compute(request) };
  } catch (error) {
    const message = messageOf(error);
    if (!(error instanceof PermanentError)) return { ok: false, message };
    return { ok: false, refused: { code: error.code, detail: error.detail }, message };
  }
}
