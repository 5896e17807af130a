import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ApprovalClosedSchema, CycleFinishedSchema, CycleStartedSchema, DecisionMadeSchema } from '@rondo/contracts';
import { testPlatform, type TestPlatform } from '@rondo/service/testing';
import { createTelemetry, type RunningTelemetry } from '@rondo/telemetry';
import { enter, finish, startCycle, type CycleState } from '../domain/cycle.js';
import { newPipeline, type PipelineState } from '../domain/pipeline.js';
import { CycleMetrics } from './cycle-metrics.js';

describe('CycleMetrics', () => {
  let platform: TestPlatform;
  let telemetry: RunningTelemetry;
  let metrics: CycleMetrics;
  beforeEach(() => {
    platform = testPlatform('control-plane');
    telemetry = createTelemetry({ service: 'control-plane', version: '1' });
    metrics = new CycleMetrics({ ...platform, telemetry });
    metrics.onApplicationBootstrap();
  });
  afterEach(async () => {
    metrics.onApplicationShutdown();
    await platform.close();
    await telemetry.close();
  });

  const linesOf = async (name: string): Promise<string[]> =>
    (await telemetry.metricsText()).body.split('\n').filter((line) => line.startsWith(name));
  let saves = 0;
  const save = <S>(kind: string, id: string, state: S, index: Record<string, string | number> = {}) =>
    platform.journal.once({ consumer: 'test', messageId: String(++saves) }, (unit) =>
      unit.save({ kind, id, state, index }),
    );
  const cycleAt = (atMs: number): CycleState =>
    startCycle({
      id: 'c1',
      pipeline: 'p',
      number: 1,
      generation: 1,
      trigger: 'drift',
      startedBy: '',
      decisionId: 'd1',
      causes: [],
      asOfMs: atMs,
      atMs,
    });

  it('shows the phase a cycle is in and for how long, and 0 for the one it left', async () => {
    const { clock } = platform;
    const pipeline: PipelineState = { ...newPipeline('p', 1, 'e', []), activeCycleId: 'c1' };
    await save('pipeline', 'p', pipeline);
    const cycle = cycleAt(clock.now());
    await save('cycle', 'c1', cycle);
    await clock.advance(60_000);
    expect(await linesOf('rondo_cycle_phase_age_seconds{')).toEqual([
      'rondo_cycle_phase_age_seconds{pipeline="p",phase="Preparing"} 60',
    ]);
    await save('cycle', 'c1', enter(cycle, 'Training', clock.now()));
    expect(await linesOf('rondo_cycles_active{')).toEqual([
      'rondo_cycles_active{pipeline="p",phase="Preparing"} 0',
      'rondo_cycles_active{pipeline="p",phase="Training"} 1',
    ]);
  });

  it('tells whether a champion serves, its age, and the approvals that wait', async () => {
    const { clock } = platform;
    await save('pipeline', 'p', newPipeline('p', 1, 'e', []));
    expect(await linesOf('rondo_pipeline_has_champion{')).toEqual(['rondo_pipeline_has_champion{pipeline="p"} 0']);
    expect(await linesOf('rondo_model_age_seconds{')).toEqual([]);
    const champion = { name: 'p', version: 1, digest: 'sha256:0' };
    await save('pipeline', 'p', { ...newPipeline('p', 1, 'e', []), champion, championSinceMs: clock.now() });
    await save('approval', 'a1', { pipeline: 'p', state: 'Open' }, { pipeline: 'p', state: 'Open', requestedAtMs: 0 });
    await clock.advance(5_000);
    expect(await linesOf('rondo_pipeline_has_champion{')).toEqual(['rondo_pipeline_has_champion{pipeline="p"} 1']);
    expect(await linesOf('rondo_model_age_seconds{')).toEqual(['rondo_model_age_seconds{pipeline="p"} 5']);
    expect(await linesOf('rondo_approvals_pending{')).toEqual(['rondo_approvals_pending{pipeline="p"} 1']);
  });

  it('tells how probable the newest forecast finds a breach', async () => {
    const forecast = {
      pipeline: 'p',
      series: 'perf.logLoss',
      breachProbability: { value: 0.7, lower: 0.5, upper: 0.9, n: 7 },
    };
    await save('forecast', 'p/perf.logLoss', forecast);
    expect(await linesOf('rondo_forecast_breach_probability{')).toEqual([
      'rondo_forecast_breach_probability{pipeline="p",series="perf.logLoss"} 0.7',
    ]);
    expect(await linesOf('rondo_forecast_breach_probability_bound{')).toEqual([
      'rondo_forecast_breach_probability_bound{pipeline="p",series="perf.logLoss",bound="lower"} 0.5',
      'rondo_forecast_breach_probability_bound{pipeline="p",series="perf.logLoss",bound="upper"} 0.9',
    ]);
    expect(await linesOf('rondo_forecast_origins{')).toEqual([
      'rondo_forecast_origins{pipeline="p",series="perf.logLoss"} 7',
    ]);
  });

  it('counts what happened and how long phases and approvals took', async () => {
    const at = platform.clock.now();
    const failed = finish(enter(cycleAt(at), 'Training', at + 30_000), 'Failed', 'no', at + 90_000);
    await save('approval', 'a1', { requestedAtMs: at });
    for (const [schema, fields] of [
      [DecisionMadeSchema, { pipeline: 'p', verdict: 'Hold' }],
      [CycleStartedSchema, { pipeline: 'p', trigger: 'drift' }],
      [ApprovalClosedSchema, { pipeline: 'p', approvalId: 'a1', decision: 'Expired' }],
    ] as const) {
      await metrics.count(schema, create(schema as never, fields as never), at + 120_000);
    }
    metrics.countFinished(create(CycleFinishedSchema, { pipeline: 'p', cycleId: 'c1', result: 'Failed' }), failed);
    const all = await linesOf('rondo_');
    expect(all).toEqual(
      expect.arrayContaining([
        'rondo_trigger_evaluations_total{pipeline="p",result="Hold"} 1',
        'rondo_cycles_started_total{pipeline="p",trigger="drift"} 1',
        'rondo_cycles_finished_total{pipeline="p",outcome="Failed"} 1',
        'rondo_phase_duration_seconds_sum{pipeline="p",phase="Preparing",outcome="Failed"} 30',
        'rondo_phase_duration_seconds_sum{pipeline="p",phase="Training",outcome="Failed"} 60',
        'rondo_approvals_total{decision="Expired"} 1',
        'rondo_approval_wait_seconds_sum 120',
      ]),
    );
  });
});
