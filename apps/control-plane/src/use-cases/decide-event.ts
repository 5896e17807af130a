import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { DecisionMadeSchema, type DecisionMade } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { canonicalJson, idFrom, messageOf } from '@rondo/kernel';
import { compileExpression, type PipelineSpec, type ReadValue } from '@rondo/policy';
import { actorTo, outgoing, shown } from '../contract-map.js';
import { decide, type DecisionFacts, type DecisionOutcome, type TriggerReading } from '../domain/decision.js';
import { forecastValues, type ForecastState } from '../domain/forecast.js';
import { fateOf, type LedgerState } from '../domain/ledger.js';
import { cyclesInWindow, holdAt, policyTimeMs, type PipelineState, type ScheduledCycle } from '../domain/pipeline.js';
import type { ActorReference } from '../domain/references.js';
import { observeTrigger, ONCE, type TriggerMemory } from '../domain/trigger.js';
import { loadCycle, openCycle, saveCycle } from './cycles.js';
import { record } from './ledger.js';
import { loadPipeline, savePipeline } from './pipelines.js';
import type { Policies } from './policies.js';
import { schedule, settleSchedule } from './scheduled-cycles.js';

type TriggerSource = 'BatchReady' | 'DriftEvaluated' | 'PerformanceEvaluated' | 'ForecastIssued';
const CONTEXT = {
  BatchReady: 'trigger.batch',
  DriftEvaluated: 'trigger.drift',
  PerformanceEvaluated: 'trigger.performance',
  ForecastIssued: 'trigger.forecast',
} as const;

/** Values of an expression's variables, by context variable and field. */
type ExpressionValues = Readonly<Record<string, Readonly<Record<string, ReadValue | undefined>>>>;

/** An event that may start a cycle, with what its triggers may read. */
export interface DecidableEvent {
  readonly pipeline: string;
  readonly on: TriggerSource | 'Manual';
  readonly ledger: Omit<LedgerState, 'fate' | 'reason' | 'explanation' | 'pipeline'>;
  /** Values of the expression's context, except `champion` and `forecast`, which are added here. */
  readonly values: ExpressionValues;
  /** The forecast that is the event. */
  readonly forecast?: ForecastState;
  /** The day of a scheduled cycle has come: its trigger alone is asked again, and starts what it scheduled. */
  readonly due?: Pick<ScheduledCycle, 'trigger' | 'forecastId'>;
  readonly actor: ActorReference;
  readonly atMs: number;
}

export interface MadeDecision {
  readonly decisionId: string;
  readonly outcome: DecisionOutcome;
  readonly cycleId?: string;
}

/** Decides the fate of one event and carries it out: ledger, decision record and, when it starts one, the cycle. */
export async function decideEvent(unit: Unit, policies: Policies, event: DecidableEvent): Promise<MadeDecision> {
  const pipeline = await loadPipeline(unit, event.pipeline);
  const spec = await policies.spec(unit, pipeline.name, pipeline.generation);
  const nowMs = policyTimeMs(pipeline, spec.time, event.atMs);
  const { readings, memories } = readTriggers(spec, pipeline, event, nowMs);
  const facts = await factsOf(unit, pipeline, spec, { event, nowMs, readings });
  const outcome = decide(facts);
  const decisionId = idFrom('decision', event.pipeline, event.ledger.kind, event.ledger.eventId);
  const cycleId =
    outcome.verdict === 'Start'
      ? idFrom('cycle', event.pipeline, String(pipeline.generation), event.ledger.eventId)
      : pipeline.activeCycleId;
  const related = outcome.verdict === 'Start' || outcome.verdict === 'Merge' ? cycleId : undefined;

  const decided: PipelineState = {
    ...pipeline,
    triggers: { ...pipeline.triggers, ...memories },
    lastDecisionId: decisionId,
  };
  const next = await carryOut(unit, decided, spec, {
    event,
    outcome,
    decisionId,
    nowMs,
    ...(related && { cycleId: related }),
  });
  savePipeline(unit, next);
  saveDecision(unit, event, {
    decisionId,
    outcome,
    readings,
    generation: pipeline.generation,
    nowMs,
    ...(related && { cycleId: related }),
  });
  await record(unit, {
    ...event.ledger,
    pipeline: pipeline.name,
    fate: fateOf(outcome.verdict),
    reason: outcome.reason,
    explanation: outcome.explanation,
    decisionId,
    ...(related && { cycleId: related }),
  });
  return { decisionId, outcome, ...(related && { cycleId: related }) };
}

