import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  create,
  fromBinary,
  toBinary,
  type DescMethodUnary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import {
  FeedbackObservedSchema,
  inference,
  LabelsObservedSchema,
  PredictionsLoggedSchema,
  shapeViolations,
  RoutingChangedSchema,
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { modelToOnnx } from '@rondo/models';
import type { Principal } from '@rondo/security';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { withFullDisk } from '@rondo/testing';
import { InferenceGatewayModule } from './gateway.module.js';
import { InferenceGateway } from './inference-gateway.js';
import { testConfig } from './testing/gateway-config.js';

const endpoint = 'late-flights';
const featureNames = ['distance', 'hour'];

/** Answers `right` for distances above 100, else `left`. */
const stump = (left: number, right: number): Uint8Array =>
  modelToOnnx({
    kind: 'tree-ensemble',
    featureNames,
    baseScore: 0,
    trees: [
      {
        feature: Int32Array.of(0, -1, -1),
        threshold: Float32Array.of(100, 0, 0),
        left: Int32Array.of(1, 0, 0),
        right: Int32Array.of(2, 0, 0),
        missingLeft: Uint8Array.of(1, 0, 0),
        value: Float32Array.of(0, logit(left), logit(right)),
        gain: Float64Array.of(1, 0, 0),
      },
    ],
  });
const logit = (p: number): number => Math.log(p / (1 - p));

let platform: TestPlatform;
let service: TestService;
let folder: string;
const models: Record<string, { name: string; version: number; digest: string }> = {};
let epoch = 0n;

const principals: Record<string, Principal> = {
  'Bearer caller': { id: 'caller', roles: ['viewer'] },
  'Bearer producer': { id: 'producer', roles: ['producer'] },
};
const authenticate = ({ authorization }: { authorization?: string | undefined }): Principal => {
  const principal = principals[authorization ?? ''];
  if (!principal) throw new PermanentError('unauthenticated', 'no token', { reason: 'TOKEN_MISSING' });
  return principal;
};

async function startGateway(): Promise<void> {
  const config = testConfig(folder);
  service = await testService(platform, InferenceGatewayModule.forRoot({ config, authenticate }));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-gateway-'));
  platform = testPlatform('inference-gateway');
  epoch = 0n;
  const files = { champion: stump(0.2, 0.7), candidate: stump(0.3, 0.9), previous: stump(0.1, 0.6) };
  for (const [i, [name, bytes]] of Object.entries(files).entries()) {
    models[name] = { name: 'late', version: i + 1, digest: (await platform.artifacts.put(bytes)).digest };
  }
  await startGateway();
});

