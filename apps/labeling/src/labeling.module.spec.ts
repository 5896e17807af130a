import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  AnnotatorPausedSchema,
  AnnotatorResumedSchema,
  CancelLabelCampaignSchema,
  GetTaskRequestSchema,
  LabelCampaignClosedSchema,
  LabelCampaignExtendedSchema,
  LabelCampaignOpenedSchema,
  LabelingService,
  LabelRecordedSchema,
  LeaseTasksRequestSchema,
  ListAnnotatorsRequestSchema,
  ListCampaignsRequestSchema,
  ListTasksRequestSchema,
  OpenLabelCampaignSchema,
  PipelineAppliedSchema,
  ResumeAnnotatorRequestSchema,
  StepFailedSchema,
  SubmitAnswerRequestSchema,
  Verdict,
  type LabelTask,
  type LeaseTasksResponse,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { linearToOnnx } from '@rondo/models';
import { admitPipeline } from '@rondo/policy';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { LabelingModule } from './index.js';

const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const features = [
  'tod',
  'dow',
  'distance',
  'o_lat',
  'o_lon',
  'd_lat',
  'd_lon',
  'o_in_delay',
  'o_out_delay',
  'd_in_delay',
  'd_out_delay',
  'o_traffic',
  'd_traffic',
];
const pipeline = 'flight-delay';
const ROWS = 40;
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ann = rpcContext('ann', 'annotator');
const bob = rpcContext('bob', 'annotator');
const viewer = rpcContext('vera', 'viewer');
const lead = rpcContext('lena', 'operator');

let parquet: Uint8Array;
/** The same with the known answer of every second row. */
let settled: Uint8Array;
let onnx: Uint8Array;

beforeAll(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'rondo-labeling-'));
  const engine = new Engine({ threads: 1, memoryMb: 128 });
  const columns = features
    .map((name, index) => (index === 0 ? `(i - 20)::FLOAT AS ${name}` : `0::FLOAT AS ${name}`))
    .join(', ');
  const select = (settled = '') =>
    `SELECT 'flight-' || lpad(i::VARCHAR, 3, '0') AS flight_id, TIMESTAMP '2001-01-29 10:00:00' AS date, ${columns}, i > 20 AS late, 'conflicting records' AS review_reason, 'JFK' AS origin, i::SMALLINT AS delay${settled} FROM range(${ROWS}) AS r(i) ORDER BY flight_id`;
  const write = async (rows: string): Promise<Uint8Array> => {
    const outPath = join(scratch, 'review.parquet');
    await engine.writeParquet({ select: rows, outPath });
    return new Uint8Array(await readFile(outPath));
  };
  parquet = await write(select());
  settled = await write(select(', CASE WHEN i % 2 = 1 THEN i > 20 END AS settled'));
  await engine.close();
  await rm(scratch, { recursive: true, force: true });
  const zeros = new Float32Array(features.length);
  const weights = Float32Array.from(features, (_, index) => (index === 0 ? 1 : 0));
  const scales = new Float32Array(features.length).fill(1);
  // Certain far from row 20, undecided at it.
  onnx = linearToOnnx({
    kind: 'linear',
    featureNames: features,
    means: zeros,
    scales,
    weights,
    intercept: 0,
    converged: true,
    iterations: 1,
    aliased: [],
  });
});

let platform: TestPlatform;
let service: TestService;

