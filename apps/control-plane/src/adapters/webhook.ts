import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { PermanentError, TransientError } from '@rondo/kernel';

/** A delivery in the form of the Standard Webhooks specification. */
export interface WebhookDelivery {
  readonly url: string;
  /** The same over all attempts, so that receivers can drop repetitions. */
  readonly id: string;
  readonly body: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
}

const INTERNAL = new BlockList();
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  INTERNAL.addSubnet(address, bits, 'ipv4');
}
for (const [address, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['::ffff:0:0', 96],
] as const)
  INTERNAL.addSubnet(address, bits, 'ipv6');

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Resolves a name and refuses addresses inside the network, so that a public name cannot point back at us. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 4);
    const inside = addresses.find(({ address, family }) => INTERNAL.check(address, family === 6 ? 'ipv6' : 'ipv4'));
    if (inside)
      return callback(
        new PermanentError('denied', `webhook host ${hostname} resolves to the internal address ${inside.address}`),
        '',
        4,
      );
    const first = addresses[0] ?? { address: '', family: 4 };
    if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** Posts one notification; any 2xx is success, redirects are not followed, 410 and other 4xx are final. */
export class Webhook {
  constructor(
    /** Signing key; deliveries are not signed without one. */
    private readonly secret: string | undefined,
    private readonly timeoutMs = 15_000,
  ) {}

  async deliver(delivery: WebhookDelivery): Promise<void> {
    const url = new URL(delivery.url);
    const local = LOOPBACK.has(url.hostname);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (!local && isIP(host) !== 0 && INTERNAL.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) {
      throw new PermanentError('denied', `webhook ${url.host} is an internal address`, {
        field: 'webhook',
        value: url.host,
        rule: 'a public address or this machine',
      });
    }
    const status = await this.post(url, local, delivery);
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      throw new PermanentError('failed-precondition', `webhook ${url.host} answered ${status}`);
    throw new TransientError(`webhook ${url.host} answered ${status}`);
  }

  private post(url: URL, local: boolean, { id, body, atMs, signal }: WebhookDelivery): Promise<number> {
    const timestamp = String(Math.floor(atMs / 1000));
    const signature =
      this.secret && createHmac('sha256', this.secret).update(`${id}.${timestamp}.${body}`).digest('base64');
    const options: RequestOptions = {
      method: 'POST',
      timeout: this.timeoutMs,
      signal,
      ...(!local && { lookup: publicLookup }),
      headers: {
        'content-type': 'application/cloudevents+json',
        'content-length': Buffer.byteLength(body),
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        ...(signature && { 'webhook-signature': `v1,${signature}` }),
      },
    };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('timeout', () =>
        request.destroy(new TransientError(`webhook ${url.host} did not answer within ${this.timeoutMs} ms`)),
      );
      request.on('error', (error) =>
        reject(
          error instanceof PermanentError
            ? error
            : new TransientError(`webhook ${url.host} cannot be reached`, { cause: error }),
        ),
      );
      request.end(body);
    });
  }
}
