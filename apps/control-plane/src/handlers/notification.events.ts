import { toJson, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  AnnotatorPausedSchema,
  ApprovalClosedSchema,
  ApprovalRequestedSchema,
  BatchQuarantinedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  IncidentOpenedSchema,
  LabelCampaignExtendedSchema,
  LabelCampaignOpenedSchema,
  registry,
  RolloutFinishedSchema,
} from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { idFrom, type Json } from '@rondo/kernel';
import type { Delivery } from '@rondo/messaging';
import { PLATFORM, type DurableJobs, type Platform } from '@rondo/service';
import type { Webhook } from '../adapters/webhook.js';
import type { PipelineState } from '../domain/pipeline.js';
import { PIPELINE } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';

/** Events that a policy may ask to be told about, by the name it uses. */
export const NOTIFIABLE = [
  AnnotatorPausedSchema,
  ApprovalClosedSchema,
  ApprovalRequestedSchema,
  BatchQuarantinedSchema,
  ChampionChangedSchema,
  CycleFinishedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  IncidentOpenedSchema,
  LabelCampaignExtendedSchema,
  LabelCampaignOpenedSchema,
  RolloutFinishedSchema,
] as const;

const NOTIFY = 'notify';

type Notification = { readonly url: string; readonly id: string; readonly body: string };

/** Tells people what happened: into the log at once, to webhooks by jobs that survive crashes and are repeated. */
export class Notifications {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    private readonly policies: Policies,
    private readonly jobs: DurableJobs,
    webhook: Webhook,
  ) {
    const deliveries = platform.telemetry.counter('rondo_webhook_deliveries_total', 'Notifications sent, by result.', [
      'result',
    ]);
    jobs.define<Notification & Json>({
      kind: NOTIFY,
      concurrency: 4,
      maxAttempts: 8,
      run: async ({ url, id, body }, { signal }) => {
        await webhook.deliver({ url, id, body, atMs: platform.clock.now(), signal });
        deliveries.add(1, { result: 'delivered' });
        return () => undefined;
      },
      failed: (_unit, { url, id }, failure) => {
        deliveries.add(1, { result: 'given-up' });
        platform.log.error('notification given up', { url, id, attempts: failure.attempts, reason: failure.message });
      },
    });
  }

  /** Queues what the policy wants to be told about this event; part of the unit that handles it. */
  async notify<D extends DescMessage>(
    unit: Unit,
    schema: D,
    message: MessageShape<D>,
    delivery: Pick<Delivery, 'id' | 'timeMs'>,
  ): Promise<void> {
    const pipeline = (message as { pipeline?: string }).pipeline ?? '';
    const state = await unit.load<PipelineState>(PIPELINE, pipeline);
    if (!state) return;
    const spec = await this.policies.spec(unit, pipeline, state.state.generation);
    const wanted = spec.notifications.filter((item) => item.on.some((name) => name === schema.name));
    for (const { to } of wanted) {
      const data = toJson(schema, message, { registry });
      if (to === 'log') {
        this.platform.log.info(`notification ${schema.name}`, { pipeline, event: JSON.stringify(data) });
        continue;
      }
      const id = idFrom('notification', delivery.id, to.webhook);
      const body = JSON.stringify({
        specversion: '1.0',
        id: delivery.id,
        source: 'rondo/control-plane',
        type: `dev.rondo.${schema.typeName.replace(/^rondo\./, '')}`,
        time: new Date(delivery.timeMs).toISOString(),
        datacontenttype: 'application/json',
        data,
      });
      await this.jobs.enqueue(unit, { kind: NOTIFY, id, pipeline, input: { url: to.webhook, id, body } });
    }
  }
}
