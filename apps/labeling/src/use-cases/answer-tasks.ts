import type { Stored, Unit } from '@rondo/journal';
import type { Clock } from '@rondo/kernel';
import type { Principal } from '@rondo/security';
import {
  findAnnotator,
  listTasks,
  listUnfinishedTasks,
  loadCampaign,
  loadTask,
  notFound,
  saveAnnotator,
  saveCampaign,
  saveTask,
} from '../campaign-store.js';
import { pausedFact, recordedFact, resumedFact } from '../contract-map.js';
import { afterAnswer, checkActive, newAnnotator, resumed, type AnnotatorState } from '../domain/annotator.js';
import { checkOpen, isComplete, NO_GOLD, type CampaignState } from '../domain/campaign.js';
import { nextTasks } from '../domain/selection.js';
import {
  answerTask,
  canLease,
  stateOf,
  ungilded,
  withAnswersSetAside,
  type AnswerRequest,
  type TaskState,
} from '../domain/task.js';
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
    const { annotatorsPerTask, gold } = campaign.rules;
    const known = await findAnnotator(unit, campaign.pipeline, principal.id);
    if (known) checkActive(known);
    const unfinished = await listUnfinishedTasks(unit, campaignId);
    const lease = { annotator: principal.id, untilMs: Math.min(nowMs + this.leaseMs, campaign.dueAtMs) };
    const open = unfinished.filter(({ state }) => canLease(state, principal.id, annotatorsPerTask, nowMs));
    const [asked, golden] = [false, true].map((isGold) =>
      open.filter(({ state }) => (state.gold !== undefined) === isGold),
    );
    const series = { salt: campaignId, annotator: principal.id, from: known?.answered ?? 0, share: gold?.share ?? 0 };
    const tasks = nextTasks({ asked: asked!, gold: golden! }, series, count).map((stored) => ({
      ...stored,
      state: { ...stored.state, lease },
      version: stored.version + 1,
    }));
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
    const annotator = await findAnnotator(unit, before.pipeline, principal.id);
    if (annotator) checkActive(annotator);
    const classes = rules.classes.map(({ value }) => value);
    const given = { ...request, annotator: principal.id };
    const state = answerTask(stored.state, given, { classes, annotatorsPerTask: rules.annotatorsPerTask }, nowMs);
    const added = state.answers.at(-1);
    const facts = added ? [recordedFact(state, added, principal, before.cycleId)] : [];
    saveTask(unit, state, rules.annotatorsPerTask, facts);
    let campaign = counted(before, stored.state, state, nowMs);
    if (rules.gold && added) {
      const known = annotator ?? newAnnotator(before.pipeline, principal.id, rules.gold.minAccuracy);
      const after = afterAnswer(known, { task: state, answer: added, rules: rules.gold });
      saveAnnotator(unit, after, after.pause ? [pausedFact(after, after.pause, before.cycleId)] : []);
      if (after.pause) campaign = await this.setAside(unit, campaign, principal.id);
    }
    saveCampaign(unit, campaign);
    if (isComplete(campaign)) await this.closing.complete(unit, campaign);
    return { campaign, task: { ...stored, state, version: stored.version + 1 } };
  }

  /** What a paused annotator answered in the open campaign counts no more; others are asked instead. */
  private async setAside(unit: Unit, campaign: CampaignState, annotator: string): Promise<CampaignState> {
    const { annotatorsPerTask } = campaign.rules;
    let after = campaign;
    for (const { state } of await listTasks(unit, campaign.campaignId)) {
      const reopened = withAnswersSetAside(state, annotator);
      if (reopened === state) continue;
      saveTask(unit, reopened, annotatorsPerTask);
      after = counted(after, state, reopened, this.clock.now());
    }
    return after;
  }

  /** Lets a paused annotator go on. */
  async resume(
    unit: Unit,
    about: { readonly pipeline: string; readonly annotator: string; readonly reason: string },
    principal: Principal,
  ): Promise<AnnotatorState> {
    const { pipeline, annotator, reason } = about;
    const state = await findAnnotator(unit, pipeline, annotator);
    if (!state) throw notFound('annotator', annotator, `annotator of ${pipeline}`);
    const after = resumed(state);
    saveAnnotator(unit, after, [resumedFact(after, principal, reason)]);
    return after;
  }
}

function counted(campaign: CampaignState, before: TaskState, after: TaskState, nowMs: number): CampaignState {
  const { annotatorsPerTask } = campaign.rules;
  const change = (state: string): number => {
    const [was, is] = [before, after].map((task) => stateOf(ungilded(task), annotatorsPerTask, nowMs));
    return Number(is === state) - Number(was === state);
  };
  const [answered, skipped] = [change('Answered'), change('Skipped')];
  if (after.gold === undefined)
    return { ...campaign, answered: campaign.answered + answered, skipped: campaign.skipped + skipped };
  const gold = campaign.gold ?? NO_GOLD;
  return { ...campaign, gold: { ...gold, done: gold.done + answered + skipped } };
}
