import type { ArtifactStore } from '@rondo/artifacts';
import type { Cause, Journal, Unit } from '@rondo/journal';
import { idFrom, type Clock } from '@rondo/kernel';
import { stepFailedOutgoing } from '../contract-map.js';
import { start } from '../domain/rollout.js';
import type { RolloutPlan } from '../domain/rollout-plan.js';
import type { ModelBundle, RoutingState } from '../domain/routing.js';
import { loadRollout, routingFor, saveChange } from '../rollout-store.js';

/** What the control plane asks for. */
export interface StartRequest {
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly policyGeneration: number;
  readonly plan: RolloutPlan;
  readonly candidate: ModelBundle;
  /** Digest of the champion the candidate was judged against; absent when there was none. */
  readonly championDigest?: string;
}

/** One rollout per cycle: a rollout that ended never begins again. */
export function rolloutIdOf(cycleId: string): string {
  return idFrom('rollout', cycleId);
}

/** Begins a rollout, or answers StepFailed when it must not begin. */
export class StartRollout {
  constructor(
    private readonly journal: Journal,
    private readonly artifacts: ArtifactStore,
    private readonly clock: Clock,
  ) {}

  /** A repeated request, and one for a rollout that has ended, changes nothing. */
  async execute(request: StartRequest, cause: Cause): Promise<void> {
    const candidateStored = await this.artifacts.has(request.candidate.digest);
    await this.journal.once(cause, async (unit) => {
      if (await loadRollout(unit, rolloutIdOf(request.cycleId))) return;
      const routing = await routingFor(unit, request.plan.endpoint, request.pipeline);
      const refusal = refusalOf(request, routing, {
        candidateStored,
        championStored: await this.#championStored(routing),
      });
      if (refusal) return refuse(unit, request, refusal);
      const nowMs = this.clock.now();
      saveChange(
        unit,
        start(
          {
            ...withoutChampion(request),
            rolloutId: rolloutIdOf(request.cycleId),
          },
          routing,
          nowMs,
        ),
        { nowMs },
      );
    });
  }

  async #championStored(routing: RoutingState): Promise<boolean> {
    return !routing.champion || (await this.artifacts.has(routing.champion.digest));
  }
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function refusalOf(
  request: StartRequest,
  routing: RoutingState,
  stored: {
    readonly candidateStored: boolean;
    readonly championStored: boolean;
  },
): Refusal | undefined {
  const { endpoint, pipeline, champion, rolloutId } = routing;
  if (pipeline !== request.pipeline) {
    return {
      code: 'failed-precondition',
      message: `endpoint ${endpoint} belongs to pipeline ${pipeline}, not to ${request.pipeline}`,
    };
  }
  if (rolloutId)
    return {
      code: 'failed-precondition',
      message: `rollout ${rolloutId} is running on ${endpoint}: one at a time`,
    };
  if (champion?.digest !== request.championDigest) {
    const judged = request.championDigest ?? 'none';
    return {
      code: 'conflict',
      message: `the candidate was judged against champion ${judged}, but ${endpoint} serves ${champion?.digest ?? 'none'}`,
    };
  }
  if (champion?.digest === request.candidate.digest) {
    return {
      code: 'failed-precondition',
      message: `${request.candidate.digest} is the champion of ${endpoint} already`,
    };
  }
  if (!stored.candidateStored)
    return {
      code: 'not-found',
      message: `the candidate's file ${request.candidate.digest} is not in the artifact store`,
    };
  if (!stored.championStored) {
    return {
      code: 'data-loss',
      message: `the champion's file ${champion?.digest ?? ''} is not in the artifact store: a rollback would be impossible`,
    };
  }
  return undefined;
}

function refuse(unit: Unit, request: StartRequest, refusal: Refusal): void {
  const state = { ...withoutChampion(request), refusal };
  const id = rolloutIdOf(request.cycleId);
  unit.save({
    kind: 'refused-rollout',
    id,
    state,
    index: { pipeline: request.pipeline },
    outgoing: [stepFailedOutgoing(request, refusal)],
  });
}

function withoutChampion({ championDigest: _champion, ...rest }: StartRequest): Omit<StartRequest, 'championDigest'> {
  return rest;
}
