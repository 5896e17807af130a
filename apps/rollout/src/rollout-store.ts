import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { TimerFiredSchema } from '@rondo/contracts';
import type { Journal, Outgoing, Unit } from '@rondo/journal';
import { outgoingOf } from './contract-map.js';
import type { Measured } from './domain/facts.js';
import { maturesAtMs } from './domain/maturing.js';
import type { PendingPrediction } from './domain/observations.js';
import type { Change, RolloutState } from './domain/rollout-state.js';
import { unserved, type RoutingState } from './domain/routing.js';

/** Name of this service on durable timers. */
export const SERVICE = 'rollout';
/** Timer that looks at a rollout of a wall-clock pipeline. */
export const LOOK_TIMER = 'look';
/** Timer that removes what an ended rollout kept for joins. */
export const FORGET_TIMER = 'forget-predictions';

const ROLLOUT = 'rollout';
const ROUTING = 'routing';
const PREDICTION = 'prediction';
const MEASUREMENT = 'measurement';
const HISTORY_LIMIT = 400;
const FORGET_PAGE = 200;

/** Reads shared by the journal and a unit of work. */
type Reader = Pick<Journal, 'load' | 'list'> | Pick<Unit, 'load' | 'list'>;

/** The routing of an endpoint; undefined when it never served. */
export async function loadRouting(reader: Reader, endpoint: string): Promise<RoutingState | undefined> {
  return (await reader.load<RoutingState>(ROUTING, endpoint))?.state;
}

/** The routing to build on. */
export async function routingFor(unit: Unit, endpoint: string, pipeline: string): Promise<RoutingState> {
  return (await loadRouting(unit, endpoint)) ?? unserved(endpoint, pipeline);
}

/** One rollout, or undefined. */
export async function loadRollout(reader: Reader, rolloutId: string): Promise<RolloutState | undefined> {
  return (await reader.load<RolloutState>(ROLLOUT, rolloutId))?.state;
}

/** The rollout of a cycle, or undefined. */
export async function rolloutOfCycle(reader: Reader, cycleId: string): Promise<RolloutState | undefined> {
  return (await reader.list<RolloutState>(ROLLOUT, { where: { cycleId }, limit: 1 })).items[0]?.state;
}

/** Rollouts, newest first; of one pipeline when it is named. */
export async function listRollouts(reader: Reader, pipeline: string): Promise<RolloutState[]> {
  const where = pipeline === '' ? {} : { where: { pipeline } };
  const page = await reader.list<RolloutState>(ROLLOUT, {
    ...where,
    orderBy: { index: 'startedWallMs', direction: 'desc' },
    limit: 100,
  });
  return page.items.map((item) => item.state);
}

/** Past looks, oldest first. */
export async function historyOf(reader: Reader, rolloutId: string): Promise<Measured[]> {
  const page = await reader.list<Measured>(MEASUREMENT, {
    where: { rolloutId },
    orderBy: { index: 'atMs', direction: 'desc' },
    limit: HISTORY_LIMIT,
  });
  return page.items.map((item) => item.state).reverse();
}

/** The kept scores of a request, or undefined. */
export async function loadPending(
  unit: Unit,
  endpoint: string,
  requestId: string,
): Promise<PendingPrediction | undefined> {
  return (await unit.load<PendingPrediction>(PREDICTION, predictionId(endpoint, requestId)))?.state;
}

/** Keeps the scores of a request until its outcomes are known. */
export function savePending(unit: Unit, endpoint: string, pending: PendingPrediction): void {
  const { rolloutId, requestId, sequence } = pending;
  unit.save({
    kind: PREDICTION,
    id: predictionId(endpoint, requestId),
    state: pending,
    index: { rolloutId, sequence },
  });
}

/** Nothing is left to join. */
export function removePending(unit: Unit, endpoint: string, requestId: string): void {
  unit.remove(PREDICTION, predictionId(endpoint, requestId));
}

/** Removes the request that has waited longest. */
export async function dropOldestPending(unit: Unit, rolloutId: string): Promise<boolean> {
  const page = await unit.list(PREDICTION, {
    where: { rolloutId },
    orderBy: { index: 'sequence', direction: 'asc' },
    limit: 1,
  });
  const oldest = page.items[0];
  if (oldest) unit.remove(PREDICTION, oldest.id);
  return oldest !== undefined;
}

