import { Module, type DynamicModule } from '@nestjs/common';
import type { Engine } from '@rondo/datasets';
import type { Scorer } from '@rondo/models';
import { DURABLE_JOBS, PLATFORM, PolicyGenerations, type DurableJobs, type Platform } from '@rondo/service';
import { ChampionSuggester } from './adapters/champion-suggester.js';
import { DatasetReviewRows } from './adapters/dataset-review-rows.js';
import type { LabelingConfig } from './config.js';
import { LabelingEvents } from './handlers/labeling.events.js';
import { LabelingRpc } from './handlers/labeling.rpc.js';
import { AnswerTasks } from './use-cases/answer-tasks.js';
import { CloseCampaign } from './use-cases/close-campaign.js';
import { OpenCampaign } from './use-cases/open-campaign.js';

/** Parts that may be shared instead of the service's own; whoever gives one closes it. */
export interface LabelingParts {
  readonly engine?: Engine;
  readonly scorer?: Scorer;
}

/** Puts doubtful rows before people and hands back their labels with the quality they have. */
@Module({})
export class LabelingModule {
  /** Everything else comes from the platform of the service that boots it. */
  static forRoot(config: LabelingConfig, parts: LabelingParts = {}): DynamicModule {
    return {
      module: LabelingModule,
      controllers: [LabelingEvents],
      providers: [
        LabelingRpc,
        {
          provide: PolicyGenerations,
          inject: [PLATFORM],
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: DatasetReviewRows,
          inject: [PLATFORM],
          useFactory: ({ artifacts }: Platform) => new DatasetReviewRows(artifacts, parts.engine),
        },
        {
          provide: ChampionSuggester,
          inject: [PLATFORM],
          useFactory: ({ artifacts }: Platform) => new ChampionSuggester(artifacts, parts.scorer),
        },
        {
          provide: CloseCampaign,
          inject: [PLATFORM, DURABLE_JOBS],
          useFactory: ({ journal, clock, artifacts }: Platform, jobs: DurableJobs) =>
            new CloseCampaign({ journal, clock, artifacts, jobs }),
        },
        {
          provide: AnswerTasks,
          inject: [PLATFORM, CloseCampaign],
          useFactory: ({ clock }: Platform, closing: CloseCampaign) =>
            new AnswerTasks(clock, closing, config.labelingLeaseMs),
        },
        {
          provide: OpenCampaign,
          inject: [PLATFORM, DURABLE_JOBS, PolicyGenerations, DatasetReviewRows, ChampionSuggester, CloseCampaign],
          useFactory: (
            { journal, clock }: Platform,
            jobs: DurableJobs,
            policies: PolicyGenerations,
            rows: DatasetReviewRows,
            suggester: ChampionSuggester,
            closing: CloseCampaign,
          ) =>
            new OpenCampaign({
              journal,
              clock,
              jobs,
              policies,
              rows,
              suggester,
              closing,
              openTimeoutMs: config.labelingOpenTimeoutMs,
            }),
        },
      ],
    };
  }
}
