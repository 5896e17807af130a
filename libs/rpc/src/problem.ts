import type { ServerResponse } from 'node:http';
import { encodeDetail, ERROR_HEADER, failureOf, httpStatusOf } from './wire-error.js';

/** Answers an HTTP request that is not an RPC with `application/problem+json` (RFC 9457); unknown errors give nothing away. */
export function writeProblem(response: ServerResponse, error: unknown, traceId?: string): void {
  const failure = failureOf(error, traceId);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = httpStatusOf(failure.code);
  const { retryAfterMs } = failure.detail;
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    [ERROR_HEADER]: encodeDetail(failure.detail),
    ...(status === 401 && { 'www-authenticate': 'Bearer realm="rondo"' }),
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
  });
  const type = failure.detail.reason === undefined ? 'about:blank' : `/r/${encodeURIComponent(failure.detail.reason)}`;
  response.end(`${JSON.stringify({ type, title: failure.message, status, ...failure.detail })}\n`);
}
