import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AbortRolloutSchema,
  AnalysisMeasuredSchema,
  FeedbackObservedSchema,
  GetRolloutRequestSchema,
  GetRoutingRequestSchema,
  LabelsObservedSchema,
  ListRolloutsRequestSchema,
  OverrideRequestedSchema,
  OverrideRequestSchema,
  PipelineAppliedSchema,
  PredictionsLoggedSchema,
  RestoreRequestSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutService,
  RolloutStepEnteredSchema,
  RoutingChangedSchema,
  SetWeightRequestSchema,
  StartRolloutSchema,
  StepFailedSchema,
} from '@rondo/contracts';
import { admitPipeline } from '@rondo/policy';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { RolloutModule } from './rollout.module.js';

const HOUR = 3_600_000;
const pipeline = 'flight-delay';
const endpoint = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

let platform: TestPlatform;
let service: TestService;
const digests: Record<number, string> = {};

beforeEach(async () => {
  platform = testPlatform('rollout');
  service = await testService(platform, RolloutModule.forRoot({ rolloutPendingRequestsMax: 3 }));
  for (const version of [1, 2, 3])
    digests[version] = (await platform.artifacts.put(new TextEncoder().encode(`model ${version}`))).digest;
  await applyPolicy();
});

afterEach(async () => {
  await service.close();
  await platform.close();
});

async function applyPolicy(generation = 1n, changed = (text: string): string => text): Promise<void> {
  const document = changed(readFileSync(new URL('fixtures/pipeline.yaml', import.meta.url), 'utf8'));
  const files = {
    'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
    'features.sql': new TextEncoder().encode('SELECT 1'),
  };
  const admission = admitPipeline({ document, files });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const stored = await platform.artifacts.put(new TextEncoder().encode(admission.bundle));
  const ref = {
    digest: stored.digest,
    mediaType: 'application/json',
    sizeBytes: BigInt(stored.sizeBytes),
  };
  await platform.publish(PipelineAppliedSchema, { pipeline, generation, document: ref, endpoint }, { key: pipeline });
  await service.drain();
}

const model = (version: number) => ({
  name: 'late',
  version,
  digest: digests[version]!,
});

async function startRollout(cycleId: string, candidate: number, champion?: number, generation = 1n): Promise<void> {
  const command = {
    pipeline,
    cycleId,
    idempotencyKey: `${cycleId}/rollout`,
    policyGeneration: generation,
    candidate: model(candidate),
    ...(champion !== undefined && { champion: model(champion) }),
    featureViewDigest: `sha256:${'f'.repeat(64)}`,
  };
  await platform.publish(StartRolloutSchema, command, { key: pipeline });
  await service.drain();
}

interface Traffic {
  readonly requestId: string;
  readonly hour: number;
  readonly rows?: number;
  readonly candidateScore?: number;
  readonly id?: string;
}

async function serve({ requestId, hour, rows = 600, candidateScore = 0.9, id }: Traffic): Promise<void> {
  const routing = lastRouting();
  const weight = routing.candidateWeightPercent;
  const served = Array.from({ length: rows }, (_, i) => i % 100 < weight);
  await platform.publish(
    PredictionsLoggedSchema,
    {
      endpoint,
      pipeline,
      requestId,
      eventTime: timestampFromMs(hour * HOUR),
      epoch: routing.epoch,
      ...(routing.champion && { champion: routing.champion }),
      ...(routing.candidate && { candidate: routing.candidate }),
      keys: served.map((_, i) => `k${i}`),
      servedByCandidate: served,
      championScores: served.map(() => 0.9),
      candidateScores: served.map((byCandidate, i) =>
        byCandidate || routing.shadow ? candidateScore + (candidateScore < 0.9 ? (i % 10) / 100 : 0) : Number.NaN,
      ),
      championLatencyMs: 1,
      candidateLatencyMs: 1,
    },
    { key: endpoint, ...(id && { id }) },
  );
}

async function label(requestId: string, rows = 600, value = 1): Promise<void> {
  const labels = {
    endpoint,
    pipeline,
    requestId,
    eventTime: timestampFromMs(0),
    labels: new Uint8Array(rows).fill(value),
  };
  await platform.publish(LabelsObservedSchema, labels, { key: endpoint });
}

function lastRouting() {
  return platform.recorded(RoutingChangedSchema).at(-1)!.message;
}

const rpc = () => service.rpc(RolloutService);
const rolloutOf = (cycleId: string) => rpc().getRollout(create(GetRolloutRequestSchema, { cycleId }), rpcContext());

