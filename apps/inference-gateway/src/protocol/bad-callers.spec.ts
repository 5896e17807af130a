import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { inference, RoutingChangedSchema } from '@rondo/contracts';
import { constantToOnnx } from '@rondo/models';
import { CALLER_LIMITS } from '@rondo/rpc';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { badCallersContract, eventually, oneByteChunks, RawCaller, TIGHT_LIMITS } from '@rondo/testing';
import { InferenceGatewayModule } from '../gateway.module.js';
import { InferenceGateway } from '../inference-gateway.js';
import { testConfig } from '../testing/gateway-config.js';

const BODY = JSON.stringify({ inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
const HEAD = 'POST /v2/models/e/infer HTTP/1.1\r\nHost: x\r\n';
const { modelInfer } = inference.GRPCInferenceService.method;
let platform: TestPlatform;
let service: TestService;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-gateway-'));
  platform = testPlatform('inference-gateway');
  const config = testConfig(folder);
  const authenticate = () => ({ id: 'caller', roles: ['viewer'] as const });
  const limits = { ...CALLER_LIMITS, ...TIGHT_LIMITS };
  service = await testService(platform, InferenceGatewayModule.forRoot({ config, authenticate, limits }));
  const { digest } = await platform.artifacts.put(constantToOnnx(0.5, 2));
  const routing = { pipeline: 'p', endpoint: 'e', epoch: 1n, champion: { name: 'm', version: 1, digest } };
  await platform.publish(RoutingChangedSchema, { ...routing, rolloutId: 'r' }, { key: 'p' });
  await service.drain();
  await service.get(InferenceGateway).table.settled();
});
afterAll(async () => {
  await service.close();
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const addresses = () => service.get(InferenceGateway).addresses!;

async function answered(): Promise<boolean> {
  const url = `http://127.0.0.1:${addresses().httpPort}/v2/models/e/infer`;
  return (await fetch(url, { method: 'POST', body: BODY })).status === 200;
}

badCallersContract('the gateway', {
  httpPort: () => addresses().httpPort,
  grpcPort: () => addresses().grpcPort,
  head: HEAD,
  body: BODY,
  grpcPath: `/${modelInfer.parent.typeName}/${modelInfer.name}`,
  answered,
  errors: () => platform.log.lines.filter(({ level }) => level === 'error'),
});

it('refuses a body of too many one-byte chunks', async () => {
  const caller = new RawCaller(addresses().httpPort);
  await caller.send(
    `${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${oneByteChunks(' '.repeat(30_000))}`,
  );
  await eventually(() => caller.closed);
  expect(caller.received).toContain('413 Payload Too Large');
});
