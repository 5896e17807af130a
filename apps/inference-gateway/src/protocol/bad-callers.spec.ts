import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as grpc from '@grpc/grpc-js';
import { inference, RoutingChangedSchema } from '@rondo/contracts';
import { constantToOnnx } from '@rondo/models';
import { CALLER_LIMITS } from '@rondo/rpc';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { eventually, oneByteChunks, RawCaller, unfinishedGrpcCall } from '@rondo/testing';
import { InferenceGatewayModule } from '../gateway.module.js';
import { InferenceGateway } from '../inference-gateway.js';
import { testConfig } from '../testing/gateway-config.js';

const BODY = JSON.stringify({ inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
const HEAD = 'POST /v2/models/e/infer HTTP/1.1\r\nHost: x\r\n';
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
const callers: { leave(): void }[] = [];
let platform: TestPlatform;
let service: TestService;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-gateway-'));
  platform = testPlatform('inference-gateway');
  const config = testConfig(folder);
  const authenticate = () => ({ id: 'caller', roles: ['viewer'] as const });
  const limits = { ...CALLER_LIMITS, headMs: 300, requestMs: 600, connectionsMax: 20 };
  service = await testService(platform, InferenceGatewayModule.forRoot({ config, authenticate, limits }));
  const { digest } = await platform.artifacts.put(constantToOnnx(0.5, 2));
  const routing = { pipeline: 'p', endpoint: 'e', epoch: 1n, champion: { name: 'm', version: 1, digest } };
  await platform.publish(RoutingChangedSchema, { ...routing, rolloutId: 'r' }, { key: 'p' });
  await service.drain();
  await service.get(InferenceGateway).table.settled();
});
afterEach(() => {
  for (const caller of callers.splice(0)) caller.leave();
});
afterAll(async () => {
  await service.close();
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const addresses = () => service.get(InferenceGateway).addresses!;

function caller(): RawCaller {
  const raw = new RawCaller(addresses().httpPort);
  callers.push(raw);
  return raw;
}

async function answered(): Promise<boolean> {
  const url = `http://127.0.0.1:${addresses().httpPort}/v2/models/e/infer`;
  return (await fetch(url, { method: 'POST', body: BODY })).status === 200;
}

describe('the gateway', () => {
  it('cuts a head and a body that come a byte at a time, with 408, and answers others meanwhile', async () => {
    const [head, body] = [caller(), caller()];
    await head.send(`${HEAD}X-A: `);
    await body.send(`${HEAD}Content-Length: 1000000\r\n\r\n`);
    await eventually(async () => {
      await Promise.all([head.send('a'), body.send(' ')]);
      expect(await answered()).toBe(true);
      return head.closed && body.closed;
    });
    for (const { received } of [head, body]) expect(received).toContain('408 Request Timeout');
  });

  it('takes no more connections than it may, and takes them again when others are cut', async () => {
    for (let i = 0; i < 30; i++) await caller().send('P');
    const refused = () => callers.filter((raw) => raw instanceof RawCaller && raw.closed && raw.received === '');
    await eventually(() => refused().length >= 10);
    await eventually(() => answered().catch(() => false));
  });

  it('is not harmed by resets in the middle of a request', async () => {
    for (let i = 0; i < 10; i++) {
      const raw = caller();
      await raw.send(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n{`);
      await raw.reset();
    }
    expect(await answered()).toBe(true);
    expect(platform.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('reads a body of one-byte chunks, and refuses one of too many', async () => {
    const [some, many] = [caller(), caller()];
    await some.send(CHUNKED + oneByteChunks(BODY));
    await many.send(CHUNKED + oneByteChunks(' '.repeat(30_000)));
    await eventually(() => some.closed && many.closed);
    expect(some.received).toContain('200 OK');
    expect(many.received).toContain('413 Payload Too Large');
  });

  it('ends a gRPC call whose request never becomes complete, and answers others meanwhile', async () => {
    const { method } = inference.GRPCInferenceService;
    const path = `/${method.modelInfer.parent.typeName}/${method.modelInfer.name}`;
    const { session, status } = unfinishedGrpcCall(addresses().grpcPort, path);
    callers.push({ leave: () => session.destroy() });
    expect(await answered()).toBe(true);
    expect(await status).toBe(String(grpc.status.DEADLINE_EXCEEDED));
  });
});
