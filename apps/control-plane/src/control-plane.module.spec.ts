import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create, toJson, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { Secret } from '@rondo/config';
import {
  AbortRolloutSchema,
  ApplyPipelineRequestSchema,
  ApprovalClosedSchema,
  ApprovalService,
  ArrivalAcceptedSchema,
  ArrivalMergedSchema,
  AuditService,
  BatchQuarantinedSchema,
  BatchReadySchema,
  CancelTrainingSchema,
  CandidateFailedSchema,
  CandidateTrainedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CyclePhaseChangedSchema,
  CycleOverrideRequestSchema,
  CycleService,
  DecisionMadeSchema,
  DriftEvaluatedSchema,
  PerformanceEvaluatedSchema,
  DriftState,
  EvaluateCandidateSchema,
  EvaluationCompletedSchema,
  EventService,
  HoldRequestSchema,
  IncidentOpenedSchema,
  IncidentService,
  LabelCampaignClosedSchema,
  ListApprovalsRequestSchema,
  ListAuditEntriesRequestSchema,
  ListEventsRequestSchema,
  ListSpansRequestSchema,
  ListSpansResponseSchema,
  OperationsService,
  ListIncidentsRequestSchema,
  ModelService,
  OpenLabelCampaignSchema,
  PipelineService,
  PrepareSnapshotSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStartedSchema,
  RoutingChangedSchema,
  Severity,
  SnapshotPreparedSchema,
  StartRolloutSchema,
  StepFailedSchema,
  TrainCandidateSchema,
  TriggerCycleRequestSchema,
  Verdict,
  VerifyAuditRequestSchema,
  VoteRequestSchema,
  type Cycle,
} from '@rondo/contracts';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { ControlPlaneModule } from './control-plane.module.js';

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const FIRST = Date.UTC(2001, 0, 1);
const pipeline = 'flight-delay';
const endpoint = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const digest = (n: number): string => `sha256:${String(n).padStart(64, '0')}`;
const artifact = (n: number) => ({ digest: digest(n), mediaType: 'x', sizeBytes: 10n });
const people = ({ rows = 0n } = {}) => ({ reviewRows: rows, ...(rows > 0n && { reviewArtifact: artifact(77) }) });

/** Its clock gives fractions of a nanosecond, as the tracing library's does. */
const span = {
  traceId: 't',
  spanId: 's',
  parentSpanId: '',
  name: 'job',
  service: 'x',
  startMs: 1_795_447_602_889.5,
  endMs: 1_795_447_602_890.165_527_3,
  error: false,
  attributes: {},
  linkedTraceIds: [],
};

let platform: TestPlatform;
let service: TestService;

/** Of the example: 56 days. */
const COOL_DOWN_AFTER_ROLLBACK_MS = 56 * 86_400_000;
const documentText = (edit: (text: string) => string = (text) => text): string =>
  edit(readFileSync(new URL('pipeline.yaml', folder), 'utf8'));
const files = () => ({
  'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
  'features.sql': new Uint8Array(readFileSync(new URL('features.sql', folder))),
});
/** The example without the rule that approves by itself, and with little time to vote. */
const supervised = (text: string): string =>
  text.replace(/\n {4}autoApprove:[\s\S]*?(?=\n\n {2}\S)/, '').replace('timeout: 3d', 'timeout: 30m');

beforeEach(async () => {
  platform = testPlatform('control-plane');
  const surroundings = {
    version: '0',
    mode: 'embedded',
    journals: [{ service: 'control-plane', journal: platform.journal }],
    spans: ({ cycleId }: { cycleId: string }) => Promise.resolve(cycleId === 'traced-elsewhere' ? [] : [span]),
    traceUrl: (traceId: string) => `http://jaeger/trace/${traceId}`,
  };
  service = await testService(
    platform,
    ControlPlaneModule.forRoot({ config: { webhookSecret: new Secret('s') }, surroundings }),
  );
});

afterEach(async () => {
  await service.close();
  await platform.close();
});

const author = rpcContext('author', 'operator');
const operator = rpcContext('olga', 'operator');
const approver = rpcContext('anna', 'approver');

async function apply(edit?: (text: string) => string) {
  const request = create(ApplyPipelineRequestSchema, {
    document: documentText(edit),
    files: files(),
    changeReason: 'spec',
  });
  return service.rpc(PipelineService).applyPipeline(request, author);
}

async function say<D extends Parameters<TestPlatform['publish']>[0]>(
  schema: D,
  message: MessageInitShape<D>,
): Promise<void> {
  await platform.publish(schema, message, { key: pipeline });
  await service.drain();
}

const interval = (week: number) => ({
  start: timestampFromMs(FIRST + week * WEEK),
  end: timestampFromMs(FIRST + (week + 1) * WEEK),
});

