import type { Stored, Unit } from '@rondo/journal';
import type { Clock } from '@rondo/kernel';
import type { Principal } from '@rondo/security';
import { listUnfinishedTasks, loadCampaign, loadTask, saveCampaign, saveTask } from '../campaign-store.js';
import { recordedFact } from '../contract-map.js';
import { checkOpen, isComplete, type CampaignState } from '../domain/campaign.js';
import { answerTask, canLease, stateOf, type AnswerRequest, type TaskState } from '../domain/task.js';
import type { CloseCampaign } from './close-campaign.js';

/** Tasks with their campaign. */
export interface LeasedTasks {
  readonly campaign: CampaignState;
  readonly tasks: readonly Stored<TaskState>[];
}

/** Gives tasks to annotators and takes their answers; both inside a unit of work of the caller. */
export class AnswerTasks {
  constructor(
    private readonly clock: Clock,
    private readonly closing: CloseCampaign,
    private readonly leaseMs: number,
  ) {}

  /** The first `count` tasks the annotator may answer, theirs until the lease ends; asking again renews it. */
  async lease(unit: Unit, campaignId: string, principal: Principal, count: number): Promise<LeasedTasks> {
    const { state: campaign } = await loadCampaign(unit, campaignId);
    const nowMs = this.clock.now();
    checkOpen(campaign, nowMs);
    const { annotatorsPerTask } = campaign.rules;
    const unfinished = await listUnfinishedTasks(unit, campaignId);
    const lease = { annotator: principal.id, untilMs: Math.min(nowMs + this.leaseMs, campaign.dueAtMs) };
    const tasks = unfinished
      .filter(({ state }) => canLease(state, principal.id, annotatorsPerTask, nowMs))
      .slice(0, count)
      .map((stored) => ({ ...stored, state: { ...stored.state, lease }, version: stored.version + 1 }));
    for (const { state } of tasks) saveTask(unit, state, annotatorsPerTask);
    return { campaign, tasks };
  }

  /** Records an answer; the last one needed ends the campaign. */
  async answer(
    unit: Unit,
    about: { readonly campaignId: string; readonly taskId: string },
    request: Omit<AnswerRequest, 'annotator'>,
    principal: Principal,
  ): Promise<{ readonly campaign: CampaignState; readonly task: Stored<TaskState> }> {
    const { state: before } = await loadCampaign(unit, about.campaignId);
    const nowMs = this.clock.now();
    checkOpen(before, nowMs);
    const stored = await loadTask(unit, about.campaignId, about.taskId);
    const { rules } = before;
    const classes = rules.classes.map(({ value }) => value);
    const given = { ...request, annotator: principal.id };
    const state = answerTask(stored.state, given, { classes, annotatorsPerTask: rules.annotatorsPerTask }, nowMs);
    const added = state.answers.at(-1);
    const facts = added ? [recordedFact(state, added, principal, before.cycleId)] : [];
    saveTask(unit, state, rules.annotatorsPerTask, facts);
    const campaign = counted(before, stored.state, state, nowMs);
    saveCampaign(unit, campaign);
    if (isComplete(campaign)) await this.closing.complete(unit, campaign);
    return { campaign, task: { ...stored, state, version: stored.version + 1 } };
  }
}

function counted(campaign: CampaignState, before: TaskState, after: TaskState, nowMs: number): CampaignState {
  const { annotatorsPerTask } = campaign.rules;
  const was = stateOf(before, annotatorsPerTask, nowMs);
  const is = stateOf(after, annotatorsPerTask, nowMs);
  const change = (state: string): number => Number(is === state) - Number(was === state);
  return {
    ...campaign,
    answered: campaign.answered + change('Answered'),
    skipped: campaign.skipped + change('Skipped'),
  };
}
