import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpForwarder } from './forward-http.js';

describe('requests that another process answers', () => {
  const closing: (() => void)[] = [];
  afterEach(() => closing.splice(0).forEach((close) => close()));

  const listen = async (server: Server): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const owner = (name: string): Promise<string> =>
    listen(
      createServer((request, response) => {
        let body = '';
        request.on('data', (part) => (body += String(part)));
        request.on('end', () => {
          const { authorization, cookie } = request.headers;
          response.writeHead(202, { 'content-type': 'application/json', 'x-owner': name });
          response.end(
            JSON.stringify({ name, body, authorization, cookie, path: request.url, method: request.method }),
          );
        });
      }),
    );
  const door = (baseUrls: readonly string[]): Promise<string> => {
    const forwarder = new HttpForwarder('data-prep', baseUrls);
    closing.push(() => forwarder.close());
    return listen(createServer((request, response) => void forwarder.answer(request, response)));
  };
  const post = (base: string, body: string): Promise<Response> =>
    fetch(`${base}/v1/events?a=b`, { method: 'POST', body, headers: { authorization: 'Bearer x', cookie: 'c=d' } });
  const nobody = async (): Promise<string> => {
    const server = createServer();
    const address = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    return address;
  };

  it('are handed on with the caller’s token and without the browser’s cookie, and answered as the owner does', async () => {
    const answer = await post(await door([await owner('one')]), 'hello');
    expect([answer.status, answer.headers.get('x-owner')]).toEqual([202, 'one']);
    expect(await answer.json()).toEqual({
      name: 'one',
      body: 'hello',
      authorization: 'Bearer x',
      path: '/v1/events?a=b',
      method: 'POST',
    });
  });

  it('go to the replicas in turn, passing over one that is gone', async () => {
    const base = await door([await owner('one'), await nobody(), await owner('two')]);
    const answered = new Set<string | null>();
    for (let i = 0; i < 6; i++) answered.add((await post(base, 'x')).headers.get('x-owner'));
    expect([...answered].sort()).toEqual(['one', 'two']);
  });

  it('are refused as unavailable when nobody answers', async () => {
    const answer = await post(await door([await nobody()]), 'x');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('data-prep does not answer; try again');
  });

  it('are refused when they are too large', async () => {
    const answer = await post(await door([await owner('one')]), 'x'.repeat(2 ** 20 + 1));
    expect(answer.status).toBe(429);
  });
});
