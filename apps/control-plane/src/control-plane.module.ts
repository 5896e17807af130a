import { Module, type DynamicModule } from '@nestjs/common';
import { DURABLE_JOBS, PLATFORM, type DurableJobs, type Platform } from '@rondo/service';
import { Webhook } from './adapters/webhook.js';
import { Changes } from './changes.js';
import type { ControlPlaneConfig } from './config.js';
import { CycleMetrics } from './handlers/cycle-metrics.js';
import { DataEvents } from './handlers/data.events.js';
import { Feeds } from './handlers/feeds.js';
import { MonitorEvents } from './handlers/monitor.events.js';
import { Notifications } from './handlers/notification.events.js';
import { RolloutEvents } from './handlers/rollout.events.js';
import { StepEvents } from './handlers/step.events.js';
import { CyclesRpc } from './rpc/cycles.rpc.js';
import { AuditRpc, OperationsRpc } from './rpc/operations.rpc.js';
import { PipelinesRpc } from './rpc/pipelines.rpc.js';
import { ApprovalsRpc, EventsRpc, IncidentsRpc, ModelsRpc } from './rpc/records.rpc.js';
import { SURROUNDINGS, type Surroundings } from './surroundings.js';
import { Policies } from './use-cases/policies.js';

/** Policies, ledger, decisions, cycles, approvals, registry, incidents, audit. */
@Module({})
export class ControlPlaneModule {
  static forRoot(options: { readonly config: ControlPlaneConfig; readonly surroundings: Surroundings }): DynamicModule {
    return {
      module: ControlPlaneModule,
      controllers: [DataEvents, MonitorEvents, RolloutEvents, StepEvents],
      providers: [
        Policies,
        Changes,
        CycleMetrics,
        { provide: SURROUNDINGS, useValue: options.surroundings },
        {
          provide: Notifications,
          inject: [PLATFORM, Policies, DURABLE_JOBS],
          useFactory: (platform: Platform, policies: Policies, jobs: DurableJobs) =>
            new Notifications(platform, policies, jobs, new Webhook(options.config.webhookSecret?.reveal())),
        },
        {
          provide: Feeds,
          inject: [PLATFORM, Notifications, Changes, CycleMetrics],
          useFactory: (platform: Platform, notifications: Notifications, changes: Changes, metrics: CycleMetrics) =>
            new Feeds(platform, notifications, changes, metrics),
        },
        ApprovalsRpc,
        AuditRpc,
        CyclesRpc,
        EventsRpc,
        IncidentsRpc,
        ModelsRpc,
        OperationsRpc,
        PipelinesRpc,
      ],
    };
  }
}
