import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { digestOf } from '@rondo/artifacts';
import { onnx } from '@rondo/contracts';
import { seededRandom } from '@rondo/kernel';
import {
  scoreLinear,
  scoreTrees,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type LinearModel,
  type TreeEnsemble,
} from '@rondo/learners';
import { constantToOnnx, createScorer, goldenCheck, linearToOnnx, treesToOnnx, type Scorer } from '../index.js';
import { ScoringLane } from './scoring-lane.js';
import { ScoringThread } from './scoring-thread.js';

const features = 4;
const random = seededRandom(7);
const columns = Array.from({ length: features }, () =>
  Float32Array.from({ length: 2000 }, () => (random.next() < 0.1 ? NaN : random.next() * 100 - 20)),
);
const target = Uint8Array.from({ length: 2000 }, (_, row) => (columns[0]![row]! + columns[1]![row]! > 60 ? 1 : 0));
const table = { columns, target, featureNames: ['a', 'b', 'c', 'd'] };
const rows = Float32Array.from(
  { length: 2000 * features },
  (_, i) => columns[i % features]![Math.floor(i / features)]!,
);
const trees: TreeEnsemble = trainGradientBoostedTrees({
  ...table,
  params: { rounds: 30, learningRate: 0.2, maxLeaves: 15, minRowsInLeaf: 5 },
});
const linear: LinearModel = trainLogisticRegression({ ...table, params: { l2: 1, maxIterations: 50 } });
const linearFile = linearToOnnx(linear);
const loopFile = endlessLoop();

/** The same trees in a file that the built-in reader leaves to ONNX Runtime. */
function foreign(bytes: Uint8Array): Uint8Array {
  const file = bytes.slice();
  const text = new TextDecoder('latin1').decode(file);
  expect(text.split('base_values').length).toBe(2);
  const identity = create(onnx.NodeProtoSchema, { opType: 'Identity', input: ['x'], output: ['y'] });
  const initializer = create(onnx.TensorProtoSchema, { name: 'x', dims: [1n], dataType: 1, floatData: [1] });
  const extra = create(onnx.GraphProtoSchema, { node: [identity], initializer: [initializer] });
  // Protobuf merges a repeated message field, so a model with a second graph appended is a model with one more node.
  return Uint8Array.of(...file, ...toBinary(onnx.ModelProtoSchema, create(onnx.ModelProtoSchema, { graph: extra })));
}

/** A model that runs for years; admission refuses it, the worker must survive it all the same. */
function endlessLoop(): Uint8Array {
  const scalar = (name: string, dataType: number, data: { int64Data?: bigint[]; int32Data?: number[] }) =>
    create(onnx.TensorProtoSchema, { name, dataType, dims: [], ...data });
  const typed = (name: string, elemType: number, dims: bigint[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: { elemType, shape: { dim: dims.map((value) => ({ value: { case: 'dimValue' as const, value } })) } },
      },
    },
  });
  const body = create(onnx.GraphProtoSchema, {
    name: 'body',
    node: [
      { opType: 'Identity', input: ['going'], output: ['goes on'] },
      { opType: 'Sin', input: ['value'], output: ['next'] },
    ],
    input: [typed('step', 7, []), typed('going', 9, []), typed('value', 1, [1n, 2n])],
    output: [typed('goes on', 9, []), typed('next', 1, [1n, 2n])],
  });
  return toBinary(
    onnx.ModelProtoSchema,
    create(onnx.ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 17n }],
      graph: {
        name: 'loop',
        initializer: [scalar('count', 7, { int64Data: [9_000_000_000_000n] }), scalar('yes', 9, { int32Data: [1] })],
        node: [
          {
            opType: 'Loop',
            input: ['count', 'yes', 'X'],
            output: ['probabilities'],
            attribute: [{ name: 'body', type: onnx.AttributeProto_AttributeType.GRAPH, g: body }],
          },
        ],
        input: [typed('X', 1, [1n, 2n])],
        output: [typed('probabilities', 1, [1n, 2n])],
      },
    }),
  );
}

const maxAbsDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);