async function start(...replacements: [string, string][]): Promise<void> {
  platform = testPlatform('labeling');
  service = await testService(
    platform,
    LabelingModule.forRoot({ labelingLeaseMs: 1_000, labelingOpenTimeoutMs: 60_000 }),
  );
  let document = readFileSync(new URL('pipeline.yaml', folder), 'utf8');
  for (const [from, to] of [['maxDuration: 100ms', 'maxDuration: 3s'] as const, ...replacements]) {
    if (!document.includes(from)) throw new Error(`the example has no ${from}`);
    document = document.replace(from, () => to);
  }
  const contract = new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder)));
  const admission = admitPipeline({
    document,
    files: { 'contract.odcs.yaml': contract, 'features.sql': new TextEncoder().encode('SELECT 1') },
  });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const stored = await platform.artifacts.put(new TextEncoder().encode(admission.bundle));
  const ref = { digest: stored.digest, mediaType: 'application/json', sizeBytes: BigInt(stored.sizeBytes) };
  await platform.publish(
    PipelineAppliedSchema,
    { pipeline, generation: 1n, document: ref, endpoint: pipeline },
    { key: pipeline },
  );
}

async function open(more: { idempotencyKey?: string; champion?: boolean; review?: Uint8Array } = {}): Promise<void> {
  const review = await platform.artifacts.put(more.review ?? parquet);
  const model = await platform.artifacts.put(onnx);
  await platform.publish(
    OpenLabelCampaignSchema,
    {
      pipeline,
      cycleId: 'cycle-1',
      idempotencyKey: more.idempotencyKey ?? 'k1',
      policyGeneration: 1n,
      reviewArtifact: {
        digest: review.digest,
        mediaType: 'application/vnd.apache.parquet',
        sizeBytes: BigInt(review.sizeBytes),
      },
      snapshotDigest: `sha256:${'5'.repeat(64)}`,
      ...(more.champion && { champion: { name: 'm', version: 1, digest: model.digest } }),
    },
    { key: pipeline },
  );
  await service.drain();
}

const openedId = (): string => platform.recorded(LabelCampaignOpenedSchema).at(-1)?.message.campaignId ?? '';
const lease = (count: number, context = ann): Promise<LeaseTasksResponse> =>
  service
    .rpc(LabelingService)
    .leaseTasks(
      create(LeaseTasksRequestSchema, { campaignId: openedId(), count }),
      context,
    ) as Promise<LeaseTasksResponse>;
const submit = (
  task: LabelTask,
  answer: string,
  more: { id?: number; context?: typeof ann; skip?: boolean; rationale?: string } = {},
): Promise<LabelTask> =>
  service.rpc(LabelingService).submitAnswer(
    create(SubmitAnswerRequestSchema, {
      campaignId: task.campaignId,
      taskId: task.taskId,
      answer,
      skip: more.skip ?? false,
      rationale: more.rationale ?? 'as the records say',
      tookMs: 900n,
      requestId: uuid(more.id ?? 1),
    }),
    more.context ?? ann,
  ) as Promise<LabelTask>;
const closed = () => platform.recorded(LabelCampaignClosedSchema).map(({ message }) => message);
const reasonOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof PermanentError) return [error.code, error.detail.reason];
    throw error;
  }
  return undefined;
};

beforeEach(() => start(['maxItems: 24', 'maxItems: 4'], ['blindShare: 0.15', 'blindShare: 0']));
afterEach(async () => {
  await service.close();
  await platform.close();
});

