import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Client } from '@connectrpc/connect';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CycleService, grpcHealth, grpcReflection, grpcReflectionAlpha } from '@rondo/contracts';
import { PermanentError, systemClock, TransientError } from '@rondo/kernel';
import { Authenticator, Sessions, TokenFile, type Denial, type RoleName } from '@rondo/security';
import type { RpcContext } from '@rondo/service';
import { createLogger, createTelemetry, type FinishedSpan } from '@rondo/telemetry';
import { connectClient } from './connect-client.js';
import { frontDoor, principalOf, type RunningFrontDoor } from './front-door.js';
import { plainDefinition } from './grpc-health.js';
import { grpcClient } from './grpc-client.js';
import { StreamHub } from './stream-hub.js';

const REQUEST_ID = '0190b6a0-0000-7000-8000-000000000001';
const lines: string[] = [];
const denials: Denial[] = [];
const spans: FinishedSpan[] = [];
const seen: RpcContext[] = [];
const ended: string[] = [];
let folder = '';
let door: RunningFrontDoor;
let sessions: Sessions;
const hub = new StreamHub({ ringItems: 3 });
const telemetry = createTelemetry({
  service: 'test',
  version: '1',
  sinks: [{ write: async (batch) => void spans.push(...batch) }],
});
const tokens: Record<string, string> = {};

const unused = async () => Promise.reject(new PermanentError('not-found', 'no such thing'));
const cycles = {
  listCycles: unused,
  retryStep: unused,
  async getCycle(request: { cycleId: string }, context: RpcContext) {
    seen.push(context);
    if (request.cycleId === 'missing') {
      throw new PermanentError('not-found', 'no cycle “missing”', {
        field: 'cycle_id',
        value: 'missing“',
        rule: 'an existing cycle',
        reason: 'CYCLE_UNKNOWN',
      });
    }
    if (request.cycleId === 'busy') throw new TransientError('the store is busy', { afterMs: 250 });
    if (request.cycleId === 'bug') throw new Error('secret path /etc/rondo');
    if (request.cycleId === 'slow')
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    return { cycleId: request.cycleId, number: 0, phase: 'Training' };
  },
  async triggerCycle() {
    return {};
  },
  async cancelCycle(_request: unknown, context: RpcContext) {
    return { reason: context.principal.id };
  },
  async *watchCycle(request: { cycleId: string }, context: RpcContext) {
    try {
      yield { cycleId: request.cycleId, phase: 'Preparing' };
      if (request.cycleId === 'breaks') throw new PermanentError('conflict', 'changed', { reason: 'ETAG_MISMATCH' });
      yield { cycleId: request.cycleId, phase: 'Training' };
      if (request.cycleId === 'endless')
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    } finally {
      ended.push(request.cycleId);
    }
  },
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'door-'));
  mkdirSync(join(folder, 'console', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'console', 'index.html'), '<p>console</p>');
  writeFileSync(join(folder, 'console', 'assets', 'app-1.js'), 'let a;');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  const file = new TokenFile(join(folder, 'tokens'), systemClock);
  for (const role of ['viewer', 'operator', 'producer'] as RoleName[])
    tokens[role] = file.create({ principal: role, roles: [role] }).token;
  sessions = new Sessions(systemClock);
  const authenticator = new Authenticator({
    tokens: file,
    sessions,
    clock: systemClock,
    onDenied: (denial) => denials.push(denial),
  });
  door = await frontDoor({
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    rpcs: [{ service: CycleService, implementation: cycles }],
    authenticator,
    sessions,
    telemetry,
    log: createLogger({ service: 'test', write: (line) => lines.push(line) }),
    mounts: [
      {
        path: '/v1/events',
        requires: 'producer',
        handler: (request, response) => void response.end(principalOf(request).id),
      },
      { path: '/open', requires: 'open', handler: (_request, response) => void response.end('open') },
    ],
    statics: join(folder, 'console'),
    stream: hub,
    ready: { store: () => true },
    messageBytes: 100_000,
  });
});
afterAll(async () => {
  await door.close(100);
  await telemetry.close();
  rmSync(folder, { recursive: true });
});

type CycleClient = Client<typeof CycleService>;
const protocols: readonly (readonly [string, (token?: string) => { client: CycleClient; close(): void }])[] = [
  [
    'gRPC',
    (token) => {
      const client = grpcClient(CycleService, { address: door.grpcAddress, ...(token !== undefined && { token }) });
      return { client, close: () => client.close() };
    },
  ],
  ...(['connect', 'grpc-web'] as const).map(
    (protocol) =>
      [
        protocol,
        (token?: string) => ({
          client: connectClient(CycleService, {
            baseUrl: door.httpUrl,
            protocol,
            ...(token !== undefined && { token }),
          }),
          close: () => undefined,
        }),
      ] as const,
  ),
];

