import type { ArtifactStore } from '@rondo/artifacts';
import type { Cause, Journal, Unit } from '@rondo/journal';
import type { Clock } from '@rondo/kernel';
import type { DurableJobs } from '@rondo/service';
import {
  dueTimerId,
  findCampaign,
  listAnnotators,
  listTasks,
  openCampaignsOf,
  saveAnnotator,
  saveCampaign,
  saveTask,
} from '../campaign-store.js';
import { closedFact, extendedFact, labelSetBytes } from '../contract-map.js';
import {
  completionReason,
  extend,
  isComplete,
  type CampaignEnd,
  type CampaignState,
  type CloseReason,
} from '../domain/campaign.js';
import { conclude } from '../domain/quality.js';

/** What {@link CloseCampaign} works with. */
export interface CloseCampaignParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly artifacts: ArtifactStore;
  readonly jobs: DurableJobs;
}

/** Ends campaigns: when everything is answered, when time is up, or when the cycle is cancelled. */
export class CloseCampaign {
  constructor(private readonly parts: CloseCampaignParts) {}

  /**
   * Ends a campaign without open tasks, inside the unit that answered the last one; when more answers may decide its agreement, asks for
   * them instead, for as long as there is time.
   */
  async complete(unit: Unit, campaign: CampaignState): Promise<void> {
    const reason = completionReason(campaign);
    const tasks = (await listTasks(unit, campaign.campaignId)).map(({ state }) => state);
    const longer = extend(campaign, conclude(campaign.rules, tasks, reason), tasks);
    if (!longer) return this.end(unit, campaign, reason);
    for (const task of tasks) saveTask(unit, task, longer.campaign.rules.annotatorsPerTask);
    saveCampaign(unit, longer.campaign, [extendedFact(longer.campaign, longer.agreement)]);
    if (isComplete(longer.campaign)) await this.complete(unit, longer.campaign);
  }

  /** Ends a campaign whose time is up; one that is over already is left alone. */
  async timeIsUp(campaignId: string, cause: Cause): Promise<void> {
    await this.parts.journal.once(cause, async (unit) => {
      const stored = await findCampaign(unit, campaignId);
      if (stored && !stored.state.end) await this.end(unit, stored.state, 'TimeBudgetExhausted');
    });
  }

  /** Stops what is being prepared for the cycle and ends what is open; the answers stay in the record, but are not used. */
  async cancel(cycleId: string, cause: Cause): Promise<void> {
    await this.parts.journal.once(cause, async (unit) => {
      const requests = await unit.list('label-request', { where: { cycleId } });
      for (const { id } of requests.items) await this.parts.jobs.cancel(unit, id);
      for (const campaign of await openCampaignsOf(unit, cycleId)) await this.end(unit, campaign, 'Cancelled');
    });
  }

  private async end(unit: Unit, campaign: CampaignState, reason: CloseReason): Promise<void> {
    const tasks = await listTasks(unit, campaign.campaignId);
    const { labels, usable, passed, verdict, quality, answered, unanswered } = conclude(
      campaign.rules,
      tasks.map(({ state }) => state),
      reason,
    );
    // Content-addressed, so storing it again when the unit runs again changes nothing.
    const labelSet = usable && answered > 0 ? await this.parts.artifacts.put(labelSetBytes(labels)) : undefined;
    const end: CampaignEnd = {
      atMs: this.parts.clock.now(),
      reason,
      passed,
      ...(verdict && { verdict }),
      quality,
      answered,
      unanswered,
      ...(labelSet && { labelSet: { digest: labelSet.digest, sizeBytes: labelSet.sizeBytes } }),
    };
    const golden = tasks.filter(({ state }) => state.gold !== undefined);
    saveCampaign(unit, { ...campaign, end }, [
      closedFact(
        campaign,
        end,
        golden.map(({ state }) => state.taskId),
      ),
    ]);
    if (golden.length > 0)
      for (const annotator of await listAnnotators(unit, { pipeline: campaign.pipeline }))
        saveAnnotator(unit, { ...annotator, told: annotator.gold });
    unit.cancelTimer(dueTimerId(campaign.campaignId));
  }
}