afterEach(async () => {
  await service.close();
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const gateway = (): InferenceGateway => service.get(InferenceGateway);

async function route(
  changes: Omit<MessageInitShape<typeof RoutingChangedSchema>, '$typeName' | '$unknown'> = {},
): Promise<void> {
  epoch += 1n;
  const routing = {
    pipeline: 'flights',
    endpoint,
    epoch,
    champion: models['champion']!,
    rolloutId: 'rollout-1',
    ...changes,
  };
  await platform.publish(RoutingChangedSchema, routing, { key: 'flights' });
  await service.drain();
  await gateway().table.settled();
}

interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, never> & {
    outputs?: { name: string; data: (number | string)[] }[];
    parameters?: Record<string, string>;
    error?: string;
  };
}

async function http(method: string, path: string, body?: unknown, token = 'caller'): Promise<HttpReply> {
  const { host, httpPort } = gateway().addresses!;
  const init = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const reply = await fetch(`http://${host}:${httpPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...init,
  });
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as HttpReply['body'] };
}

const rowsOf = (...distances: number[]) => ({
  name: 'X',
  datatype: 'FP32',
  shape: [distances.length, 2],
  data: distances.flatMap((distance) => [distance, 12]),
});
const keysOf = (keys: string[]) => ({ name: 'rondo_key', datatype: 'BYTES', shape: [keys.length], data: keys });
const infer = (body: unknown) => http('POST', `/v2/models/${endpoint}/infer`, body);
const output = (reply: HttpReply, name: string): (number | string)[] =>
  reply.body.outputs!.find((tensor) => tensor.name === name)!.data;
const rounded = (values: (number | string)[]): number[] =>
  values.map((value) => Math.round(Number(value) * 1000) / 1000);

async function logged() {
  await gateway().flush();
  return platform.recorded(PredictionsLoggedSchema).map(({ message }) => message);
}

function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  init: MessageInitShape<I>,
  token = 'caller',
): Promise<MessageShape<O>> {
  const { host, grpcPort } = gateway().addresses!;
  const client = new grpc.Client(`${host}:${grpcPort}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const serialize = (message: MessageShape<I>): Buffer => Buffer.from(toBinary(method.input, message));
  const deserialize = (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes);
  return new Promise<MessageShape<O>>((resolve, reject) => {
    client.makeUnaryRequest(
      `/${method.parent.typeName}/${method.name}`,
      serialize,
      deserialize,
      create(method.input, init),
      metadata,
      (error, answer) => (error ? reject(error) : resolve(answer!)),
    );
  }).finally(() => client.close());
}
const oip = inference.GRPCInferenceService.method;

describe('the Open Inference Protocol over HTTP', () => {
  it('answers liveness, readiness and metadata', async () => {
    expect((await http('GET', '/v2')).body).toMatchObject({
      name: 'rondo-inference-gateway',
      version: expect.any(String),
      extensions: expect.any(Array),
    });
    expect((await http('GET', '/v2/health/live')).status).toBe(200);
    expect((await http('GET', '/v2/health/ready')).status).toBe(200);
    expect((await http('GET', `/v2/models/${endpoint}`)).status).toBe(404);
    await route({ previousChampion: models['previous']! });
    expect((await http('GET', `/v2/models/${endpoint}`)).body).toMatchObject({
      name: endpoint,
      versions: ['1', '3'],
      platform: 'onnx',
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }, { name: 'rondo_key' }],
      outputs: [{ name: 'label' }, { name: 'probability' }, { name: 'rondo_model_version' }],
      parameters: { feature_names: featureNames },
    });
    expect((await http('GET', `/v2/models/${endpoint}/ready`)).status).toBe(200);
    expect((await http('GET', `/v2/models/${endpoint}/versions/3/ready`)).status).toBe(200);
    expect((await http('GET', `/v2/models/${endpoint}/versions/9/ready`)).status).toBe(503);
  });

  it('predicts, echoes the id, and says which version and arm answered', async () => {
    await route();
    const reply = await infer({ id: 'mine', inputs: [rowsOf(50, 500)] });
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      model_name: endpoint,
      model_version: '1',
      id: 'mine',
      parameters: { rondo_request_id: 'mine', rondo_variant: 'champion' },
    });
    expect(rounded(output(reply, 'probability'))).toEqual([0.2, 0.7]);
    expect(output(reply, 'label')).toEqual([0, 1]);
    expect(output(reply, 'rondo_model_version')).toEqual(['1', '1']);
    const single = await infer({ inputs: [rowsOf(50)], outputs: [{ name: 'label' }] });
    expect(single.headers.get('x-rondo-variant')).toBe('champion');
    expect(single.body.outputs!.map((tensor) => tensor.name)).toEqual(['label']);
  });

  it('serves a version that is asked for, without logging self-selected traffic', async () => {
    await route({ previousChampion: models['previous']! });
    const reply = await http('POST', `/v2/models/${endpoint}/versions/3/infer`, { inputs: [rowsOf(50)] });
    expect(rounded(output(reply, 'probability'))).toEqual([0.1]);
    expect((await http('POST', `/v2/models/${endpoint}/versions/8/infer`, { inputs: [rowsOf(50)] })).status).toBe(404);
    expect(await logged()).toEqual([]);
  });

  it('treats null as missing', async () => {
    await route();
    const reply = await infer({ inputs: [{ ...rowsOf(1), data: [null, null] }] });
    expect(rounded(output(reply, 'probability'))).toEqual([0.2]);
  });

  it('names field, value and rule of what it refuses', async () => {
    await route();
    const reply = await infer({ inputs: [{ ...rowsOf(1), shape: [2, 2] }] });
    expect(reply.status).toBe(400);
    expect(reply.body.error).toContain('inputs[0].data');
    expect(JSON.parse(reply.headers.get('x-rondo-error')!)).toMatchObject({
      code: 'invalid',
      field: 'inputs[0].data',
      rule: 'must be 2 × 2 = 4 values',
    });
  });

  it.each([
    ['that climbs', '../../etc/passwd'],
    ['that climbs when decoded', '%2e%2e%2fsecret'],
    ['with backslashes', '..%5c..%5csecret'],
    ['with a NUL', 'a%00b'],
    ['that cannot be decoded', '%'],
    ['with a Cyrillic letter', 'l%D0%B0te-flights'],
    ['of two thousand letters', 'x'.repeat(2_000)],
  ])('knows no endpoint %s', async (_, name) => {
    const { host, httpPort } = gateway().addresses!;
    const reply = await new Promise<number>((resolve, reject) => {
      const path = `/v2/models/${name}`;
      httpRequest({ host, port: httpPort, path, headers: { authorization: 'Bearer caller' } }, (response) =>
        resolve(response.resume().statusCode!),
      )
        .on('error', reject)
        .end();
    });
    expect(reply).toBe(404);
  });

  it('refuses bodies that are too large, compressed, or not JSON, and goes on serving', async () => {
    await route();
    expect((await infer(' '.repeat(8 * 1024 * 1024 + 1))).status).toBe(413);
    const broken = await infer('{"inputs": ü');
    expect(broken.status).toBe(400);
    const said = { field: 'request', value: '"{\\"inputs\\": ü"', rule: 'must be JSON' };
    expect(JSON.parse(broken.headers.get('x-rondo-error')!)).toMatchObject(said);
    expect((await infer('['.repeat(100_000))).status).toBe(400);
    expect((await infer({ inputs: [rowsOf(1)] })).status).toBe(200);
  });

  it('closes the connection on contradictory lengths and on smuggling', async () => {
    const { host, httpPort } = gateway().addresses!;
    for (const head of [
      'Content-Length: 5\r\nContent-Length: 6\r\n',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    ]) {
      const text = await new Promise<string>((resolve) => {
        const socket = connect(httpPort, host, () =>
          socket.write(`POST /v2/models/x/infer HTTP/1.1\r\nHost: x\r\n${head}\r\n0\r\n\r\n`),
        );
        let received = '';
        socket.on('data', (data) => (received += data.toString()));
        socket.on('close', () => resolve(received));
      });
      expect(text).toContain('400 Bad Request');
    }
  });

  it('asks for a token', async () => {
    await route();
    expect((await http('POST', `/v2/models/${endpoint}/infer`, { inputs: [rowsOf(1)] }, 'nobody')).status).toBe(401);
    expect((await http('POST', '/v1/labels', {}, 'caller')).status).toBe(403);
  });
});

