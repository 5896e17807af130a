import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { TransientError } from '@rondo/kernel';
import { writeProblem } from '@rondo/rpc';

/** Headers that belong to one connection, not to the message. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'cookie',
  'host',
]);

/** Hands requests to the process that answers them, byte by byte, and its answers back. */
export function forwardHttp(
  owner: string,
  baseUrl: string,
): { handler(request: IncomingMessage, response: ServerResponse): void; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    handler: (request, response) => {
      const outgoing = httpRequest(new URL(request.url ?? '/', baseUrl), {
        agent,
        method: request.method,
        headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.has(name))),
      });
      outgoing.once('response', (answer) => {
        const headers = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name));
        response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
        answer.pipe(response);
      });
      outgoing.once('error', (cause) => {
        if (response.headersSent) response.destroy();
        else
          writeProblem(response, new TransientError(`${owner} does not answer; try again`, { cause, afterMs: 1000 }));
      });
      response.once('close', () => outgoing.destroy());
      request.pipe(outgoing);
    },
    close: () => agent.destroy(),
  };
}
