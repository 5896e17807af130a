import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from './webhook.js';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let received: Received[];
let status: number;
let url: string;

beforeEach(async () => {
  received = [];
  status = 204;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

afterEach(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const deliver = (to: string, secret?: string): Promise<void> =>
  new Webhook(secret).deliver({
    url: to,
    id: 'n1',
    body: '{"a":1}',
    atMs: 1_000_000,
    signal: new AbortController().signal,
  });

describe('a webhook', () => {
  it('is signed as Standard Webhooks say: id, timestamp and body', async () => {
    await deliver(url, 'key');
    const { headers, body } = received[0]!;
    const expected = createHmac('sha256', 'key').update(`n1.1000.${body}`).digest('base64');
    expect(headers).toMatchObject({
      'webhook-id': 'n1',
      'webhook-timestamp': '1000',
      'webhook-signature': `v1,${expected}`,
    });
  });

  it('is not signed without a key', async () => {
    await deliver(url);
    expect(received[0]?.headers['webhook-signature']).toBeUndefined();
  });

  it.each([
    [500, 'TransientError'],
    [429, 'TransientError'],
    [302, 'TransientError'],
    [410, 'PermanentError'],
    [400, 'PermanentError'],
  ])('answered %d fails with %s, and redirects are not followed', async (answer, name) => {
    status = answer;
    await expect(deliver(url)).rejects.toMatchObject({ name });
    expect(received).toHaveLength(1);
  });

  it.each([
    'https://10.0.0.1/x',
    'https://169.254.169.254/latest',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://0.0.0.0/',
  ])('is refused when it points inside the network: %s', async (inside) => {
    await expect(deliver(inside)).rejects.toMatchObject({ code: 'denied' });
  });

  it('that cannot be reached is tried again', async () => {
    const gone = url;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await expect(deliver(gone)).rejects.toMatchObject({ name: 'TransientError' });
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
});
