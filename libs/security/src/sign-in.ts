import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf, PermanentError, type Clock } from '@rondo/kernel';
import { SESSION_COOKIE, sessionOf, type Credentials, type Denial } from './authenticator.js';
import { FailureLimiter } from './failure-limiter.js';
import type { Principal } from './ports.js';
import type { Sessions } from './sessions.js';

export interface SignInOptions {
  readonly sessions: Sessions;
  readonly clock: Pick<Clock, 'now'>;
  /** True when the console is reached over TLS; the cookie is then never sent in clear. */
  readonly secure?: boolean;
  readonly onDenied?: (denial: Denial) => void;
  /** Recognises an access token that somebody pasted; limits and audits failures itself. */
  readonly authenticate: (credentials: Credentials, method: string) => Principal;
}

/** Largest body of a sign-in, in bytes. */
const BODY_BYTES_MAX = 4096;

/**
 * Serves `GET /auth/signin?token=…` (consumes the one-time token, sets the session cookie, sends the browser to `/`),
 * `POST /auth/signin` with `{"token"}` (an access token for a session cookie, 204) and `POST /auth/signout`. Returns false for other
 * paths. The caller has checked that posts come from the same origin.
 */
export function signInHandler(options: SignInOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const limiter = new FailureLimiter(options.clock);
  return (request, response) => {
    // Not `new URL`: it throws for addresses such as `//`.
    const [path, query] = (request.url ?? '').split('?', 2);
    if (request.method === 'GET' && path === '/auth/signin') {
      signIn(options, limiter, new URLSearchParams(query).get('token') ?? '', request, response);
      return true;
    }
    if (request.method === 'POST' && path === '/auth/signin') {
      void pastedToken(options, request, response);
      return true;
    }
    if (request.method === 'POST' && path === '/auth/signout') {
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

/** Never rejects: every failure is answered. */
async function pastedToken(options: SignInOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = (status: number, text: string): void => {
    response
      .writeHead(status, { 'cache-control': 'no-store', 'content-type': 'text/plain; charset=utf-8' })
      .end(`${text}\n`);
  };
  let token: string;
  try {
    token = await tokenIn(request);
  } catch (error) {
    return answer(400, messageOf(error));
  }
  try {
    const remoteAddress = request.socket.remoteAddress ?? '';
    const principal = options.authenticate({ authorization: `Bearer ${token}`, remoteAddress }, 'POST /auth/signin');
    const cookie = cookieText(options.sessions.open(principal), options.sessions.sessionSeconds, options.secure);
    response.writeHead(204, { 'cache-control': 'no-store', 'set-cookie': cookie }).end();
  } catch (error) {
    const isLimited = error instanceof PermanentError && error.code === 'exhausted';
    answer(isLimited ? 429 : 401, messageOf(error));
  }
}

async function tokenIn(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX)
      throw new PermanentError('invalid', 'the body is too large', {
        field: 'body',
        rule: `at most ${BODY_BYTES_MAX} bytes`,
      });
  }
  const body: unknown = JSON.parse(text);
  const token = body !== null && typeof body === 'object' && 'token' in body ? body.token : undefined;
  if (typeof token !== 'string')
    throw new PermanentError('invalid', 'the body has no token', { field: 'token', rule: '{"token": "rondo_…"}' });
  return token;
}

function cookieText(value: string, maxAgeSeconds: number, secure = false): string {
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`;
}