/** Removes a page of what an ended rollout kept, and comes back while there is more. */
export async function forgetPredictions(unit: Unit, rollout: RolloutState, nowMs: number): Promise<void> {
  const page = await unit.list(PREDICTION, {
    where: { rolloutId: rollout.rolloutId },
    limit: FORGET_PAGE,
  });
  for (const item of page.items) unit.remove(PREDICTION, item.id);
  if (page.items.length === FORGET_PAGE) scheduleTimer(unit, rollout, FORGET_TIMER, nowMs);
}

/** Saves a rollout whose routing and facts did not change. */
export function saveRollout(unit: Unit, rollout: RolloutState, outgoing: readonly Outgoing[] = []): void {
  const { rolloutId, pipeline, endpoint, cycleId, startedWallMs } = rollout;
  unit.save({
    kind: ROLLOUT,
    id: rolloutId,
    state: rollout,
    index: { pipeline, endpoint, cycleId, startedWallMs },
    outgoing,
  });
}

/** Saves a routing write together with what is told about it. */
export function saveRouting(unit: Unit, routing: RoutingState, outgoing: readonly Outgoing[]): void {
  unit.save({
    kind: ROUTING,
    id: routing.endpoint,
    state: routing,
    index: { pipeline: routing.pipeline },
    outgoing,
  });
}

/** Saves both states of a change, its facts and the timers it needs, as one. */
export function saveChange(
  unit: Unit,
  change: Change,
  time: { readonly nowMs: number },
  also: readonly Outgoing[] = [],
): void {
  const { rollout, routing, facts } = change;
  const routed = facts.filter((fact) => fact.kind === 'RoutingChanged');
  if (routed.length > 0)
    saveRouting(
      unit,
      routing,
      routed.map((fact) => outgoingOf(fact, rollout)),
    );
  const told = facts.filter((fact) => fact.kind !== 'RoutingChanged').map((fact) => outgoingOf(fact, rollout));
  saveRollout(unit, rollout, [...told, ...also]);
  for (const fact of facts) if (fact.kind === 'AnalysisMeasured') saveMeasured(unit, rollout.rolloutId, fact.measured);
  armTimers(unit, rollout, time.nowMs);
}

function saveMeasured(unit: Unit, rolloutId: string, measured: Measured): void {
  const looks = measured.results.reduce((most, reading) => Math.max(most, reading.looks), 0);
  unit.save({
    kind: MEASUREMENT,
    id: `${rolloutId}/${looks}`,
    state: measured,
    index: { rolloutId, atMs: measured.atMs },
  });
}

/** Wall-clock pipelines need a look when nothing arrives: at the end of the bake, when labels mature, and at the deadline. */
function armTimers(unit: Unit, rollout: RolloutState, nowMs: number): void {
  if (rollout.phase !== 'Running') {
    unit.cancelTimer(timerId(rollout, LOOK_TIMER));
    if (rollout.pendingRequests > 0) scheduleTimer(unit, rollout, FORGET_TIMER, nowMs);
    return;
  }
  if (rollout.plan.time !== 'WallClock') return;
  const enteredAtMs = rollout.visits.at(-1)?.enteredAtMs ?? nowMs;
  const bakedAtMs = enteredAtMs + (rollout.plan.steps[rollout.stepIndex]?.bakeMs ?? 0);
  const deadlineAtMs = (rollout.startedAtMs ?? nowMs) + rollout.plan.deadlineMs;
  const maturesAt = rollout.plan.analyses.flatMap((rule) => {
    const maturing = rollout.maturing?.[rule.name];
    return (maturing && maturesAtMs(rule, maturing)) ?? [];
  });
  const next = [bakedAtMs, deadlineAtMs, ...maturesAt].filter((atMs) => atMs > nowMs);
  if (next.length > 0) scheduleTimer(unit, rollout, LOOK_TIMER, Math.min(...next));
}

function scheduleTimer(unit: Unit, rollout: RolloutState, timer: string, atMs: number): void {
  const message = create(TimerFiredSchema, {
    service: SERVICE,
    timer,
    subject: rollout.rolloutId,
    dueAt: timestampFromMs(atMs),
    token: `${rollout.stepIndex}`,
    pipeline: rollout.pipeline,
  });
  unit.schedule({
    id: timerId(rollout, timer),
    atMs,
    outgoing: { schema: TimerFiredSchema, message, key: rollout.pipeline },
  });
}

function timerId(rollout: RolloutState, timer: string): string {
  return `${timer}/${rollout.rolloutId}`;
}

function predictionId(endpoint: string, requestId: string): string {
  return `${endpoint}/${requestId}`;
}
