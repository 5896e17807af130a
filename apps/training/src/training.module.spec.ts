import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { parseConfig } from '@rondo/config';
import {
  CancelTrainingSchema,
  CandidateFailedSchema,
  CandidateTrainedSchema,
  PipelineAppliedSchema,
  TrainCandidateSchema,
  TrainingProgressedSchema,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { trainGradientBoostedTrees } from '@rondo/learners';
import { createScorer, treesToOnnx, type Scorer } from '@rondo/models';
import { admitPipeline } from '@rondo/policy';
import { testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { eventually } from '@rondo/testing';
import { trainingConfig } from './config.js';
import { TrainingModule } from './training.module.js';
import { policyDocument } from '../testing/policy.js';

// Every spec starts threads or processes; a busy machine needs its time.
const pipeline = 'planted';
const script = fileURLToPath(new URL('../testing/trainer.mjs', import.meta.url));

let folder: string;
let engine: Engine;
let scorer: Scorer;
let platform: TestPlatform;
let service: TestService;
let trainDigest: string;
let validationDigest: string;

const model = (featureNames: readonly string[]): Uint8Array => {
  const x = Float32Array.from({ length: 200 }, (_, i) => i % 10);
  const target = Uint8Array.from(x, (value, i) => (value + (i % 3) > 6 ? 1 : 0));
  const params = { rounds: 3, learningRate: 0.3, maxLeaves: 4, minRowsInLeaf: 5 };
  return treesToOnnx(trainGradientBoostedTrees({ columns: featureNames.map(() => x), target, featureNames, params }));
};

async function part(
  name: string,
  from: number,
  until: number,
  columns = 'a::FLOAT AS a, b::FLOAT AS b, y::FLOAT AS y',
): Promise<string> {
  const outPath = join(folder, `${name}.parquet`);
  const rows = `SELECT i, (i * 37 % 101) / 101.0 AS a, (i * 61 % 97) / 97.0 AS b FROM range(${from}, ${until}) t(i)`;
  const select = `SELECT i::VARCHAR AS id, TIMESTAMP '2026-01-01' + to_minutes(i) AS seen_at, ${columns} FROM (SELECT *, (a + b + (i * 13 % 29) / 29.0 > 1.5)::INT AS y FROM (${rows})) ORDER BY seen_at`;
  await engine.writeParquet({ select, outPath });
  return (await platform.artifacts.putFile(outPath)).digest;
}

const start = (): Promise<TestService> => {
  const env = { RONDO_TRAINER_PROGRAMS: process.execPath, RONDO_TRAINER_FOLDER: folder, RONDO_MODEL_BYTES: '1MiB' };
  return testService(
    platform,
    TrainingModule.forRoot({ config: parseConfig(trainingConfig, env), engine, scorer, path: '/usr/bin' }),
  );
};

beforeAll(() => {
  engine = new Engine();
});

afterAll(async () => {
  await engine.close();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-training-'));
  scorer = createScorer();
  platform = testPlatform('training');
  service = await start();
  [trainDigest, validationDigest] = [await part('train', 0, 2000), await part('validation', 2000, 2600)];
  await writeFile(join(folder, 'good.onnx'), model(['a', 'b']));
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const { document, contract } = policyDocument(pipeline, [process.execPath, script], {
    model: join(folder, 'good.onnx'),
    marker: join(folder, 'marker'),
  });
  const admission = admitPipeline({
    document,
    files: { 'contract.odcs.yaml': text(contract), 'features.sql': text('SELECT 1') },
  });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const { digest, sizeBytes } = await platform.artifacts.put(text(admission.bundle));
  const stored = { digest, mediaType: 'application/json', sizeBytes: BigInt(sizeBytes) };
  await platform.publish(
    PipelineAppliedSchema,
    { pipeline, generation: 1n, document: stored, endpoint: pipeline },
    { key: pipeline },
  );
});

afterEach(async () => {
  await service.close();
  await scorer.close();
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

async function command(candidate: string, more: { key?: string; deadlineMs?: number } = {}): Promise<void> {
  const file = (name: string, digest: string) => ({
    name,
    artifact: { digest, mediaType: 'application/vnd.apache.parquet', sizeBytes: 1n },
    rows: 1n,
  });
  const message = {
    pipeline,
    cycleId: 'cycle-1',
    idempotencyKey: more.key ?? 'key-1',
    policyGeneration: 1n,
    candidate,
    snapshotDigest: `sha256:${'a'.repeat(64)}`,
    splits: [file('train', trainDigest), file('validation', validationDigest)],
    seed: 7n,
    deadline: timestampFromMs(platform.clock.now() + (more.deadlineMs ?? 600_000)),
  };
  await platform.publish(TrainCandidateSchema, message, { key: pipeline });
}

async function run(candidate: string, more: { key?: string } = {}): Promise<void> {
  await command(candidate, more);
  await service.drain();
}

const trained = () => platform.recorded(CandidateTrainedSchema).map(({ message }) => message);
const failed = () => platform.recorded(CandidateFailedSchema).map(({ message }) => message);
const jobOf = async (candidate: string) =>
  (await platform.journal.load<{ status: string }>('job', `cycle-1/${candidate}/key-1`))?.state;

describe('a built-in candidate', () => {
  it.each(['trees', 'logistic'])('%s is trained, measured on the validation rows and announced', async (candidate) => {
    await run(candidate);
    expect(failed()).toEqual([]);
    const [answer] = trained();
    expect(answer).toMatchObject({ candidate, cycleId: 'cycle-1', attempt: 1 });
    const auc = answer!.validation.find(({ name }) => name === 'rocAuc')!;
    expect(auc.value).toBeGreaterThan(0.8);
    expect(auc).toMatchObject({ n: 600n });
    expect(answer!.featureImportance).toHaveLength(2);
    expect(answer!.featureReliance.map(({ slice }) => slice)).toEqual(['a', 'b']);
    for (const { value, lower, upper, n } of answer!.featureReliance) {
      // The outcome depends on a and on b: without either the log loss rises for sure.
      expect([n, lower! > 0.05, lower! < value, value < upper!]).toEqual([300n, true, true, true]);
    }
    expect(await platform.artifacts.has(answer!.model!.digest)).toBe(true);
    expect(scorer.loaded(answer!.model!.digest)).toBeUndefined();
  });

  it('comes out as the same bytes when it is trained again', async () => {
    await run('trees');
    await run('trees', { key: 'key-2' });
    const digests = trained().map(({ model: file }) => file!.digest);
    expect(digests).toHaveLength(2);
    expect(new Set(digests).size).toBe(1);
    const [first, again] = trained().map(({ featureReliance }) => featureReliance);
    expect(again).toEqual(first);
  });

  it('tells its progress without flooding the bus', async () => {
    await run('trees');
    const told = platform.recorded(TrainingProgressedSchema).map(({ message }) => message.progress);
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(11);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  it.each([
    ['a column is missing', 'a::FLOAT AS a, y::FLOAT AS y', 'the snapshot has no column b'],
    [
      'the target is no class',
      'a::FLOAT AS a, b::FLOAT AS b, 2::FLOAT AS y',
      'y: row 0 of the training part is 2; 0 or 1 is needed',
    ],
    ['there is one class only', 'a::FLOAT AS a, b::FLOAT AS b, 1::FLOAT AS y', 'both classes must occur'],
  ])('fails for bad data when %s', async (_case, columns, message) => {
    trainDigest = await part('bad', 0, 2000, columns);
    await run('trees');
    expect(failed()[0]).toMatchObject({ code: 'BadData', attempts: 1, message: expect.stringContaining(message) });
  });
});

describe('a candidate of a program', () => {
  it('is trained and measured; what it claims is kept apart', async () => {
    await run('good');
    expect(failed()).toEqual([]);
    expect(trained()[0]).toMatchObject({ candidate: 'good', claimedMetrics: { logLoss: 0.3 } });
    expect(trained()[0]!.validation.find(({ name }) => name === 'logLoss')!.value).not.toBe(0.3);
  });

  it('that exits 65 is not run again', async () => {
    await run('refuses');
    expect(failed()[0]).toMatchObject({ code: 'BadData', attempts: 1, logTail: 'exit as told (attempt 1)\n' });
  });

  it('that exits 75 is run again', async () => {
    await run('once-more');
    expect(await jobOf('once-more')).toMatchObject({ status: 'waiting' });
    await platform.clock.advance(60_000);
    await service.drain();
    expect(trained()[0]).toMatchObject({ candidate: 'once-more', attempt: 2 });
  });

  it('that crashes every time fails after three attempts', async () => {
    await run('crashes');
    for (let retry = 0; retry < 2; retry++) {
      await platform.clock.advance(60_000);
      await service.drain();
    }
    expect(failed()[0]).toMatchObject({ code: 'TrainerExit', attempts: 3, logTail: 'about to crash\n' });
  });

  it('that hangs fails at its deadline, with its last words', async () => {
    await command('hangs', { deadlineMs: 5_000 });
    await eventually(async () => (await jobOf('hangs'))?.status === 'running', 30_000);
    await eventually(() => markerExists(), 30_000);
    await platform.clock.advance(5_000);
    await service.drain();
    expect(failed()[0]).toMatchObject({ code: 'Deadline', logTail: 'hanging\n' });
  });

  it('that is cancelled announces nothing', async () => {
    await command('hangs');
    await eventually(() => markerExists(), 30_000);
    await platform.publish(
      CancelTrainingSchema,
      { pipeline, cycleId: 'cycle-1', reason: 'no longer wanted' },
      { key: pipeline },
    );
    await service.drain();
    expect(await jobOf('hangs')).toMatchObject({ status: 'cancelled' });
    expect([...trained(), ...failed()]).toEqual([]);
  });

  it('that writes no ONNX is refused with what is wrong', async () => {
    await run('no-onnx');
    expect(failed()[0]).toMatchObject({ code: 'ModelRefused', attempts: 1 });
    expect(failed()[0]!.findings.map(({ code }) => code)).toEqual(['not-onnx']);
  });

  it.each([
    ['takes other features', ['a', 'c']],
    ['takes more features', ['a', 'b', 'c']],
  ])('whose model %s is refused for its signature', async (_case, names) => {
    await writeFile(join(folder, 'good.onnx'), model(names));
    await run('good');
    expect(failed()[0]).toMatchObject({ code: 'SignatureMismatch', attempts: 1 });
  });

  it('with a huge model is refused', async () => {
    await run('huge');
    expect(failed()[0]).toMatchObject({
      code: 'ModelRefused',
      message: 'model.onnx has 9000000 bytes; 1048576 are allowed',
    });
  });

  it('that is not allowed is not started', async () => {
    await run('not-allowed');
    expect(failed()[0]).toMatchObject({ code: 'NotAllowed', attempts: 1 });
  });
});

function markerExists(): Promise<boolean> {
  return access(join(folder, 'marker')).then(
    () => true,
    () => false,
  );
}
