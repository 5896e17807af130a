import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { Secret } from '@rondo/config';
import {
  ApplyPipelineRequestSchema,
  ArrivalAcceptedSchema,
  BatchReadySchema,
  CancelScheduledCycleRequestSchema,
  CycleService,
  CycleStartedSchema,
  DecisionMadeSchema,
  EventService,
  ForecastIssuedSchema,
  GetPipelineRequestSchema,
  HoldRequestSchema,
  ListEventsRequestSchema,
  PipelineService,
  TriggerCycleRequestSchema,
  type ForecastIssued,
  type LedgerEvent,
  type Pipeline,
} from '@rondo/contracts';
import { rpcContext, testPlatform, testService, type TestPlatform, type TestService } from '@rondo/service/testing';
import { ControlPlaneModule } from './control-plane.module.js';

const DAY = 86_400_000;
const FIRST = Date.UTC(2001, 0, 1);
const day = (n: number): number => FIRST + n * DAY;
const pipeline = 'flight-delay';
const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const operator = rpcContext('olga', 'operator');

let platform: TestPlatform;
let service: TestService;

beforeEach(async () => {
  platform = testPlatform('control-plane');
  const surroundings = {
    version: '0',
    mode: 'embedded',
    journals: [],
    spans: () => Promise.resolve([]),
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

/** The example with forecasts and one trigger on them; policy time is the watermark unless told otherwise. */
async function apply({
  action = 'action: Schedule, startBefore: 14d',
  time = 'EventTime',
  when = 'forecast.probBreach > 0.7',
} = {}): Promise<void> {
  const document = readFileSync(new URL('pipeline.yaml', folder), 'utf8')
    .replace('time: EventTime', `time: ${time}`)
    .replace('  manual: {', `    - { name: ahead, on: ForecastIssued, when: '${when}', ${action} }\n  manual: {`)
    .replace(/^ {4}forecast: .*$/m, '    forecast: { horizon: 60d, series: [{ name: perf.logLoss, limit: 0.5 }] }');
  const files = {
    'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
    'features.sql': new Uint8Array(readFileSync(new URL('features.sql', folder))),
  };
  const request = create(ApplyPipelineRequestSchema, { document, files, changeReason: 'spec' });
  expect((await service.rpc(PipelineService).applyPipeline(request, operator)).problems).toEqual([]);
}

async function say<D extends Parameters<TestPlatform['publish']>[0]>(
  schema: D,
  message: MessageInitShape<D>,
): Promise<void> {
  await platform.publish(schema, message, { key: pipeline });
  await service.drain();
}

const passed = async (ms: number): Promise<void> => {
  await platform.clock.advance(ms);
  await service.drain();
};

const artifact = { digest: `sha256:${'a'.repeat(64)}`, mediaType: 'x', sizeBytes: 1n };

/** Data announced up to a day: policy time by the watermark. */
async function announcedUntil(n: number) {
  const dataInterval = { start: timestampFromMs(day(n - 1)), end: timestampFromMs(day(n)) };
  const batch = { pipeline, eventId: `until-${n}`, batchId: `b${n}`, dataInterval };
  await say(ArrivalAcceptedSchema, {
    ...batch,
    eventSource: 'up',
    uri: 'w.parquet',
    announcedAt: timestampFromMs(0),
    dedupeKey: `until-${n}`,
  });
  await passed(1);
  return batch;
}

/** The same, and the batch is ready. */
async function dataUntil(n: number): Promise<void> {
  await say(BatchReadySchema, {
    ...(await announcedUntil(n)),
    rowsArtifact: artifact,
    featuresArtifact: artifact,
    rows: 9n,
    labeledRows: 9n,
    policyGeneration: 1n,
    readyRowsTotal: 9n,
  });
  await passed(1);
}

type ForecastFields = Exclude<MessageInitShape<typeof ForecastIssuedSchema>, ForecastIssued>;

/** A forecast that expects the breach on a day, or none. */
const forecast = (forecastId: string, breachDay: number | undefined, rest: ForecastFields = {}): Promise<void> =>
  say(ForecastIssuedSchema, {
    pipeline,
    forecastId,
    series: 'perf.logLoss',
    evaluationId: 'newest',
    method: 'theil-sen',
    issuedAt: timestampFromMs(day(0)),
    madeFrom: timestampFromMs(day(0)),
    points: [{ at: timestampFromMs(day(60)), value: 0.52, lower: 0.5, upper: 0.54 }],
    skill: 0.4,
    skillAgainst: 'naive',
    n: 30,
    limit: 0.5,
    breachSide: 'above',
    breachProbability: {
      name: 'breachProbability',
      value: breachDay === undefined ? 0.2 : 0.9,
      lower: 0.1,
      upper: 0.95,
      confidence: 0.8,
      n: 5n,
      slice: 'all',
      method: 'm',
    },
    ...(breachDay !== undefined && {
      breachEarliest: timestampFromMs(day(breachDay - 5)),
      breachExpected: timestampFromMs(day(breachDay)),
    }),
    ...rest,
  });

const events = async (): Promise<LedgerEvent[]> =>
  (await service.rpc(EventService).listEvents(create(ListEventsRequestSchema, { pipeline }), operator))
    .events as LedgerEvent[];
const eventOf = async (eventId: string, kind = 'forecast'): Promise<LedgerEvent | undefined> =>
  (await events()).find((event) => event.eventId === eventId && event.kind === kind);
const shownPipeline = async (): Promise<Pipeline> =>
  (await service
    .rpc(PipelineService)
    .getPipeline(create(GetPipelineRequestSchema, { pipeline }), operator)) as Pipeline;
const scheduledDay = async (): Promise<number | undefined> => {
  const at = (await shownPipeline()).scheduledCycle?.notBefore;
  return at && (timestampMs(at) - FIRST) / DAY;
};
const started = () => platform.recorded(CycleStartedSchema).map(({ message }) => message);
const lastDecision = () => platform.recorded(DecisionMadeSchema).at(-1)!.message;

describe('a forecast that schedules a cycle', () => {
  it('says on which day and why, and starts the cycle once when the watermark is there', async () => {
    await apply();
    await dataUntil(1);
    await forecast('f1', 40);
    expect(lastDecision()).toMatchObject({ verdict: 'Schedule', reason: 'ahead', notBefore: timestampFromMs(day(26)) });
    expect(lastDecision().explanation).toBe(
      'trigger ahead fired: forecast.probBreach = 0.9; a cycle is to start on 2001-01-27 00:00Z, 2w before the breach expected on 2001-02-10 00:00Z',
    );
    expect(await eventOf('f1')).toMatchObject({ fate: 'Scheduled', reason: 'ahead' });
    expect((await shownPipeline()).scheduledCycle).toMatchObject({
      trigger: 'ahead',
      series: 'perf.logLoss',
      forecastId: 'f1',
    });
    await dataUntil(25);
    await announcedUntil(26);
    // What was only announced cannot be learnt from.
    expect(started()).toEqual([]);
    await dataUntil(26);
    await dataUntil(27);
    expect(started()).toMatchObject([{ trigger: 'ahead', causeEventIds: ['f1', 'f1/due'] }]);
    const { cycleId } = started()[0]!;
    expect(await eventOf('f1')).toMatchObject({ fate: 'Caused', cycleId });
    expect(await eventOf('f1/due', 'timer')).toMatchObject({ fate: 'Caused', cycleId, cycleNumber: 1 });
    expect(await scheduledDay()).toBeUndefined();
  });

  it('follows the clock on the wall when the policy does', async () => {
    await apply({ time: 'WallClock' });
    const now = platform.clock.now();
    await forecast('f1', undefined, {
      breachProbability: { name: 'p', value: 0.9, confidence: 0.8, n: 5n, slice: 'all', method: 'm' },
      breachExpected: timestampFromMs(now + 14 * DAY + 1000),
    });
    await dataUntil(1);
    await passed(997);
    expect(started()).toEqual([]);
    await passed(1);
    expect(started()).toHaveLength(1);
  });

  it('starts at once when the day is already over', async () => {
    await apply();
    await dataUntil(30);
    await forecast('f1', 40);
    expect(started()).toMatchObject([{ causeEventIds: ['f1', 'f1/due'] }]);
  });

  it('is moved by a newer forecast, whose event takes over', async () => {
    await apply();
    await forecast('f1', 40);
    await forecast('f2', 50);
    expect(await scheduledDay()).toBe(36);
    expect(await eventOf('f1')).toMatchObject({
      fate: 'Merged',
      reason: 'Rescheduled',
      explanation: 'a newer forecast moved the start from 2001-01-27 00:00Z to 2001-02-06 00:00Z',
    });
    await dataUntil(27);
    expect(started()).toEqual([]);
    await dataUntil(36);
    expect(started()).toMatchObject([{ causeEventIds: ['f2', 'f2/due'] }]);
  });

  it.each<[string, () => Promise<void>, string]>([
    ['says that the limit holds', () => forecast('f2', undefined), 'NotBreached'],
    ['is advisory', () => forecast('f2', 50, { advisory: 'change-point' }), 'AdvisoryForecast'],
  ])('does not start when by then the newest forecast %s', async (_name, newer, reason) => {
    await apply();
    await forecast('f1', 40);
    await newer();
    expect(await eventOf('f2')).toMatchObject({ fate: 'Held', reason });
    expect(await scheduledDay()).toBe(26);
    await dataUntil(26);
    expect(started()).toEqual([]);
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason });
    expect(await eventOf('f1/due', 'timer')).toMatchObject({ fate: 'Held', reason });
    expect(await scheduledDay()).toBeUndefined();
  });

  it('does not start when the policy has no such trigger any more', async () => {
    await apply();
    await forecast('f1', 40);
    await apply({ action: 'action: Propose', when: 'has(forecast.skillLower) && forecast.skillLower > 0.9' });
    await dataUntil(26);
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason: 'NotBreached' });
    expect(started()).toEqual([]);
  });

  it('is judged by how sure its skill is, and told with it', async () => {
    await apply({ action: 'action: Propose', when: 'has(forecast.skillLower) && forecast.skillLower > 0.1' });
    const skillEstimate = { name: 'skill', value: 0.4, lower: 0.2, upper: 0.6, confidence: 0.8, n: 9n };
    await forecast('f1', 40, { skillEstimate: { ...skillEstimate, lower: 0.05 } });
    await forecast('f2', 40, { skillEstimate });
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason: 'NotBreached' });
    expect((await eventOf('f1'))!.summary).toContain(
      'probability 0.90 (0.10 to 0.95), skill 0.40 (0.05 to 0.60), n=30',
    );
    expect((await eventOf('f2'))!.reason).not.toBe('NotBreached');
  });

  it('is held on its day by what holds every automatic cycle', async () => {
    await apply();
    await forecast('f1', 40);
    const hold = create(HoldRequestSchema, { pipeline, reason: 'a freeze', requestId: uuid(1) });
    await service.rpc(PipelineService).holdAutomaticCycles(hold, operator);
    await dataUntil(26);
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason: 'AutomaticCyclesHeld' });
    expect(started()).toEqual([]);
  });

  it('is taken over by a cycle that starts before', async () => {
    await apply();
    await forecast('f1', 40);
    const request = create(TriggerCycleRequestSchema, { pipeline, reason: 'a new season', requestId: uuid(2) });
    await service.rpc(CycleService).triggerCycle(request, operator);
    await service.drain();
    expect(await eventOf('f1')).toMatchObject({ fate: 'Merged', cycleId: started()[0]!.cycleId });
    await dataUntil(26);
    expect(started()).toHaveLength(1);
    expect(await eventOf('f1/due', 'timer')).toBeUndefined();
  });

  it('is dropped by a person, and nothing is scheduled before the day it was meant for', async () => {
    await apply();
    const cancel = create(CancelScheduledCycleRequestSchema, {
      pipeline,
      reason: 'the plant stands still',
      requestId: uuid(3),
    });
    const rpc = service.rpc(PipelineService);
    await expect(rpc.cancelScheduledCycle(cancel, operator)).rejects.toMatchObject({ code: 'failed-precondition' });
    await forecast('f1', 40);
    expect(
      await rpc.cancelScheduledCycle(
        create(CancelScheduledCycleRequestSchema, { ...cancel, requestId: uuid(4) }),
        operator,
      ),
    ).toMatchObject({ name: pipeline });
    expect(await scheduledDay()).toBeUndefined();
    expect(await eventOf('f1')).toMatchObject({
      fate: 'Held',
      reason: 'CancelledByPerson',
      explanation: 'olga: the plant stands still',
    });
    await forecast('f2', 45);
    expect(await eventOf('f2')).toMatchObject({ fate: 'Held', reason: 'ScheduleCancelled' });
    await dataUntil(26);
    expect(started()).toEqual([]);
    await forecast('f3', 45);
    expect(await scheduledDay()).toBe(31);
  });
});

