import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { letIdleConnectionsSleep } from './idle-connections.js';

interface Queue {
  readonly throttleCheckTimeoutId: unknown;
  maybeThrottle(ms: number): void;
  push(request: { readonly entry: object; readonly expectResponse: boolean; readonly sendRequest: () => void }): void;
  fulfillRequest(response: { readonly correlationId: number; readonly payload: Buffer; readonly size: number }): void;
  destroy(): void;
}

const silent = { debug: () => undefined, warn: () => undefined };
const Queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (options: object) => Queue;

describe('a connection of kafkajs', () => {
  it('sets no timer while no request waits, and sends one that had to', async () => {
    letIdleConnectionsSleep();
    const queue = new Queue({ maxInFlightRequests: null, requestTimeout: 1000, logger: silent });
    const sent: number[] = [];
    const send = (correlationId: number, done = (): void => undefined): void =>
      queue.push({
        entry: { correlationId, resolve: () => undefined },
        expectResponse: true,
        sendRequest: () => (sent.push(correlationId), done()),
      });
    try {
      send(1);
      queue.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
      expect(queue.throttleCheckTimeoutId).toBeNull();
      queue.maybeThrottle(5);
      await new Promise<void>((resolve) => send(2, resolve));
      expect(sent).toEqual([1, 2]);
    } finally {
      queue.destroy();
    }
  });
});