describe('the Open Inference Protocol over gRPC', () => {
  const tensor = (distance: number) => ({
    name: 'X',
    datatype: 'FP32',
    shape: [1n, 2n],
    contents: { fp32Contents: [distance, 12] },
  });

  it('answers liveness, readiness and metadata', async () => {
    await route();
    expect((await call(oip.serverLive, {})).live).toBe(true);
    expect((await call(oip.serverReady, {})).ready).toBe(true);
    expect((await call(oip.serverMetadata, {})).name).toBe('rondo-inference-gateway');
    expect((await call(oip.modelReady, { name: endpoint, version: '1' })).ready).toBe(true);
    expect((await call(oip.modelReady, { name: endpoint, version: '7' })).ready).toBe(false);
    expect((await call(oip.modelMetadata, { name: endpoint })).inputs[0]).toMatchObject({
      name: 'X',
      datatype: 'FP32',
      shape: [-1n, 2n],
    });
  });

  it('gives the same answer for typed and raw contents, each in its own form', async () => {
    await route();
    const typed = await call(oip.modelInfer, { modelName: endpoint, id: 'a', inputs: [tensor(500)] });
    expect(typed).toMatchObject({ modelName: endpoint, modelVersion: '1', id: 'a' });
    expect(typed.outputs.map(({ name }) => name)).toEqual(['label', 'probability', 'rondo_model_version']);
    expect(typed.outputs[1]!.contents!.fp32Contents[0]).toBeCloseTo(0.7, 5);
    const raw = await call(oip.modelInfer, {
      modelName: endpoint,
      inputs: [{ ...tensor(0), contents: undefined }],
      rawInputContents: [new Uint8Array(Float32Array.of(500, 12).buffer)],
    });
    expect(raw.outputs[1]!.contents).toBeUndefined();
    expect(Buffer.from(raw.rawOutputContents[1]!).readFloatLE()).toBe(typed.outputs[1]!.contents!.fp32Contents[0]);
    expect(Buffer.from(raw.rawOutputContents[0]!).readBigInt64LE()).toBe(1n);
    expect(Buffer.from(raw.rawOutputContents[2]!).toString('latin1')).toBe('\x01\0\0\x001');
  });

  it('refuses with the standard status and the detail beside it', async () => {
    await route();
    const failure = (await call(oip.modelInfer, { modelName: endpoint, inputs: [] }).catch(
      (error: unknown) => error,
    )) as grpc.ServiceError;
    expect(failure.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(JSON.parse(String(failure.metadata.get('x-rondo-error')[0]))).toMatchObject({ field: 'inputs' });
    await expect(call(oip.modelInfer, { modelName: 'nowhere', inputs: [tensor(1)] })).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
    await expect(call(oip.modelInfer, { modelName: endpoint, inputs: [tensor(1)] }, 'nobody')).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
    });
  });
});