describe('opening a campaign', () => {
  it('asks about the rows the champion is least sure of, with its suggestion', async () => {
    await open({ champion: true });
    const [opened] = platform.recorded(LabelCampaignOpenedSchema);
    expect(opened).toMatchObject({
      key: pipeline,
      message: { cycleId: 'cycle-1', tasks: 4, question: 'Did this flight arrive more than 15 minutes late?' },
    });
    expect(timestampMs(opened!.message.dueAt!)).toBe(platform.clock.now() + 3_000);
    const { tasks } = await lease(10);
    expect(tasks.map((task) => task.rowKey)[0]).toBe('flight-020');
    expect(
      tasks
        .map((task) => task.rowKey)
        .slice(1, 3)
        .sort(),
    ).toEqual(['flight-019', 'flight-021']);
    const sure = tasks.find((task) => task.rowKey === 'flight-021');
    expect(sure).toMatchObject({ suggestion: '1', reviewReason: 'conflicting records', state: 'Leased' });
    expect(sure?.suggestionConfidence).toBeCloseTo(1 / (1 + Math.exp(-1)), 5);
    const row = JSON.parse(sure!.rowJson) as Record<string, unknown>;
    expect(row).toMatchObject({ origin: 'JFK', delay: 21, tod: 1 });
    expect(Object.keys(row)).not.toContain('late');
  });

  it('works before the first champion, without suggestions', async () => {
    await open();
    const { tasks } = await lease(10);
    expect(tasks).toHaveLength(4);
    expect(tasks.every((task) => task.suggestion === '' && task.uncertainty === 1)).toBe(true);
  });

  it('opens one campaign for a repeated command and another for a new attempt of the step', async () => {
    await open();
    await open();
    expect(platform.recorded(LabelCampaignOpenedSchema)).toHaveLength(1);
    await open({ idempotencyKey: 'k2' });
    expect(new Set(platform.recorded(LabelCampaignOpenedSchema).map(({ message }) => message.campaignId)).size).toBe(2);
  });

  it('answers with a failed step when the rows cannot be read', async () => {
    await open({ review: new TextEncoder().encode('no parquet') });
    const failures = platform.recorded(StepFailedSchema).map(({ message }) => message);
    expect(failures).toMatchObject([{ step: 'label', cycleId: 'cycle-1', idempotencyKey: 'k1', code: 'invalid' }]);
    expect(platform.recorded(LabelCampaignOpenedSchema)).toEqual([]);
  });
});

describe('answering', () => {
  beforeEach(() => open());

  it('gives each task to one person at a time, and to another when the lease is over', async () => {
    const mine = await lease(3, ann);
    const theirs = await lease(3, bob);
    expect([mine.tasks.length, theirs.tasks.length]).toEqual([3, 1]);
    expect((await lease(10, ann)).tasks).toHaveLength(3);
    await platform.clock.advance(1_000);
    expect((await lease(10, bob)).tasks).toHaveLength(4);
  });

  it('records an answer once per request id and announces it', async () => {
    const { tasks } = await lease(1);
    const first = await submit(tasks[0]!, '1');
    const again = await submit(tasks[0]!, '1');
    expect(again).toEqual(first);
    expect(first).toMatchObject({ state: 'Answered', answers: [{ revision: 1, annotator: 'ann', answer: '1' }] });
    await service.drain();
    expect(platform.recorded(LabelRecordedSchema).map(({ message }) => message)).toMatchObject([
      { rowKey: tasks[0]!.rowKey, answer: '1', revision: 1, suggestionShown: false, annotator: { id: 'ann' } },
    ]);
    expect(await reasonOf(submit(tasks[0]!, '0'))).toEqual(['invalid', 'REQUEST_ID_REUSED']);
  });

  it('keeps every answer a task ever had', async () => {
    const { tasks } = await lease(1);
    await submit(tasks[0]!, '1');
    await submit(tasks[0]!, '0', { id: 2, rationale: 'looked at the wrong record' });
    const { campaignId, taskId } = tasks[0]!;
    const task = await service
      .rpc(LabelingService)
      .getTask(create(GetTaskRequestSchema, { campaignId, taskId }), viewer);
    expect(task.answers).toMatchObject([{ answer: '1' }, { answer: '0', rationale: 'looked at the wrong record' }]);
    const { campaigns } = await service
      .rpc(LabelingService)
      .listCampaigns(create(ListCampaignsRequestSchema, { pipeline }), viewer);
    expect(campaigns).toMatchObject([{ state: 'Open', answered: 1, tasks: 4 }]);
  });

  it('refuses tasks and campaigns that do not exist', async () => {
    const { tasks } = await lease(1);
    expect(await reasonOf(submit({ ...tasks[0]!, taskId: 'nope' }, '1'))).toEqual(['not-found', undefined]);
    expect(await reasonOf(submit({ ...tasks[0]!, campaignId: 'nope' }, '1'))).toEqual(['not-found', undefined]);
  });

  it('closes with the last answer, with label set, coverage and reason', async () => {
    const { tasks } = await lease(4);
    for (const [index, task] of tasks.entries())
      await (index < 3 ? submit(task, String(index % 2), { id: index + 1 }) : submit(task, '', { id: 9, skip: true }));
    await service.drain();
    expect(closed()).toMatchObject([{ passed: true, reason: 'ItemBudgetExhausted', answered: 3, unanswered: 1 }]);
    const [event] = closed();
    const labels = JSON.parse(
      new TextDecoder().decode(await platform.artifacts.get(event!.labelSet!.digest)),
    ) as unknown;
    expect(labels).toEqual(Object.fromEntries(tasks.slice(0, 3).map((task, index) => [task.rowKey, index % 2])));
    expect(event!.quality.find((estimate) => estimate.name === 'coverage')).toMatchObject({
      value: 0.75,
      n: 4n,
      method: 'counted, no interval',
    });
    expect(event).toMatchObject({ verdict: Verdict.PASS, explanation: '3 of 4 rows have a label, 0 % must' });
    expect(event!.moreTasksNeeded).toBeUndefined();
    expect(await reasonOf(lease(1))).toEqual(['failed-precondition', 'CAMPAIGN_CLOSED']);
    await platform.clock.advance(10_000);
    await service.drain();
    expect(closed()).toHaveLength(1);
  });
});