async function override(changes: {
  rolloutId: string;
  etag?: string;
  force?: boolean;
  requestId?: string;
  validateOnly?: boolean;
  reason?: string;
}) {
  return create(OverrideRequestSchema, {
    reason: 'because I know',
    requestId: uuid(1),
    etag: '',
    ...changes,
  });
}

describe('the rollout service', () => {
  it('promotes the first model of an endpoint at once', async () => {
    await startRollout('c1', 1);
    expect(platform.recorded(RolloutFinishedSchema).map(({ message }) => message)).toMatchObject([
      {
        result: RolloutResult.PROMOTED,
        cycleId: 'c1',
        cause: expect.stringContaining('no champion to compare with'),
        serving: { version: 1 },
      },
    ]);
    expect(lastRouting()).toMatchObject({
      epoch: 1n,
      champion: { version: 1 },
      candidateWeightPercent: 0,
    });
    expect(platform.recorded(RoutingChangedSchema)[0]!.key).toBe(pipeline);
  });

  it('walks the steps of the policy on traffic and labels, and promotes', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    for (let hour = 0; hour < 120; hour += 4) {
      await serve({ requestId: `r${hour}`, hour });
      await label(`r${hour}`);
      await service.drain();
      if (platform.recorded(RolloutFinishedSchema).length > 1) break;
    }
    expect(platform.recorded(RolloutStepEnteredSchema).map(({ message }) => message.weightPercent)).toEqual([
      0, 5, 20, 50,
    ]);
    expect(platform.recorded(RolloutFinishedSchema)[1]!.message).toMatchObject({
      result: RolloutResult.PROMOTED,
      serving: { version: 2 },
    });
    expect(lastRouting()).toMatchObject({
      champion: { version: 2 },
      previousChampion: { version: 1 },
      candidateWeightPercent: 0,
    });
    const epochs = platform.recorded(RoutingChangedSchema).map(({ message }) => message.epoch);
    expect(epochs).toEqual([...epochs.keys()].map((i) => BigInt(i + 1)));
    const shown = await rolloutOf('c2');
    expect(shown).toMatchObject({ state: 'Promoted', waitingFor: '' });
    expect(shown.history!.length).toBeGreaterThan(20);
    expect(platform.recorded(AnalysisMeasuredSchema).length).toBe(shown.history!.length);
  });

  it('takes a worse candidate back as soon as harm is shown, and never lets it in again by the same rollout', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    await serve({ requestId: 'r1', hour: 0, candidateScore: 0.2 });
    await label('r1');
    await service.drain();
    const finished = platform.recorded(RolloutFinishedSchema)[1]!.message;
    expect(finished).toMatchObject({
      result: RolloutResult.ROLLED_BACK,
      serving: { version: 1 },
      evidence: [{ analysis: 'accuracy' }],
    });
    expect(finished.cause).toContain('accuracy: the challenger is worse');
    const before = lastRouting();
    await startRollout('c2', 2, 1);
    expect(lastRouting()).toEqual(before);
  });

  it('takes back a candidate that is worse in one slice only, and tells which and how many were looked at', async () => {
    const block = `analysis: accuracy, by: [{ feature: distance, cuts: [500, 1500] }, { feature: dow, values: [6, 7] }]`;
    await applyPolicy(2n, (text) =>
      text.replace('    onNoData', `    slices: { ${block}, falseDiscoveryRate: 0.05, minSamples: 100 }\n    onNoData`),
    );
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1, 2n);
    const { champion, candidate, epoch, slices } = lastRouting();
    expect(slices).toMatchObject([
      { feature: 'distance', column: 2, cuts: [500, 1500], values: [] },
      { feature: 'dow', column: 1, cuts: [], values: [6, 7] },
    ]);
    const rows = Array.from({ length: 6_000 }, (_, i) => ({ distance: 1 + (i % 3), dow: i % 30 === 0 ? 2 : 3 }));
    const served = { endpoint, pipeline, requestId: 'r1', eventTime: timestampFromMs(0), epoch };
    await platform.publish(
      PredictionsLoggedSchema,
      {
        ...served,
        ...(champion && { champion }),
        ...(candidate && { candidate }),
        keys: rows.map(() => ''),
        servedByCandidate: rows.map(() => false),
        championScores: rows.map(() => 0.8),
        candidateScores: rows.map(({ dow }, i) => (dow === 2 ? 0.2 : 0.85) + (i % 7) / 100),
        slices: Uint8Array.from(rows.flatMap(({ distance, dow }) => [distance, dow])),
      },
      { key: endpoint },
    );
    await label('r1', rows.length);
    await service.drain();
    const { cause, evidence } = platform.recorded(RolloutFinishedSchema)[1]!.message;
    expect(cause).toContain('accuracy: the challenger is worse in the slice dow = 7: logLoss +');
    expect(evidence[0]!.difference!.upper).toBeLessThan(0);
    const found = platform.recorded(AnalysisMeasuredSchema).at(-1)!.message.results[0]!.slices!;
    expect(found).toMatchObject({ total: 8, checked: 5, harmed: 1, falseDiscoveryRate: 0.05, minSamples: 100n });
    expect(found.worst[0]).toMatchObject({ difference: { slice: 'dow = 7', n: 200n }, harmed: true });
    const shown = await rolloutOf('c2');
    expect(shown.latest![0]!.slices!.worst!.length).toBe(5);
    expect(shown.history!.flatMap(({ results }) => results ?? []).filter((result) => result.slices)).toEqual([]);
  });

  it('counts a repeated delivery, repeated labels and labels of unknown requests once or not at all', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    await serve({ requestId: 'r1', hour: 0, rows: 10, id: uuid(7) });
    await serve({ requestId: 'r1', hour: 0, rows: 10, id: uuid(7) });
    await label('r1', 5);
    await label('r1', 5, 0);
    await label('never-served', 10);
    await service.drain();
    expect(await rolloutOf('c2')).toMatchObject({
      predictions: 10n,
      labels: 5n,
    });
  });

  it('says what it waits for, with numbers', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    await serve({ requestId: 'r1', hour: 0, rows: 100 });
    await serve({ requestId: 'r2', hour: 8, rows: 100 });
    await label('r1', 100);
    await service.drain();
    expect((await rolloutOf('c2')).waitingFor).toBe(
      'accuracy: needs 400 more labels (n=100 of 500); at the pace of this step in about 32h',
    );
  });

  it('keeps a bounded number of requests for the labels and drops the oldest', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    for (let i = 0; i < 5; i++) await serve({ requestId: `r${i}`, hour: 0, rows: 10 });
    for (let i = 0; i < 5; i++) await label(`r${i}`, 10);
    await service.drain();
    expect((await rolloutOf('c2')).labels).toBe(30n);
  });

  it('takes no interest in traffic without a rollout', async () => {
    await startRollout('c1', 1);
    await serve({ requestId: 'r1', hour: 0 });
    await label('r1');
    await platform.publish(
      FeedbackObservedSchema,
      { endpoint, pipeline, requestId: 'r1', name: 'accepted', value: 1, eventTime: timestampFromMs(0) },
      { key: endpoint },
    );
    await service.drain();
    expect((await platform.journal.list('prediction')).items).toEqual([]);
  });

  it('forgets the kept scores after the end', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
    for (let i = 0; i < 3; i++) await serve({ requestId: `r${i}`, hour: 0, rows: 10 });
    await service.drain();
    expect((await platform.journal.list('prediction')).items.length).toBe(3);
    await platform.publish(
      AbortRolloutSchema,
      { pipeline, cycleId: 'c2', idempotencyKey: 'c2/abort', reason: 'cycle cancelled' },
      { key: pipeline },
    );
    await service.drain();
    await platform.clock.advance(1);
    await service.drain();
    expect((await platform.journal.list('prediction')).items).toEqual([]);
    expect(lastRouting()).toMatchObject({
      candidateWeightPercent: 0,
      shadow: false,
      reason: 'cycle cancelled',
    });
  });

  it('answers StepFailed when the champion has moved, a rollout runs, or a file is missing', async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2);
    digests[9] = `sha256:${'9'.repeat(64)}`;
    await startRollout('c3', 9, 1);
    await startRollout('c4', 2, 1);
    await startRollout('c5', 3, 1);
    const failures = platform
      .recorded(StepFailedSchema)
      .map(({ message }) => [message.cycleId, message.step, message.code]);
    expect(failures).toEqual([
      ['c2', 'rollout', 'conflict'],
      ['c3', 'rollout', 'not-found'],
      ['c5', 'rollout', 'failed-precondition'],
    ]);
  });
});

