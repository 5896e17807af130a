import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  ApplyPipelineRequestSchema,
  ApplyPipelineResponseSchema,
  AutomaticCyclesHeldSchema,
  CancelScheduledCycleRequestSchema,
  DiffPipelineResponseSchema,
  HoldRequestSchema,
  ListPipelinesResponseSchema,
  PipelineAppliedSchema,
  PipelineSchema,
  PipelineService,
  type ApplyPipelineRequest,
  type ApplyPipelineResponse,
  type CancelScheduledCycleRequest,
  type DiffPipelineResponse,
  type GetPipelineRequest,
  type HoldRequest,
  type ListPipelinesResponse,
  type Pipeline,
} from '@rondo/contracts';
import type { Stored, Unit } from '@rondo/journal';
import { idFrom, PermanentError } from '@rondo/kernel';
import {
  admitPipeline,
  admittedFiles,
  diffPipelines,
  filesNamedBy,
  pipelineNamedBy,
  type Admission as Judgement,
  type PipelineSpec,
} from '@rondo/policy';
import { answerOnce, checkEtag, etagOf, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { actorTo, msOf, outgoing, timestamp } from '../contract-map.js';
import { cyclesInWindow, holdAt, newPipeline, policyTimeMs, type PipelineState } from '../domain/pipeline.js';
import { findPipeline, PIPELINE, savePipeline, unknownPipeline } from '../use-cases/pipelines.js';
import { generationId, Policies, type GenerationState } from '../use-cases/policies.js';
import { settleSchedule } from '../use-cases/scheduled-cycles.js';
import { callerOf, identified, overrideFact } from './callers.js';
import { decisionRecord, type Reader } from './views.js';

type Admission = Extract<Judgement, { ok: true }>;

/** Documents in, pipelines out. */
@RpcService(PipelineService)
export class PipelinesRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  async applyPipeline(request: ApplyPipelineRequest, context: RpcContext): Promise<ApplyPipelineResponse> {
    const admission = await this.admit(request);
    if (!admission.ok) return refused(admission.problems);
    const before = await this.platform.journal.load<PipelineState>(PIPELINE, admission.spec.name);
    const bundle = await this.platform.artifacts.put(Buffer.from(admission.bundle));
    const current = before && (await this.generation(before.state));
    if (current?.digest === bundle.digest && before) {
      return create(ApplyPipelineResponseSchema, {
        outcome: 'unchanged',
        pipeline: await this.view(this.platform.journal, before),
      });
    }
    if (request.validateOnly)
      return create(ApplyPipelineResponseSchema, { outcome: before ? 'configured' : 'created' });
    const requestId =
      request.requestId || idFrom('apply', context.principal.id, bundle.digest, String(before?.state.generation ?? 0));
    const incoming = identified(context, ApplyPipelineRequestSchema, { ...request, requestId }, 'ApplyPipeline');
    return answerOnce(this.platform.journal, incoming, ApplyPipelineResponseSchema, (unit) =>
      this.apply(unit, admission, { request, digest: bundle.digest, sizeBytes: bundle.sizeBytes, context }),
    );
  }

  async diffPipeline(request: ApplyPipelineRequest): Promise<DiffPipelineResponse> {
    const admission = await this.admit(request);
    if (!admission.ok) return create(DiffPipelineResponseSchema, { problems: [...admission.problems] });
    const before = await this.platform.journal.load<PipelineState>(PIPELINE, admission.spec.name);
    const current = before && (await this.generation(before.state));
    const changes = diffPipelines(current?.bundle, admission.bundle);
    return create(DiffPipelineResponseSchema, { changes: changes.map((change) => ({ ...change })) });
  }

  async getPipeline(request: GetPipelineRequest): Promise<Pipeline> {
    const stored = await this.platform.journal.load<PipelineState>(PIPELINE, request.pipeline);
    if (!stored) throw unknownPipeline(request.pipeline);
    return this.view(this.platform.journal, stored);
  }

  async listPipelines(): Promise<ListPipelinesResponse> {
    const page = await this.platform.journal.list<PipelineState>(PIPELINE, { limit: 1000 });
    const pipelines = await Promise.all(page.items.map((stored) => this.view(this.platform.journal, stored)));
    return create(ListPipelinesResponseSchema, { pipelines });
  }

  holdAutomaticCycles(request: HoldRequest, context: RpcContext): Promise<Pipeline> {
    return this.hold(request, context, true);
  }

  releaseAutomaticCycles(request: HoldRequest, context: RpcContext): Promise<Pipeline> {
    return this.hold(request, context, false);
  }

  async cancelScheduledCycle(request: CancelScheduledCycleRequest, context: RpcContext): Promise<Pipeline> {
    const { pipeline, reason, requestId } = request;
    const method = 'CancelScheduledCycle';
    const incoming = {
      ...identified(context, CancelScheduledCycleRequestSchema, request, method),
      outgoing: [overrideFact(context, { pipeline, method, subject: pipeline, reason, requestId })],
    };
    return answerOnce(this.platform.journal, incoming, PipelineSchema, async (unit) => {
      const stored = await findPipeline(unit, pipeline);
      if (!stored) throw unknownPipeline(pipeline);
      const { scheduled } = stored.state;
      if (!scheduled) {
        throw new PermanentError('failed-precondition', `no cycle of ${pipeline} is scheduled`, {
          field: 'pipeline',
          value: pipeline,
          rule: 'a pipeline with a scheduled cycle',
          reason: 'NOTHING_SCHEDULED',
        });
      }
      const explanation = `${callerOf(context).id}: ${reason}`;
      const free = await settleSchedule(unit, stored.state, { fate: 'Held', reason: 'CancelledByPerson', explanation });
      savePipeline(unit, { ...free, scheduleCancelled: { reason: explanation, untilMs: scheduled.notBeforeMs } });
      return this.view(unit, (await findPipeline(unit, pipeline)) as Stored<PipelineState>);
    });
  }

  private async hold(request: HoldRequest, context: RpcContext, held: boolean): Promise<Pipeline> {
    const { pipeline, reason, requestId } = request;
    const method = held ? 'HoldAutomaticCycles' : 'ReleaseAutomaticCycles';
    if (held && request.until && msOf(request.until) <= this.platform.clock.now()) {
      throw new PermanentError('invalid', 'a hold must end in the future', {
        field: 'until',
        value: new Date(msOf(request.until)).toISOString(),
        rule: 'after now, or absent: until somebody releases it',
        reason: 'HOLD_OVER',
      });
    }
    const incoming = {
      ...identified(context, HoldRequestSchema, request, method),
      outgoing: [overrideFact(context, { pipeline, method, subject: pipeline, reason, requestId })],
    };
    return answerOnce(this.platform.journal, incoming, PipelineSchema, async (unit) => {
      const stored = await findPipeline(unit, pipeline);
      if (!stored) throw unknownPipeline(pipeline);
      const { hold: _hold, ...state } = stored.state;
      if (request.etag !== '') checkEtag(request.etag, stored.version, { what: `pipeline ${pipeline}` });
      const actor = callerOf(context);
      const hold = { reason: `${actor.id}: ${reason}`, actor, ...(request.until && { untilMs: msOf(request.until) }) };
      savePipeline(unit, { ...state, ...(held && { hold }) }, [
        outgoing(AutomaticCyclesHeldSchema, { pipeline, held, reason, actor: actorTo(actor), until: request.until }),
      ]);
      return this.view(unit, (await findPipeline(unit, pipeline)) as Stored<PipelineState>);
    });
  }

  /** Files the document names but the request lacks stay as they were admitted last. */
  private async admit({ document, files }: ApplyPipelineRequest): Promise<Judgement> {
    const missing = filesNamedBy(document).filter((name) => !Object.hasOwn(files, name));
    const name = missing.length > 0 ? pipelineNamedBy(document) : undefined;
    const before = name === undefined ? undefined : await this.platform.journal.load<PipelineState>(PIPELINE, name);
    const current = before && (await this.generation(before.state));
    if (!current) return admitPipeline({ document, files });
    const admitted = admittedFiles(current.bundle);
    const kept = missing
      .filter((file) => Object.hasOwn(admitted, file))
      .map((file) => [file, Buffer.from(admitted[file] as string)]);
    return admitPipeline({ document, files: { ...files, ...Object.fromEntries(kept) } });
  }

  private async apply(
    unit: Unit,
    admission: Admission,
    {
      request,
      digest,
      sizeBytes,
      context,
    }: { request: ApplyPipelineRequest; digest: string; sizeBytes: number; context: RpcContext },
  ): Promise<ApplyPipelineResponse> {
    const { spec } = admission;
    const before = await findPipeline(unit, spec.name);
    const generation = (before?.state.generation ?? 0) + 1;
    const actor = callerOf(context);
    const owners = spec.owners.map((owner) => `${owner.team} (${owner.contact})`);
    const state: GenerationState = {
      pipeline: spec.name,
      generation,
      bundle: admission.bundle,
      digest,
      document: request.document,
      author: actor,
      changeReason: request.changeReason,
      appliedAtMs: this.platform.clock.now(),
    };
    unit.save<GenerationState>({
      kind: 'generation',
      id: generationId(spec.name, generation),
      state,
      index: { pipeline: spec.name, generation },
    });
    const fresh = newPipeline(spec.name, generation, spec.rollout.endpoint, owners);
    const next: PipelineState = before
      ? { ...before.state, generation, endpoint: spec.rollout.endpoint, owners }
      : fresh;
    savePipeline(unit, next, [
      outgoing(PipelineAppliedSchema, {
        pipeline: spec.name,
        generation: BigInt(generation),
        document: { digest, mediaType: 'application/json', sizeBytes: BigInt(sizeBytes) },
        actor: actorTo(actor),
        changeReason: request.changeReason,
        endpoint: spec.rollout.endpoint,
      }),
    ]);
    const pipeline = await this.view(unit, (await findPipeline(unit, spec.name)) as Stored<PipelineState>);
    return create(ApplyPipelineResponseSchema, { outcome: before ? 'configured' : 'created', pipeline });
  }

  private async generation(pipeline: PipelineState): Promise<GenerationState | undefined> {
    return (
      await this.platform.journal.load<GenerationState>('generation', generationId(pipeline.name, pipeline.generation))
    )?.state;
  }

  private async view(reader: Reader, stored: Stored<PipelineState>): Promise<Pipeline> {
    const pipeline = stored.state;
    const spec: PipelineSpec = await this.policies.spec(reader, pipeline.name, pipeline.generation);
    const generation = await reader.load<GenerationState>(
      'generation',
      generationId(pipeline.name, pipeline.generation),
    );
    const wallMs = this.platform.clock.now();
    const nowMs = policyTimeMs(pipeline, spec.time, wallMs);
    const hold = holdAt(pipeline, wallMs);
    const { maxCycles, perMs } = spec.triggerPolicy.budget;
    const cooling = pipeline.coolDown && pipeline.coolDown.untilMs > nowMs ? pipeline.coolDown : undefined;
    const record = pipeline.lastDecisionId ? await decisionRecord(reader, pipeline.lastDecisionId) : undefined;
    const init: MessageInitShape<typeof PipelineSchema> = {
      name: pipeline.name,
      generation: BigInt(pipeline.generation),
      document: generation?.state.document ?? '',
      endpoint: pipeline.endpoint,
      champion: pipeline.champion,
      championSince: timestamp(pipeline.championSinceMs),
      activeCycleId: pipeline.activeCycleId ?? '',
      held: hold !== undefined,
      holdReason: hold?.reason ?? '',
      heldUntil: timestamp(hold?.untilMs),
      suspended: spec.suspend,
      coolingDownUntil: timestamp(cooling?.untilMs),
      coolingDownAfter: cooling?.after ?? '',
      policyTime: timestamp(nowMs),
      owners: [...pipeline.owners],
      cyclesInBudgetWindow: cyclesInWindow(pipeline, nowMs, perMs),
      cyclesMax: maxCycles,
      etag: etagOf(stored.version),
      ...(pipeline.scheduled && {
        scheduledCycle: { ...pipeline.scheduled, notBefore: timestamp(pipeline.scheduled.notBeforeMs) },
      }),
      ...(record && { lastDecision: { record } }),
    };
    return create(PipelineSchema, init);
  }
}

function refused(
  problems: readonly { path: string; message: string; line?: number; column?: number; rule?: string }[],
): ApplyPipelineResponse {
  return create(ApplyPipelineResponseSchema, {
    outcome: 'refused',
    problems: problems.map((problem) => ({ ...problem })),
  });
}
