import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { PermanentError, TransientError } from '@rondo/kernel';
import { writeProblem } from '@rondo/rpc';

/** Headers that belong to one connection, not to the message, and what is no business of the owner. */
const KEPT_HERE = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'te',
  'trailer',
  'cookie',
  'host',
]);
/** Largest body handed on, in bytes; the owner may take less. */
const BODY_BYTES_MAX = 2 ** 20;
const ANSWER_MS = 30_000;

/**
 * Hands small requests to the process that answers them, and its answers back. The replicas are asked in turn; one that cannot be
 * connected to is passed over, one that was sent the request is not.
 */
export class HttpForwarder {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #owner: string;
  readonly #baseUrls: readonly string[];
  #turn = 0;

  /** @param baseUrls for example `http://data-prep:4700`; at least one */
  constructor(owner: string, baseUrls: readonly string[]) {
    this.#owner = owner;
    this.#baseUrls = baseUrls;
  }

  /** Answers a request; never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await bodyOf(request);
      const first = this.#turn++;
      let refusal: unknown;
      for (let at = 0; at < this.#baseUrls.length; at++) {
        const baseUrl = this.#baseUrls[(first + at) % this.#baseUrls.length]!;
        try {
          return await this.#handOn(new URL(request.url ?? '/', baseUrl), request, body, response);
        } catch (error) {
          if (!isUnreached(error)) throw error;
          refusal = error;
        }
      }
      throw refusal;
    } catch (error) {
      if (response.headersSent) response.destroy();
      else if (error instanceof PermanentError) writeProblem(response, error);
      else
        writeProblem(
          response,
          new TransientError(`${this.#owner} does not answer; try again`, { cause: error, afterMs: 1000 }),
        );
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #handOn(url: URL, { method, headers }: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(url, {
        agent: this.#agent,
        method,
        timeout: ANSWER_MS,
        headers: { ...kept(headers), 'content-length': body.byteLength },
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.once('error', reject);
      outgoing.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, kept(answer.headers));
        answer.once('error', reject);
        answer.pipe(response).once('close', resolve);
      });
      response.once('close', () => outgoing.destroy());
      outgoing.end(body);
    });
  }
}

const kept = (headers: IncomingMessage['headers']): Record<string, string | string[] | undefined> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !KEPT_HERE.has(name)));

/** True when nothing was sent: the name is unknown, or nobody listens. */
function isUnreached(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === 'connect' || code === 'ENOTFOUND' || code === 'EAI_AGAIN';
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).byteLength;
    if (bytes > BODY_BYTES_MAX) {
      const rule = `at most ${BODY_BYTES_MAX} bytes`;
      throw new PermanentError('exhausted', `the body is too large: ${rule}`, { field: 'body', rule });
    }
  }
  return Buffer.concat(parts);
}