const failing = async (call: Promise<unknown>): Promise<PermanentError> =>
  call.then(
    () => {
      throw new Error('the call should have failed');
    },
    (error: PermanentError) => error,
  );

describe.each(protocols)('an RPC over %s', (_protocol, connect) => {
  const use = async <T>(role: string | undefined, work: (client: CycleClient) => Promise<T>): Promise<T> => {
    const { client, close } = connect(role === undefined ? undefined : tokens[role]);
    try {
      return await work(client);
    } finally {
      close();
    }
  };

  it('is answered, with the principal and a trace in its context', async () => {
    const cycle = await use('viewer', (client) => client.getCycle({ cycleId: 'c1' }));
    expect(cycle).toMatchObject({ cycleId: 'c1', phase: 'Training' });
    expect(seen.at(-1)).toMatchObject({ principal: { id: 'viewer' }, traceparent: expect.stringMatching(/^00-/) });
  });

  it('is refused without a token, and without the role', async () => {
    const before = seen.length;
    expect(await use(undefined, (client) => failing(client.getCycle({ cycleId: 'c1' })))).toMatchObject({
      code: 'unauthenticated',
      detail: { reason: 'TOKEN_MISSING', field: 'authorization' },
    });
    const override = { cycleId: 'c1', reason: 'because', requestId: REQUEST_ID };
    expect(await use('viewer', (client) => failing(client.cancelCycle(override)))).toMatchObject({
      code: 'denied',
      message: expect.stringContaining('needs the role operator or admin'),
      detail: { reason: 'ROLE_REQUIRED', value: 'viewer' },
    });
    expect(await use('producer', (client) => failing(client.getCycle({ cycleId: 'c1' })))).toMatchObject({
      code: 'denied',
    });
    expect(await use('operator', (client) => client.cancelCycle(override))).toMatchObject({ reason: 'operator' });
    expect(seen).toHaveLength(before);
    expect(denials.at(-1)).toMatchObject({
      method: 'rondo.control.v1.CycleService/GetCycle',
      principal: 'producer',
      reason: 'ROLE_REQUIRED',
    });
  });

  it('names field and rule of a malformed request', async () => {
    const error = await use('operator', (client) =>
      failing(client.cancelCycle({ cycleId: 'c', reason: 'no', requestId: 'x' })),
    );
    expect(error).toMatchObject({
      code: 'invalid',
      detail: { field: 'reason', rule: 'string.min_len', reason: 'SHAPE_INVALID' },
    });
    expect(error.message).toContain('request_id');
  });

  it('refuses a message that is too large', async () => {
    const error = await use('viewer', (client) => failing(client.getCycle({ cycleId: 'x'.repeat(200_000) })));
    expect(error).toMatchObject({ code: 'exhausted' });
  });

  it('carries the detail of an error, in any script', async () => {
    const error = await use('viewer', (client) => failing(client.getCycle({ cycleId: 'missing' })));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      code: 'not-found',
      message: 'no cycle “missing”',
      detail: { reason: 'CYCLE_UNKNOWN', field: 'cycle_id', value: 'missing“', rule: 'an existing cycle' },
    });
    const busy = await use('viewer', (client) => failing(client.getCycle({ cycleId: 'busy' })));
    expect(busy).toBeInstanceOf(TransientError);
    expect(busy).toMatchObject({ message: 'the store is busy', afterMs: 250 });
  });

  it('does not leak the text of an unexpected error, which is logged with its trace', async () => {
    const error = await use('viewer', (client) => failing(client.getCycle({ cycleId: 'bug' })));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('secret');
    const traceId = /trace ([0-9a-f]{32})/.exec(error.message)![1];
    const line = JSON.parse(lines.at(-1)!);
    expect(line).toMatchObject({ level: 'error', trace_id: traceId, error: { message: 'secret path /etc/rondo' } });
  });

  it('gives up at the deadline and tells the method so', async () => {
    const error = await use('viewer', (client) => failing(client.getCycle({ cycleId: 'slow' }, { timeoutMs: 50 })));
    expect(error).toMatchObject({ code: 'deadline-exceeded' });
    expect(seen.at(-1)!.signal.aborted || (await aborted(seen.at(-1)!.signal))).toBe(true);
  });

  it('streams, ends with the error of the method, and stops it when the caller leaves', async () => {
    const phases = async (cycleId: string, take = Infinity): Promise<string[]> =>
      use('viewer', async (client) => {
        const found: string[] = [];
        for await (const cycle of client.watchCycle({ cycleId })) {
          found.push(cycle.phase);
          if (found.length === take) break;
        }
        return found;
      });
    expect(await phases('two')).toEqual(['Preparing', 'Training']);
    expect(await failing(phases('breaks'))).toMatchObject({ code: 'conflict', detail: { reason: 'ETAG_MISMATCH' } });
    ended.length = 0;
    expect(await phases('endless', 2)).toEqual(['Preparing', 'Training']);
    await until(() => ended.includes('endless'));
  });
});

