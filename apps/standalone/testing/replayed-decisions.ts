import { isDeepStrictEqual } from 'node:util';
import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  AutomaticCyclesHeldSchema,
  BatchReadySchema,
  CycleFinishedSchema,
  CyclePhaseChangedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  DriftEvaluatedSchema,
  PerformanceEvaluatedSchema,
  type DecisionMade,
} from '@rondo/contracts';
import {
  coolDownAfter,
  decide,
  observeTrigger,
  type CycleResult,
  type DecisionFacts,
  type TriggerMemory,
  type TriggerReading,
} from '@rondo/control-plane';
import { compileExpression, type PipelineSpec, type ReadValue } from '@rondo/policy';
import type { Fact, Recorded } from './recorded.js';

/** The admitted policy of a pipeline's generation. */
export type PolicyOf = (pipeline: string, generation: bigint) => PipelineSpec;

type Trigger = PipelineSpec['triggers'][number];

const CONTEXT = {
  BatchReady: 'trigger.batch',
  DriftEvaluated: 'trigger.drift',
  PerformanceEvaluated: 'trigger.performance',
} as const;
type Source = keyof typeof CONTEXT;

/**
 * Makes every decision about a batch, a measurement of drift or of performance again: cycles, cool-down, budget, hold and what triggers
 * remember are folded from the journal up to that moment, the policy is that of the decision's generation, and of the record itself
 * only the time and the values that its expressions read are taken.
 * @returns decisions that come out differently
 */
export function replayedDecisions(recorded: Recorded, policyOf: PolicyOf): string[] {
  const sources = sourcesIn(recorded);
  const memories = new Map<string, TriggerMemory>();
  return recorded.of(DecisionMadeSchema).flatMap((made) => {
    const { message: decision } = made;
    const source = sources.get(decision.causeEventIds[0] ?? '');
    if (source === undefined) return [];
    const spec = policyOf(decision.pipeline, decision.policyGeneration);
    const listening = spec.triggers.filter(({ on }) => on === source);
    // What cleared a trigger is not recorded, so its memory cannot be followed.
    if (listening.some(({ clearWhen }) => clearWhen !== undefined)) return [];
    const triggers = listening.map((trigger) => readAgain(trigger, source, decision, memories));
    const { verdict, reason, explanation, checks } = decide({
      ...factsAt(recorded, made, { spec, policyOf }),
      triggers,
    });
    const again = { verdict, reason, explanation, checks, triggers: triggers.map(shown) };
    const before = recordOf(decision);
    const name = `decision about ${decision.causeEventIds.join(', ')}`;
    return isDeepStrictEqual(again, before)
      ? []
      : [`${name} was ${JSON.stringify(before)} and is ${JSON.stringify(again)} when it is made again`];
  });
}

/** What kind of event each id names; people's wishes and forecasts are left out. */
function sourcesIn(recorded: Recorded): Map<string, Source> {
  return new Map<string, Source>([
    ...recorded.messages(BatchReadySchema).map(({ eventId }) => [eventId, 'BatchReady'] as const),
    ...recorded.messages(DriftEvaluatedSchema).map(({ evaluationId }) => [evaluationId, 'DriftEvaluated'] as const),
    ...recorded
      .messages(PerformanceEvaluatedSchema)
      .map(({ evaluationId }) => [evaluationId, 'PerformanceEvaluated'] as const),
  ]);
}

/** Evaluates the policy's expression on the values that were read, and remembers the outcome. */
function readAgain(
  { name, when, for: rule, action, startBeforeMs }: Trigger,
  source: Source,
  decision: DecisionMade,
  memories: Map<string, TriggerMemory>,
): TriggerReading {
  const known = decision.triggers.find(({ trigger }) => trigger === name);
  const recordedValues = JSON.parse(known?.valuesJson ?? '{}') as Record<string, ReadValue>;
  const { result, values } = known?.result.startsWith('error: ')
    ? { result: known.result, values: {} }
    : evaluated(when, source, recordedValues);
  const id = `${decision.pipeline} ${name}`;
  const { memory, breaches, fires } = observeTrigger(memories.get(id), result === 'true', false, rule);
  memories.set(id, memory);
  const reading = { trigger: name, expression: when, result, values, breaches, fires, action };
  const counted = { needed: rule.breaches, window: rule.outOf };
  return { ...reading, ...counted, ...(startBeforeMs !== undefined && { startBeforeMs }) };
}

