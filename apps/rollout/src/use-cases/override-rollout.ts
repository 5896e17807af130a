import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { RolloutSchema, RoutingSchema, type Rollout, type Routing } from '@rondo/contracts';
import type { Cause, Journal, Unit } from '@rondo/journal';
import { type Clock, elapsedMs, PermanentError } from '@rondo/kernel';
import { answerOnce } from '@rondo/service';
import { overrideOutgoing, rolloutOf, routingEtag, routingOf, routingOutgoing } from '../contract-map.js';
import { applyOverride, checkEtag, checkOverride, type Override, type OverrideContext } from '../domain/override.js';
import { finishRolledBack } from '../domain/rollout.js';
import type { Change, RolloutState } from '../domain/rollout-state.js';
import { restorePrevious, type Actor, type RoutingState } from '../domain/routing.js';
import { historyOf, loadRollout, loadRouting, rolloutOfCycle, saveChange, saveRouting } from '../rollout-store.js';
import type { RolloutMetrics } from './rollout-metrics.js';

/** A change that a person asks for, as the API received it. */
export interface PersonalRequest<I extends DescMessage = DescMessage> {
  /** Name of the API method, for the audit. */
  readonly method: string;
  readonly schema: I;
  readonly message: MessageShape<I>;
  readonly requestId: string;
  /** Rollout or endpoint. */
  readonly subject: string;
  readonly reason: string;
  readonly etag: string;
  readonly force: boolean;
  readonly actor: Actor;
  readonly traceparent?: string;
}

/** Lets people pause, resume, advance, promote, roll back, weigh and restore; every attempt is audited, refused or not. */
export class OverrideRollout {
  constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly metrics: RolloutMetrics,
  ) {}

  /** Carries out an override once per request id and answers with the rollout after it. */
  async execute(request: PersonalRequest, override: Override): Promise<Rollout> {
    const receivedMs = this.clock.now();
    let made: Change | undefined;
    const answer = await this.#audited(request, RolloutSchema, async (unit) => {
      const change = (made = await this.#decide(unit, request, override, receivedMs));
      saveChange(unit, change, { nowMs: this.clock.now() }, [audit(request, change.rollout.pipeline, 'Done')]);
      return rolloutOf(change.rollout, await historyOf(unit, change.rollout.rolloutId), this.clock.now());
    });
    if (made) this.metrics.record(made, 0);
    return answer;
  }

  /** What {@link execute} would answer; checks everything and changes nothing. */
  async validate(request: PersonalRequest, override: Override): Promise<Rollout> {
    const { rollout } = await this.#decide(this.journal, request, override, this.clock.now());
    return rolloutOf(rollout, await historyOf(this.journal, rollout.rolloutId), this.clock.now());
  }

  /** Puts the champion before this one back in place, as one set. */
  async restore(request: PersonalRequest): Promise<Routing> {
    return this.#audited(request, RoutingSchema, async (unit) => {
      const routing = await loadRouting(unit, request.subject);
      if (!routing) throw unknown('endpoint', request.subject);
      checkEtag({
        given: request.etag,
        current: routingEtag(routing),
        force: request.force,
        required: true,
      });
      const restored = restorePrevious(routing, {
        reason: request.reason,
        actor: request.actor,
      });
      saveRouting(unit, restored, [routingOutgoing(restored, ''), audit(request, routing.pipeline, 'Done')]);
      return routingOf(restored);
    });
  }

  /** The control plane ends a cycle: accepted in every state that is not final; a rollout that never began is nothing to abort. */
  async abort(
    command: {
      readonly cycleId: string;
      readonly reason: string;
      readonly actor: Actor;
    },
    cause: Cause,
  ): Promise<void> {
    const receivedMs = this.clock.now();
    const done = await this.journal.once(cause, async (unit) => {
      const rollout = await rolloutOfCycle(unit, command.cycleId);
      const routing = rollout && (await loadRouting(unit, rollout.endpoint));
      if (!rollout || !routing || rollout.phase !== 'Running') return undefined;
      const nowMs = this.clock.now();
      const ending = {
        cause: command.reason,
        actor: command.actor,
        nowMs,
        tookMs: elapsedMs(receivedMs, nowMs),
      };
      const change = finishRolledBack(rollout, routing, ending);
      saveChange(unit, change, { nowMs });
      return change;
    });
    if (done.outcome === 'done' && done.value) this.metrics.record(done.value, 0);
  }

  async #decide(
    reader: Pick<Unit, 'load' | 'list'>,
    request: PersonalRequest,
    override: Override,
    receivedMs: number,
  ): Promise<Change> {
    const { rollout, routing } = await this.#present(reader, request.subject);
    const nowMs = this.clock.now();
    const context: OverrideContext = { ...request, nowMs, tookMs: elapsedMs(receivedMs, nowMs) };
    checkOverride(rollout, override, context);
    return applyOverride(rollout, routing, override, context);
  }

  async #present(
    reader: Pick<Unit, 'load' | 'list'>,
    rolloutId: string,
  ): Promise<{ rollout: RolloutState; routing: RoutingState }> {
    const rollout = await loadRollout(reader, rolloutId);
    const routing = rollout && (await loadRouting(reader, rollout.endpoint));
    if (!rollout || !routing) throw unknown('rollout', rolloutId);
    return { rollout, routing };
  }

  async #audited<O extends DescMessage>(
    request: PersonalRequest,
    answer: O,
    work: (unit: Unit) => Promise<MessageShape<O>>,
  ): Promise<MessageShape<O>> {
    const { method, requestId, schema, message, actor, traceparent } = request;
    const incoming = {
      method,
      requestId,
      schema,
      request: message,
      actor: actor.id,
      ...(traceparent && { traceparent }),
    };
    try {
      return await answerOnce(this.journal, incoming, answer, work);
    } catch (error) {
      if (error instanceof PermanentError) await this.#recordRefusal(request, error);
      throw error;
    }
  }

  /** A refused attempt is part of the audit too; the same refusal of the same request is recorded once. */
  async #recordRefusal(request: PersonalRequest, error: PermanentError): Promise<void> {
    const reason = error.detail.reason ?? error.code;
    const pipeline =
      (await loadRollout(this.journal, request.subject))?.pipeline ??
      (await loadRouting(this.journal, request.subject))?.pipeline;
    if (pipeline === undefined) return;
    const id = `${request.requestId}/${request.etag}/${reason}`;
    await this.journal.once({ consumer: 'refused-override', messageId: id, actor: request.actor.id }, (unit) => {
      const { method, subject, actor } = request;
      const state = {
        method,
        subject,
        actor: actor.id,
        reason,
        message: error.message,
      };
      unit.save({
        kind: 'refused-override',
        id,
        state,
        outgoing: [audit(request, pipeline, `Refused: ${reason}`)],
      });
    });
  }
}

function audit(request: PersonalRequest, pipeline: string, outcome: string): ReturnType<typeof overrideOutgoing> {
  const { method, subject, reason, requestId } = request;
  return overrideOutgoing({ pipeline, method, subject, reason, requestId }, request.actor, outcome);
}

function unknown(what: 'rollout' | 'endpoint', id: string): PermanentError {
  return new PermanentError('not-found', `there is no ${what} ${id}`, {
    field: what === 'rollout' ? 'rollout_id' : 'endpoint',
    value: id,
    rule: 'exists',
  });
}
