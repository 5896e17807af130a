import { assert } from '@rondo/kernel';
import { emptyEvidence } from './evidence.js';
import type { Fact } from './facts.js';
import { emptyMaturing } from './maturing.js';
import { noLabels } from './observations.js';
import { arrivedOf } from './reading.js';
import type { RolloutPlan } from './rollout-plan.js';
import { policyTime, type Change, type RolloutState, type StepVisit } from './rollout-state.js';
import {
  promote,
  routeToCandidate,
  withdrawCandidate,
  type Actor,
  type ModelBundle,
  type RoutingState,
} from './routing.js';
import { emptySlices } from './slices.js';
import { emptySplit } from './split-check.js';

/** The rule itself acts. */
export const POLICY: Actor = {
  id: 'policy:rollout',
  kind: 'Policy',
  roles: [],
};

/** What StartRollout asks for. */
export interface RolloutRequest {
  readonly rolloutId: string;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly policyGeneration: number;
  readonly plan: RolloutPlan;
  readonly candidate: ModelBundle;
}

/** Begins a rollout: through the steps, or straight to the champion's place when the endpoint serves nothing yet. */
export function start(request: RolloutRequest, routing: RoutingState, nowMs: number): Change {
  const rollout = newRollout(request, routing, nowMs);
  const started: Fact = {
    kind: 'RolloutStarted',
    candidate: rollout.candidate,
    ...(rollout.champion && { champion: rollout.champion }),
  };
  if (!routing.champion) {
    const cause = `first model of ${routing.endpoint}: there is no champion to compare with, so the steps do not apply`;
    return prepend(
      started,
      finishPromoted(rollout, routing, {
        cause,
        actor: POLICY,
        nowMs,
        tookMs: 0,
      }),
    );
  }
  return prepend(
    started,
    enterStep(rollout, routing, {
      stepIndex: 0,
      reason: 'rollout started',
      actor: POLICY,
      nowMs,
    }),
  );
}

/** Moves to a step and asks for its share of the traffic. */
export function enterStep(
  rollout: RolloutState,
  routing: RoutingState,
  to: {
    readonly stepIndex: number;
    readonly reason: string;
    readonly actor: Actor;
    readonly nowMs: number;
  },
): Change {
  const step = rollout.plan.steps[to.stepIndex];
  assert(step, `rollout ${rollout.rolloutId} has no step ${to.stepIndex}`);
  const atMs = policyTime(rollout, to.nowMs);
  const visits = leaveStep(rollout, to.nowMs);
  const samplesAtEntry = Object.fromEntries(rollout.latest.map((reading) => [reading.analysis, arrivedOf(reading)]));
  const entered: StepVisit = {
    stepIndex: to.stepIndex,
    samplesAtEntry,
    ...(atMs !== undefined && { enteredAtMs: atMs }),
  };
  const moved = {
    ...rollout,
    stepIndex: to.stepIndex,
    visits: [...visits, entered],
    split: emptySplit,
    cause: to.reason,
    revision: rollout.revision + 1,
  };
  const fact: Fact = {
    kind: 'StepEntered',
    stepIndex: to.stepIndex,
    step: step.name,
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    ...(atMs !== undefined && { atMs }),
  };
  const routed = share(moved, routing, {
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    reason: `step ${step.name}: ${to.reason}`,
    actor: to.actor,
  });
  return { ...routed, facts: [fact, ...routed.facts] };
}

/** Asks for another share inside the present step. */
export function share(
  rollout: RolloutState,
  routing: RoutingState,
  to: {
    readonly weightPercent: number;
    readonly shadow: boolean;
    readonly reason: string;
    readonly actor: Actor;
  },
): Change {
  const routed = routeToCandidate(
    routing,
    {
      rolloutId: rollout.rolloutId,
      candidate: rollout.candidate,
      weightPercent: to.weightPercent,
      shadow: to.shadow,
      ...(rollout.plan.slices && { slices: rollout.plan.slices.features }),
    },
    { reason: to.reason, actor: to.actor },
  );
  const wants = {
    weightPercent: to.weightPercent,
    shadow: to.shadow,
    epoch: routed.epoch,
  };
  return {
    rollout: { ...rollout, wants, split: emptySplit },
    routing: routed,
    facts: [{ kind: 'RoutingChanged', routing: routed, rolloutId: rollout.rolloutId }],
  };
}