function evaluated(when: string, source: Source, recordedValues: Readonly<Record<string, ReadValue>>) {
  const values: Record<string, Record<string, ReadValue>> = {};
  for (const [path, value] of Object.entries(recordedValues)) {
    const [variable = '', field = ''] = path.split(/\.(.*)/s);
    values[variable] = { ...values[variable], [field]: value };
  }
  const { value, read } = compileExpression(when, CONTEXT[source]).evaluate(values);
  return { result: String(value), values: read };
}

/** What the journal of the control-plane says of the pipeline before the decision. */
function factsAt(
  recorded: Recorded,
  { position, message: decision }: Fact<DecisionMade>,
  { spec, policyOf }: { readonly spec: PipelineSpec; readonly policyOf: PolicyOf },
): Omit<DecisionFacts, 'triggers'> {
  const isBefore = (fact: Fact<{ pipeline: string }>): boolean =>
    fact.position < position && fact.message.pipeline === decision.pipeline;
  const nowMs = msOf(decision.eventTime);
  const { maxCycles: max, perMs } = spec.triggerPolicy.budget;
  const decisions = new Map(
    recorded
      .of(DecisionMadeSchema)
      .filter(isBefore)
      .map(({ message }) => [message.decisionId, message]),
  );
  // A cycle is recorded in one unit with the decision that starts it, and before it.
  const started = recorded.messages(CycleStartedSchema).filter(({ decisionId }) => decisions.has(decisionId));
  const finished = recorded.of(CycleFinishedSchema).filter(isBefore);
  const over = new Set(finished.map(({ message }) => message.cycleId));
  const active = started.find(({ cycleId }) => !over.has(cycleId));
  const phase = recorded
    .of(CyclePhaseChangedSchema)
    .filter(isBefore)
    .findLast(({ message }) => message.cycleId === active?.cycleId)?.message.to;
  const startsMs = started.map(({ decisionId }) => msOf(decisions.get(decisionId)?.eventTime));
  const coolDowns = finished.flatMap(({ message: { cycleId, result, eventTime } }) => {
    const generation = started.find((cycle) => cycle.cycleId === cycleId)?.policyGeneration ?? 0n;
    const { cooldown } = policyOf(decision.pipeline, generation).triggerPolicy;
    return coolDownAfter(cooldown, result as CycleResult, msOf(eventTime)) ?? [];
  });
  const coolDown = coolDowns.at(-1);
  const hold = recorded.of(AutomaticCyclesHeldSchema).filter(isBefore).at(-1)?.message;
  const isHeld = hold?.held && !(hold.until && msOf(hold.until) <= msOf(decision.decidedAt));
  return {
    nowMs,
    manual: false,
    suspended: spec.suspend,
    budget: { used: startsMs.filter((atMs) => atMs > nowMs - perMs).length, max, perMs },
    ...(coolDown && { coolDown }),
    ...(isHeld && { hold: { reason: `${hold.actor?.id}: ${hold.reason}` } }),
    ...(active && { activeCycle: { id: active.cycleId, number: active.number, phase: phase ?? 'Preparing' } }),
  };
}

/** The part of a reading that is recorded. */
function shown({ trigger, expression, result, breaches, needed, window, values }: TriggerReading) {
  return { trigger, expression, result, breaches, needed, window, values: { ...values } };
}

function recordOf({ verdict, reason, explanation, checks, triggers }: DecisionMade) {
  return {
    verdict,
    reason,
    explanation,
    checks: checks.map(({ check, passed, detail }) => ({ check, passed, detail })),
    triggers: triggers.map((reading) =>
      shown({
        ...reading,
        values: JSON.parse(reading.valuesJson) as Record<string, ReadValue>,
        fires: false,
        action: 'Start',
      }),
    ),
  };
}

const msOf = (at: Timestamp | undefined): number => (at ? timestampMs(at) : 0);
