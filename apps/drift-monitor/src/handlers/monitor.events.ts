import { Inject } from '@nestjs/common';
import {
  BatchReadySchema,
  ChampionChangedSchema,
  LabelsObservedSchema,
  PipelineAppliedSchema,
  PredictionsLoggedSchema,
  type BatchReady,
  type ChampionChanged,
  type LabelsObserved,
  type PipelineApplied,
  type PredictionsLogged,
} from '@rondo/contracts';
import {
  BusController,
  causeOf,
  HandleEvent,
  PLATFORM,
  PolicyGenerations,
  type Delivery,
  type Platform,
} from '@rondo/service';
import { driftRequestFrom, referenceFrom, servedFrom, windowFrom } from '../contract-map.js';
import { loadReference } from '../documents.js';
import { EvaluateDrift } from '../use-cases/evaluate-drift.js';
import { EvaluatePerformance } from '../use-cases/evaluate-performance.js';
import { ObserveServing } from '../use-cases/observe-serving.js';
import { ProfileReference } from '../use-cases/profile-reference.js';

/** Messages in: policies, champions, batches, served traffic and its outcomes. */
@BusController()
export class MonitorEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
    @Inject(ProfileReference) private readonly profiles: ProfileReference,
    @Inject(EvaluateDrift) private readonly drift: EvaluateDrift,
    @Inject(EvaluatePerformance)
    private readonly performance: EvaluatePerformance,
    @Inject(ObserveServing) private readonly serving: ObserveServing,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onPipelineApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(ChampionChangedSchema)
  async onChampionChanged(event: ChampionChanged, delivery: Delivery): Promise<void> {
    const reference = referenceFrom(event);
    await this.platform.journal.once(causeOf(delivery), (unit) => this.profiles.begin(unit, reference, delivery.id));
  }

  @HandleEvent(BatchReadySchema)
  async onBatchReady(event: BatchReady, delivery: Delivery): Promise<void> {
    const window = windowFrom(event.dataInterval);
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const reference = (await loadReference(unit, event.pipeline))?.state;
      if (!reference) return;
      const request = driftRequestFrom(event, reference.model.digest);
      await this.drift.begin(unit, reference, request);
      await this.performance.begin(unit, event.pipeline, { ...window, featuresDigest: request.featuresDigest });
    });
  }

  @HandleEvent(PredictionsLoggedSchema)
  async onPredictionsLogged(message: PredictionsLogged, delivery: Delivery): Promise<void> {
    const request = servedFrom(message);
    if (request) await this.serving.predictions(message.endpoint, request, causeOf(delivery));
  }

  @HandleEvent(LabelsObservedSchema)
  async onLabelsObserved(message: LabelsObserved, delivery: Delivery): Promise<void> {
    const { endpoint, requestId, rowIndexes, labels } = message;
    await this.serving.labels({ endpoint, requestId, rowIndexes, labels }, causeOf(delivery));
  }
}