describe('the end of a campaign', () => {
  it('comes when time is up, and the cycle goes on without unanswered rows', async () => {
    await open();
    const { tasks } = await lease(1);
    await submit(tasks[0]!, '1');
    await platform.clock.advance(2_999);
    await service.drain();
    expect(closed()).toEqual([]);
    await platform.clock.advance(1);
    await service.drain();
    expect(closed()).toMatchObject([{ passed: true, reason: 'TimeBudgetExhausted', answered: 1, unanswered: 3 }]);
    expect(await reasonOf(submit(tasks[0]!, '0', { id: 5 }))).toEqual(['failed-precondition', 'CAMPAIGN_CLOSED']);
  });

  it('names no label set when nobody answered', async () => {
    await open();
    await platform.clock.advance(3_000);
    await service.drain();
    expect(closed()).toMatchObject([{ passed: true, answered: 0, unanswered: 4 }]);
    expect(closed()[0]?.labelSet).toBeUndefined();
  });

  it('does not pass below the quality the policy insists on', async () => {
    await service.close();
    await platform.close();
    await start(
      ['maxItems: 24', 'maxItems: 4'],
      ['minCoverage: 0', 'minCoverage: 0.5'],
      ['onExhausted: ContinueWithout', 'onExhausted: Fail'],
    );
    await open();
    const { tasks } = await lease(1);
    await submit(tasks[0]!, '1');
    await platform.clock.advance(3_000);
    await service.drain();
    expect(closed()).toMatchObject([{ passed: false, answered: 1, unanswered: 3 }]);
    expect(closed()[0]?.labelSet).toBeUndefined();
  });

  it('comes at once when the cycle is cancelled', async () => {
    await open();
    await platform.publish(
      CancelLabelCampaignSchema,
      { pipeline, cycleId: 'cycle-1', reason: 'superseded' },
      { key: pipeline },
    );
    await service.drain();
    expect(closed()).toMatchObject([{ passed: false, reason: 'Cancelled' }]);
    expect(await reasonOf(lease(1))).toEqual(['failed-precondition', 'CAMPAIGN_CLOSED']);
  });
});

