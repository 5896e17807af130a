import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { CycleFinishedSchema, CyclePhaseChangedSchema, CycleStartedSchema, DecisionMadeSchema } from '@rondo/contracts';
import { SilentTelemetry, testPlatform, type TestPlatform } from '@rondo/service/testing';
import { outgoing } from '../contract-map.js';
import { enter, finish, startCycle, type CycleState } from '../domain/cycle.js';
import { CYCLE } from '../use-cases/cycles.js';
import { traceCycle, traceDecision } from './cycle-traces.js';

const tracedBy = (digit: number): string => `00-${String(digit).repeat(32)}-${String(digit).repeat(16)}-01`;

describe('the traces of decisions and cycles', () => {
  let platform: TestPlatform;
  let telemetry: SilentTelemetry;
  beforeEach(() => {
    platform = testPlatform('control-plane');
    telemetry = new SilentTelemetry();
  });
  afterEach(() => platform.close());

  const moved = (digit: number, state: CycleState, message: ReturnType<typeof outgoing>): Promise<unknown> =>
    platform.journal.once({ consumer: 'spec', messageId: String(digit), traceparent: tracedBy(digit) }, (unit) =>
      unit.save({ kind: CYCLE, id: state.id, state, outgoing: [message] }),
    );
  const phaseChanged = (to: string): ReturnType<typeof outgoing> =>
    outgoing(CyclePhaseChangedSchema, { pipeline: 'p', cycleId: 'c1', from: 'Preparing', to });

  it('sum an ended cycle up: the run, below it its phases, each linked to the trace that began it', async () => {
    const at = platform.clock.now();
    const start = {
      id: 'c1',
      pipeline: 'p',
      number: 3,
      generation: 2,
      trigger: 'drift',
      startedBy: '',
      decisionId: 'd1',
      causes: [],
    };
    const preparing = startCycle({ ...start, asOfMs: at, atMs: at });
    const training = enter(preparing, 'Training', at + 10);
    const evaluating = enter(enter(training, 'Selecting', at + 30), 'Evaluating', at + 30);
    const finished = finish(evaluating, 'Rejected', 'worse', at + 60);
    await moved(
      1,
      preparing,
      outgoing(CycleStartedSchema, {
        pipeline: 'p',
        cycleId: 'c1',
        number: 1,
        decisionId: 'd1',
        trigger: 'drift',
        policyGeneration: 1n,
      }),
    );
    await moved(2, training, phaseChanged('Training'));
    await moved(3, evaluating, phaseChanged('Evaluating'));
    const event = create(CycleFinishedSchema, { pipeline: 'p', cycleId: 'c1', number: 1, result: 'Rejected' });
    await moved(4, finished, outgoing(CycleFinishedSchema, event));

    await traceCycle({ ...platform, telemetry }, event, finished);

    const [run, ...phases] = telemetry.spans;
    expect(run).toMatchObject({
      name: 'RUN p',
      failed: false,
      options: { root: true, links: [tracedBy(1)], startMs: at, endMs: at + 60 },
    });
    expect(run!.options.attributes).toMatchObject({
      'rondo.cycle.id': 'c1',
      'rondo.cycle.number': 3,
      'rondo.reason': 'worse',
      'cicd.pipeline.result': 'failure',
    });
    expect(phases.map(({ name, options }) => [name, options.links])).toEqual([
      ['phase Preparing', [tracedBy(1)]],
      ['phase Training', [tracedBy(2)]],
      ['phase Selecting', []],
      ['phase Evaluating', [tracedBy(3)]],
    ]);
    expect(phases[1]!.options).toMatchObject({ startMs: at + 10, endMs: at + 30 });
    expect(new Set(phases.map(({ options }) => options.parent)).size).toBe(1);
  });

  it('call a fault on the way an error of the run', async () => {
    const at = platform.clock.now();
    const start = {
      id: 'c1',
      pipeline: 'p',
      number: 1,
      generation: 1,
      trigger: 't',
      startedBy: '',
      decisionId: 'd',
      causes: [],
    };
    const failed = finish(startCycle({ ...start, asOfMs: at, atMs: at }), 'Failed', 'no space', at + 5);
    const event = create(CycleFinishedSchema, { pipeline: 'p', cycleId: 'c1', number: 1, result: 'Failed' });
    await moved(1, failed, outgoing(CycleFinishedSchema, event));
    await traceCycle({ ...platform, telemetry }, event, failed);
    expect(telemetry.spans[0]).toMatchObject({
      failed: true,
      options: { attributes: { 'cicd.pipeline.result': 'error' } },
    });
  });

  it('tell a decision inside the handling that made it', () => {
    const decision = create(DecisionMadeSchema, {
      pipeline: 'p',
      decisionId: 'd1',
      verdict: 'Hold',
      reason: 'cooldown',
    });
    traceDecision({ ...platform, telemetry }, decision, 7, tracedBy(5));
    expect(telemetry.spans).toMatchObject([
      {
        name: 'decide trigger',
        options: {
          parent: tracedBy(5),
          startMs: 7,
          attributes: {
            'rondo.decision.id': 'd1',
            'rondo.verdict': 'Hold',
            'rondo.reason': 'cooldown',
            'rondo.cycle.id': undefined,
          },
        },
      },
    ]);
  });
});