describe('routing', () => {
  it('ignores repeated and older epochs', async () => {
    await route();
    await route({ champion: models['candidate']! });
    await route({ champion: models['previous']!, epoch: 1n });
    expect(rounded(output(await infer({ inputs: [rowsOf(50)] }), 'probability'))).toEqual([0.3]);
  });

  it('serves after a restart without the bus having said anything and without the artifact store', async () => {
    await route({ previousChampion: models['previous']! });
    await service.close();
    await platform.close();
    platform = testPlatform('inference-gateway');
    await startGateway();
    expect(rounded(output(await infer({ inputs: [rowsOf(50)] }), 'probability'))).toEqual([0.2]);
  });

  it('does not serve from a torn snapshot', async () => {
    await route();
    await service.close();
    await platform.close();
    const [name] = await readdir(join(folder, 'routings'));
    await writeFile(join(folder, 'routings', name!), 'torn');
    platform = testPlatform('inference-gateway');
    await startGateway();
    expect((await infer({ inputs: [rowsOf(50)] })).status).toBe(404);
  });

  it('serves a routing that the full disk does not take, and keeps it for a restart once there is room', async () => {
    await route();
    await withFullDisk(100, () => route({ champion: models['candidate']! }));
    const answer = async () => rounded(output(await infer({ inputs: [rowsOf(50)] }), 'probability'));
    expect(await answer()).toEqual([0.3]);
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((name) => /\.tmp$|candidate/.test(name))).toEqual([]);
    await platform.clock.advance(60_000);
    await gateway().table.settled();
    await service.close();
    await platform.close();
    platform = testPlatform('inference-gateway');
    await startGateway();
    expect(await answer()).toEqual([0.3]);
  });

  it('goes on with the champion before while the new one cannot be loaded', async () => {
    await route();
    await route({ champion: { name: 'late', version: 9, digest: `sha256:${'0'.repeat(64)}` } });
    expect(rounded(output(await infer({ inputs: [rowsOf(50)] }), 'probability'))).toEqual([0.2]);
  });

  it('goes back to the previous champion without the artifact store', async () => {
    await route({ champion: models['candidate']!, previousChampion: models['champion']! });
    platform.artifacts.corrupt(models['champion']!.digest);
    await route({ champion: models['champion']!, previousChampion: models['candidate']! });
    expect(rounded(output(await infer({ inputs: [rowsOf(50)] }), 'probability'))).toEqual([0.2]);
  });
});

