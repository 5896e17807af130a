import { formatDurationMs } from '@rondo/kernel';

/** The outcome of one trigger for one event. */
export interface TriggerReading {
  readonly trigger: string;
  readonly expression: string;
  /** `true`, `false`, or the text of an evaluation error. */
  readonly result: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly breaches: number;
  readonly needed: number;
  readonly window: number;
  readonly fires: boolean;
  readonly action: 'Start' | 'Propose' | 'Schedule';
  /** Of `Schedule`: policy time before the expected breach. */
  readonly startBeforeMs?: number;
}

/** Why automatic cycles wait after a cycle ended. */
export interface CoolDown {
  readonly after: 'promotion' | 'rejection' | 'rollback' | 'failure';
  /** Policy time. */
  readonly untilMs: number;
}

/** Everything a decision may depend on; nothing else is read. */
export interface DecisionFacts {
  /** Policy time. */
  readonly nowMs: number;
  readonly manual: boolean;
  /** Who asked by hand, and why. */
  readonly asked?: string;
  readonly suspended: boolean;
  /** Set while a person holds automatic cycles. */
  readonly hold?: { readonly reason: string };
  readonly coolDown?: CoolDown;
  readonly budget: { readonly used: number; readonly max: number; readonly perMs: number };
  readonly activeCycle?: { readonly id: string; readonly number: number; readonly phase: string };
  /** Set when the event is a forecast, or the day that one chose. */
  readonly forecast?: {
    readonly series: string;
    /** Why nothing may act on it; empty when something may. */
    readonly advisory: string;
    /** Policy time; absent when less than half of the possible futures reach the limit. */
    readonly breachExpectedMs?: number;
  };
  /** A cycle is on its day already. */
  readonly scheduled?: { readonly series: string; readonly notBeforeMs: number };
  /** A person cancelled a scheduled cycle: none is scheduled before the day it was meant for. */
  readonly scheduleCancelled?: { readonly reason: string; readonly untilMs: number };
  /** Triggers that listen to this kind of event. */
  readonly triggers: readonly TriggerReading[];
}

export interface CheckReading {
  readonly check: string;
  readonly passed: boolean;
  readonly detail: string;
}

export type DecisionVerdict = 'Start' | 'Propose' | 'Schedule' | 'Hold' | 'Merge' | 'Ignore';

export interface DecisionOutcome {
  readonly verdict: DecisionVerdict;
  /** The first failing check, or the trigger that fired. */
  readonly reason: string;
  readonly explanation: string;
  readonly checks: readonly CheckReading[];
  /** Of `Schedule`: policy time before which the cycle does not start. */
  readonly notBeforeMs?: number;
}

/**
 * Decides what becomes of an event. The checks run in a fixed order and the first that fails is the recorded reason:
 * NoTrigger, NotBreached, NotBreachedLongEnough, Suspended, AutomaticCyclesHeld, CoolingDown, BudgetExhausted, CycleActive.
 * A person's trigger skips those that only bind automatic cycles (the first five and the cool-down). A forecast must not be
 * advisory (AdvisoryForecast). One that schedules needs a date (NoBreachExpected) that no person ruled out (ScheduleCancelled) and
 * that is before the one which a forecast of another series chose (ScheduledAlready);
 * cool-down and budget are asked when that day has come, since they are about that day.
 */
export function decide(facts: DecisionFacts): DecisionOutcome {
  const checks: CheckReading[] = [];
  const fired = facts.triggers.find((trigger) => trigger.fires);
  for (const check of checksFor(facts, fired)) {
    const reading = check(facts, fired);
    checks.push(reading);
    if (!reading.passed)
      return { verdict: verdictOf(reading.check), reason: reading.check, explanation: reading.detail, checks };
  }
  if (facts.manual)
    return { verdict: 'Start', reason: 'manual', explanation: `asked for by ${facts.asked ?? 'a person'}`, checks };
  const trigger = fired as TriggerReading;
  if (trigger.action === 'Schedule') return scheduled(facts, trigger, checks);
  return { verdict: trigger.action, reason: trigger.trigger, explanation: firedText(trigger), checks };
}

