import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PermanentError } from '@rondo/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Denial } from './authenticator.js';
import { Sessions } from './sessions.js';
import { signInHandler } from './sign-in.js';

const clock = { now: () => 0 };
const sessions = new Sessions(clock);
const denials: Denial[] = [];
const handler = signInHandler({
  sessions,
  clock,
  onDenied: (denial) => denials.push(denial),
  authenticate: ({ authorization }) => {
    if (authorization === 'Bearer good') return { id: 'bob', roles: ['viewer'] };
    if (authorization === 'Bearer flood') throw new PermanentError('exhausted', 'too many');
    throw new PermanentError('unauthenticated', 'the token is not known here');
  },
});
const server = createServer((request, response) => {
  if (!handler(request, response)) response.writeHead(404).end();
});
let base = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const signIn = (token: string) => fetch(`${base}/auth/signin?token=${token}`, { redirect: 'manual' });

describe('signing in', () => {
  it('trades the link for a cookie once and leads to the console', async () => {
    const token = sessions.createSignIn({ id: 'alice', roles: ['viewer'] });
    const first = await signIn(token);
    expect([first.status, first.headers.get('location'), first.headers.get('referrer-policy')]).toEqual([
      303,
      '/',
      'no-referrer',
    ]);
    const cookie = first.headers.get('set-cookie')!;
    expect(cookie).toMatch(/^rondo_session=[\w-]+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const secret = /=([\w-]+\.[\w-]{43})/.exec(cookie)![1]!;
    expect(sessions.find(secret)?.id).toBe('alice');
    expect((await signIn(token)).status).toBe(401);
    expect(denials.at(-1)).toMatchObject({ reason: 'SIGN_IN_TOKEN_UNKNOWN', method: 'GET /auth/signin' });
    const out = await fetch(`${base}/auth/signout`, { method: 'POST', headers: { cookie: `rondo_session=${secret}` } });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect(sessions.find(secret)).toBeUndefined();
  });

  it('limits guesses', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await signIn('guess')).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await signIn('guess')).headers.get('retry-after')).toBe('60');
  });

  it('trades a pasted access token for a cookie', async () => {
    const post = (body: string) => fetch(`${base}/auth/signin`, { method: 'POST', body });
    const good = await post('{"token":"good"}');
    expect(good.status).toBe(204);
    const secret = /rondo_session=([\w-]+\.[\w-]{43});.*HttpOnly; SameSite=Strict/.exec(
      good.headers.get('set-cookie')!,
    )![1]!;
    expect(sessions.find(secret)?.id).toBe('bob');
    const bad = await post('{"token":"bad"}');
    expect([bad.status, bad.headers.get('set-cookie'), await bad.text()]).toEqual([
      401,
      null,
      'the token is not known here\n',
    ]);
    const statuses = await Promise.all(
      ['{"token":"flood"}', '{', '{"token":7}', 'x'.repeat(10_000)].map(async (body) => (await post(body)).status),
    );
    expect(statuses).toEqual([429, 400, 400, 400]);
  });

  it('leaves other paths alone', async () => {
    expect((await fetch(`${base}/auth/other`)).status).toBe(404);
    expect((await fetch(`${base}/auth/signin`, { method: 'PUT' })).status).toBe(404);
  });
});