describe('a scorer', () => {
  const scorer: Scorer = createScorer({ budgetMs: 20_000 });
  afterAll(() => scorer.close());
  const load = async (bytes: Uint8Array) => scorer.load(digestOf(bytes), bytes);

  it('scores built-in trees in place, bit-equal to their training library', async () => {
    const file = treesToOnnx(trees);
    const model = await load(file);
    expect(model).toMatchObject({ engine: 'builtin', features, featureNames: ['a', 'b', 'c', 'd'] });
    expect(await scorer.score(model.digest, rows, 2000)).toEqual(scoreTrees(trees, rows, 2000));
  });

  it('agrees with ONNX Runtime on trees and linear models up to 1e-6', async () => {
    const model = await load(foreign(treesToOnnx(trees)));
    expect(model.engine).toBe('onnxruntime');
    const probabilities = await scorer.score(model.digest, rows, 2000);
    expect(maxAbsDifference(probabilities, scoreTrees(trees, rows, 2000))).toBeLessThanOrEqual(1e-6);
    const line = await load(linearFile);
    const linearProbabilities = await scorer.score(line.digest, rows, 2000);
    expect(maxAbsDifference(linearProbabilities, scoreLinear(linear, rows, 2000))).toBeLessThanOrEqual(1e-6);
  });

  it('answers a constant model, missing values or not, in both engines', async () => {
    for (const file of [constantToOnnx(0.3, features), foreign(constantToOnnx(0.3, features))]) {
      const { digest } = await load(file);
      expect(await scorer.score(digest, Float32Array.of(NaN, 1, 2, Infinity), 1)).toEqual(Float32Array.of(0.3));
    }
  });

  it('gives a row the same answer alone, in a batch and among concurrent calls', async () => {
    const { digest } = await load(linearFile);
    const batch = await scorer.score(digest, rows, 2000);
    const alone = await Promise.all(
      Array.from({ length: 50 }, (_, row) =>
        scorer.score(digest, rows.subarray(row * features, (row + 1) * features), 1),
      ),
    );
    alone.forEach((answer, row) => {
      expect(answer).toHaveLength(1);
      expect(Math.abs(answer[0]! - batch[row]!)).toBeLessThanOrEqual(1e-6);
    });
  });

  it('leaves the rows untouched', async () => {
    const { digest } = await load(linearFile);
    const own = rows.slice(0, features);
    await scorer.score(digest, own, 1);
    expect(own).toEqual(rows.slice(0, features));
  });

  it('answers nothing for no rows', async () => {
    const { digest } = await load(linearFile);
    expect(await scorer.score(digest, new Float32Array(), 0)).toEqual(new Float32Array());
  });

  it('refuses bytes that are not those of the digest', async () => {
    const [one, other] = [constantToOnnx(0.1, features), constantToOnnx(0.2, features)];
    await expect(scorer.load(digestOf(one), other)).rejects.toMatchObject({ code: 'data-loss' });
  });

  it('refuses what admission refuses, and does not remember it', async () => {
    const digest = digestOf(loopFile);
    const refusal = {
      code: 'invalid',
      detail: { reason: expect.stringMatching(/OPERATOR_NOT_ALLOWED|SUB_GRAPH|WRONG/) },
    };
    await expect(scorer.load(digest, loopFile)).rejects.toMatchObject(refusal);
    expect(scorer.loaded(digest)).toBeUndefined();
    await expect(scorer.score(digest, rows, 2000)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('lets a failed load be tried again', async () => {
    const broken = fromBinary(onnx.ModelProtoSchema, linearFile);
    broken.graph!.node[1]!.input = ['nowhere'];
    const bytes = toBinary(onnx.ModelProtoSchema, broken);
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(load(bytes)).rejects.toMatchObject({
        code: 'failed-precondition',
        detail: { reason: 'MODEL_FAILED' },
      });
    }
    expect(scorer.loaded(digestOf(bytes))).toBeUndefined();
  });

  it('refuses rows that do not fit the features, by name', async () => {
    const { digest } = await load(linearFile);
    await expect(scorer.score(digest, new Float32Array(5), 1)).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'rows' },
    });
    await expect(scorer.score(digest, rows, 2000, { budgetMs: 0 })).rejects.toMatchObject({
      detail: { field: 'budgetMs' },
    });
  });

  it('refuses an answer that is no probability', async () => {
    const model = fromBinary(onnx.ModelProtoSchema, constantToOnnx(0.99, features));
    model.graph!.node[0]!.attribute.find(({ name }) => name === 'post_transform')!.s = new TextEncoder().encode('NONE');
    const { digest, engine } = await load(toBinary(onnx.ModelProtoSchema, model));
    expect(engine).toBe('onnxruntime');
    await expect(scorer.score(digest, new Float32Array(features), 1)).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { reason: 'NO_PROBABILITY', field: 'probabilities[0]' },
    });
  });

  it('forgets a model on request and loads it again', async () => {
    const { digest } = await load(linearFile);
    await scorer.unload(digest);
    expect(scorer.loaded(digest)).toBeUndefined();
    await expect(scorer.score(digest, rows, 2000)).rejects.toMatchObject({ code: 'not-found' });
    await load(linearFile);
    expect(await scorer.score(digest, rows, 2000)).toHaveLength(2000);
  });

  it('passes a golden check within the tolerance and fails beyond it', async () => {
    const { digest } = await load(linearFile);
    const expected = scoreLinear(linear, rows.subarray(0, 8 * features), 8);
    const golden = rows.subarray(0, 8 * features);
    expect(await goldenCheck(scorer, digest, golden, expected, 1e-6)).toMatchObject({ passed: true });
    const off = await goldenCheck(scorer, digest, golden, expected.with(3, expected[3]! + 0.01), 1e-3);
    expect(off).toMatchObject({ passed: false, worstRow: 3, maxAbsError: expect.closeTo(0.01, 5) });
    expect(await goldenCheck(scorer, digest, golden, expected.with(2, NaN), 1)).toMatchObject({
      passed: false,
      worstRow: 2,
    });
    await expect(goldenCheck(scorer, digest, golden, new Float32Array(), 1)).rejects.toMatchObject({ code: 'invalid' });
  });

  it('stops a built-in run that is over its budget', async () => {
    const { digest } = await load(treesToOnnx(trees));
    const many = new Float32Array(400_000 * features);
    await expect(scorer.score(digest, many, 400_000, { budgetMs: 1 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
  });

  it.each([
    ['maxThreads', { maxThreads: 0 }],
    ['memoryMb', { memoryMb: 1 }],
    ['budgetMs', { budgetMs: 1.5 }],
  ])('refuses options by name: %s', (field, options) => {
    expect(() => createScorer(options)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ field }) }),
    );
  });

  it('rejects calls after it is closed', async () => {
    const closed = createScorer();
    const { digest } = await closed.load(digestOf(linearFile), linearFile);
    await closed.close();
    await expect(closed.load(digest, linearFile)).rejects.toThrow('closed');
    await expect(closed.score(digest, rows, 2000)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a scoring lane', () => {
  const limits = { memoryMb: 256, loadBudgetMs: 20_000, waitingMax: 3 };
  let lane: ScoringLane;
  afterEach(() => lane.close());
  const good = { digest: 'good', bytes: linearFile, features };
  const endless = { digest: 'endless', bytes: loopFile, features: 2 };

  it('stops a run that never ends, and serves the next call with a fresh thread', async () => {
    lane = new ScoringLane(limits);
    await lane.load(good);
    await lane.load(endless);
    const stopped = lane.score(endless, new Float32Array(2), 1, 100);
    const waiting = lane.score(good, rows, 2000, 20_000);
    await expect(stopped).rejects.toMatchObject({
      code: 'deadline-exceeded',
      detail: { reason: 'OVER_BUDGET', value: 100 },
    });
    expect(await waiting).toHaveLength(2000);
  });

  it('refuses calls when too many wait, and calls that waited too long', async () => {
    lane = new ScoringLane(limits);
    await lane.load(endless);
    const running = lane.score(endless, new Float32Array(2), 1, 300);
    const impatient = lane.score(good, rows, 2000, 1);
    const others = [lane.score(good, rows, 2000, 20_000), lane.score(good, rows, 2000, 20_000)];
    await expect(lane.score(good, rows, 2000, 20_000)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(running).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await expect(impatient).rejects.toMatchObject({ code: 'unavailable' });
    for (const other of others) expect(await other).toHaveLength(2000);
  });

  it('rejects what waits when it closes', async () => {
    lane = new ScoringLane(limits);
    const calls = [lane.load(good), lane.score(good, rows, 2000, 20_000)];
    const outcomes = Promise.allSettled(calls);
    await lane.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
  });

  it('reports a file that ONNX Runtime cannot load and goes on', async () => {
    lane = new ScoringLane(limits);
    await expect(lane.load({ digest: 'junk', bytes: Uint8Array.of(1, 2, 3), features: 1 })).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { reason: 'MODEL_FAILED' },
    });
    await lane.load(good);
    expect(await lane.score(good, rows, 2000, 20_000)).toHaveLength(2000);
  });
});