const aborted = (signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(true), { once: true }));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('the gRPC port', () => {
  const rawClient = (service: DescService) =>
    new (grpc.makeGenericClientConstructor(plainDefinition(service), service.typeName))(
      door.grpcAddress,
      grpc.credentials.createInsecure(),
    );
  type Bidi = (metadata?: grpc.Metadata) => grpc.ClientDuplexStream<object, grpcReflection.ServerReflectionResponse>;
  type Unary = (request: object, done: (error: grpc.ServiceError | null, response: never) => void) => void;
  const metadata = (token?: string) => {
    const result = new grpc.Metadata();
    if (token !== undefined) result.set('authorization', `Bearer ${token}`);
    return result;
  };

  it('tells its health per service, to everybody', async () => {
    const client = rawClient(grpcHealth.Health);
    const check = (service: string) =>
      new Promise<number>((resolve) => {
        (client['Check'] as unknown as Unary).call(
          client,
          create(grpcHealth.HealthCheckRequestSchema, { service }),
          (error, response) => resolve(error ? -error.code : (response as grpcHealth.HealthCheckResponse).status),
        );
      });
    expect(await check('')).toBe(grpcHealth.HealthCheckResponse_ServingStatus.SERVING);
    expect(await check('rondo.control.v1.CycleService')).toBe(grpcHealth.HealthCheckResponse_ServingStatus.SERVING);
    expect(await check('nope')).toBe(-grpc.status.NOT_FOUND);
    client.close();
  });

  it.each([
    ['v1', grpcReflection],
    ['v1alpha', grpcReflectionAlpha],
  ] as const)('describes the API by reflection %s', async (_version, generated) => {
    const client = rawClient(generated.ServerReflection);
    const ask = (messageRequest: object) =>
      new Promise<grpcReflection.ServerReflectionResponse>((resolve, reject) => {
        const call = (client['ServerReflectionInfo'] as unknown as Bidi).call(client, metadata(tokens['viewer']));
        call.once('data', resolve);
        call.once('error', reject);
        call.write(
          create(
            generated.ServerReflectionRequestSchema as typeof grpcReflection.ServerReflectionRequestSchema,
            { messageRequest } as never,
          ),
        );
        call.end();
      });
    const list = await ask({ case: 'listServices', value: '' });
    expect(
      (list.messageResponse.value as grpcReflection.ListServiceResponse).service.map((service) => service.name),
    ).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'rondo.control.v1.CycleService',
    ]);
    const files = await ask({ case: 'fileContainingSymbol', value: 'rondo.control.v1.CycleService.GetCycle' });
    const names = (files.messageResponse.value as grpcReflection.FileDescriptorResponse).fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
    expect(names[0]).toBe('rondo/control/v1/service.proto');
    expect(names).toContain('google/protobuf/timestamp.proto');
    const extension = await ask({
      case: 'fileContainingExtension',
      value: { containingType: 'google.protobuf.MethodOptions', extensionNumber: 50001 },
    });
    expect(extension.messageResponse.case).toBe('fileDescriptorResponse');
    const unknown = await ask({ case: 'fileByFilename', value: '../../etc/passwd' });
    expect(unknown.messageResponse).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } });
    client.close();
  });

  it('keeps the description from strangers', async () => {
    const client = rawClient(grpcReflection.ServerReflection);
    const error = await new Promise<grpc.ServiceError>((resolve) => {
      (client['ServerReflectionInfo'] as unknown as Bidi)
        .call(client, metadata())
        .once('error', resolve as never)
        .once('data', resolve as never);
    });
    expect(error.code).toBe(grpc.status.UNAUTHENTICATED);
    client.close();
  });

  it('refuses bytes that are no message', async () => {
    const client = new grpc.Client(door.grpcAddress, grpc.credentials.createInsecure());
    const error = await new Promise<grpc.ServiceError>((resolve) => {
      const bytes = (value: Buffer) => value;
      client.makeUnaryRequest(
        '/rondo.control.v1.CycleService/GetCycle',
        bytes,
        bytes,
        Buffer.from([0xff, 0xff, 0xff]),
        metadata(tokens['viewer']),
        (failed) => resolve(failed!),
      );
    });
    expect([error.code, error.details]).toEqual([
      grpc.status.INVALID_ARGUMENT,
      expect.stringContaining('GetCycleRequest'),
    ]);
    client.close();
  });
});