async function weekArrives(week: number, readyRowsTotal = 500_000n): Promise<void> {
  const eventId = `week-${week}`;
  await say(ArrivalAcceptedSchema, {
    pipeline,
    eventId,
    eventSource: 'up',
    batchId: `b${week}`,
    uri: `w${week}.parquet`,
    dataInterval: interval(week),
    announcedAt: timestampFromMs(0),
    dedupeKey: `w${week}`,
  });
  await say(BatchReadySchema, {
    pipeline,
    batchId: `b${week}`,
    eventId,
    dataInterval: interval(week),
    rowsArtifact: artifact(60),
    featuresArtifact: artifact(61),
    rows: 110_000n,
    labeledRows: 110_000n,
    policyGeneration: 1n,
    readyRowsTotal,
  });
}

const last = <D extends Parameters<TestPlatform['recorded']>[0]>(schema: D) => {
  const all = platform.recorded(schema);
  expect(all.length).toBeGreaterThan(0);
  return all.at(-1)!.message;
};

async function cycle(number: number): Promise<Cycle> {
  return (await service
    .rpc(CycleService)
    .getCycle({ $typeName: 'rondo.control.v1.GetCycleRequest', cycleId: '', pipeline, number }, operator)) as Cycle;
}

async function snapshotPrepared(rows = 0n): Promise<void> {
  const { cycleId } = last(PrepareSnapshotSchema);
  const splits = ['train', 'validation', 'test'].map((name, i) => ({
    name,
    artifact: artifact(i + 1),
    rows: 1000n,
    dataInterval: interval(i),
  }));
  await say(SnapshotPreparedSchema, {
    pipeline,
    cycleId,
    snapshotDigest: digest(9),
    splits,
    featureViewDigest: digest(8),
    manifest: artifact(62),
    ...people({ rows }),
  });
}

const logLoss = (value: number) => ({
  name: 'logLoss',
  value,
  lower: value - 0.001,
  upper: value + 0.001,
  confidence: 0.95,
  n: 1000n,
  slice: 'all',
  method: 'm',
});

/** Every cycle trains models of its own, unless a model is given. */
async function candidatesTrained(
  model = artifact(40 + platform.recorded(EvaluateCandidateSchema).length),
): Promise<void> {
  for (const { message: command } of platform.recorded(TrainCandidateSchema).slice(-3)) {
    const value = { 'trees-small': 0.45, 'trees-large': 0.4, logistic: 0.6 }[command.candidate] ?? 0.5;
    await say(CandidateTrainedSchema, {
      pipeline,
      cycleId: command.cycleId,
      candidate: command.candidate,
      snapshotDigest: command.snapshotDigest,
      model,
      trainer: 't',
      attempt: 1,
      validation: [logLoss(value)],
      featureImportance: [1, 0],
      featureReliance: [
        { name: 'reliance', value: 0.2, lower: 0.1, upper: 0.3, confidence: 0.95, n: 50n, slice: 'f0' },
      ],
      complexity: 5n,
    });
  }
}

async function evaluated(verdict: Verdict, requiresReview = false): Promise<void> {
  const { cycleId, candidate, model } = last(EvaluateCandidateSchema);
  await say(EvaluationCompletedSchema, {
    pipeline,
    cycleId,
    candidate,
    model,
    verdict,
    requiresReview,
    report: artifact(50),
    modelCard: artifact(51),
    metrics: [logLoss(0.41)],
    gates: [{ gate: 'g', severity: Severity.BLOCKING, verdict, explanation: 'because' }],
  });
}

async function rolledOut(result: RolloutResult, week: number): Promise<void> {
  const { cycleId, candidate, champion } = last(StartRolloutSchema);
  const rolloutId = `r-${cycleId}`;
  await say(RolloutStartedSchema, { pipeline, cycleId, rolloutId, endpoint, candidate, champion });
  const promoted = result === RolloutResult.PROMOTED;
  if (promoted)
    await say(RoutingChangedSchema, {
      pipeline,
      endpoint,
      epoch: 1n,
      champion: candidate,
      rolloutId,
      reason: 'all steps passed',
    });
  await say(RolloutFinishedSchema, {
    pipeline,
    cycleId,
    rolloutId,
    endpoint,
    result,
    candidate,
    champion,
    cause: 'accuracy',
    eventTime: timestampFromMs(FIRST + week * WEEK),
  });
}

async function bootstrapped(): Promise<void> {
  await apply();
  for (let week = 0; week < 4; week++) await weekArrives(week, BigInt(week + 1) * 110_000n);
  await snapshotPrepared();
  await candidatesTrained();
  await evaluated(Verdict.PASS);
  await rolledOut(RolloutResult.PROMOTED, 4);
}

