import { Module, type DynamicModule } from '@nestjs/common';
import { PLATFORM, PolicyGenerations, type Platform } from '@rondo/service';
import type { RolloutConfig } from './config.js';
import { RolloutEvents } from './handlers/rollout.events.js';
import { RolloutRpc } from './handlers/rollout.rpc.js';
import { ObserveServing } from './use-cases/observe-serving.js';
import { OverrideRollout } from './use-cases/override-rollout.js';
import { RolloutMetrics } from './use-cases/rollout-metrics.js';
import { StartRollout } from './use-cases/start-rollout.js';

/** Moves traffic step by step on evidence, and takes it back. */
@Module({})
export class RolloutModule {
  /** Everything else comes from the platform of the service that boots it. */
  static forRoot(config: RolloutConfig): DynamicModule {
    const inject = [PLATFORM];
    return {
      module: RolloutModule,
      controllers: [RolloutEvents],
      providers: [
        RolloutRpc,
        {
          provide: PolicyGenerations,
          inject,
          useFactory: (platform: Platform) => new PolicyGenerations(platform),
        },
        {
          provide: StartRollout,
          inject,
          useFactory: ({ journal, artifacts, clock }: Platform) => new StartRollout(journal, artifacts, clock),
        },
        {
          provide: RolloutMetrics,
          inject,
          useFactory: ({ telemetry }: Platform) => new RolloutMetrics(telemetry),
        },
        {
          provide: OverrideRollout,
          inject: [PLATFORM, RolloutMetrics],
          useFactory: ({ journal, clock }: Platform, metrics: RolloutMetrics) =>
            new OverrideRollout(journal, clock, metrics),
        },
        {
          provide: ObserveServing,
          inject: [PLATFORM, RolloutMetrics],
          useFactory: ({ journal, clock }: Platform, metrics: RolloutMetrics) =>
            new ObserveServing(journal, clock, metrics, { pendingRequestsMax: config.rolloutPendingRequestsMax }),
        },
      ],
    };
  }
}
