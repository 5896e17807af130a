import { assert, PermanentError } from '@rondo/kernel';
import type { SliceFeature } from './rollout-plan.js';

/** A model and what must be put in place together with it. A rollback restores the whole bundle, never a part. */
export interface ModelBundle {
  readonly name: string;
  /** Registered version, from 1. */
  readonly version: number;
  /** Digest of the ONNX file. */
  readonly digest: string;
  /** Digest of the feature SQL and its column list. */
  readonly featureViewDigest: string;
}

/** Who acts. */
export interface Actor {
  readonly id: string;
  readonly kind: 'Human' | 'Service' | 'Policy';
  readonly roles: readonly string[];
}

/** What callers of one endpoint are served with. One document per endpoint; every write raises the epoch by one. */
export interface RoutingState {
  readonly endpoint: string;
  readonly pipeline: string;
  /** Rises by one with each write, so that a late copy can be told from a newer one. */
  readonly epoch: number;
  readonly champion?: ModelBundle;
  readonly candidate?: ModelBundle;
  readonly previousChampion?: ModelBundle;
  /** Share of the rows the candidate answers, 0..100. */
  readonly weightPercent: number;
  /** The candidate scores copies of rows that the champion answers. */
  readonly shadow: boolean;
  /** By what rows that both models score are told apart. */
  readonly slices?: readonly SliceFeature[];
  /** The rollout in progress. */
  readonly rolloutId?: string;
  readonly reason: string;
  readonly actor: Actor;
}

/** Why a routing write happens and who asks for it. */
export interface RoutingReason {
  readonly reason: string;
  readonly actor: Actor;
}

/** The routing of an endpoint that has never served: epoch 0, no champion. */
export function unserved(endpoint: string, pipeline: string): RoutingState {
  return {
    endpoint,
    pipeline,
    epoch: 0,
    weightPercent: 0,
    shadow: false,
    reason: 'never served',
    actor: { id: 'service:rollout', kind: 'Service', roles: [] },
  };
}

/** Gives the candidate a share of the rows, or a shadow copy of them. A candidate needs a champion to be compared with. */
export function routeToCandidate(
  routing: RoutingState,
  share: {
    readonly rolloutId: string;
    readonly candidate: ModelBundle;
    readonly weightPercent: number;
    readonly shadow: boolean;
    readonly slices?: readonly SliceFeature[];
  },
  why: RoutingReason,
): RoutingState {
  assert(routing.champion, `endpoint ${routing.endpoint} has no champion to compare a candidate with`);
  assert(share.weightPercent >= 0 && share.weightPercent <= 100, `weight ${share.weightPercent} is not a percentage`);
  return checked({ ...routing, ...why, ...share, epoch: routing.epoch + 1 });
}

/** The candidate becomes the champion; the champion becomes the previous one and stays ready to be restored. */
export function promote(routing: RoutingState, candidate: ModelBundle, why: RoutingReason): RoutingState {
  const { champion, candidate: _candidate, rolloutId: _rollout, slices: _slices, ...rest } = routing;
  const previous = champion ?? routing.previousChampion;
  return checked({
    ...rest,
    ...why,
    epoch: routing.epoch + 1,
    champion: candidate,
    ...(previous && { previousChampion: previous }),
    weightPercent: 0,
    shadow: false,
  });
}

/** The champion serves every row again and the candidate is gone. */
export function withdrawCandidate(routing: RoutingState, why: RoutingReason): RoutingState {
  const { candidate: _candidate, rolloutId: _rollout, slices: _slices, ...rest } = routing;
  return checked({
    ...rest,
    ...why,
    epoch: routing.epoch + 1,
    weightPercent: 0,
    shadow: false,
  });
}

/**
 * The previous champion serves again, as one set; the present one becomes the previous.
 * Throws `failed-precondition` when there is none, or while a rollout runs.
 */
export function restorePrevious(routing: RoutingState, why: RoutingReason): RoutingState {
  if (routing.rolloutId) {
    throw new PermanentError(
      'failed-precondition',
      `rollout ${routing.rolloutId} is running on ${routing.endpoint}: roll it back first`,
      {
        reason: 'ROLLOUT_RUNNING',
        field: 'endpoint',
        value: routing.endpoint,
        rule: 'no rollout is running',
      },
    );
  }
  if (!routing.previousChampion || !routing.champion) {
    throw new PermanentError('failed-precondition', `${routing.endpoint} has no previous champion`, {
      reason: 'NO_PREVIOUS_CHAMPION',
      field: 'endpoint',
      value: routing.endpoint,
      rule: 'a champion was replaced before',
    });
  }
  return checked({
    ...routing,
    ...why,
    epoch: routing.epoch + 1,
    champion: routing.previousChampion,
    previousChampion: routing.champion,
  });
}

/** Equal as a set: same file and same feature view. */
export function sameBundle(a: ModelBundle | undefined, b: ModelBundle | undefined): boolean {
  return a?.digest === b?.digest && a?.featureViewDigest === b?.featureViewDigest;
}

function checked(next: RoutingState): RoutingState {
  assert(next.champion, `endpoint ${next.endpoint} would be left without a champion`);
  assert(
    next.candidate || (next.weightPercent === 0 && !next.shadow),
    `endpoint ${next.endpoint} would send rows to no candidate`,
  );
  return next;
}
