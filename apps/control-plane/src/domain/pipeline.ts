import type { CoolDown } from './decision.js';
import type { ActorReference, ModelReference } from './references.js';
import type { TriggerMemory } from './trigger.js';

/** A cycle that starts on a day a forecast chose, unless nothing calls for it any more by then. */
export interface ScheduledCycle {
  /** Policy time, as `time` says. */
  readonly notBeforeMs: number;
  /** What policy time followed when it was scheduled; it stays so. */
  readonly time: 'EventTime' | 'WallClock';
  readonly trigger: string;
  readonly series: string;
  /** Event of the ledger that waits for its final fate. */
  readonly forecastId: string;
  readonly decisionId: string;
}

/** What the control-plane knows of a pipeline besides its documents. */
export interface PipelineState {
  readonly name: string;
  readonly generation: number;
  readonly endpoint: string;
  readonly owners: readonly string[];
  readonly champion?: ModelReference;
  readonly championSinceMs?: number;
  /** Champion's since in policy time. */
  readonly championSincePolicyMs?: number;
  readonly activeCycleId?: string;
  readonly hold?: { readonly reason: string; readonly actor: ActorReference; readonly untilMs?: number };
  readonly coolDown?: CoolDown;
  /** At most one; a newer forecast moves its day, and any cycle that starts takes it over. */
  readonly scheduled?: ScheduledCycle;
  readonly scheduleCancelled?: { readonly reason: string; readonly untilMs: number };
  /** Latest event time seen: announced intervals, traffic, labels. */
  readonly watermarkMs: number;
  readonly readyRows: number;
  /** Policy times at which cycles started, within the longest budget window. */
  readonly cycleStartsMs: readonly number[];
  readonly cycles: number;
  readonly versions: number;
  readonly triggers: Readonly<Record<string, TriggerMemory>>;
  readonly lastDecisionId?: string;
}

export function newPipeline(
  name: string,
  generation: number,
  endpoint: string,
  owners: readonly string[],
): PipelineState {
  return {
    name,
    generation,
    endpoint,
    owners,
    watermarkMs: 0,
    readyRows: 0,
    cycleStartsMs: [],
    cycles: 0,
    versions: 0,
    triggers: {},
  };
}

/** The watermark only rises. */
export function seenEventTime(pipeline: PipelineState, eventTimeMs: number): PipelineState {
  return eventTimeMs > pipeline.watermarkMs ? { ...pipeline, watermarkMs: eventTimeMs } : pipeline;
}

/** Present moment in policy time. */
export function policyTimeMs(pipeline: PipelineState, basis: 'EventTime' | 'WallClock', wallMs: number): number {
  return basis === 'EventTime' ? pipeline.watermarkMs : wallMs;
}

/** The hold in force at a moment of the wall clock; one with an end is over by itself. */
export function holdAt({ hold }: PipelineState, wallMs: number): PipelineState['hold'] {
  return hold?.untilMs !== undefined && hold.untilMs <= wallMs ? undefined : hold;
}

/** Whether the day of a scheduled cycle has come by the watermark; by the wall clock its timer knows. */
export function scheduleReached({ scheduled, watermarkMs }: PipelineState): boolean {
  return scheduled?.time === 'EventTime' && watermarkMs >= scheduled.notBeforeMs;
}

/** Cycles started within the last `perMs` of policy time. */
export function cyclesInWindow(pipeline: PipelineState, nowMs: number, perMs: number): number {
  return pipeline.cycleStartsMs.filter((at) => at > nowMs - perMs).length;
}