describe('independent answers', () => {
  it('of two people are compared; none sees the other or a blind suggestion before answering', async () => {
    await service.close();
    await platform.close();
    await start(
      ['maxItems: 24', 'maxItems: 2'],
      ['blindShare: 0.15', 'blindShare: 1'],
      ['    quality:', '    annotatorsPerTask: 2\n    quality:'],
    );
    await open({ champion: true });
    const mine = await lease(2, ann);
    expect(mine.tasks.every((task) => task.blind && task.suggestion === '')).toBe(true);
    const afterwards = await submit(mine.tasks[0]!, '1');
    expect(afterwards.suggestion).not.toBe('');
    await submit(mine.tasks[1]!, '0', { id: 2 });
    const listed = await service
      .rpc(LabelingService)
      .listTasks(create(ListTasksRequestSchema, { campaignId: openedId() }), bob);
    expect(listed.tasks?.every((task) => task.answers?.length === 0 && task.suggestion === '')).toBe(true);
    const theirs = await lease(2, bob);
    await submit(theirs.tasks[0]!, '1', { id: 3, context: bob });
    await submit(theirs.tasks[1]!, '0', { id: 4, context: bob });
    await service.drain();
    const agreement = closed()[0]?.quality.find((estimate) => estimate.name === 'agreement');
    expect(agreement).toMatchObject({ value: 1, n: 2n });
    expect(closed()[0]).toMatchObject({ verdict: Verdict.PASS });
  });

  it('too few to tell how far people agree are asked for once more, then end undecided and unused', async () => {
    await service.close();
    await platform.close();
    await start(
      ['maxItems: 24', 'maxItems: 2'],
      ['blindShare: 0.15', 'blindShare: 0'],
      ['    quality:', '    annotatorsPerTask: 2\n    quality:'],
      ['minCoverage: 0', 'minCoverage: 0, minAgreement: 0.8'],
    );
    await open();
    let id = 40;
    const answerAll = async (context: typeof ann): Promise<void> => {
      for (const [at, task] of (await lease(2, context)).tasks.entries())
        await submit(task, String(at), { context, id: id++ });
      await service.drain();
    };
    const campaign = async () =>
      (await service.rpc(LabelingService).listCampaigns(create(ListCampaignsRequestSchema, { pipeline }), viewer))
        .campaigns![0]!;
    await answerAll(ann);
    await answerAll(bob);
    expect(closed()).toEqual([]);
    expect(platform.recorded(LabelCampaignExtendedSchema).map(({ message }) => message)).toMatchObject([
      { campaignId: openedId(), answersPerTask: 3, agreement: { value: 1, limit: 0.8, n: 2n } },
    ]);
    expect(await campaign()).toMatchObject({ state: 'Open', answered: 0, tasks: 2, answersPerTask: 3 });
    expect((await lease(2, ann)).tasks).toEqual([]);
    await answerAll(rpcContext('cat', 'annotator'));
    expect(platform.recorded(LabelCampaignExtendedSchema)).toHaveLength(2);
    await platform.clock.advance(3_000);
    await service.drain();
    const [event] = closed();
    expect(event).toMatchObject({ passed: true, reason: 'TimeBudgetExhausted', verdict: Verdict.INCONCLUSIVE });
    expect(event!.labelSet).toBeUndefined();
    expect(event!.explanation).toMatch(/undecided; about \d+ more tasks/);
    expect(event!.moreTasksNeeded).toBeGreaterThan(10);
    expect(await campaign()).toMatchObject({ verdict: Verdict.INCONCLUSIVE, explanation: event!.explanation });
  });
});

