import { PermanentError } from '@rondo/kernel';
import { plan, type Intent } from './plan.js';
import { measure } from './observing.js';
import { enterStep, finishPromoted, finishRolledBack, POLICY, share } from './rollout.js';
import { stepOf, type Change, type RolloutState } from './rollout-state.js';
import type { Actor, RoutingState } from './routing.js';

/** What a person may ask of a running rollout. */
export type Override =
  | { readonly verb: 'Pause' }
  | { readonly verb: 'Resume' }
  | { readonly verb: 'Advance' }
  | { readonly verb: 'Promote' }
  | { readonly verb: 'RollBack' }
  | { readonly verb: 'SetWeight'; readonly weightPercent: number };

/** Who asks, why, and on what knowledge. */
export interface OverrideContext {
  readonly actor: Actor;
  readonly reason: string;
  /** Revision the person looked at; empty = none given. */
  readonly etag: string;
  readonly force: boolean;
  readonly nowMs: number;
  readonly tookMs: number;
}

/** Tag of what a person sees of a rollout; evidence that changes no verdict does not change it. */
export function etagOf(rollout: RolloutState): string {
  return `r${rollout.revision}`;
}

/**
 * Refuses an override that must not be carried out: `failed-precondition` ROLLOUT_FINISHED after the end, `conflict` ETAG_MISMATCH
 * for a stale etag, `invalid` ETAG_REQUIRED without one. Only taking traffic off the candidate needs no etag: it is always safe.
 */
export function checkOverride(rollout: RolloutState, override: Override, context: OverrideContext): void {
  if (rollout.phase !== 'Running') {
    throw new PermanentError('failed-precondition', `rollout ${rollout.rolloutId} has ended: ${rollout.phase}`, {
      reason: 'ROLLOUT_FINISHED',
      field: 'rollout_id',
      value: rollout.rolloutId,
      rule: 'the rollout is not final',
    });
  }
  checkEtag({
    given: context.etag,
    current: etagOf(rollout),
    force: context.force,
    required: override.verb !== 'RollBack',
  });
}

/** Compares the etag a person based the decision on with the present one. */
export function checkEtag(tag: {
  readonly given: string;
  readonly current: string;
  readonly force: boolean;
  readonly required: boolean;
}): void {
  if (tag.force) return;
  if (tag.given === '') {
    if (!tag.required) return;
    throw new PermanentError('invalid', `etag is required: the present one is ${tag.current}, or use force`, {
      reason: 'ETAG_REQUIRED',
      field: 'etag',
      value: tag.given,
      rule: 'the etag of what the decision rests on',
    });
  }
  if (tag.given === tag.current) return;
  throw new PermanentError('conflict', `etag ${tag.given} is stale: the present one is ${tag.current}`, {
    reason: 'ETAG_MISMATCH',
    field: 'etag',
    value: tag.given,
    rule: `equals ${tag.current}`,
  });
}

/** Carries out what a person asked for, after {@link checkOverride}. */
export function applyOverride(
  rollout: RolloutState,
  routing: RoutingState,
  override: Override,
  context: OverrideContext,
): Change {
  const { actor, reason, nowMs, tookMs } = context;
  const cause = `${actor.id}: ${reason}`;
  switch (override.verb) {
    case 'Pause':
      return pause(rollout, routing, context);
    case 'Resume':
      return resume(rollout, routing, context);
    case 'Advance':
      return rollout.stepIndex + 1 < rollout.plan.steps.length
        ? enterStep(unpaused(rollout), routing, {
            stepIndex: rollout.stepIndex + 1,
            reason,
            actor,
            nowMs,
          })
        : finishPromoted(rollout, routing, {
            cause,
            actor,
            nowMs,
            tookMs,
          });
    case 'Promote':
      return finishPromoted(rollout, routing, {
        cause,
        actor,
        nowMs,
        tookMs,
      });
    case 'RollBack':
      return finishRolledBack(rollout, routing, {
        cause,
        actor,
        nowMs,
        tookMs,
      });
    case 'SetWeight':
      return setWeight(rollout, routing, override.weightPercent, context);
  }
}

/** Looks at the evidence and carries out what the plan says; a look that changes nothing keeps the routing as it is. */
export function reconcile(
  rollout: RolloutState,
  routing: RoutingState,
  time: { readonly nowMs: number; readonly tookMs: number },
): Change {
  const looked = measure(rollout, time.nowMs);
  const change = act(looked.rollout, routing, plan(looked.rollout, time.nowMs), time);
  return { ...change, facts: [...looked.facts, ...change.facts] };
}

function act(
  rollout: RolloutState,
  routing: RoutingState,
  intent: Intent,
  time: { readonly nowMs: number; readonly tookMs: number },
): Change {
  const actor = POLICY;
  switch (intent.kind) {
    case 'Hold':
      return { rollout, routing, facts: [] };
    case 'RollBack':
      return finishRolledBack(rollout, routing, {
        cause: intent.cause,
        actor,
        ...time,
      });
    case 'EnterStep':
      return enterStep(rollout, routing, {
        stepIndex: intent.stepIndex,
        reason: intent.reason,
        actor,
        nowMs: time.nowMs,
      });
    case 'Promote':
      return finishPromoted(rollout, routing, {
        cause: intent.cause,
        actor,
        ...time,
      });
  }
}

function pause(rollout: RolloutState, routing: RoutingState, { actor, reason }: OverrideContext): Change {
  const paused = {
    ...rollout,
    paused: { reason, actor },
    revision: rollout.revision + 1,
  };
  return {
    rollout: paused,
    routing,
    facts: [{ kind: 'Paused', paused: true, reason, actor }],
  };
}

/** Goes on with the share of the step, whatever was set by hand meanwhile. */
function resume(rollout: RolloutState, routing: RoutingState, { actor, reason }: OverrideContext): Change {
  const resumed = { ...unpaused(rollout), revision: rollout.revision + 1 };
  const step = stepOf(rollout);
  const fact = { kind: 'Paused', paused: false, reason, actor } as const;
  if (rollout.wants.weightPercent === step.weightPercent && rollout.wants.shadow === step.shadow)
    return { rollout: resumed, routing, facts: [fact] };
  const routed = share(resumed, routing, {
    weightPercent: step.weightPercent,
    shadow: step.shadow,
    reason,
    actor,
  });
  return { ...routed, facts: [fact, ...routed.facts] };
}

/** A share set by hand also pauses: the steps go on only when somebody resumes them. */
function setWeight(
  rollout: RolloutState,
  routing: RoutingState,
  weightPercent: number,
  context: OverrideContext,
): Change {
  const paused = pause(rollout, routing, {
    ...context,
    reason: `weight set to ${weightPercent} % by hand: ${context.reason}`,
  });
  const shadow = weightPercent === 0;
  const routed = share(paused.rollout, routing, {
    weightPercent,
    shadow,
    reason: context.reason,
    actor: context.actor,
  });
  return { ...routed, facts: [...paused.facts, ...routed.facts] };
}

function unpaused(rollout: RolloutState): RolloutState {
  const { paused: _paused, ...rest } = rollout;
  return rest;
}