/** Policy time at which a scheduled cycle starts at the earliest. */
function notBefore({ forecast, nowMs }: DecisionFacts, trigger: TriggerReading | undefined): number {
  return Math.max(nowMs, (forecast?.breachExpectedMs ?? nowMs) - (trigger?.startBeforeMs ?? 0));
}

function scheduled(facts: DecisionFacts, trigger: TriggerReading, checks: readonly CheckReading[]): DecisionOutcome {
  const notBeforeMs = notBefore(facts, trigger);
  const expected = minute(facts.forecast?.breachExpectedMs ?? notBeforeMs);
  const explanation = `${firedText(trigger)}; a cycle is to start on ${minute(notBeforeMs)}, ${formatDurationMs(trigger.startBeforeMs ?? 0)} before the breach expected on ${expected}`;
  return { verdict: 'Schedule', reason: trigger.trigger, explanation, checks, notBeforeMs };
}

type Check = (facts: DecisionFacts, fired: TriggerReading | undefined) => CheckReading;

function verdictOf(check: string): DecisionVerdict {
  if (check === 'CycleActive') return 'Merge';
  return check === 'NoTrigger' ? 'Ignore' : 'Hold';
}

function firedText(trigger: TriggerReading): string {
  const evidence =
    trigger.window > 1 ? `, breached in ${trigger.breaches} of the last ${trigger.window} evaluations` : '';
  return `trigger ${trigger.trigger} fired${evidence}${valuesText(trigger)}`;
}

function unmetText(trigger: TriggerReading): string {
  if (trigger.result !== 'false' && trigger.result !== 'true')
    return `${trigger.trigger} could not be evaluated: ${trigger.result}`;
  return `${trigger.trigger} is ${trigger.result === 'true' ? '' : 'not '}breached${valuesText(trigger)}`;
}

/** The values that were read, numbers first; the expression itself is kept with the reading. */
function valuesText({ values }: TriggerReading): string {
  const read = Object.entries(values);
  const measured = read.flatMap(([name, value]) =>
    typeof value === 'number' ? [`${name} = ${formatNumber(value)}`] : [],
  );
  const others = read.flatMap(([name, value]) => (typeof value === 'number' ? [] : [`${name} = ${String(value)}`]));
  return read.length > 0 ? `: ${[...measured, ...others].join(', ')}` : '';
}

