import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { grpcHealth } from '@rondo/contracts';
import { systemClock } from '@rondo/kernel';
import { Authenticator, TokenFile } from '@rondo/security';
import { createLogger, createTelemetry } from '@rondo/telemetry';
import { badCallersContract, TIGHT_LIMITS } from '@rondo/testing';
import * as grpc from '@grpc/grpc-js';
import { CALLER_LIMITS } from './caller-limits.js';
import { frontDoor, type RunningFrontDoor } from './front-door.js';

const HEALTH = `/${grpcHealth.Health.typeName}/Check`;
const telemetry = createTelemetry({ service: 'test', version: '1', sinks: [] });
const failures: string[] = [];
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
    limits: { ...CALLER_LIMITS, ...TIGHT_LIMITS },
  });
});
afterAll(async () => {
  await door.close(100);
  await telemetry.close();
  rmSync(folder, { recursive: true });
});

const httpAnswered = async (): Promise<boolean> => (await fetch(`${door.httpUrl}/livez`)).status === 200;

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

badCallersContract('the front door', {
  httpPort: () => door.httpPort,
  grpcPort: () => door.grpcPort,
  head: 'POST /open HTTP/1.1\r\nHost: localhost\r\n',
  body: ' '.repeat(5_000),
  grpcPath: HEALTH,
  answered: async () => (await httpAnswered()) && (await grpcAnswered()),
  errors: () => failures,
});