describe('a scoring thread', () => {
  it('does not let a model take more memory than it is given', async () => {
    // 16 million features of one row are 64 MiB before the runtime has done anything.
    const width = 16 * 2 ** 20;
    const bytes = constantToOnnx(0.5, width);
    const outcomes = [];
    for (const memoryMb of [64, 256]) {
      const thread = new ScoringThread(memoryMb);
      await thread.ask({ kind: 'load', digest: 'wide', bytes }, [], 20_000);
      const row = new Float32Array(width);
      const run = thread.ask(
        { kind: 'score', digest: 'wide', rows: row, count: 1, features: width },
        [row.buffer],
        20_000,
      );
      outcomes.push(...(await Promise.allSettled([run])));
      await thread.end(new Error('done'));
      expect(thread.alive).toBe(false);
    }
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { detail: { reason: 'MODEL_FAILED' } } });
    expect(outcomes[1]).toEqual({ status: 'fulfilled', value: Float32Array.of(0.5) });
  });

  it('rejects a call that is under way when it is ended, and all later ones', async () => {
    const thread = new ScoringThread(64);
    const call = thread.ask({ kind: 'load', digest: 'good', bytes: linearFile }, [], 20_000);
    const outcome = expect(call).rejects.toThrow('ended');
    await thread.end(new Error('ended'));
    await outcome;
    await expect(thread.ask({ kind: 'unload', digest: 'good' }, [], 100)).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
