import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { decide, type DecisionFacts, type TriggerReading } from './decision.js';

const DAY = 86_400_000;

const trigger = (change: Partial<TriggerReading> = {}): TriggerReading => ({
  trigger: 'drift',
  expression: 'drift.state == "detected"',
  result: 'true',
  values: {},
  breaches: 2,
  needed: 2,
  window: 3,
  fires: true,
  action: 'Start',
  ...change,
});

const facts = (change: Partial<DecisionFacts> = {}): DecisionFacts => ({
  nowMs: 100 * DAY,
  manual: false,
  suspended: false,
  budget: { used: 0, max: 3, perMs: 365 * DAY },
  triggers: [trigger()],
  ...change,
});

describe('a decision', () => {
  it('starts a cycle when a trigger fires and nothing stands against it', () => {
    const outcome = decide(facts());
    expect(outcome).toMatchObject({ verdict: 'Start', reason: 'drift' });
    expect(outcome.checks.every((check) => check.passed)).toBe(true);
  });

  it('proposes when the trigger only proposes', () => {
    expect(decide(facts({ triggers: [trigger({ action: 'Propose' })] })).verdict).toBe('Propose');
  });

  const active = { id: 'c', number: 4, phase: 'Training' };
  it.each<[string, Partial<DecisionFacts>, string, string]>([
    ['no trigger listens', { triggers: [] }, 'Ignore', 'NoTrigger'],
    [
      'no trigger is true',
      { triggers: [trigger({ result: 'false', breaches: 0, fires: false })] },
      'Hold',
      'NotBreached',
    ],
    ['breaches are too few', { triggers: [trigger({ breaches: 1, fires: false })] }, 'Hold', 'NotBreachedLongEnough'],
    ['the pipeline is suspended', { suspended: true }, 'Hold', 'Suspended'],
    ['a person holds cycles', { hold: { reason: 'holidays' } }, 'Hold', 'AutomaticCyclesHeld'],
    ['it cools down', { coolDown: { after: 'rollback', untilMs: 101 * DAY } }, 'Hold', 'CoolingDown'],
    ['the budget is used up', { budget: { used: 3, max: 3, perMs: 365 * DAY } }, 'Hold', 'BudgetExhausted'],
    ['a cycle runs', { activeCycle: active }, 'Merge', 'CycleActive'],
  ])('records the first failing check: %s', (_name, change, verdict, reason) => {
    const outcome = decide(facts(change));
    expect([outcome.verdict, outcome.reason]).toEqual([verdict, reason]);
    expect(outcome.checks.at(-1)).toMatchObject({ check: reason, passed: false });
    expect(outcome.checks.slice(0, -1).every((check) => check.passed)).toBe(true);
  });

  const forecast = { series: 'perf.logLoss', advisory: '', breachExpectedMs: 120 * DAY };
  const schedule = trigger({ action: 'Schedule', startBeforeMs: 10 * DAY });
  it.each<[string, Partial<DecisionFacts>, string, string]>([
    ['the forecast is advisory', { forecast: { ...forecast, advisory: 'no-skill' } }, 'Hold', 'AdvisoryForecast'],
    ['no day can be told', { forecast: { series: 'perf.logLoss', advisory: '' } }, 'Hold', 'NoBreachExpected'],
    [
      'another series chose a day before',
      { scheduled: { series: 'perf.rocAuc', notBeforeMs: 110 * DAY } },
      'Hold',
      'ScheduledAlready',
    ],
    [
      'a person ruled the day out',
      { scheduleCancelled: { reason: 'olga: no', untilMs: 101 * DAY } },
      'Hold',
      'ScheduleCancelled',
    ],
    ['the pipeline is suspended', { suspended: true }, 'Hold', 'Suspended'],
    ['a cycle runs', { activeCycle: active }, 'Merge', 'CycleActive'],
  ])('schedules nothing when %s', (_name, change, verdict, reason) => {
    const outcome = decide(facts({ triggers: [schedule], forecast, ...change }));
    expect([outcome.verdict, outcome.reason, outcome.notBeforeMs]).toEqual([verdict, reason, undefined]);
    expect(outcome.checks.at(-1)).toMatchObject({ check: reason, passed: false });
  });

  it('schedules for a day before the expected breach, never one that is over, and leaves cool-down and budget to that day', () => {
    const busy = {
      coolDown: { after: 'promotion', untilMs: 105 * DAY },
      budget: { used: 3, max: 3, perMs: DAY },
    } as const;
    expect(decide(facts({ triggers: [schedule], forecast, ...busy }))).toMatchObject({
      verdict: 'Schedule',
      reason: 'drift',
      notBeforeMs: 110 * DAY,
    });
    const later = { series: 'perf.rocAuc', notBeforeMs: 111 * DAY };
    expect(decide(facts({ triggers: [schedule], forecast, scheduled: later })).notBeforeMs).toBe(110 * DAY);
    const sooner = { series: 'perf.logLoss', notBeforeMs: 101 * DAY };
    expect(decide(facts({ triggers: [schedule], forecast, scheduled: sooner })).notBeforeMs).toBe(110 * DAY);
    const soon = { series: 'perf.logLoss', advisory: '', breachExpectedMs: 105 * DAY };
    expect(decide(facts({ triggers: [schedule], forecast: soon })).notBeforeMs).toBe(100 * DAY);
    const cancelled = { reason: 'olga: no', untilMs: 100 * DAY };
    expect(decide(facts({ triggers: [schedule], forecast, scheduleCancelled: cancelled })).verdict).toBe('Schedule');
  });

  it('lets a forecast that starts a cycle wait for the same things as any event', () => {
    expect(decide(facts({ forecast: { series: 'perf.logLoss', advisory: '' } })).verdict).toBe('Start');
    expect(decide(facts({ forecast, budget: { used: 3, max: 3, perMs: DAY } })).reason).toBe('BudgetExhausted');
  });

  it('is past the cool-down at the very moment it ends', () => {
    expect(decide(facts({ coolDown: { after: 'promotion', untilMs: 100 * DAY } })).verdict).toBe('Start');
  });

  it('lets a person pass cool-down and hold, but not suspension, budget or a running cycle', () => {
    const person = (change: Partial<DecisionFacts>): string =>
      decide(facts({ manual: true, triggers: [], ...change })).verdict;
    expect(person({ coolDown: { after: 'rollback', untilMs: 200 * DAY }, hold: { reason: 'x' } })).toBe('Start');
    expect(person({ suspended: true })).toBe('Hold');
    expect(person({ budget: { used: 3, max: 3, perMs: DAY } })).toBe('Hold');
    expect(person({ activeCycle: active })).toBe('Merge');
  });

  it('has the reasons that the glossary explains', () => {
    const glossary = readFileSync(new URL('../../../../docs/glossary.md', import.meta.url), 'utf8');
    const explained = glossary.split('## Reasons')[1]?.match(/(?<=^\| )[A-Z]\w+/gm);
    const ways = [facts({ forecast }), facts({ forecast, triggers: [schedule] })];
    const checks = new Set(ways.flatMap((way) => decide(way).checks.map(({ check }) => check)));
    expect(explained?.toSorted()).toEqual([...checks].sort());
  });

  it('says why in words with numbers', () => {
    expect(decide(facts({ coolDown: { after: 'rollback', untilMs: 101 * DAY } })).explanation).toContain(
      'cooling down after a rollback until 1970-04-12',
    );
    const quiet = trigger({
      result: 'false',
      breaches: 0,
      fires: false,
      values: { 'drift.importanceWeighted': 0.041873, 'data.readyRows': 403118 },
    });
    expect(decide(facts({ triggers: [quiet] })).explanation).toBe(
      'drift is not breached: drift.importanceWeighted = 0.04187, data.readyRows = 403,118',
    );
    expect(decide(facts({ triggers: [{ ...quiet, result: 'no such key: x', values: {} }] })).explanation).toBe(
      'drift could not be evaluated: no such key: x',
    );
    expect(decide(facts({ manual: true, asked: 'olga: a new season' })).explanation).toBe(
      'asked for by olga: a new season',
    );
    expect(decide(facts()).explanation).toBe('trigger drift fired, breached in 2 of the last 3 evaluations');
    expect(decide(facts({ budget: { used: 3, max: 3, perMs: 365 * DAY } })).explanation).toBe(
      '3 of 3 cycles used in the last 365d',
    );
  });
});
