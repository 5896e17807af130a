import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { onnx, PredictionsLoggedSchema, RoutingChangedSchema } from '@rondo/contracts';
import { constantToOnnx } from '@rondo/models';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { eventually } from '@rondo/testing';
import { InferenceGatewayModule } from './gateway.module.js';
import { InferenceGateway } from './inference-gateway.js';
import { testConfig } from './testing/gateway-config.js';

const SHADOW_ROWS_MAX = 1_000;

/**
 * A constant model for ONNX Runtime that multiplies a vector of zeros with a matrix of zeros, `products` times per row, and adds
 * what comes out. With 400 products a row takes a few hundredths of a second, so that it can be loaded and then hangs.
 */
function foreign(probability: number, products: number): Uint8Array {
  const width = 512;
  const model = fromBinary(onnx.ModelProtoSchema, constantToOnnx(probability, 2));
  const graph = model.graph!;
  const zeros = (name: string, ...dims: number[]) => {
    const rawData = new Uint8Array(dims.reduce((size, dim) => size * dim, 4));
    graph.initializer.push(
      create(onnx.TensorProtoSchema, {
        name,
        dims: dims.map(BigInt),
        dataType: onnx.TensorProto_DataType.FLOAT,
        rawData,
      }),
    );
  };
  const node = (opType: string, input: string[], output: string) =>
    graph.node.push(create(onnx.NodeProtoSchema, { opType, input, output: [output] }));
  zeros('widen', 2, width);
  if (products > 0) zeros('again', width, width);
  zeros('narrow', width, 2);
  graph.node[0]!.output[1] = 'p';
  node('MatMul', ['X', 'widen'], 'v0');
  for (let i = 0; i < products; i++) node('MatMul', [`v${i}`, 'again'], `v${i + 1}`);
  node('MatMul', [`v${products}`, 'narrow'], 'nothing');
  node('Add', ['p', 'nothing'], 'probabilities');
  return toBinary(onnx.ModelProtoSchema, model);
}

let platform: TestPlatform;
let service: TestService;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-gateway-'));
  platform = testPlatform('inference-gateway');
  const config = testConfig(folder, { gatewayShadowRowsMax: SHADOW_ROWS_MAX });
  const authenticate = () => ({ id: 'caller', roles: ['viewer'] as const });
  service = await testService(platform, InferenceGatewayModule.forRoot({ config, authenticate }));
});

afterEach(async () => {
  await service.close();
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

/** Serves a champion that answers 0.5 and a candidate that answers 0.75 but hangs on many rows, both in ONNX Runtime. */
async function routeToSlow(share: { shadow: true } | { candidateWeightPercent: number }): Promise<InferenceGateway> {
  const [champion, candidate] = await Promise.all(
    [foreign(0.5, 0), foreign(0.75, 400)].map(async (bytes, i) => ({
      name: 'm',
      version: i + 1,
      digest: (await platform.artifacts.put(bytes)).digest,
    })),
  );
  const routing = { pipeline: 'p', endpoint: 'e', epoch: 1n, champion: champion!, candidate: candidate!, ...share };
  await platform.publish(RoutingChangedSchema, { ...routing, rolloutId: 'r' }, { key: 'p' });
  await service.drain();
  const gateway = service.get(InferenceGateway);
  await gateway.table.settled();
  expect(gateway.table.serving('e').candidateModel?.engine).toBe('onnxruntime');
  return gateway;
}

async function infer(gateway: InferenceGateway, count: number, path = '/v2/models/e/infer') {
  const { host, httpPort } = gateway.addresses!;
  const data = new Array<number>(2 * count).fill(1);
  const inputs = [{ name: 'X', datatype: 'FP32', shape: [count, 2], data }];
  const reply = await fetch(`http://${host}:${httpPort}${path}`, { method: 'POST', body: JSON.stringify({ inputs }) });
  const body = (await reply.json()) as { outputs: { name: string; data: number[] }[]; error?: string };
  const found = body.outputs?.find(({ name }) => name === 'probability')?.data ?? [];
  const probabilities = new Set(found.map((value) => value.toFixed(3)));
  return { status: reply.status, probabilities, rows: found.length, body, headers: reply.headers };
}

const compared = () => platform.recorded(PredictionsLoggedSchema).map(({ message }) => message);

const byChampion = (rows: number) => ({ status: 200, rows, probabilities: new Set(['0.500']) });

describe('a candidate that hangs', () => {
  it('as a shadow: callers get their answers while it hangs, its failures and what was not compared are counted', async () => {
    const gateway = await routeToSlow({ shadow: true });
    expect(await infer(gateway, 400)).toMatchObject(byChampion(400));
    let answersMeanwhile = -1;
    for (; compared().length === 0; answersMeanwhile++)
      expect(await infer(gateway, 1, '/v2/models/e/versions/1/infer')).toMatchObject(byChampion(1));
    expect(answersMeanwhile).toBeGreaterThan(0);
    const answers = await Promise.all([infer(gateway, 600), infer(gateway, 600)]);
    for (const answer of answers) expect(answer).toMatchObject(byChampion(600));
    await gateway.flush();
    expect(
      compared()
        .map(({ candidateErrors }) => candidateErrors)
        .sort(),
    ).toEqual([0, 400, 600]);
    expect(compared().map(({ championErrors }) => championErrors)).toEqual([0, 0, 0]);
    expect(platform.telemetry.counted.get('rondo_uncompared_rows_total')).toBe(600);
  });

  it('as a canary: the champion answers in its place, and a new worker serves whoever asks next', async () => {
    const gateway = await routeToSlow({ candidateWeightPercent: 100 });
    expect(await infer(gateway, 400)).toMatchObject(byChampion(400));
    await gateway.flush();
    expect(compared()).toMatchObject([{ candidateErrors: 400, championErrors: 0 }]);
    const candidate = '/v2/models/e/versions/2/infer';
    await eventually(async () => (await infer(gateway, 1, candidate)).probabilities.has('0.750'), 30_000);
    const asked = await infer(gateway, 400, candidate);
    expect(asked).toMatchObject({ status: 504, body: { error: expect.stringContaining('1000 ms') } });
    const detail = { code: 'deadline-exceeded', reason: 'OVER_BUDGET' };
    expect(JSON.parse(asked.headers.get('x-rondo-error')!)).toMatchObject(detail);
  });
});
