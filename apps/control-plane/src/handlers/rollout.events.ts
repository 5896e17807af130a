import { Inject } from '@nestjs/common';
import {
  AnalysisMeasuredSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStartedSchema,
  RoutingChangedSchema,
  type AnalysisMeasured,
  type RolloutFinished,
  type RolloutStarted,
  type RoutingChanged,
} from '@rondo/contracts';
import type { Delivery } from '@rondo/messaging';
import { BusController, causeOf, HandleEvent, PLATFORM, type Platform } from '@rondo/service';
import { actorFrom, modelFrom, msOf } from '../contract-map.js';
import { invalidate } from '../domain/approval.js';
import { policyTimeMs } from '../domain/pipeline.js';
import { close, loadApproval } from '../use-cases/approvals.js';
import { finishCycle, loadCycle, saveCycle } from '../use-cases/cycles.js';
import { loadPipeline, noteEventTime, savePipeline } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { armSchedule } from '../use-cases/scheduled-cycles.js';
import { moveChampion } from '../use-cases/registry.js';

/** What rollout does to traffic. The alias follows the routing, never the other way round. */
@BusController()
export class RolloutEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  @HandleEvent(RolloutStartedSchema)
  async onStarted(event: RolloutStarted, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const cycle = await loadCycle(unit, event.cycleId);
      if (cycle.phase === 'RollingOut') saveCycle(unit, { ...cycle, rolloutId: event.rolloutId });
    });
  }

  @HandleEvent(AnalysisMeasuredSchema)
  async onMeasured(event: AnalysisMeasured, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const pipeline = await noteEventTime(unit, event.pipeline, msOf(event.eventTime));
      armSchedule(unit, pipeline, this.platform.clock.now());
    });
  }

  @HandleEvent(RoutingChangedSchema)
  async onRouting(event: RoutingChanged, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const pipeline = await loadPipeline(unit, event.pipeline);
      const to = modelFrom(event.champion);
      if (!to || to.version === pipeline.champion?.version) return;
      const atMs = this.platform.clock.now();
      const spec = await this.policies.spec(unit, pipeline.name, pipeline.generation);
      const eventTimeMs = policyTimeMs(pipeline, spec.time, atMs);
      savePipeline(
        unit,
        await moveChampion(unit, pipeline, {
          to,
          actor: actorFrom(event.actor),
          reason: event.reason,
          atMs,
          eventTimeMs,
        }),
      );
      await this.invalidateOpenApproval(unit, pipeline.activeCycleId, atMs);
    });
  }

  @HandleEvent(RolloutFinishedSchema)
  async onFinished(event: RolloutFinished, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const pipeline = await noteEventTime(unit, event.pipeline, msOf(event.eventTime));
      armSchedule(unit, pipeline, this.platform.clock.now());
      const cycle = await loadCycle(unit, event.cycleId);
      if (cycle.phase !== 'RollingOut') return;
      const spec = await this.policies.spec(unit, cycle.pipeline, cycle.generation);
      const promoted = event.result === RolloutResult.PROMOTED;
      const result = promoted ? 'Promoted' : cycle.cancelRequested ? 'Cancelled' : 'RolledBack';
      const ended = { ...cycle, rolloutId: event.rolloutId };
      await finishCycle(unit, ended, spec, {
        result,
        reason: cycle.cancelRequested ?? event.cause,
        atMs: this.platform.clock.now(),
      });
    });
  }

  /** The champion changed under an open request: what was judged is no longer what would be replaced. */
  private async invalidateOpenApproval(
    unit: Parameters<typeof loadCycle>[0],
    cycleId: string | undefined,
    atMs: number,
  ): Promise<void> {
    const cycle = cycleId ? await loadCycle(unit, cycleId) : undefined;
    if (cycle?.phase !== 'AwaitingApproval' || !cycle.approvalId) return;
    const approval = invalidate(
      await loadApproval(unit, cycle.approvalId),
      'the champion changed after the evaluation',
    );
    const spec = await this.policies.spec(unit, cycle.pipeline, cycle.generation);
    await close(unit, approval, spec, { messages: [], atMs });
  }
}
