import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { Inject, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  CycleFinishedSchema,
  DecisionMadeSchema,
  topicOf,
  type CycleFinished,
  type DecisionMade,
} from '@rondo/contracts';
import { causeOf, everyReplica, PLATFORM, type Platform } from '@rondo/service';
import type { Delivery, Subscription } from '@rondo/messaging';
import { Changes } from '../changes.js';
import type { CycleState } from '../domain/cycle.js';
import { CYCLE } from '../use-cases/cycles.js';
import { CycleMetrics } from './cycle-metrics.js';
import { traceCycle, traceDecision } from './cycle-traces.js';
import { NOTIFIABLE, Notifications } from './notification.events.js';

/**
 * Two consumers beside the conductor, in groups of their own, so that a slow webhook or watcher never holds a decision:
 * notifications (and the counters and spans of the same events), and the wake-ups of those who watch a cycle.
 */
export class Feeds implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly subscriptions: Subscription[] = [];
  private readonly schemas = new Map<string, DescMessage>(NOTIFIABLE.map((schema) => [schema.typeName, schema]));

  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    private readonly notifications: Notifications,
    private readonly changes: Changes,
    private readonly metrics: CycleMetrics,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { bus } = this.platform;
    const notifiable = new Set<string>(NOTIFIABLE.map((schema) => schema.typeName));
    this.subscriptions.push(
      await bus.subscribe({
        group: 'control-plane.notifications',
        topics: [...new Set(NOTIFIABLE.map(topicOf))],
        wants: (type) => notifiable.has(type),
        handle: (delivery) => this.notify(delivery),
      }),
      // Whoever watches a cycle may be connected to any replica.
      await bus.subscribe(
        everyReplica(this.platform, {
          group: 'control-plane.watchers',
          topics: [topicOf(CycleFinishedSchema)],
          handle: (delivery) => {
            const cycleId = delivery.headers['cycleid'];
            if (cycleId) this.changes.notify(cycleId);
            return Promise.resolve();
          },
        }),
      ),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.close()));
  }

  private async notify(delivery: Delivery): Promise<void> {
    const schema = this.schemas.get(delivery.type);
    if (!schema) return;
    const message = fromBinary(schema, delivery.payload);
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      this.notifications.notify(unit, schema, message, delivery),
    );
    if (schema === CycleFinishedSchema) return this.cycleFinished(message as CycleFinished);
    await this.metrics.count(schema, message, delivery.timeMs);
    if (schema === DecisionMadeSchema) {
      traceDecision(this.platform, message as DecisionMade, delivery.timeMs, delivery.headers['traceparent']);
    }
  }

  private async cycleFinished(event: CycleFinished): Promise<void> {
    const cycle = (await this.platform.journal.load<CycleState>(CYCLE, event.cycleId))?.state;
    this.metrics.countFinished(event, cycle);
    if (cycle) await traceCycle(this.platform, event, cycle);
  }
}
