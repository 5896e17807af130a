import { afterEach, describe, expect, it } from '@jest/globals';
import { oneByteChunks, RawCaller, unfinishedGrpcCall } from './bad-callers.js';
import { eventually } from './eventually.js';

const DEADLINE_EXCEEDED = '4';

/** Limits under which servers are tested, in ms and connections. */
export const TIGHT_LIMITS = { headMs: 300, requestMs: 600, connectionsMax: 20 } as const;

/** A server to be held to the contract, with {@link TIGHT_LIMITS}. */
export interface BadlyCalledServer {
  httpPort(): number;
  grpcPort(): number;
  /** Request line and `Host` of a request with a body, ended by CRLF. */
  readonly head: string;
  /** A body that is answered with 200. */
  readonly body: string;
  /** Path of a unary gRPC call. */
  readonly grpcPath: string;
  /** Whether an honest caller is answered. */
  answered(): Promise<boolean>;
  /** What was logged as an error. */
  errors(): readonly unknown[];
}

/** What every port must stand, whoever calls. */
export function badCallersContract(name: string, server: BadlyCalledServer): void {
  const { head, body, answered } = server;
  const left: (() => void)[] = [];
  afterEach(() => {
    for (const leave of left.splice(0)) leave();
  });
  const caller = (): RawCaller => {
    const raw = new RawCaller(server.httpPort());
    left.push(() => raw.leave());
    return raw;
  };

  describe(`${name}, called badly`, () => {
    it('cuts a head and a body that come a byte at a time, with 408, and answers others meanwhile', async () => {
      const slow = [caller(), caller()];
      await slow[0]!.send(`${head}X-A: `);
      await slow[1]!.send(`${head}Content-Length: 1000000\r\n\r\n`);
      await eventually(async () => {
        await Promise.all(slow.map((raw) => raw.send(' ')));
        expect(await answered()).toBe(true);
        return slow.every(({ closed }) => closed);
      });
      for (const { received } of slow) expect(received).toContain('408 Request Timeout');
    });

    it('takes no more connections than it may, and takes them again when others are cut', async () => {
      const callers = Array.from({ length: TIGHT_LIMITS.connectionsMax + 10 }, caller);
      for (const raw of callers) await raw.send(head[0]!);
      const refused = () => callers.filter(({ closed, received }) => closed && received === '');
      await eventually(() => refused().length >= 10);
      await eventually(() => answered().catch(() => false));
    });

    it('is not harmed by resets in the middle of a request', async () => {
      for (let i = 0; i < 10; i++) {
        const raw = caller();
        await raw.send(`${head}Content-Length: 1000\r\n\r\n{`);
        await raw.reset();
      }
      expect(await answered()).toBe(true);
      expect(server.errors()).toEqual([]);
    });

    it('reads a body of one-byte chunks', async () => {
      const raw = caller();
      await raw.send(`${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${oneByteChunks(body)}`);
      await eventually(() => raw.closed);
      expect(raw.received).toContain('200 OK');
    });

    it('ends a gRPC call whose request never becomes complete, and answers others meanwhile', async () => {
      const { session, status } = unfinishedGrpcCall(server.grpcPort(), server.grpcPath);
      left.push(() => session.destroy());
      expect(await answered()).toBe(true);
      expect(await status).toBe(DEADLINE_EXCEEDED);
      expect(await answered()).toBe(true);
    });
  });
}