describe('the control-plane', () => {
  it('refuses a document as a whole and names every problem', async () => {
    const answer = await apply((text) =>
      text.replace('maxLeaves: 15', 'maxLeafs: 15').replace("'eval.ece <= 0.03'", "'eval.eec <= 0.03'"),
    );
    expect(answer.outcome).toBe('refused');
    expect(answer.problems?.map((problem) => problem.path).join(' ')).toMatch(/maxLeafs.*expr|expr.*maxLeafs/);
    expect(
      (
        await service
          .rpc(PipelineService)
          .listPipelines({ $typeName: 'rondo.control.v1.ListPipelinesRequest' }, operator)
      ).pipelines,
    ).toEqual([]);
  });

  it('says created, unchanged, configured, and counts generations', async () => {
    expect((await apply()).outcome).toBe('created');
    expect((await apply()).outcome).toBe('unchanged');
    const changed = await apply((text) => text.replace('seed: 20010101', 'seed: 7'));
    expect([changed.outcome, changed.pipeline?.generation]).toEqual(['configured', 2n]);
  });

  it('gives spans times that have a JSON form', async () => {
    const answer = await service
      .rpc(OperationsService)
      .listSpans(create(ListSpansRequestSchema, { traceId: 't' }), operator);
    const json = toJson(ListSpansResponseSchema, create(ListSpansResponseSchema, answer));
    expect(json).toMatchObject({
      spans: [{ start: '2026-11-23T15:26:42.889500Z', end: '2026-11-23T15:26:42.890165Z' }],
    });
  });

  it('says where the traces of a cycle are when its spans are kept elsewhere', async () => {
    const traces = ['a', 'b', 'a'].map((digit) => digit.repeat(32));
    for (const [at, traceId] of traces.entries()) {
      const headers = { cycleid: 'traced-elsewhere', traceparent: `00-${traceId}-${'1'.repeat(16)}-01` };
      const message = create(StepFailedSchema, {
        pipeline,
        cycleId: 'traced-elsewhere',
        step: 'train',
        idempotencyKey: 'k',
        code: 'x',
      });
      await platform.journal.once({ consumer: 'spec', messageId: String(at) }, (unit) =>
        unit.save({
          kind: 'spec',
          id: String(at),
          state: {},
          outgoing: [{ schema: StepFailedSchema, message, key: pipeline, headers }],
        }),
      );
    }
    const { traceUrls } = await service
      .rpc(OperationsService)
      .listSpans(create(ListSpansRequestSchema, { cycleId: 'traced-elsewhere' }), operator);
    expect(traceUrls).toEqual([`http://jaeger/trace/${'a'.repeat(32)}`, `http://jaeger/trace/${'b'.repeat(32)}`]);
  });

  it('keeps the files of the generation before when the document comes without them', async () => {
    await apply();
    const alone = (edit: (text: string) => string) =>
      create(ApplyPipelineRequestSchema, { document: documentText(edit), changeReason: 'spec' });
    const pipelines = service.rpc(PipelineService);
    expect(
      (
        await pipelines.applyPipeline(
          alone((text) => text),
          author,
        )
      ).outcome,
    ).toBe('unchanged');
    const diff = await pipelines.diffPipeline(
      alone((text) => text.replace('seed: 20010101', 'seed: 7')),
      author,
    );
    expect([diff.problems, diff.changes?.map(({ path }) => path)]).toEqual([[], [expect.stringContaining('seed')]]);
    const renamed = await pipelines.diffPipeline(
      alone((text) => text.replace('file: features.sql', 'file: other.sql')),
      author,
    );
    expect(renamed.problems?.map(({ rule }) => rule)).toContain('file-present');
  });

  it('does not lend files to a pipeline that was never applied', async () => {
    const request = create(ApplyPipelineRequestSchema, { document: documentText(), changeReason: 'spec' });
    expect((await service.rpc(PipelineService).applyPipeline(request, author)).outcome).toBe('refused');
  });

  it('bootstraps a champion and gives every event a fate', async () => {
    await bootstrapped();
    const done = await cycle(1);
    expect([done.phase, done.result, done.trigger]).toEqual(['Finished', 'Promoted', 'bootstrap']);
    const selected = done.candidates.find((candidate) => candidate.selected);
    expect(selected).toMatchObject({ name: 'trees-large', featureReliance: [{ slice: 'f0', lower: 0.1, n: 50n }] });
    expect(last(ChampionChangedSchema).to?.version).toBe(1);
    const { events, pending, total } = await service
      .rpc(EventService)
      .listEvents(create(ListEventsRequestSchema, { pipeline }), operator);
    expect([pending, total]).toEqual([0n, 4n]);
    expect(events?.map((event) => event.cycleNumber).sort()).toEqual([0, 0, 0, 1]);
    expect(events?.map((event) => event.fate).sort()).toEqual(['Caused', 'Held', 'Held', 'Held']);
  });

  it('holds triggers while it cools down, in the time of the data', async () => {
    await bootstrapped();
    await weekArrives(4);
    await weekArrives(5);
    const decisions = platform.recorded(DecisionMadeSchema).slice(-2);
    expect(decisions.map(({ message }) => message.verdict)).toEqual(['Hold', 'Hold']);
    const { cycles } = await service
      .rpc(CycleService)
      .listCycles({ $typeName: 'rondo.control.v1.ListCyclesRequest', pipeline, pageSize: 0, pageToken: '' }, operator);
    expect(cycles).toHaveLength(1);
  });

  it('handles a message twice without doing anything twice', async () => {
    await apply();
    const message = {
      pipeline,
      batchId: 'b',
      eventId: 'e',
      dataInterval: interval(3),
      rowsArtifact: artifact(60),
      featuresArtifact: artifact(61),
      policyGeneration: 1n,
      rows: 1n,
      labeledRows: 1n,
      readyRowsTotal: 500_000n,
    };
    await platform.publish(BatchReadySchema, message, { key: pipeline, id: 'same' });
    await platform.publish(BatchReadySchema, message, { key: pipeline, id: 'same' });
    await service.drain();
    expect(platform.recorded(PrepareSnapshotSchema)).toHaveLength(1);
    expect(platform.recorded(DecisionMadeSchema)).toHaveLength(1);
  });

  it('merges what arrives during a cycle, once each', async () => {
    await apply();
    await weekArrives(3);
    await weekArrives(4);
    expect(last(DecisionMadeSchema)).toMatchObject({ verdict: 'Merge', reason: 'CycleActive' });
    expect((await cycle(1)).mergedEventIds).toEqual(['week-4']);
  });

  it('records quarantined and repeated announcements with their fate, and starts nothing', async () => {
    await apply();
    await say(ArrivalAcceptedSchema, {
      pipeline,
      eventId: 'bad',
      eventSource: 'up',
      batchId: 'b',
      uri: 'u',
      dataInterval: interval(1),
      announcedAt: timestampFromMs(0),
      dedupeKey: 'u',
    });
    await say(BatchQuarantinedSchema, {
      pipeline,
      batchId: 'b',
      eventId: 'bad',
      dataInterval: interval(1),
      findings: [{ code: 'MISSING_COLUMN', field: 'delay', message: 'delay is missing' }],
      rows: 5n,
      uri: 'u',
    });
    await say(ArrivalMergedSchema, {
      pipeline,
      eventId: 'bad',
      eventSource: 'up',
      batchId: 'b',
      announcedAt: timestampFromMs(0),
    });
    const { events } = await service
      .rpc(EventService)
      .listEvents(create(ListEventsRequestSchema, { pipeline }), operator);
    expect(events?.map((event) => event.fate).sort()).toEqual(['Merged', 'Quarantined']);
    expect(events?.find((event) => event.fate === 'Quarantined')?.findings?.[0]).toMatchObject({
      code: 'MISSING_COLUMN',
      field: 'delay',
    });
    expect(platform.recorded(PrepareSnapshotSchema)).toHaveLength(0);
  });

  it('asks people about doubtful rows, and prepares again with their labels', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared(12n);
    const { cycleId } = last(OpenLabelCampaignSchema);
    expect((await cycle(1)).phase).toBe('Labeling');
    await say(LabelCampaignClosedSchema, {
      pipeline,
      cycleId,
      campaignId: 'c',
      labelSet: artifact(60),
      passed: true,
      reason: 'Complete',
      answered: 12,
      unanswered: 0,
    });
    expect(last(PrepareSnapshotSchema).labelSet?.digest).toBe(digest(60));
    await snapshotPrepared(12n);
    expect((await cycle(1)).phase).toBe('Training');
  });

  it('goes on without labels when nobody answered', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared(12n);
    await say(LabelCampaignClosedSchema, {
      pipeline,
      cycleId: last(OpenLabelCampaignSchema).cycleId,
      campaignId: 'c',
      passed: true,
      reason: 'TimeBudgetExhausted',
      answered: 0,
      unanswered: 12,
    });
    expect((await cycle(1)).phase).toBe('Training');
    expect(platform.recorded(PrepareSnapshotSchema)).toHaveLength(1);
  });

  it.each([
    [
      true,
      'Training',
      /^5 of 12 doubtful rows labeled \(Complete\); no label is used: agreement 0.9, undecided; 3 candidates$/,
    ],
    [false, 'Finished', /^label quality undecided: 5 of 12 doubtful rows labeled .*: agreement 0.9, undecided$/],
  ] as const)(
    'says that no label was used because agreement was undecided; goes on: %s',
    async (passed, phase, reason) => {
      await apply();
      await weekArrives(3);
      await snapshotPrepared(12n);
      const { cycleId } = last(OpenLabelCampaignSchema);
      const end = { verdict: Verdict.INCONCLUSIVE, explanation: 'agreement 0.9, undecided', moreTasksNeeded: 30 };
      await say(LabelCampaignClosedSchema, {
        pipeline,
        cycleId,
        campaignId: 'c',
        passed,
        reason: 'Complete',
        answered: 5,
        unanswered: 7,
        ...end,
      });
      expect((await cycle(1)).phase).toBe(phase);
      expect(passed ? last(CyclePhaseChangedSchema).reason : last(CycleFinishedSchema).reason).toMatch(reason);
    },
  );

  it('goes on with the candidates that could be trained, and fails with none', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared();
    const { cycleId } = last(TrainCandidateSchema);
    const fail = (candidate: string) =>
      say(CandidateFailedSchema, { pipeline, cycleId, candidate, code: 'TrainerExit', message: 'died' });
    await fail('trees-large');
    await fail('logistic');
    expect((await cycle(1)).phase).toBe('Training');
    await fail('trees-small');
    expect(await cycle(1)).toMatchObject({ phase: 'Finished', result: 'Failed', failedStep: 'Training' });
    expect(last(CycleFinishedSchema).reason).toContain('trees-small: TrainerExit: died');
  });

  it('rejects what the evaluation refuses and never asks for a rollout', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared();
    await candidatesTrained();
    await evaluated(Verdict.FAIL);
    expect((await cycle(1)).result).toBe('Rejected');
    await weekArrives(4);
    expect(last(DecisionMadeSchema).reason).toBe('CoolingDown');
    expect(platform.recorded(StartRolloutSchema)).toHaveLength(0);
  });

  it('rejects a challenger that is the champion byte for byte, before anybody is asked to judge it', async () => {
    await bootstrapped();
    const judged = platform.recorded(EvaluateCandidateSchema).length;
    await service
      .rpc(CycleService)
      .triggerCycle(
        create(TriggerCycleRequestSchema, { pipeline, reason: 'nothing new', requestId: uuid(1) }),
        operator,
      );
    await service.drain();
    await snapshotPrepared();
    const { champion } = await service
      .rpc(PipelineService)
      .getPipeline({ $typeName: 'rondo.control.v1.GetPipelineRequest', pipeline }, operator);
    await candidatesTrained({ ...artifact(0), digest: champion?.digest ?? '' });
    expect(await cycle(2)).toMatchObject({
      phase: 'Finished',
      result: 'Rejected',
      reason: expect.stringContaining('byte for byte'),
    });
    expect(platform.recorded(EvaluateCandidateSchema)).toHaveLength(judged);
  });

  it('opens an incident and holds triggers after a rollback', async () => {
    await bootstrapped();
    await service
      .rpc(CycleService)
      .triggerCycle(
        create(TriggerCycleRequestSchema, { pipeline, reason: 'second try', requestId: uuid(1) }),
        operator,
      );
    await service.drain();
    await snapshotPrepared();
    await candidatesTrained();
    await evaluated(Verdict.PASS);
    await rolledOut(RolloutResult.ROLLED_BACK, 6);
    expect((await cycle(2)).result).toBe('RolledBack');
    expect(last(IncidentOpenedSchema).summary).toContain('rolled back: accuracy');
    const { incidents } = await service
      .rpc(IncidentService)
      .listIncidents(create(ListIncidentsRequestSchema, { pipeline }), operator);
    expect(incidents?.[0]?.state).toBe('Open');
    const state = await service
      .rpc(PipelineService)
      .getPipeline({ $typeName: 'rondo.control.v1.GetPipelineRequest', pipeline }, operator);
    expect(state.coolingDownAfter).toBe('rollback');
    const endedAt = create(TimestampSchema, last(CycleFinishedSchema).eventTime);
    expect(state.coolingDownUntil).toEqual(timestampFromMs(timestampMs(endedAt) + COOL_DOWN_AFTER_ROLLBACK_MS));
    expect(state.champion?.version).toBe(1);
  });

  it('keeps who was champion when', async () => {
    await bootstrapped();
    const { championHistory, models } = await service
      .rpc(ModelService)
      .listModels({ $typeName: 'rondo.control.v1.ListModelsRequest', pipeline }, operator);
    expect(models?.[0]?.aliases).toEqual(['champion']);
    expect(championHistory).toHaveLength(1);
    const at = (ms: number) =>
      service
        .rpc(ModelService)
        .getChampionAt(
          { $typeName: 'rondo.control.v1.GetChampionAtRequest', pipeline, at: timestampFromMs(ms) },
          operator,
        );
    expect((await at(platform.clock.now())).model?.version).toBe(1);
    await expect(at(0)).rejects.toThrow('had no champion');
  });
});

