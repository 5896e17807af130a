import { parentPort } from 'node:worker_threads';
import { messageOf, PermanentError } from '@rondo/kernel';

/** What a thread says to a request: how far it is, then a result, a refusal of the input, or that the computation is broken. */
export type ThreadReply =
  | { readonly ok: undefined; readonly progress: number }
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly refused?: Pick<PermanentError, 'code' | 'detail'>; readonly message: string };

/** Computes the answer to a request; may tell how far it is, as a share from 0 to 1. */
export type Compute<Request, Result> = (request: Request, report: (progress: number) => void) => Result;

/** The other end of a {@link ComputeThread}, called once by the thread's entry: answers each request, one after the other. */
export function answerRequests<Request, Result>(compute: Compute<Request, Result>): void {
  parentPort?.on('message', (request: Request) => say(replyTo(compute, request)));
}

function say(reply: ThreadReply): void {
  parentPort?.postMessage(reply);
}

function replyTo<Request, Result>(compute: Compute<Request, Result>, request: Request): ThreadReply {
  try {
    return { ok: true, result: compute(request, (progress) => say({ ok: undefined, progress })) };
  } catch (error) {
    const message = messageOf(error);
    if (!(error instanceof PermanentError)) return { ok: false, message };
    return { ok: false, refused: { code: error.code, detail: error.detail }, message };
  }
}