interface Decided {
  readonly event: DecidableEvent;
  readonly outcome: DecisionOutcome;
  readonly decisionId: string;
  readonly nowMs: number;
  /** The cycle to start or to merge into. */
  readonly cycleId?: string;
}

/** Starts, joins or schedules what was decided; a cycle that was scheduled is taken over by one that starts. */
async function carryOut(
  unit: Unit,
  pipeline: PipelineState,
  spec: PipelineSpec,
  decided: Decided,
): Promise<PipelineState> {
  const { event, outcome, decisionId, nowMs, cycleId } = decided;
  const { verdict, reason, explanation, notBeforeMs } = outcome;
  const { due } = event;
  if (verdict === 'Start' && cycleId) {
    const number = pipeline.cycles + 1;
    const fate = {
      fate: due ? 'Caused' : 'Merged',
      reason,
      explanation: `cycle ${number} started: ${explanation}`,
      cycleId,
    } as const;
    const { scheduleCancelled: _over, ...free } = await settleSchedule(unit, pipeline, fate);
    return openCycle(unit, free, spec, {
      id: cycleId,
      pipeline: pipeline.name,
      number,
      generation: pipeline.generation,
      trigger: reason,
      startedBy: event.actor.id,
      decisionId,
      causes: [...(due ? [due.forecastId] : []), event.ledger.eventId],
      asOfMs: nowMs,
      atMs: event.atMs,
      ...(pipeline.champion && { champion: pipeline.champion }),
    });
  }
  if (verdict === 'Merge' && cycleId) {
    const cycle = await loadCycle(unit, cycleId);
    saveCycle(unit, { ...cycle, merged: [...cycle.merged, event.ledger.eventId] });
  }
  if (notBeforeMs !== undefined && event.forecast) {
    const { forecastId, series } = event.forecast;
    const next = { notBeforeMs, time: spec.time, trigger: reason, series, forecastId, decisionId };
    return schedule(unit, pipeline, next, event.atMs);
  }
  if (!due) return pipeline;
  return settleSchedule(unit, pipeline, { fate: fateOf(verdict), reason, explanation, ...(cycleId && { cycleId }) });
}

function readTriggers(spec: PipelineSpec, pipeline: PipelineState, event: DecidableEvent, nowMs: number) {
  const readings: TriggerReading[] = [];
  const memories: Record<string, TriggerMemory> = {};
  if (event.on === 'Manual') return { readings, memories };
  const values = {
    ...event.values,
    ...(event.forecast && { forecast: forecastValues(event.forecast, nowMs) }),
    champion: championValues(pipeline, nowMs),
  };
  const { due } = event;
  for (const trigger of spec.triggers) {
    if (trigger.on !== event.on || (due && trigger.name !== due.trigger)) continue;
    const reading = evaluate(trigger.when, CONTEXT[event.on], values);
    const cleared =
      trigger.clearWhen !== undefined && evaluate(trigger.clearWhen, CONTEXT[event.on], values).result === 'true';
    const rule = due ? ONCE : trigger.for;
    // Of forecasts each series has a memory of its own.
    const name = event.forecast ? `${trigger.name}/${event.forecast.series}` : trigger.name;
    const step = observeTrigger(due ? undefined : pipeline.triggers[name], reading.result === 'true', cleared, rule);
    // What is only shown is no evidence either, and a day that has come is no new evidence.
    if (!due && !event.forecast?.advisory) memories[name] = step.memory;
    readings.push({
      trigger: trigger.name,
      expression: trigger.when,
      ...reading,
      breaches: step.breaches,
      needed: rule.breaches,
      window: rule.outOf,
      fires: step.fires,
      action: due ? 'Start' : trigger.action,
      ...(trigger.startBeforeMs !== undefined && { startBeforeMs: trigger.startBeforeMs }),
    });
  }
  return { readings, memories };
}