describe('the canary', () => {
  const keys = Array.from({ length: 200 }, (_, i) => `flight-${i}`);
  const many = () => ({
    id: 'batch',
    inputs: [rowsOf(...keys.map(() => 50)), keysOf(keys)],
  });

  it('answers the share asked for, keeps each key in it while the weight rises, and is told per row', async () => {
    let inside: string[] = [];
    for (const candidateWeightPercent of [5, 20, 50, 100]) {
      await route({ candidate: models['candidate']!, candidateWeightPercent });
      const reply = await infer(many());
      const versions = output(reply, 'rondo_model_version');
      const now = keys.filter((_, i) => versions[i] === '2');
      expect(now).toEqual(expect.arrayContaining(inside));
      expect(now.length).toBeGreaterThan(inside.length);
      versions.forEach((version, i) =>
        expect(rounded(output(reply, 'probability'))[i]).toBe(version === '2' ? 0.3 : 0.2),
      );
      inside = now;
    }
    expect(inside.length).toBe(200);
  });

  it('has the champion score the canary rows too, after the answer, and logs both', async () => {
    await route({ candidate: models['candidate']!, candidateWeightPercent: 20 });
    const reply = await infer(many());
    const [message] = await logged();
    expect(message).toMatchObject({
      endpoint,
      pipeline: 'flights',
      requestId: 'batch',
      epoch: 1n,
      championErrors: 0,
      candidateErrors: 0,
      keys,
    });
    const versions = output(reply, 'rondo_model_version');
    message!.servedByCandidate.forEach((byCandidate, row) => {
      expect(byCandidate).toBe(versions[row] === '2');
      expect(message!.championScores[row]).toBeCloseTo(0.2, 5);
      if (byCandidate) expect(message!.candidateScores[row]).toBeCloseTo(0.3, 5);
      else expect(message!.candidateScores[row]).toBeNaN();
    });
    expect(message!.championLatencyMs).toBeGreaterThan(0);
    expect(message!.candidateLatencyMs).toBeGreaterThan(0);
  });

  it('scores copies in the shadow step that callers never see', async () => {
    await route({ candidate: models['candidate']!, shadow: true });
    const reply = await infer(many());
    expect(new Set(output(reply, 'rondo_model_version'))).toEqual(new Set(['1']));
    const [message] = await logged();
    expect(message!.servedByCandidate).not.toContain(true);
    expect(message!.candidateScores.map((score) => Math.round(score * 10) / 10)).toEqual(keys.map(() => 0.3));
  });

  const slices = [
    { feature: 'distance', column: 0, cuts: [500, 1500] },
    { feature: 'hour', column: 1, values: [12] },
  ];

  it('logs the slices of rows, of a batch and of rows that came alone', async () => {
    await route({ candidate: models['candidate']!, shadow: true, slices });
    await infer({ id: 'sliced', inputs: [{ ...rowsOf(100, 500, 2000), data: [100, 12, 500, 3, 2000, 12] }] });
    await infer({ inputs: [rowsOf(700)] });
    await infer({ inputs: [rowsOf(400)] });
    const messages = await logged();
    expect(messages.map((message) => [...message.slices])).toEqual([
      [1, 1, 2, 2, 3, 1],
      [2, 1, 1, 1],
    ]);
    for (const message of messages) expect(shapeViolations(PredictionsLoggedSchema, message)).toEqual([]);
  });

  it('logs slices after a restart too, and none without a candidate', async () => {
    await route({ candidate: models['candidate']!, candidateWeightPercent: 50, slices });
    await service.close();
    await startGateway();
    await infer({ id: 'again', inputs: [rowsOf(100)] });
    await route({ slices });
    await infer({ id: 'alone', inputs: [rowsOf(100)] });
    expect((await logged()).map((message) => [...message.slices])).toEqual([[1, 1], []]);
  });

  it.each<[string, () => Promise<{ name: string; version: number; digest: string }>]>([
    ['cannot be loaded', () => Promise.resolve({ name: 'late', version: 7, digest: `sha256:${'7'.repeat(64)}` })],
    [
      'takes other features',
      async () => {
        const bytes = modelToOnnx({ kind: 'constant', featureNames: ['a', 'b', 'c'], probability: 0.5 });
        return { name: 'late', version: 7, digest: (await platform.artifacts.put(bytes)).digest };
      },
    ],
    [
      'is no ONNX',
      async () => ({
        name: 'late',
        version: 7,
        digest: (await platform.artifacts.put(Buffer.from('rm -rf /'))).digest,
      }),
    ],
  ])('never hurts the caller when the candidate %s, and counts its failures', async (_, candidate) => {
    await route({ candidate: await candidate(), candidateWeightPercent: 50 });
    const reply = await infer(many());
    expect(reply.status).toBe(200);
    expect(new Set(rounded(output(reply, 'probability')))).toEqual(new Set([0.2]));
    expect(reply.body.parameters!['rondo_variant']).toBe('champion');
    const [message] = await logged();
    expect(message!.candidateErrors).toBeGreaterThan(50);
    expect(message!.championErrors).toBe(0);
  });
});