describe('a forecast that is only shown', () => {
  it.each([
    ['has no skill', { advisory: 'no-skill' }],
    ['comes right after a change', { advisory: 'change-point' }],
    ['is about another model', { model: { name: 'm', version: 7, digest: `sha256:${'7'.repeat(64)}` } }],
  ])('starts and schedules nothing when it %s', async (_name, rest) => {
    await apply();
    await forecast('f1', 40, rest);
    await apply({ action: 'action: Start' });
    await forecast('f2', 40, rest);
    for (const id of ['f1', 'f2'])
      expect(await eventOf(id)).toMatchObject({ fate: 'Held', reason: 'AdvisoryForecast' });
    expect([await scheduledDay(), started()]).toEqual([undefined, []]);
  });

  it('of one series is no evidence about another', async () => {
    await apply({ action: 'action: Start, for: { breaches: 2, outOf: 2 }' });
    await forecast('f1', 40);
    await forecast('f2', 40, { series: 'drift.importanceWeighted' });
    expect(await eventOf('f2')).toMatchObject({ fate: 'Held', reason: 'NotBreachedLongEnough' });
    await forecast('f3', 40);
    expect(await eventOf('f3')).toMatchObject({ fate: 'Caused' });
  });

  it('is no evidence for a trigger that wants several breaches', async () => {
    await apply({ action: 'action: Start, for: { breaches: 2, outOf: 2 }' });
    await forecast('f1', 40, { advisory: 'no-skill' });
    await forecast('f2', 40);
    expect(await eventOf('f2')).toMatchObject({ fate: 'Held', reason: 'NotBreachedLongEnough' });
    await forecast('f3', 40);
    expect(await eventOf('f3')).toMatchObject({ fate: 'Caused' });
  });
});

describe('a forecast that starts a cycle or has no day', () => {
  it('starts one at once when the policy says so', async () => {
    await apply({ action: 'action: Start', when: 'has(forecast.leadDays) && forecast.leadDays <= 40.0' });
    await dataUntil(1);
    await forecast('f1', 42);
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason: 'NotBreached' });
    await dataUntil(2);
    await forecast('f2', 42);
    expect(await eventOf('f2')).toMatchObject({ fate: 'Caused' });
  });

  it('schedules nothing when less than half of the futures reach the limit', async () => {
    await apply({ when: 'forecast.probBreach > 0.1' });
    await forecast('f1', undefined);
    expect(await eventOf('f1')).toMatchObject({ fate: 'Held', reason: 'NoBreachExpected' });
  });
});