/** Why a rollout ends and how long it took from there to the routing write. */
export interface Ending {
  readonly cause: string;
  readonly actor: Actor;
  readonly nowMs: number;
  readonly tookMs: number;
}

/** The candidate takes the champion's place. */
export function finishPromoted(rollout: RolloutState, routing: RoutingState, ending: Ending): Change {
  const routed = promote(routing, rollout.candidate, {
    reason: ending.cause,
    actor: ending.actor,
  });
  return finish(rollout, routed, { ...ending, result: 'Promoted' });
}

/** The candidate loses all traffic; the champion's bundle stays what it was. */
export function finishRolledBack(rollout: RolloutState, routing: RoutingState, ending: Ending): Change {
  const routed = withdrawCandidate(routing, {
    reason: ending.cause,
    actor: ending.actor,
  });
  return finish(rollout, routed, { ...ending, result: 'RolledBack' });
}

function finish(
  rollout: RolloutState,
  routing: RoutingState,
  ending: Ending & { readonly result: 'Promoted' | 'RolledBack' },
): Change {
  assert(rollout.phase === 'Running', `rollout ${rollout.rolloutId} has ended before`);
  const atMs = policyTime(rollout, ending.nowMs);
  const { paused: _paused, ...rest } = rollout;
  const finished: RolloutState = {
    ...rest,
    phase: ending.result,
    visits: leaveStep(rollout, ending.nowMs),
    wants: { weightPercent: 0, shadow: false, epoch: routing.epoch },
    finishedWallMs: ending.nowMs,
    cause: ending.cause,
    revision: rollout.revision + 1,
  };
  const fact: Fact = {
    kind: 'Finished',
    result: ending.result,
    cause: ending.cause,
    actor: ending.actor,
    evidence: rollout.latest,
    tookMs: ending.tookMs,
    ...(atMs !== undefined && { atMs }),
    ...(routing.champion && { serving: routing.champion }),
  };
  return {
    rollout: finished,
    routing,
    facts: [{ kind: 'RoutingChanged', routing, rolloutId: rollout.rolloutId }, fact],
  };
}

function newRollout(request: RolloutRequest, routing: RoutingState, nowMs: number): RolloutState {
  return {
    ...request,
    endpoint: routing.endpoint,
    ...(routing.champion && { champion: routing.champion }),
    phase: 'Running',
    stepIndex: 0,
    visits: [],
    wants: { weightPercent: 0, shadow: false, epoch: routing.epoch },
    sinceEpoch: routing.epoch,
    seen: { epoch: 0 },
    evidence: Object.fromEntries(request.plan.analyses.map((rule) => [rule.name, emptyEvidence(rule)])),
    maturing: Object.fromEntries(
      request.plan.analyses.filter((rule) => rule.labelMaturity).map((rule) => [rule.name, emptyMaturing(rule)]),
    ),
    ...(request.plan.slices && { slices: emptySlices(request.plan.slices) }),
    split: emptySplit,
    latest: [],
    ...(request.plan.time === 'WallClock' && { startedAtMs: nowMs }),
    startedWallMs: nowMs,
    predictions: 0,
    labels: noLabels,
    droppedRequests: 0,
    nextSequence: 0,
    pendingRequests: 0,
    cause: 'rollout started',
    revision: 1,
  };
}

function leaveStep(rollout: RolloutState, nowMs: number): readonly StepVisit[] {
  const atMs = policyTime(rollout, nowMs);
  const last = rollout.visits.at(-1);
  if (!last || last.leftAtMs !== undefined || atMs === undefined) return rollout.visits;
  return [...rollout.visits.slice(0, -1), { ...last, leftAtMs: atMs }];
}

function prepend(fact: Fact, change: Change): Change {
  return { ...change, facts: [fact, ...change.facts] };
}
