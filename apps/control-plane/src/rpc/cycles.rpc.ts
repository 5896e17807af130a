import { create } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  CycleOverrideRequestSchema,
  CycleSchema,
  CycleService,
  DecisionSchema,
  ListCyclesResponseSchema,
  TriggerCycleRequestSchema,
  type Cycle,
  type CycleOverrideRequest,
  type Decision,
  type GetCycleRequest,
  type ListCyclesRequest,
  type ListCyclesResponse,
  type TriggerCycleRequest,
} from '@rondo/contracts';
import type { Stored, Unit } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import { answerOnce, checkEtag, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import type { CycleState } from '../domain/cycle.js';
import { policyTimeMs } from '../domain/pipeline.js';
import type { ActorReference } from '../domain/references.js';
import { cancelCycle, CYCLE, retryStep } from '../use-cases/cycles.js';
import { decideEvent } from '../use-cases/decide-event.js';
import { loadPipeline } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { Changes } from '../changes.js';
import { callerOf, identified, overrideFact } from './callers.js';
import { cycleView, decisionRecord } from './views.js';

type CycleAct = (
  unit: Unit,
  cycle: CycleState,
  spec: PipelineSpec,
  who: { actor: ActorReference; reason: string; atMs: number },
) => Promise<void>;

/** Cycles and what people may do to them. */
@RpcService(CycleService)
export class CyclesRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  async listCycles(request: ListCyclesRequest): Promise<ListCyclesResponse> {
    const page = await this.platform.journal.list<CycleState>(CYCLE, {
      ...(request.pipeline && { where: { pipeline: request.pipeline } }),
      orderBy: { index: 'number', direction: 'desc' },
      limit: request.pageSize || 50,
      ...(request.pageToken && { pageToken: request.pageToken }),
    });
    const cycles = await Promise.all(page.items.map((stored) => cycleView(this.platform.journal, stored)));
    return create(ListCyclesResponseSchema, { cycles, nextPageToken: page.nextPageToken ?? '' });
  }

  async getCycle(request: GetCycleRequest): Promise<Cycle> {
    return cycleView(this.platform.journal, await this.find(request));
  }

  /** The cycle now and after each change until it is finished. */
  async *watchCycle(request: GetCycleRequest, context: RpcContext): AsyncIterable<Cycle> {
    const first = await this.find(request);
    let sent = -1;
    for await (const _ of this.changes.of(first.id, context.signal)) {
      const stored = await this.find({ ...request, cycleId: first.id });
      if (stored.version === sent) continue;
      sent = stored.version;
      yield await cycleView(this.platform.journal, stored);
      if (stored.state.phase === 'Finished') return;
    }
  }

  async triggerCycle(request: TriggerCycleRequest, context: RpcContext): Promise<Decision> {
    const { pipeline, reason, requestId } = request;
    const actor = callerOf(context);
    const act = async (unit: Unit): Promise<Decision> => {
      const state = await loadPipeline(unit, pipeline);
      const spec = await this.policies.spec(unit, pipeline, state.generation);
      refuseUnlessAllowed(actor, spec.manual.roles);
      const atMs = this.platform.clock.now();
      const made = await decideEvent(unit, this.policies, {
        pipeline,
        on: 'Manual',
        ledger: {
          eventId: requestId,
          kind: 'manual',
          summary: `${actor.id}: ${reason}`,
          source: actor.id,
          eventTimeMs: policyTimeMs(state, spec.time, atMs),
          receivedAtMs: atMs,
          findings: [],
        },
        values: {},
        actor,
        atMs,
      });
      const record = await decisionRecord(unit, made.decisionId);
      return create(DecisionSchema, { ...(record && { record }) });
    };
    if (request.validateOnly) return this.rehearse(act);
    const incoming = {
      ...identified(context, TriggerCycleRequestSchema, request, 'TriggerCycle'),
      outgoing: [overrideFact(context, { pipeline, method: 'TriggerCycle', subject: pipeline, reason, requestId })],
    };
    return answerOnce(this.platform.journal, incoming, DecisionSchema, act);
  }

  cancelCycle(request: CycleOverrideRequest, context: RpcContext): Promise<Cycle> {
    return this.override('CancelCycle', request, context, async (unit, cycle, spec, who) => {
      if (cycle.phase === 'Finished') throw finished(cycle);
      await cancelCycle(unit, cycle, spec, who);
    });
  }

  retryStep(request: CycleOverrideRequest, context: RpcContext): Promise<Cycle> {
    return this.override('RetryStep', request, context, (unit, cycle, spec, who) =>
      retryStep(unit, cycle, spec, who.atMs),
    );
  }

  private async override(
    method: string,
    request: CycleOverrideRequest,
    context: RpcContext,
    act: CycleAct,
  ): Promise<Cycle> {
    const known = await this.find({ cycleId: request.cycleId, pipeline: '', number: 0 });
    const work = async (unit: Unit): Promise<Cycle> => {
      const stored = (await unit.load<CycleState>(CYCLE, known.id)) as Stored<CycleState>;
      checkEtag(request.etag, stored.version, {
        what: `cycle ${stored.state.number} of ${stored.state.pipeline}`,
        force: request.force,
      });
      const spec = await this.policies.spec(unit, stored.state.pipeline, stored.state.generation);
      await act(unit, stored.state, spec, {
        actor: callerOf(context),
        reason: request.reason,
        atMs: this.platform.clock.now(),
      });
      return cycleView(unit, (await unit.load<CycleState>(CYCLE, known.id)) as Stored<CycleState>);
    };
    if (request.validateOnly) return this.rehearse(work);
    const { pipeline } = known.state;
    const fact = overrideFact(context, {
      pipeline,
      method,
      subject: known.id,
      reason: request.reason,
      requestId: request.requestId,
    });
    const incoming = { ...identified(context, CycleOverrideRequestSchema, request, method), outgoing: [fact] };
    return answerOnce(this.platform.journal, incoming, CycleSchema, work);
  }

  /** Does the work on a unit that is thrown away. */
  private async rehearse<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    let answer: { value: T } | undefined;
    const stop = new Error('rehearsal');
    const cause = { consumer: 'rehearsal', messageId: this.platform.ids.next() };
    await this.platform.journal
      .once(cause, async (unit) => {
        answer = { value: await work(unit) };
        throw stop;
      })
      .catch((error: unknown) => {
        if (error !== stop) throw error;
      });
    return (answer as { value: T }).value;
  }

  private async find(request: Pick<GetCycleRequest, 'cycleId' | 'pipeline' | 'number'>): Promise<Stored<CycleState>> {
    const { journal } = this.platform;
    const stored = request.cycleId
      ? await journal.load<CycleState>(CYCLE, request.cycleId)
      : (
          await journal.list<CycleState>(CYCLE, {
            where: { pipeline: request.pipeline, number: request.number },
            limit: 1,
          })
        ).items[0];
    if (stored) return stored;
    const value = request.cycleId || `${request.pipeline}/${request.number}`;
    throw new PermanentError('not-found', `there is no cycle ${value}`, {
      field: 'cycle_id',
      value,
      rule: 'an existing cycle',
    });
  }
}

function refuseUnlessAllowed(actor: ActorReference, roles: readonly string[]): void {
  if (actor.roles.some((role) => roles.includes(role))) return;
  throw new PermanentError('denied', `${actor.id} may not start a cycle of this pipeline by hand`, {
    field: 'principal',
    value: actor.roles.join(', '),
    rule: `spec.manual.roles: ${roles.join(', ')}`,
    reason: 'ROLE_MISSING',
  });
}

function finished(cycle: CycleState): PermanentError {
  return new PermanentError('failed-precondition', `cycle ${cycle.number} is finished: ${cycle.result ?? ''}`, {
    field: 'cycle_id',
    value: cycle.id,
    rule: 'a running cycle',
    reason: 'CYCLE_FINISHED',
  });
}