/** Four significant digits for what is measured, every digit for what is counted. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}

const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;

const listens: Check = ({ triggers }) => ({
  check: 'NoTrigger',
  passed: triggers.length > 0,
  detail:
    triggers.length > 0
      ? `${triggers.length} trigger(s) listen to this event`
      : 'no trigger of the policy listens to this kind of event',
});

const breached: Check = ({ triggers }) => {
  const passed = triggers.some((trigger) => trigger.breaches > 0);
  return { check: 'NotBreached', passed, detail: triggers.map(unmetText).join('; ') };
};

const breachedLongEnough: Check = ({ triggers }, fired) => ({
  check: 'NotBreachedLongEnough',
  passed: fired !== undefined,
  detail:
    fired === undefined
      ? triggers
          .map((t) => `${t.trigger}: ${t.breaches} of the ${t.needed} breaches needed in ${t.window} evaluations`)
          .join('; ')
      : firedText(fired),
});

const notSuspended: Check = ({ suspended }) => ({
  check: 'Suspended',
  passed: !suspended,
  detail: suspended ? 'spec.suspend is true: no new cycle starts' : 'spec.suspend is false',
});

const notHeld: Check = ({ hold }) => ({
  check: 'AutomaticCyclesHeld',
  passed: hold === undefined,
  detail: hold ? `held by a person: ${hold.reason}` : 'automatic cycles are not held',
});

const cooledDown: Check = ({ coolDown, nowMs }) => {
  const active = coolDown !== undefined && nowMs < coolDown.untilMs;
  return {
    check: 'CoolingDown',
    passed: !active,
    detail: active
      ? `cooling down after a ${coolDown.after} until ${minute(coolDown.untilMs)} (policy time is ${minute(nowMs)})`
      : 'no cool-down is running',
  };
};

const withinBudget: Check = ({ budget }) => ({
  check: 'BudgetExhausted',
  passed: budget.used < budget.max,
  detail: `${budget.used} of ${budget.max} cycles used in the last ${formatDurationMs(budget.perMs)}`,
});

const noCycleActive: Check = ({ activeCycle }) => ({
  check: 'CycleActive',
  passed: activeCycle === undefined,
  detail:
    activeCycle === undefined
      ? 'no cycle is running'
      : `merged into cycle ${activeCycle.number}, which is ${activeCycle.phase}`,
});

const notAdvisory: Check = ({ forecast }) => ({
  check: 'AdvisoryForecast',
  passed: forecast?.advisory === '',
  detail:
    forecast?.advisory === ''
      ? 'the forecast has skill and its series did not change lately'
      : `the forecast is only shown: ${ADVISORY_TEXT[forecast?.advisory ?? ''] ?? forecast?.advisory}`,
});

const ADVISORY_TEXT: Readonly<Record<string, string>> = {
  'no-skill': 'on past origins its method was no better than the naive one',
  'change-point': 'the series changed lately, so its past errors say little',
  'champion-changed': 'it is about a model that is not the champion any more',
};

const breachExpected: Check = ({ forecast }) => ({
  check: 'NoBreachExpected',
  passed: forecast?.breachExpectedMs !== undefined,
  detail:
    forecast?.breachExpectedMs === undefined
      ? 'less than half of the possible futures reach the limit within the horizon, so there is no day to start before'
      : `half of the possible futures have reached the limit by ${minute(forecast.breachExpectedMs)}`,
});

/** A newer forecast of the same series may move the day either way. */
const notScheduledAlready: Check = (facts, fired) => {
  const { scheduled: known, forecast } = facts;
  const before =
    known !== undefined && known.series !== forecast?.series && known.notBeforeMs <= notBefore(facts, fired);
  return {
    check: 'ScheduledAlready',
    passed: !before,
    detail: before
      ? `a forecast of ${known.series} put a cycle on ${minute(known.notBeforeMs)}, which is not later`
      : 'no forecast of another series put a cycle on an earlier day',
  };
};

const notCancelled: Check = ({ scheduleCancelled, nowMs }) => {
  const active = scheduleCancelled !== undefined && nowMs < scheduleCancelled.untilMs;
  return {
    check: 'ScheduleCancelled',
    passed: !active,
    detail: active
      ? `nothing is scheduled until ${minute(scheduleCancelled.untilMs)}: ${scheduleCancelled.reason}`
      : 'no scheduled cycle was cancelled',
  };
};

function checksFor({ manual, forecast }: DecisionFacts, fired: TriggerReading | undefined): readonly Check[] {
  if (manual) return MANUAL_CHECKS;
  if (!forecast) return [...EVIDENCE_CHECKS, ...START_CHECKS];
  return [...EVIDENCE_CHECKS, notAdvisory, ...(fired?.action === 'Schedule' ? SCHEDULE_CHECKS : START_CHECKS)];
}

const EVIDENCE_CHECKS: readonly Check[] = [listens, breached, breachedLongEnough];
const START_CHECKS: readonly Check[] = [notSuspended, notHeld, cooledDown, withinBudget, noCycleActive];
const SCHEDULE_CHECKS: readonly Check[] = [
  breachExpected,
  notScheduledAlready,
  notCancelled,
  notSuspended,
  notHeld,
  noCycleActive,
];
const MANUAL_CHECKS: readonly Check[] = [notSuspended, withinBudget, noCycleActive];
