import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { grpcHealth } from '@rondo/contracts';
import { systemClock } from '@rondo/kernel';
import { Authenticator, TokenFile } from '@rondo/security';
import { createLogger, createTelemetry } from '@rondo/telemetry';
import { eventually, oneByteChunks, RawCaller, unfinishedGrpcCall } from '@rondo/testing';
import * as grpc from '@grpc/grpc-js';
import { CALLER_LIMITS } from './caller-limits.js';
import { frontDoor, type RunningFrontDoor } from './front-door.js';

const HEALTH = `/${grpcHealth.Health.typeName}/Check`;
const telemetry = createTelemetry({ service: 'test', version: '1', sinks: [] });
const failures: string[] = [];
const callers: { leave(): void }[] = [];
let folder = '';
let door: RunningFrontDoor;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'door-'));
  const tokens = new TokenFile(join(folder, 'tokens'), systemClock);
  door = await frontDoor({
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    rpcs: [],
    authenticator: new Authenticator({ tokens, clock: systemClock, onDenied: () => undefined }),
    telemetry,
    log: createLogger({ service: 'test', write: (line) => failures.push(line) }),
    mounts: [
      {
        path: '/open',
        requires: 'open',
        handler: (request, response) => void request.on('end', () => response.end('all of it')).resume(),
      },
    ],
    limits: { ...CALLER_LIMITS, headMs: 300, requestMs: 600, connectionsMax: 20 },
  });
});
afterEach(() => {
  for (const caller of callers.splice(0)) caller.leave();
});
afterAll(async () => {
  await door.close(100);
  await telemetry.close();
  rmSync(folder, { recursive: true });
});

function caller(): RawCaller {
  const raw = new RawCaller(door.httpPort);
  callers.push(raw);
  return raw;
}

const answered = async (): Promise<boolean> => (await fetch(`${door.httpUrl}/livez`)).status === 200;

async function grpcAnswered(): Promise<boolean> {
  const client = new grpc.Client(door.grpcAddress, grpc.credentials.createInsecure());
  try {
    return await new Promise((resolve) => {
      const bytes = (data: Buffer): Buffer => data;
      client.makeUnaryRequest(HEALTH, bytes, bytes, Buffer.alloc(0), (error) => resolve(error === null));
    });
  } finally {
    client.close();
  }
}

describe('the front door', () => {
  it('cuts a head and a body that come a byte at a time, with 408, and answers others meanwhile', async () => {
    const [head, body] = [caller(), caller()];
    await head.send('GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ');
    await body.send('POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n');
    await eventually(async () => {
      await Promise.all([head.send('a'), body.send('a')]);
      expect(await answered()).toBe(true);
      return head.closed && body.closed;
    });
    for (const { received } of [head, body]) expect(received).toContain('408 Request Timeout');
  });

  it('takes no more connections than it may, and takes them again when others are cut', async () => {
    for (let i = 0; i < 30; i++) await caller().send('G');
    const refused = () => callers.filter((raw) => raw instanceof RawCaller && raw.closed && raw.received === '');
    await eventually(() => refused().length >= 10);
    await eventually(() => answered().catch(() => false));
  });

  it('is not harmed by resets in the middle of a request', async () => {
    for (let i = 0; i < 10; i++) {
      const raw = caller();
      await raw.send('POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
      await raw.reset();
    }
    expect(await answered()).toBe(true);
    expect(failures).toEqual([]);
  });

  it('reads a body of one-byte chunks', async () => {
    const raw = caller();
    await raw.send('POST /open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
    await raw.send(oneByteChunks(' '.repeat(5_000)));
    await eventually(() => raw.closed);
    expect(raw.received).toContain('all of it');
  });

  it('ends a gRPC call whose request never becomes complete, and answers others meanwhile', async () => {
    const { session, status } = unfinishedGrpcCall(door.grpcPort, HEALTH);
    callers.push({ leave: () => session.destroy() });
    expect(await grpcAnswered()).toBe(true);
    expect(await status).toBe(String(grpc.status.DEADLINE_EXCEEDED));
    expect(await grpcAnswered()).toBe(true);
  });
});
