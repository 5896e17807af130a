import {
  OverrideRequestSchema,
  RestoreRequestSchema,
  RolloutService,
  SetWeightRequestSchema,
  type GetRolloutRequest,
  type GetRoutingRequest,
  type ListRolloutsRequest,
  type ListRolloutsResponse,
  ListRolloutsResponseSchema,
  type OverrideRequest,
  type RestoreRequest,
  type Rollout,
  type Routing,
  type SetWeightRequest,
} from '@rondo/contracts';
import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import { PermanentError } from '@rondo/kernel';
import { PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { rolloutOf, routingOf } from '../contract-map.js';
import type { Override } from '../domain/override.js';
import type { RolloutState } from '../domain/rollout-state.js';
import type { Actor } from '../domain/routing.js';
import { historyOf, listRollouts, loadRollout, loadRouting, rolloutOfCycle } from '../rollout-store.js';
import { OverrideRollout, type PersonalRequest } from '../use-cases/override-rollout.js';

/** Rollouts and the overrides of people, over gRPC and JSON. */
@RpcService(RolloutService)
export class RolloutRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(OverrideRollout) private readonly overrides: OverrideRollout,
  ) {}

  /** By rollout or by cycle, with its past looks. */
  async getRollout(request: GetRolloutRequest): Promise<Rollout> {
    const { journal } = this.platform;
    const found =
      request.rolloutId !== ''
        ? await loadRollout(journal, request.rolloutId)
        : await rolloutOfCycle(journal, request.cycleId);
    if (!found) {
      const [field, value] =
        request.rolloutId !== '' ? ['rollout_id', request.rolloutId] : ['cycle_id', request.cycleId];
      throw new PermanentError('not-found', `there is no rollout with ${field} "${value}"`, {
        field,
        value,
        rule: 'exists',
      });
    }
    return this.#shown(found);
  }

  /** Newest first, without past looks. */
  async listRollouts(request: ListRolloutsRequest): Promise<ListRolloutsResponse> {
    const rollouts = await listRollouts(this.platform.journal, request.pipeline);
    return create(ListRolloutsResponseSchema, {
      rollouts: rollouts.map((rollout) => rolloutOf(rollout, [], this.platform.clock.now())),
    });
  }

  /** What an endpoint serves. */
  async getRouting(request: GetRoutingRequest): Promise<Routing> {
    const routing = await loadRouting(this.platform.journal, request.endpoint);
    if (!routing) {
      throw new PermanentError('not-found', `endpoint "${request.endpoint}" has never served`, {
        field: 'endpoint',
        value: request.endpoint,
        rule: 'exists',
      });
    }
    return routingOf(routing);
  }

  /** Stops the steps; harm still rolls back. */
  pauseRollout(request: OverrideRequest, context: RpcContext): Promise<Rollout> {
    return this.#override('PauseRollout', request, { verb: 'Pause' }, context);
  }

  /** Goes on with the step's own share. */
  resumeRollout(request: OverrideRequest, context: RpcContext): Promise<Rollout> {
    return this.#override('ResumeRollout', request, { verb: 'Resume' }, context);
  }

  /** Ends the present step at once. */
  advanceRollout(request: OverrideRequest, context: RpcContext): Promise<Rollout> {
    return this.#override('AdvanceRollout', request, { verb: 'Advance' }, context);
  }

  /** Promotes now. */
  promoteRollout(request: OverrideRequest, context: RpcContext): Promise<Rollout> {
    return this.#override('PromoteRollout', request, { verb: 'Promote' }, context);
  }

  /** Takes all traffic off the candidate. */
  rollBack(request: OverrideRequest, context: RpcContext): Promise<Rollout> {
    return this.#override('RollBack', request, { verb: 'RollBack' }, context);
  }

  /** Sets the candidate's share by hand and pauses. */
  setWeight(request: SetWeightRequest, context: RpcContext): Promise<Rollout> {
    const personal = personalRequest('SetWeight', SetWeightRequestSchema, request, request.rolloutId, context);
    return this.overrides.execute(personal, {
      verb: 'SetWeight',
      weightPercent: request.weightPercent,
    });
  }

  /** Puts the champion before this one back. */
  restorePreviousChampion(request: RestoreRequest, context: RpcContext): Promise<Routing> {
    return this.overrides.restore(
      personalRequest('RestorePreviousChampion', RestoreRequestSchema, request, request.endpoint, context),
    );
  }

  #override(method: string, request: OverrideRequest, override: Override, context: RpcContext): Promise<Rollout> {
    const personal = personalRequest(method, OverrideRequestSchema, request, request.rolloutId, context);
    return request.validateOnly
      ? this.overrides.validate(personal, override)
      : this.overrides.execute(personal, override);
  }

  async #shown(rollout: RolloutState): Promise<Rollout> {
    return rolloutOf(rollout, await historyOf(this.platform.journal, rollout.rolloutId), this.platform.clock.now());
  }
}

function personalRequest(
  method: string,
  schema: PersonalRequest['schema'],
  message: OverrideRequest | SetWeightRequest | RestoreRequest,
  subject: string,
  context: RpcContext,
): PersonalRequest {
  const { requestId, reason, etag, force } = message;
  const actor: Actor = {
    id: context.principal.id,
    kind: 'Human',
    roles: [...context.principal.roles],
  };
  const traced = context.traceparent === undefined ? {} : { traceparent: context.traceparent };
  return {
    method: `rondo.rollout.v1.RolloutService/${method}`,
    schema,
    message,
    requestId,
    subject,
    reason,
    etag,
    force,
    actor,
    ...traced,
  };
}