describe('the HTTP port', () => {
  const viewer = () => ({ authorization: `Bearer ${tokens['viewer']}` });
  const rpcPath = '/rondo.control.v1.CycleService/GetCycle';

  it('answers JSON with every field, also by GET, and counts', async () => {
    const response = await fetch(`${door.httpUrl}${rpcPath}`, {
      method: 'POST',
      headers: { ...viewer(), 'content-type': 'application/json' },
      body: '{"cycleId":"c1"}',
    });
    expect(await response.json()).toMatchObject({ cycleId: 'c1', number: 0, reason: '', candidates: [] });
    const message = encodeURIComponent('{"cycleId":"c2"}');
    const got = await fetch(`${door.httpUrl}${rpcPath}?connect=v1&encoding=json&message=${message}`, {
      headers: viewer(),
    });
    expect(await got.json()).toMatchObject({ cycleId: 'c2' });
    const metrics = await (await fetch(`${door.httpUrl}/metrics`, { headers: viewer() })).text();
    expect(metrics).toMatch(
      /rondo_command_requests_total\{method="rondo.control.v1.CycleService\/GetCycle",code="ok"\} \d/,
    );
    expect(metrics).toContain('rondo_command_duration_seconds_bucket');
    await telemetry.flush();
    expect(spans.find((span) => span.name === 'rondo.control.v1.CycleService/GetCycle')).toMatchObject({
      kind: 'server',
      attributes: { 'rpc.method': 'GetCycle', 'rondo.principal': 'viewer' },
    });
  });

  it('recognises the console by its cookie and refuses changes from other sites', async () => {
    const link = sessions.createSignIn({ id: 'alice', roles: ['operator'] });
    const signIn = await fetch(`${door.httpUrl}/auth/signin?token=${link}`, { redirect: 'manual' });
    const cookie = signIn.headers.get('set-cookie')!.split(';')[0]!;
    const cancel = (headers: Record<string, string>) =>
      fetch(`${door.httpUrl}/rondo.control.v1.CycleService/CancelCycle`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ cycleId: 'c', reason: 'because', requestId: REQUEST_ID }),
      });
    const own = await cancel({ origin: door.httpUrl });
    expect(await own.json()).toMatchObject({ reason: 'alice' });
    const foreign = await cancel({ origin: 'http://evil.example' });
    expect([foreign.status, foreign.headers.get('content-type')]).toEqual([403, 'application/problem+json']);
    expect(await foreign.json()).toMatchObject({ type: '/r/CROSS_ORIGIN', code: 'denied', field: 'origin' });
  });

  it('does not answer to a foreign host name', async () => {
    const status = await new Promise<number>((resolve) => {
      httpRequest(
        { port: door.httpPort, host: '127.0.0.1', path: '/', headers: { host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode!);
        },
      ).end();
    });
    expect(status).toBe(403);
  });

  it('serves the console with its fallback and strict headers, and nothing outside the folder', async () => {
    const html = { accept: 'text/html' };
    const page = await fetch(`${door.httpUrl}/pipelines/flights`, { headers: html });
    expect([page.status, await page.text()]).toEqual([200, '<p>console</p>']);
    const root = await fetch(`${door.httpUrl}/`, { headers: { accept: '*/*' } });
    expect([root.status, await root.text()]).toEqual([200, '<p>console</p>']);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const asset = await fetch(`${door.httpUrl}/assets/app-1.js`);
    expect([asset.headers.get('content-type'), asset.headers.get('cache-control')]).toEqual([
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ]);
    const again = await fetch(`${door.httpUrl}/assets/app-1.js`, {
      headers: { 'if-none-match': asset.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
    const raw = (path: string) =>
      new Promise<string>((resolve) => {
        httpRequest({ port: door.httpPort, host: '127.0.0.1', path }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += String(chunk)));
          response.on('end', () => resolve(text));
        }).end();
      });
    for (const path of [
      '/../secret.txt',
      '/assets/../../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '//secret.txt',
      '//',
    ]) {
      expect([path, await raw(path)]).toEqual([path, expect.not.stringContaining('secret\n')]);
      expect(await raw(path)).toContain('nothing answers');
    }
  });

  it('hands mounts to their handler after the role is checked', async () => {
    const events = (headers: Record<string, string>) => fetch(`${door.httpUrl}/v1/events`, { method: 'POST', headers });
    expect((await events({})).status).toBe(401);
    expect((await events(viewer())).status).toBe(403);
    expect(await (await events({ authorization: `Bearer ${tokens['producer']}` })).text()).toBe('producer');
    expect(await (await fetch(`${door.httpUrl}/open/deeper?x=1`)).text()).toBe('open');
    expect((await fetch(`${door.httpUrl}/opener`)).status).toBe(404);
  });

  it('tells probes whether it lives and is ready', async () => {
    expect((await fetch(`${door.httpUrl}/livez`)).status).toBe(200);
    const ready = await fetch(`${door.httpUrl}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, 'ready\nok  store\n']);
    expect((await fetch(`${door.httpUrl}/metrics`)).status).toBe(401);
  });

  it('streams changes and resumes where a client stopped', async () => {
    const open = async (query: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${door.httpUrl}/v1/stream${query}`, { headers: { ...viewer(), ...headers } });
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      return frames(response);
    };
    expect((await fetch(`${door.httpUrl}/v1/stream`)).status).toBe(401);
    const first = await open('?topics=cycle');
    expect(await first.next()).toMatchObject({ retry: '2000' });
    expect(await first.next()).toMatchObject({ event: 'ready' });
    hub.publish({ topic: 'rollout', id: 'r', data: 1 });
    hub.publish({ topic: 'cycle', id: 'c', data: { phase: 'Training' } });
    const frame = await first.next();
    expect(JSON.parse(frame['data']!)).toEqual({ topic: 'cycle', id: 'c', data: { phase: 'Training' } });
    await first.close();
    hub.publish({ topic: 'cycle', data: 'missed' });
    const second = await open('?topics=cycle', { 'last-event-id': frame['id']! });
    await second.next();
    expect(JSON.parse((await second.next())['data']!)).toEqual({ topic: 'cycle', data: 'missed' });
    await second.close();
    for (let i = 0; i < 4; i++) hub.publish({ topic: 'cycle', data: i });
    for (const stale of [frame['id']!, '000000000000-1', 'nonsense']) {
      const late = await open('', { 'last-event-id': stale });
      await late.next();
      expect(await late.next()).toMatchObject({ event: 'reset' });
      await late.close();
    }
  });
});