describe('people', () => {
  async function waitingForApproval(): Promise<{ id: string; bound: string }> {
    await apply(supervised);
    await weekArrives(3);
    await snapshotPrepared();
    await candidatesTrained();
    await evaluated(Verdict.PASS);
    const { approvals } = await service
      .rpc(ApprovalService)
      .listApprovals(create(ListApprovalsRequestSchema, { pipeline, state: 'Open' }), operator);
    const open = approvals?.[0];
    return { id: open?.approvalId ?? '', bound: open?.boundDigest ?? '' };
  }
  const ballot = (id: string, bound: string, requestId: string, approve = true) =>
    create(VoteRequestSchema, { approvalId: id, approve, rationale: 'read the report', boundDigest: bound, requestId });

  it('approve what they looked at, and only then traffic moves', async () => {
    const { id, bound } = await waitingForApproval();
    expect(platform.recorded(StartRolloutSchema)).toHaveLength(0);
    const vote = service.rpc(ApprovalService);
    await expect(vote.vote(ballot(id, digest(1), uuid(1)), approver)).rejects.toMatchObject({
      detail: { reason: 'EVIDENCE_CHANGED' },
    });
    await expect(vote.vote(ballot(id, bound, uuid(2)), author)).rejects.toMatchObject({
      detail: { reason: 'SELF_APPROVAL' },
    });
    expect((await vote.vote(ballot(id, bound, uuid(3)), approver)).state).toBe('Approved');
    await service.drain();
    expect(last(StartRolloutSchema).approvalId).toBe(id);
  });

  it('end the cycle with a rejection, and their reason is kept', async () => {
    const { id, bound } = await waitingForApproval();
    await service.rpc(ApprovalService).vote(ballot(id, bound, uuid(1), false), approver);
    expect(await cycle(1)).toMatchObject({ result: 'Rejected', reason: 'approval rejected: anna: read the report' });
  });

  it('may be too late: the time-out ends the request and approves nothing', async () => {
    const { id, bound } = await waitingForApproval();
    await platform.clock.advance(31 * 60_000);
    await service.drain();
    expect(last(ApprovalClosedSchema).decision).toBe('Expired');
    expect((await cycle(1)).phase).toBe('Finished');
    expect(platform.recorded(StartRolloutSchema)).toHaveLength(0);
    await expect(service.rpc(ApprovalService).vote(ballot(id, bound, uuid(9)), approver)).rejects.toMatchObject({
      detail: { reason: 'APPROVAL_CLOSED' },
    });
  });

  it('lose a request whose champion changed meanwhile', async () => {
    await bootstrapped();
    await apply(supervised);
    await service
      .rpc(CycleService)
      .triggerCycle(
        create(TriggerCycleRequestSchema, { pipeline, reason: 'second try', requestId: uuid(1) }),
        operator,
      );
    await service.drain();
    await snapshotPrepared();
    await candidatesTrained();
    await evaluated(Verdict.PASS);
    expect((await cycle(2)).phase).toBe('AwaitingApproval');
    await say(RoutingChangedSchema, {
      pipeline,
      endpoint,
      epoch: 9n,
      champion: { name: 'm', version: 2, digest: digest(40) },
      reason: 'olga: restored by hand',
    });
    expect((await cycle(2)).result).toBe('Superseded');
    expect(last(ApprovalClosedSchema).decision).toBe('Invalidated');
  });

  it('start a cycle once per request id, whatever cools down', async () => {
    await bootstrapped();
    const request = create(TriggerCycleRequestSchema, { pipeline, reason: 'new airport', requestId: uuid(1) });
    const first = await service.rpc(CycleService).triggerCycle(request, operator);
    const again = await service.rpc(CycleService).triggerCycle(request, operator);
    expect(again).toEqual(first);
    await service.drain();
    expect(await cycle(2)).toMatchObject({ trigger: 'manual', phase: 'Preparing' });
    const other = create(TriggerCycleRequestSchema, { pipeline, reason: 'something else', requestId: uuid(1) });
    await expect(service.rpc(CycleService).triggerCycle(other, operator)).rejects.toMatchObject({
      detail: { reason: 'REQUEST_ID_REUSED' },
    });
  });

  it('may rehearse an override: everything is checked and nothing changes', async () => {
    await bootstrapped();
    const request = create(TriggerCycleRequestSchema, {
      pipeline,
      reason: 'just asking',
      requestId: uuid(1),
      validateOnly: true,
    });
    expect((await service.rpc(CycleService).triggerCycle(request, operator)).record?.verdict).toBe('Start');
    await service.drain();
    await expect(cycle(2)).rejects.toThrow('there is no cycle');
  });

  it('cancel a cycle only in the state they saw', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared();
    const before = await cycle(1);
    const cancel = (etag: string, requestId: string) =>
      service
        .rpc(CycleService)
        .cancelCycle(
          create(CycleOverrideRequestSchema, { cycleId: before.cycleId, reason: 'wrong data', etag, requestId }),
          operator,
        );
    await expect(cancel('v1', uuid(1))).rejects.toMatchObject({
      code: 'conflict',
      detail: { reason: 'ETAG_MISMATCH' },
    });
    expect((await cancel(before.etag, uuid(2))).result).toBe('Cancelled');
    await service.drain();
    expect(last(CancelTrainingSchema).reason).toBe('wrong data');
  });

  it('cancel a rollout by taking the traffic back first', async () => {
    await apply();
    await weekArrives(3);
    await snapshotPrepared();
    await candidatesTrained();
    await evaluated(Verdict.PASS);
    const running = await cycle(1);
    await service.rpc(CycleService).cancelCycle(
      create(CycleOverrideRequestSchema, {
        cycleId: running.cycleId,
        reason: 'wrong data',
        etag: running.etag,
        requestId: uuid(2),
      }),
      operator,
    );
    await service.drain();
    expect(last(AbortRolloutSchema).cycleId).toBe(running.cycleId);
    await rolledOut(RolloutResult.ROLLED_BACK, 5);
    expect((await cycle(1)).result).toBe('Cancelled');
  });

  it('run a failed step again', async () => {
    await apply();
    await weekArrives(3);
    await say(StepFailedSchema, {
      pipeline,
      cycleId: last(PrepareSnapshotSchema).cycleId,
      step: 'prepare',
      idempotencyKey: 'k',
      code: 'data-loss',
      message: 'disk',
      attempts: 3,
    });
    const failed = await cycle(1);
    expect([failed.result, failed.failedStep]).toEqual(['Failed', 'Preparing']);
    await service.rpc(CycleService).retryStep(
      create(CycleOverrideRequestSchema, {
        cycleId: failed.cycleId,
        reason: 'disk replaced',
        etag: failed.etag,
        requestId: uuid(1),
      }),
      operator,
    );
    await service.drain();
    expect(platform.recorded(PrepareSnapshotSchema)).toHaveLength(2);
    await snapshotPrepared();
    expect((await cycle(1)).phase).toBe('Training');
  });

  it('hold automatic cycles with a reason, and release them', async () => {
    await apply();
    const hold = (requestId: string, release = false) => {
      const request = create(HoldRequestSchema, { pipeline, reason: 'holiday peak', requestId });
      return release
        ? service.rpc(PipelineService).releaseAutomaticCycles(request, operator)
        : service.rpc(PipelineService).holdAutomaticCycles(request, operator);
    };
    expect((await hold(uuid(1))).held).toBe(true);
    await weekArrives(3);
    expect(last(DecisionMadeSchema)).toMatchObject({ verdict: 'Hold', reason: 'AutomaticCyclesHeld' });
    expect((await hold(uuid(2), true)).held).toBe(false);
    await weekArrives(4);
    expect(last(DecisionMadeSchema).verdict).toBe('Start');
  });

  it('are told no more of a hold that is over, and are told that the document suspends cycles', async () => {
    await apply();
    const until = timestampFromMs(platform.clock.now() + 1000);
    const request = create(HoldRequestSchema, { pipeline, reason: 'holiday peak', requestId: uuid(1), until });
    expect(await service.rpc(PipelineService).holdAutomaticCycles(request, operator)).toMatchObject({
      held: true,
      heldUntil: until,
      suspended: false,
    });
    await platform.clock.advance(1000);
    await expect(
      service.rpc(PipelineService).holdAutomaticCycles({ ...request, requestId: uuid(2) }, operator),
    ).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'until' },
    });
    const now = () =>
      service
        .rpc(PipelineService)
        .getPipeline({ $typeName: 'rondo.control.v1.GetPipelineRequest', pipeline }, operator);
    expect(await now()).toMatchObject({ held: false, holdReason: '' });
    await apply((text) => text.replace('suspend: false', 'suspend: true'));
    expect((await now()).suspended).toBe(true);
  });

  it('find every decision in an audit that verifies', async () => {
    await bootstrapped();
    expect(await service.rpc(AuditService).verifyAudit(create(VerifyAuditRequestSchema), operator)).toMatchObject({
      intact: true,
    });
    const page = await service
      .rpc(AuditService)
      .listAuditEntries(create(ListAuditEntriesRequestSchema, { pipeline, pageSize: 5 }), operator);
    expect(page.entries).toHaveLength(5);
    const next = await service
      .rpc(AuditService)
      .listAuditEntries(
        create(ListAuditEntriesRequestSchema, { pipeline, pageSize: 5, pageToken: page.nextPageToken ?? '' }),
        operator,
      );
    const positions = [...(page.entries ?? []), ...(next.entries ?? [])].map((entry) => entry.position);
    expect(new Set(positions).size).toBe(10);
  });
});