describe('the record', () => {
  it('gathers single rows into one message and hands out a handle for each', async () => {
    await route();
    const replies = await Promise.all(
      [50, 500, 60].map((distance, i) => infer({ inputs: [rowsOf(distance)], parameters: { rondo_key: `k${i}` } })),
    );
    const handles = replies.map((reply) => reply.body.parameters!['rondo_request_id']!);
    expect(new Set(handles).size).toBe(3);
    const messages = await logged();
    expect(messages.length).toBe(1);
    expect([...messages[0]!.keys].sort()).toEqual(['k0', 'k1', 'k2']);
    handles.forEach((handle, i) => {
      const [requestId, row] = handle.split('#');
      expect(requestId).toBe(messages[0]!.requestId);
      expect(messages[0]!.keys[Number(row)]).toBe(`k${i}`);
    });
  });

  it('keeps rows that came without keys', async () => {
    await route();
    await infer({ id: 'keyless', inputs: [rowsOf(50, 500, 60)] });
    const [message] = await logged();
    expect(message).toMatchObject({ requestId: 'keyless', keys: ['', '', ''] });
    expect(shapeViolations(PredictionsLoggedSchema, message!)).toEqual([]);
  });

  it('gives a row with an id of its own a message of its own, to be labelled by that id', async () => {
    await route();
    const reply = await infer({ id: 'night-flight', inputs: [rowsOf(50)] });
    expect(reply.body.parameters!['rondo_request_id']).toBe('night-flight');
    expect((await logged()).map((message) => message.requestId)).toEqual(['night-flight']);
  });

  it('closes a message after a quarter of a second', async () => {
    await route();
    await infer({ inputs: [rowsOf(50)] });
    expect(platform.recorded(PredictionsLoggedSchema)).toEqual([]);
    await platform.clock.advance(250);
    await service.drain();
    expect(platform.recorded(PredictionsLoggedSchema).length).toBe(1);
  });

  it('takes labels and feedback, durable before the answer, and the same content once', async () => {
    await route();
    const handle = (await infer({ inputs: [rowsOf(50)] })).body.parameters!['rondo_request_id']!;
    const body = [
      { endpoint, request_id: handle, labels: [1], event_time: '2001-05-07T15:00:00Z' },
      { endpoint, request_id: 'batch', labels: [0, null, 1] },
    ];
    expect(await http('POST', '/v1/labels', body, 'producer')).toMatchObject({ status: 202, body: { accepted: 3 } });
    const labels = platform.recorded(LabelsObservedSchema);
    expect(labels.map(({ message, key }) => [message.requestId, message.rowIndexes, [...message.labels], key])).toEqual(
      [
        [handle.split('#')[0], [0], [1], endpoint],
        ['batch', [0, 2], [0, 1], endpoint],
      ],
    );
    await http('POST', '/v1/labels', body, 'producer');
    expect(new Set(platform.recorded(LabelsObservedSchema).map(({ id }) => id)).size).toBe(2);
    const feedback = { endpoint, request_id: handle, name: 'accepted', value: true };
    expect((await http('POST', '/v1/feedback', feedback, 'producer')).status).toBe(202);
    expect(platform.recorded(FeedbackObservedSchema)[0]!.message).toMatchObject({
      rowIndex: 0,
      name: 'accepted',
      value: 1,
    });
    expect(
      (await http('POST', '/v1/labels', { endpoint: 'nowhere', request_id: 'r', labels: [1] }, 'producer')).status,
    ).toBe(404);
  });
});