/** Reads server-sent events one by one. */
function frames(response: Response) {
  const reader = response.body!.getReader();
  let rest = '';
  return {
    async next(): Promise<Record<string, string>> {
      for (;;) {
        const end = rest.indexOf('\n\n');
        if (end >= 0) {
          const text = rest.slice(0, end);
          rest = rest.slice(end + 2);
          return Object.fromEntries(
            text.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
          );
        }
        const { done, value } = await reader.read();
        if (done) throw new Error('the stream ended');
        rest += new TextDecoder().decode(value);
      }
    },
    close: () => reader.cancel(),
  };
}

describe('closing', () => {
  it('ends streams with a frame of their own and stops answering', async () => {
    const own = new StreamHub();
    const other = await frontDoor({
      http: { host: '127.0.0.1', port: 0 },
      grpc: { host: '127.0.0.1', port: 0 },
      rpcs: [],
      authenticator: new Authenticator({
        tokens: { authenticate: () => ({ ok: true, tokenId: '1', principal: { id: 'x', roles: ['viewer'] } }) },
        clock: systemClock,
      }),
      telemetry,
      log: createLogger({ service: 'test', write: () => undefined }),
      stream: own,
      ready: { store: async () => Promise.reject(new Error('down')) },
    });
    expect((await fetch(`${other.httpUrl}/readyz`)).status).toBe(503);
    const stream = frames(await fetch(`${other.httpUrl}/v1/stream`));
    await stream.next();
    await stream.next();
    const closed = other.close(100);
    expect(await stream.next()).toMatchObject({ event: 'end' });
    await closed;
    await expect(fetch(`${other.httpUrl}/livez`)).rejects.toThrow();
  });
});
