import { Inject } from '@nestjs/common';
import {
  CancelLabelCampaignSchema,
  OpenLabelCampaignSchema,
  PipelineAppliedSchema,
  TimerFiredSchema,
  type CancelLabelCampaign,
  type OpenLabelCampaign,
  type PipelineApplied,
  type TimerFired,
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
import { DUE_TIMER, SERVICE } from '../campaign-store.js';
import { requestFrom } from '../contract-map.js';
import { CloseCampaign } from '../use-cases/close-campaign.js';
import { OpenCampaign } from '../use-cases/open-campaign.js';

/** Messages in: policies, the control-plane's commands, durable timers. */
@BusController()
export class LabelingEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
    @Inject(OpenCampaign) private readonly opening: OpenCampaign,
    @Inject(CloseCampaign) private readonly closing: CloseCampaign,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onPipelineApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(OpenLabelCampaignSchema)
  async onOpen(command: OpenLabelCampaign, delivery: Delivery): Promise<void> {
    await this.opening.execute(requestFrom(command), causeOf(delivery));
  }

  @HandleEvent(CancelLabelCampaignSchema)
  async onCancel(command: CancelLabelCampaign, delivery: Delivery): Promise<void> {
    await this.closing.cancel(command.cycleId, causeOf(delivery));
  }

  @HandleEvent(TimerFiredSchema)
  async onTimer(timer: TimerFired, delivery: Delivery): Promise<void> {
    if (timer.service === SERVICE && timer.timer === DUE_TIMER)
      await this.closing.timeIsUp(timer.subject, causeOf(delivery));
  }
}