function championValues(pipeline: PipelineState, nowMs: number): Readonly<Record<string, ReadValue>> {
  const ageDays =
    pipeline.championSincePolicyMs === undefined ? 0 : (nowMs - pipeline.championSincePolicyMs) / 86_400_000;
  return { exists: pipeline.champion !== undefined, version: pipeline.champion?.version ?? 0, ageDays };
}

/** An expression that cannot be evaluated is a reading of its own, never a breach. */
function evaluate(expression: string, context: (typeof CONTEXT)[TriggerSource], values: ExpressionValues) {
  try {
    const { value, read } = compileExpression(expression, context).evaluate(values);
    return { result: String(value), values: read };
  } catch (error) {
    return { result: `error: ${messageOf(error)}`, values: {} };
  }
}

async function factsOf(
  unit: Unit,
  pipeline: PipelineState,
  spec: PipelineSpec,
  { event, nowMs, readings }: { event: DecidableEvent; nowMs: number; readings: readonly TriggerReading[] },
): Promise<DecisionFacts> {
  const active = pipeline.activeCycleId ? await loadCycle(unit, pipeline.activeCycleId) : undefined;
  const { maxCycles, perMs } = spec.triggerPolicy.budget;
  const hold = holdAt(pipeline, event.atMs);
  return {
    nowMs,
    manual: event.on === 'Manual',
    ...(event.on === 'Manual' && { asked: event.ledger.summary }),
    suspended: spec.suspend,
    budget: { used: cyclesInWindow(pipeline, nowMs, perMs), max: maxCycles, perMs },
    triggers: readings,
    ...(hold && { hold: { reason: hold.reason } }),
    ...(pipeline.coolDown && { coolDown: pipeline.coolDown }),
    ...(pipeline.scheduled && { scheduled: pipeline.scheduled }),
    ...(pipeline.scheduleCancelled && { scheduleCancelled: pipeline.scheduleCancelled }),
    ...(event.forecast && { forecast: event.forecast }),
    ...(active && { activeCycle: { id: active.id, number: active.number, phase: active.phase } }),
  };
}

interface DecisionToSave {
  readonly decisionId: string;
  readonly outcome: DecisionOutcome;
  readonly readings: readonly TriggerReading[];
  readonly generation: number;
  readonly nowMs: number;
  readonly cycleId?: string;
}

function saveDecision(unit: Unit, event: DecidableEvent, made: DecisionToSave): void {
  const message = outgoing(
    DecisionMadeSchema,
    {
      pipeline: event.pipeline,
      decisionId: made.decisionId,
      policyGeneration: BigInt(made.generation),
      verdict: made.outcome.verdict,
      reason: made.outcome.reason,
      explanation: made.outcome.explanation,
      causeEventIds: [event.ledger.eventId],
      triggers: made.readings.map(({ fires: _fires, action: _action, startBeforeMs: _before, values, ...reading }) => ({
        ...reading,
        valuesJson: canonicalJson(values),
      })),
      checks: [...made.outcome.checks],
      cycleId: made.cycleId ?? '',
      actor: actorTo(event.actor),
      eventTime: timestampFromMs(made.nowMs),
      decidedAt: timestampFromMs(event.atMs),
      ...(made.outcome.notBeforeMs !== undefined && { notBefore: timestampFromMs(made.outcome.notBeforeMs) }),
    },
    made.cycleId ? { cycleid: made.cycleId } : {},
  );
  unit.save({
    kind: 'decision',
    id: made.decisionId,
    state: { record: shown(DecisionMadeSchema, message.message as DecisionMade) },
    index: { pipeline: event.pipeline, decidedAtMs: event.atMs, verdict: made.outcome.verdict },
    outgoing: [message],
  });
}