describe('gold tasks', () => {
  const GOLD = 'gold: { column: settled, share: 0.5, minAccuracy: 0.8 }';
  const startWithGold = async (): Promise<void> => {
    await service.close();
    await platform.close();
    await start(
      ['maxItems: 24', 'maxItems: 40'],
      ['blindShare: 0.15', 'blindShare: 0'],
      ['maxDuration: 3s', 'maxDuration: 1h'],
      ['    quality:', `    ${GOLD}\n    quality:`],
    );
  };
  const rpc = () => service.rpc(LabelingService);
  const numberOf = (task: LabelTask): number => Number(task.rowKey.slice(-3));
  const isGold = (task: LabelTask): boolean => numberOf(task) % 2 === 1;
  const truth = (task: LabelTask): string => (numberOf(task) > 20 ? '1' : '0');
  const annotators = async (context = viewer) =>
    (await rpc().listAnnotators(create(ListAnnotatorsRequestSchema, { pipeline }), context)).annotators ?? [];
  let requests = 100;

  /** Answers one task after the other as `judge` says, until there are none left or the work is refused. */
  async function work(context: typeof ann, judge: (task: LabelTask) => string): Promise<LabelTask[]> {
    const done: LabelTask[] = [];
    for (;;) {
      const { tasks } = await lease(1, context);
      if (tasks.length === 0) return done;
      await submit(tasks[0]!, judge(tasks[0]!), { context, id: requests++ });
      done.push(tasks[0]!);
    }
  }
  const wrong = (task: LabelTask): string => (truth(task) === '1' ? '0' : '1');

  it('are mixed in unrecognised, are no labels, and show the skill of each annotator', async () => {
    await startWithGold();
    await open({ review: settled, champion: true });
    expect(platform.recorded(LabelCampaignOpenedSchema).at(-1)!.message.tasks).toBe(20);
    const { tasks: all } = await rpc().listTasks(create(ListTasksRequestSchema, { campaignId: openedId() }), ann);
    expect(all).toHaveLength(40);
    expect(all!.every((task) => task.knownAnswer === '' && !task.rowJson!.includes('settled'))).toBe(true);

    const { tasks: leased } = await lease(30, ann);
    const done = new Set<string>();
    for (const task of leased.filter((one, at) => isGold(one) || at < 15)) {
      await submit(task, truth(task), { id: requests++ });
      done.add(task.taskId);
    }
    const golden = leased.filter((task) => isGold(task));
    const [campaign] = (await rpc().listCampaigns(create(ListCampaignsRequestSchema, { pipeline }), ann)).campaigns!;
    expect(campaign).toMatchObject({ tasks: 40, answered: done.size });
    expect(await annotators()).toMatchObject([
      {
        annotator: 'ann',
        state: 'Active',
        answered: done.size,
        goldTasksNeeded: Math.max(0, 10 - golden.length),
        accuracy: { value: (golden.length + 1) / (golden.length + 2), n: BigInt(golden.length), limit: 0.8 },
      },
    ]);
    // Another person is asked the same gold tasks, and sees nobody else's skill.
    const theirs = await lease(30, bob);
    expect(theirs.tasks.some((task) => isGold(task) && done.has(task.taskId))).toBe(true);
    expect(theirs.tasks.every((task) => task.answers.length === 0 && task.state === 'Leased')).toBe(true);
    expect(await annotators(bob)).toEqual([]);
    // Nor their own while it would tell which task was gold.
    const own = await annotators(ann);
    expect(own).toMatchObject([{ annotator: 'ann', goldTasksNeeded: 10 }]);
    expect(own[0]!.accuracy).toBeUndefined();

    await platform.clock.advance(3_600_000);
    await service.drain();
    const [event] = closed();
    const labels = JSON.parse(
      new TextDecoder().decode(await platform.artifacts.get(event!.labelSet!.digest)),
    ) as Record<string, number>;
    expect(Object.keys(labels).some((key) => Number(key.slice(-3)) % 2 === 1)).toBe(false);
    expect(event!.answered! + event!.unanswered!).toBe(20);
    expect(event!.quality!.find(({ name }) => name === 'goldAccuracy')).toMatchObject({
      value: 1,
      n: BigInt(golden.length),
    });
    expect(event!.goldTaskIds).toHaveLength(20);
    expect(event!.goldTaskIds).toEqual(expect.arrayContaining(golden.map(({ taskId }) => taskId)));
    expect(await annotators(ann)).toMatchObject([{ accuracy: { n: BigInt(golden.length) } }]);
    const { tasks: after } = await rpc().listTasks(create(ListTasksRequestSchema, { campaignId: openedId() }), ann);
    expect(after!.filter((task) => task.knownAnswer !== '')).toHaveLength(20);
  });

  it('pause an annotator who gets them wrong, with the reason, until a person lets them go on', async () => {
    await startWithGold();
    await open({ review: settled });
    const refused = await reasonOf(work(ann, wrong));
    expect(refused).toEqual(['failed-precondition', 'ANNOTATOR_PAUSED']);
    await service.drain();
    const explanation = expect.stringMatching(
      /^0 of 10 gold tasks right .* below 80 % with a probability of more than 99\.9 %$/,
    );
    expect(platform.recorded(AnnotatorPausedSchema).map(({ message }) => message)).toMatchObject([
      { pipeline, annotator: 'ann', campaignId: openedId(), explanation, accuracy: { n: 10n, limit: 0.8 } },
    ]);
    expect(await annotators(lead)).toMatchObject([{ annotator: 'ann', state: 'Paused', explanation }]);

    // In the next cycle too.
    await open({ review: settled, idempotencyKey: 'k2' });
    expect(await reasonOf(lease(1, ann))).toEqual(['failed-precondition', 'ANNOTATOR_PAUSED']);
    expect((await lease(1, bob)).tasks).toHaveLength(1);

    const request = { pipeline, annotator: 'ann', reason: 'read the guideline again', requestId: uuid(77) };
    const resume = () => rpc().resumeAnnotator(create(ResumeAnnotatorRequestSchema, request), lead);
    expect(await resume()).toMatchObject({ state: 'Active', goldTasksNeeded: 10 });
    expect(await resume()).toMatchObject({ state: 'Active' });
    expect(
      await reasonOf(
        Promise.resolve(
          rpc().resumeAnnotator(create(ResumeAnnotatorRequestSchema, { ...request, requestId: uuid(78) }), lead),
        ),
      ),
    ).toEqual(['failed-precondition', 'ANNOTATOR_ACTIVE']);
    expect(platform.recorded(AnnotatorResumedSchema).map(({ message }) => message)).toMatchObject([
      { pipeline, annotator: 'ann', by: { id: 'lena' }, reason: 'read the guideline again' },
    ]);
    expect((await lease(1, ann)).tasks).toHaveLength(1);
  });

  it('set aside what a paused annotator answered in the open campaign: others are asked again, and no label rests on it', async () => {
    await startWithGold();
    await open({ review: settled });
    const asked: LabelTask[] = [];
    const careless = (task: LabelTask): string => {
      if (!isGold(task)) asked.push(task);
      return wrong(task);
    };
    expect(await reasonOf(work(ann, careless))).toEqual(['failed-precondition', 'ANNOTATOR_PAUSED']);
    expect(asked.length).toBeGreaterThan(0);
    const [campaign] = (await rpc().listCampaigns(create(ListCampaignsRequestSchema, { pipeline }), viewer)).campaigns!;
    expect(campaign).toMatchObject({ answered: 10 });
    const task = () =>
      rpc().getTask(create(GetTaskRequestSchema, { campaignId: openedId(), taskId: asked[0]!.taskId }), viewer);
    expect(await task()).toMatchObject({ state: 'Open', answers: [{ annotator: 'ann' }] });

    // Until there is nothing left to lease.
    await reasonOf(work(bob, truth));
    const [event] = closed();
    expect(event).toMatchObject({ reason: 'Complete', answered: 20 });
    const bytes = await platform.artifacts.get(event!.labelSet!.digest);
    const labels = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, number>;
    for (const { rowKey, ...rest } of asked)
      expect([rowKey, labels[rowKey]]).toEqual([rowKey, Number(truth({ rowKey, ...rest }))]);
  });

  it('need a known answer that can be read', async () => {
    await startWithGold();
    await open();
    expect(platform.recorded(StepFailedSchema)[0]!.message).toMatchObject({ step: 'label', code: 'invalid' });
  });
});
