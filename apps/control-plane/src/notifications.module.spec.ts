import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Secret } from '@rondo/config';
import { ApplyPipelineRequestSchema, BatchQuarantinedSchema, PipelineService } from '@rondo/contracts';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { ControlPlaneModule } from './control-plane.module.js';

const pipeline = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));

interface Told {
  readonly webhookId: string | undefined;
  readonly eventId: string;
}

let told: Told[];
/** Statuses of the next answers; 204 when there are none. */
let answers: number[];
let receiver: Server;
let platform: TestPlatform;
let service: TestService;

beforeEach(async () => {
  told = [];
  answers = [];
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly id: string };
      told.push({ webhookId: request.headers['webhook-id'] as string | undefined, eventId: id });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  platform = testPlatform('control-plane');
  const surroundings = { version: '0', mode: 'embedded', journals: [], spans: () => Promise.resolve([]) };
  const config = { webhookSecret: new Secret('s') };
  service = await testService(platform, ControlPlaneModule.forRoot({ config, surroundings }));
  const { port } = receiver.address() as AddressInfo;
  const document = read('pipeline.yaml')
    .toString()
    .replace(/\n {2}notifications:[\s\S]*?(?=\n {2}\S|\n*$)/, '')
    .concat(
      `\n  notifications:\n    - on: [BatchQuarantined]\n      to: { webhook: 'http://127.0.0.1:${port}/hook' }\n`,
    );
  const files = { 'contract.odcs.yaml': read('contract.odcs.yaml'), 'features.sql': read('features.sql') };
  const request = create(ApplyPipelineRequestSchema, { document, files, changeReason: 'spec' });
  await service.rpc(PipelineService).applyPipeline(request, rpcContext('author', 'operator'));
  await service.drain();
});
afterEach(async () => {
  await service.close();
  await platform.close();
  await new Promise<void>((resolve) => receiver.close(() => resolve()));
});

async function quarantined(id: string): Promise<void> {
  const message = { pipeline, batchId: id, eventId: id, eventSource: 'up', uri: `${id}.parquet`, policyGeneration: 1n };
  await platform.publish(BatchQuarantinedSchema, message, { key: pipeline, id });
  await service.drain();
}

it('a receiver who is told again knows it by the id: the answer was lost, or the event was delivered again', async () => {
  answers = [503, 503];
  await quarantined('first');
  await platform.clock.advance(60_000);
  await service.drain();
  await platform.clock.advance(60_000);
  await service.drain();
  await quarantined('first');
  await quarantined('second');
  expect(told.map(({ eventId }) => eventId)).toEqual(['first', 'first', 'first', 'second']);
  const [first, again, oncemore, second] = told.map(({ webhookId }) => webhookId);
  expect(first).toBeDefined();
  expect([again, oncemore]).toEqual([first, first]);
  expect(second).not.toBe(first);
});