describe('overrides', () => {
  beforeEach(async () => {
    await startRollout('c1', 1);
    await startRollout('c2', 2, 1);
  });

  it('are carried out once per request id, audited, and refused with other arguments', async () => {
    const { rolloutId, etag } = await rolloutOf('c2');
    const request = await override({ rolloutId: rolloutId!, etag: etag! });
    const first = await rpc().pauseRollout(request, rpcContext('bob', 'operator'));
    expect(first.state).toBe('Paused');
    expect(await rpc().pauseRollout(request, rpcContext('bob', 'operator'))).toEqual(first);
    await expect(
      rpc().pauseRollout(
        await override({ rolloutId: rolloutId!, reason: 'another reason' }),
        rpcContext('bob', 'operator'),
      ),
    ).rejects.toMatchObject({
      detail: { reason: 'REQUEST_ID_REUSED' },
    });
    expect(
      platform.recorded(OverrideRequestedSchema).map(({ message }) => [message.outcome, message.actor?.id]),
    ).toEqual([
      ['Done', 'bob'],
      ['Refused: REQUEST_ID_REUSED', 'bob'],
    ]);
  });

  it('name both etags when the rollout has moved, and go through by force', async () => {
    const { rolloutId, etag } = await rolloutOf('c2');
    await rpc().pauseRollout(await override({ rolloutId: rolloutId!, etag: etag! }), rpcContext());
    const stale = await override({
      rolloutId: rolloutId!,
      etag: etag!,
      requestId: uuid(2),
    });
    await expect(rpc().resumeRollout(stale, rpcContext())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(etag!),
    });
    const forced = await override({
      rolloutId: rolloutId!,
      etag: etag!,
      requestId: uuid(3),
      force: true,
    });
    expect((await rpc().resumeRollout(forced, rpcContext())).state).toBe('Running');
  });

  it('check everything and change nothing when asked to', async () => {
    const { rolloutId, etag } = await rolloutOf('c2');
    const before = lastRouting();
    expect(
      (
        await rpc().promoteRollout(
          await override({
            rolloutId: rolloutId!,
            etag: etag!,
            validateOnly: true,
          }),
          rpcContext(),
        )
      ).state,
    ).toBe('Promoted');
    expect(lastRouting()).toEqual(before);
    expect((await rolloutOf('c2')).state).toBe('Running');
  });

  it('roll back without an etag, and everything is refused afterwards', async () => {
    const { rolloutId } = await rolloutOf('c2');
    const rolledBack = await rpc().rollBack(await override({ rolloutId: rolloutId! }), rpcContext());
    expect(rolledBack.state).toBe('RolledBack');
    const late = create(SetWeightRequestSchema, {
      rolloutId: rolloutId!,
      weightPercent: 50,
      reason: 'too late now',
      requestId: uuid(5),
      force: true,
    });
    await expect(rpc().setWeight(late, rpcContext())).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { reason: 'ROLLOUT_FINISHED' },
    });
    await service.drain();
    expect(lastRouting().candidateWeightPercent).toBe(0);
  });

  it('set a weight, which the gateways are told', async () => {
    const { rolloutId, etag } = await rolloutOf('c2');
    const request = create(SetWeightRequestSchema, {
      rolloutId: rolloutId!,
      weightPercent: 30,
      reason: 'try a third',
      etag: etag!,
      requestId: uuid(6),
    });
    expect(await rpc().setWeight(request, rpcContext())).toMatchObject({
      weightPercent: 30,
      state: 'Paused',
    });
    expect(lastRouting()).toMatchObject({
      candidateWeightPercent: 30,
      shadow: false,
    });
  });

  it('restore the champion before this one, as one set', async () => {
    const { rolloutId, etag } = await rolloutOf('c2');
    await rpc().promoteRollout(await override({ rolloutId: rolloutId!, etag: etag! }), rpcContext());
    const routing = await rpc().getRouting(create(GetRoutingRequestSchema, { endpoint }), rpcContext());
    expect(routing).toMatchObject({
      champion: { version: 2 },
      previousChampion: { version: 1 },
    });
    const request = create(RestoreRequestSchema, {
      endpoint,
      reason: 'worse after all',
      etag: routing.etag!,
      requestId: uuid(8),
    });
    expect(await rpc().restorePreviousChampion(request, rpcContext())).toMatchObject({
      champion: { version: 1 },
      previousChampion: { version: 2 },
    });
    expect(lastRouting()).toMatchObject({
      champion: { version: 1 },
      championFeatureViewDigest: `sha256:${'f'.repeat(64)}`,
    });
  });

  it('list rollouts newest first and say what does not exist', async () => {
    const { rollouts } = await rpc().listRollouts(create(ListRolloutsRequestSchema, { pipeline }), rpcContext());
    expect(rollouts!.map((rollout) => rollout.cycleId).sort()).toEqual(['c1', 'c2']);
    await expect(rolloutOf('c9')).rejects.toMatchObject({ code: 'not-found' });
    await expect(
      rpc().getRouting(create(GetRoutingRequestSchema, { endpoint: 'nowhere' }), rpcContext()),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});
