import { afterAll, describe, expect, it } from '@jest/globals';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { digestOf } from '@rondo/artifacts';
import { onnx } from '@rondo/contracts';
import { constantToOnnx, createScorer } from '../index.js';
import { ScoringLane } from './scoring-lane.js';
import { ScoringThread } from './scoring-thread.js';

const features = 2;
const rows = new Float32Array(2 * features);

/** A model whose probabilities pass through more operators before they are given out. */
function distorted(...operators: { readonly opType: string; readonly input: string[]; readonly axis?: bigint }[]) {
  const model = fromBinary(onnx.ModelProtoSchema, constantToOnnx(0.3, features));
  const graph = model.graph!;
  graph.node[0]!.output[1] = 'p0';
  operators.forEach(({ opType, input, axis }, i) => {
    const output = [i === operators.length - 1 ? 'probabilities' : `p${i + 1}`];
    const type = onnx.AttributeProto_AttributeType.INT;
    const attribute = axis === undefined ? [] : [{ name: 'axis', type, i: axis }];
    graph.node.push(create(onnx.NodeProtoSchema, { opType, input, output, attribute }));
  });
  return toBinary(onnx.ModelProtoSchema, model);
}

describe('a model that answers nonsense', () => {
  const scorer = createScorer();
  afterAll(() => scorer.close());

  it.each([
    [
      'NaN',
      distorted({ opType: 'Neg', input: ['p0'] }, { opType: 'Log', input: ['p1'] }),
      { reason: 'NO_PROBABILITY', field: 'probabilities[0]', rule: 'between 0 and 1' },
    ],
    ['twice as many rows', distorted({ opType: 'Concat', input: ['p0', 'p0'], axis: 0n }), { reason: 'MODEL_FAILED' }],
  ])('is refused by name: %s; another model of the worker goes on', async (_, bytes, detail) => {
    const good = distorted({ opType: 'Identity', input: ['p0'] });
    await scorer.load(digestOf(good), good);
    const load = scorer.load(digestOf(bytes), bytes);
    const answer = load.then(({ digest }) => scorer.score(digest, rows, 2));
    await expect(answer).rejects.toMatchObject({ code: 'failed-precondition', detail });
    expect(await scorer.score(digestOf(good), rows, 2)).toEqual(Float32Array.of(0.3, 0.3));
  });
});

describe('a call that waits', () => {
  const good = { digest: 'good', bytes: distorted({ opType: 'Identity', input: ['p0'] }), features };

  it('gives up after its budget, however long what is before it may take', async () => {
    const lane = new ScoringLane({ memoryMb: 64, loadBudgetMs: 20_000, waitingMax: 10 });
    const before = lane.load(good); // the start of a thread takes longer than a millisecond
    let started = false;
    void before.then(() => (started = true));
    await expect(lane.score(good, rows, 2, 1)).rejects.toMatchObject({ code: 'unavailable' });
    expect(started).toBe(false);
    await before;
    expect(await lane.score(good, rows, 2, 20_000)).toHaveLength(2);
    await lane.close();
  });
});

describe('an event loop that stands still for longer than the budget of a run', () => {
  it('takes the answer that came meanwhile, and blames nobody', async () => {
    const thread = new ScoringThread(64);
    const bytes = distorted({ opType: 'Identity', input: ['p0'] });
    await thread.ask({ kind: 'load', digest: 'good', bytes }, [], 20_000);
    // From here the event loop looks at its timers before it looks for answers.
    await new Promise(setImmediate);
    const budgetMs = 200;
    const run = thread.ask({ kind: 'score', digest: 'good', rows: rows.slice(), count: 2, features }, [], budgetMs);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 * budgetMs);
    expect(await run).toHaveLength(2);
    expect(thread.alive).toBe(true);
    await thread.end(new Error('done'));
  });
});