describe('a drift signal', () => {
  it('is decided about like any other event, with the values it was judged by', async () => {
    await bootstrapped();
    await say(DriftEvaluatedSchema, {
      pipeline,
      evaluationId: 'd1',
      model: { name: 'm', version: 1, digest: digest(1) },
      batchId: 'b5',
      state: DriftState.CLEAR,
      referenceDigest: digest(2),
      rows: 100n,
      window: interval(5),
      evaluatedAt: timestampFromMs(0),
      importanceWeighted: { name: 'psi', value: 0.02, lower: 0.01, upper: 0.04, n: 100n },
    });
    const decision = last(DecisionMadeSchema);
    expect(decision.causeEventIds).toEqual(['d1']);
    expect(decision.triggers[0]?.valuesJson).toContain('drift.');
    const { events } = await service
      .rpc(EventService)
      .listEvents(create(ListEventsRequestSchema, { pipeline, fate: 'Held' }), operator);
    const summary = events?.find((event) => event.kind === 'drift')?.summary;
    expect(summary).toContain('importance-weighted PSI 0.020 (0.010 to 0.040), n=100');
  });

  it('that its season explains starts nothing, and says so', async () => {
    await bootstrapped();
    const cycles = platform.recorded(PrepareSnapshotSchema).length;
    const features = [DriftState.SEASONAL, DriftState.CLEAR].map((state, i) => ({ feature: `f${i}`, state }));
    await say(DriftEvaluatedSchema, {
      pipeline,
      evaluationId: 'd1',
      model: { name: 'm', version: 1, digest: digest(1) },
      batchId: 'b5',
      state: DriftState.SEASONAL,
      referenceDigest: digest(2),
      rows: 100n,
      window: interval(5),
      evaluatedAt: timestampFromMs(0),
      features,
      importanceWeighted: { name: 'psi', value: 0, n: 100n },
    });
    expect(last(DecisionMadeSchema)).toMatchObject({ causeEventIds: ['d1'], verdict: 'Hold', reason: 'NotBreached' });
    expect(platform.recorded(PrepareSnapshotSchema)).toHaveLength(cycles);
    const { events } = await service
      .rpc(EventService)
      .listEvents(create(ListEventsRequestSchema, { pipeline, fate: 'Held' }), operator);
    expect(events?.find((event) => event.kind === 'drift')?.summary).toContain(
      'drift seasonal: 0 of 2 features, 1 more explained by the season',
    );
  });

  it('that had too few rows says how many it needs, of a performance as of drift, and an excess how sure it is', async () => {
    await bootstrapped();
    const common = {
      pipeline,
      model: { name: 'm', version: 1, digest: digest(1) },
      window: interval(5),
      evaluatedAt: timestampFromMs(0),
    };
    await say(DriftEvaluatedSchema, {
      ...common,
      evaluationId: 'd1',
      batchId: 'b5',
      state: DriftState.INSUFFICIENT,
      referenceDigest: digest(2),
      rows: 40n,
      rowsNeeded: 1000n,
      referenceRows: 900n,
    });
    const excess = { name: 'logLossExcess', value: 0.03, lower: -0.01, upper: 0.07, confidence: 0.95, n: 400n };
    await say(PerformanceEvaluatedSchema, {
      ...common,
      evaluationId: 'p1',
      state: 'insufficient',
      rows: 30n,
      rowsNeeded: 200n,
      logLossExcess: 0.03,
      logLossExcessEstimate: excess,
    });
    const { events } = await service
      .rpc(EventService)
      .listEvents(create(ListEventsRequestSchema, { pipeline }), operator);
    const summaryOf = (kind: string) => events?.find((event) => event.kind === kind)?.summary;
    expect(summaryOf('drift')).toContain('n=40 (insufficient: 1000 needed, reference 900)');
    expect(summaryOf('performance')).toContain(
      'excess 0.0300 (-0.0100 to 0.0700, n=400), n=30 (insufficient: 200 needed)',
    );
  });
});