describe('times that callers give', () => {
  const at = (offsetMs: number): string => new Date(platform.clock.now() + offsetMs).toISOString();
  const dayMs = 24 * 3_600_000;

  it('are those of producers only, for predictions', async () => {
    await route();
    const body = { inputs: [rowsOf(50)], parameters: { event_time: '2001-05-07T14:00:00Z' } };
    const refused = await infer(body);
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.headers.get('x-rondo-error')!)).toMatchObject({ field: 'parameters.event_time' });
    const parameters = { event_time: { parameterChoice: { case: 'stringParam' as const, value: at(0) } } };
    const inputs = [{ name: 'X', datatype: 'FP32', shape: [1n, 2n], contents: { fp32Contents: [50, 12] } }];
    await expect(call(oip.modelInfer, { modelName: endpoint, inputs, parameters })).rejects.toMatchObject({
      code: grpc.status.PERMISSION_DENIED,
    });
    expect((await http('POST', `/v2/models/${endpoint}/infer`, body, 'producer')).status).toBe(200);
    expect((await logged()).map(({ eventTime }) => Number(eventTime!.seconds))).toEqual([
      Date.UTC(2001, 4, 7, 14) / 1000,
    ]);
  });

  it('may lie as far in the past as they like, for labels, and a day ahead of the clock', async () => {
    await route();
    const label = (event_time: string) =>
      http('POST', '/v1/labels', { endpoint, request_id: 'r', labels: [1], event_time }, 'producer');
    expect((await label('1823-04-05T00:00:00Z')).status).toBe(202);
    expect((await label(at(dayMs))).status).toBe(202);
    for (const [time, rule] of [
      [at(dayMs + 1000), 'must not be more than a day ahead of the clock'],
      ['0000-12-31T23:59:59Z', 'must not be before the year 1'],
      ['2001-02-30T00:00:00Z', 'must be an RFC 3339 time such as 2001-05-07T14:00:00Z'],
    ] as const) {
      const refused = await label(time);
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.headers.get('x-rondo-error')!)).toMatchObject({ field: 'event_time', rule });
    }
    expect(platform.recorded(LabelsObservedSchema).length).toBe(2);
  });
});

describe('batching', () => {
  it('gives every caller among many what it gets alone', async () => {
    await route({ candidate: models['candidate']!, candidateWeightPercent: 50 });
    const one = (i: number) => ({ inputs: [rowsOf(i % 2 === 0 ? 50 : 500)], parameters: { rondo_key: `key-${i}` } });
    const alone: number[][] = [];
    for (let i = 0; i < 60; i++) alone.push(rounded(output(await infer(one(i)), 'probability')));
    const together = await Promise.all(Array.from({ length: 60 }, (_, i) => infer(one(i))));
    expect(together.map((reply) => rounded(output(reply, 'probability')))).toEqual(alone);
  });
});
