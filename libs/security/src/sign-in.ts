import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@rondo/kernel';
import type { Denial } from './authenticator.js';
import { SESSION_COOKIE, sessionOf } from './authenticator.js';
import { FailureLimiter } from './failure-limiter.js';
import type { Sessions } from './sessions.js';

export interface SignInOptions {
  readonly sessions: Sessions;
  readonly clock: Pick<Clock, 'now'>;
  /** True when the console is reached over TLS; the cookie is then never sent in clear. */
  readonly secure?: boolean;
  readonly onDenied?: (denial: Denial) => void;
}

/**
 * Serves `GET /auth/signin?token=…` (consumes the one-time token, sets the session cookie, sends the browser to `/`) and
 * `POST /auth/signout`. Returns false for other paths.
 */
export function signInHandler(options: SignInOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const limiter = new FailureLimiter(options.clock);
  return (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'GET' && url.pathname === '/auth/signin') {
      signIn(options, limiter, url.searchParams.get('token') ?? '', request, response);
      return true;
    }
    if (request.method === 'POST' && url.pathname === '/auth/signout') {
      options.sessions.end(sessionOf(request.headers.cookie) ?? '');
      response.writeHead(204, { 'set-cookie': cookieText('', 0, options.secure), 'cache-control': 'no-store' }).end();
      return true;
    }
    return false;
  };
}

function signIn(
  options: SignInOptions,
  limiter: FailureLimiter,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  // The address holds a secret: neither caches nor the next page may learn it.
  const headers = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
  const session = /^[A-Za-z0-9_-]{43}$/.test(token) ? options.sessions.exchange(token) : undefined;
  if (session !== undefined) {
    response
      .writeHead(303, {
        ...headers,
        location: '/',
        'set-cookie': cookieText(session, options.sessions.sessionSeconds, options.secure),
      })
      .end();
    return;
  }
  const address = request.socket.remoteAddress ?? '';
  const status = limiter.note(address) ? 401 : 429;
  if (status === 401)
    options.onDenied?.({
      method: 'GET /auth/signin',
      principal: '',
      reason: 'SIGN_IN_TOKEN_UNKNOWN',
      atMs: options.clock.now(),
    });
  const wait = status === 429 ? { 'retry-after': String(Math.ceil(limiter.waitMs(address) / 1000)) } : {};
  response.writeHead(status, { ...headers, ...wait, 'content-type': 'text/plain; charset=utf-8' });
  response.end(
    'This sign-in link was used already or is too old. Take a new one from the place where Rondo was started.\n',
  );
}

function cookieText(value: string, maxAgeSeconds: number, secure = false): string {
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`;
}
