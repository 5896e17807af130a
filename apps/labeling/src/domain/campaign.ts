import { PermanentError } from '@rondo/kernel';
import type { GoldRules } from './annotator.js';
import type { Conclusion, LabelVerdict, QualityEstimate } from './quality.js';
import { stateOf, ungilded, type TaskState } from './task.js';

/** What the policy asks of a campaign, fixed when it opens. */
export interface CampaignRules {
  readonly question: string;
  readonly guideline: string;
  readonly classes: readonly { readonly value: string; readonly title: string }[];
  /** Raised while agreement is undecided. */
  readonly annotatorsPerTask: number;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** Krippendorff's alpha, -1 to 1. */
  readonly minAgreement?: number;
  readonly gold?: GoldRules;
  readonly onExhausted: 'ContinueWithout' | 'Fail';
}

/** Why a campaign ended. */
export type CloseReason = 'Complete' | 'TimeBudgetExhausted' | 'ItemBudgetExhausted' | 'Cancelled';

/** How it ended. */
export interface CampaignEnd {
  readonly atMs: number;
  readonly reason: CloseReason;
  readonly passed: boolean;
  /** Absent when cancelled. */
  readonly verdict?: LabelVerdict;
  readonly quality: readonly QualityEstimate[];
  readonly answered: number;
  readonly unanswered: number;
  readonly labelSet?: { readonly digest: string; readonly sizeBytes: number };
}

/** Gold tasks of a campaign, which are no part of its progress. */
export interface GoldCount {
  readonly tasks: number;
  readonly done: number;
}

/** Of a campaign without gold tasks. */
export const NO_GOLD: GoldCount = { tasks: 0, done: 0 };

/** One round of questions in one cycle. */
export interface CampaignState {
  readonly pipeline: string;
  readonly cycleId: string;
  readonly campaignId: string;
  readonly policyGeneration: number;
  readonly snapshotDigest: string;
  readonly rules: CampaignRules;
  /** Rows with a review reason whose answer is not known; more than `tasks` when the item budget cut some off. */
  readonly doubtfulRows: number;
  /** Gold tasks are not counted, here and below. */
  readonly tasks: number;
  /** Tasks that need no more answers: with an answer, and skipped by everybody. */
  readonly answered: number;
  readonly skipped: number;
  /** Gold tasks, and those with as many answers as other tasks need. */
  readonly gold?: GoldCount;
  readonly openedAtMs: number;
  readonly dueAtMs: number;
  /** Agreement was undecided when everything was answered, so `rules.annotatorsPerTask` was raised. */
  readonly extended?: { readonly from: number; readonly explanation: string };
  readonly end?: CampaignEnd;
}

/** Refuses work on a campaign that is over, by decision or by time. */
export function checkOpen(campaign: CampaignState, nowMs: number): void {
  if (!campaign.end && nowMs < campaign.dueAtMs) return;
  const when = campaign.end ? `closed (${campaign.end.reason})` : 'out of time';
  throw new PermanentError('failed-precondition', `campaign ${campaign.campaignId} is ${when}`, {
    field: 'campaign_id',
    value: campaign.campaignId,
    rule: 'answers are taken while the campaign is open',
    reason: 'CAMPAIGN_CLOSED',
  });
}

/** Whether nothing is left to ask. */
export function isComplete(campaign: CampaignState): boolean {
  return campaign.answered + campaign.skipped >= campaign.tasks;
}

/** Why a campaign without open tasks ends. */
export function completionReason(campaign: CampaignState): CloseReason {
  return campaign.doubtfulRows > campaign.tasks ? 'ItemBudgetExhausted' : 'Complete';
}

/** The most that undecided agreement raises the number of people asked. */
const EXTENSION = 2;

/**
 * The campaign with one more person asked about each task, when all is answered and more answers may decide its agreement: measured, but
 * undecided. At most twice as many people as the policy says. Undefined when it should end.
 */
export function extend(
  campaign: CampaignState,
  { verdict, quality }: Pick<Conclusion, 'verdict' | 'quality'>,
  tasks: readonly TaskState[],
): { readonly campaign: CampaignState; readonly agreement: QualityEstimate } | undefined {
  const agreement = quality.find(({ name }) => name === 'agreement');
  const { rules, extended } = campaign;
  const from = extended?.from ?? rules.annotatorsPerTask;
  const annotatorsPerTask = rules.annotatorsPerTask + 1;
  if (verdict?.moreTasks === undefined || !agreement || annotatorsPerTask > EXTENSION * from) return undefined;
  const count = (isGold: boolean, ...states: string[]): number =>
    tasks.filter(
      (task) =>
        (task.gold !== undefined) === isGold &&
        states.includes(stateOf(ungilded(task), annotatorsPerTask, campaign.openedAtMs)),
    ).length;
  const longer: CampaignState = {
    ...campaign,
    rules: { ...rules, annotatorsPerTask },
    answered: count(false, 'Answered'),
    skipped: count(false, 'Skipped'),
    ...(campaign.gold && { gold: { ...campaign.gold, done: count(true, 'Answered', 'Skipped') } }),
    extended: { from, explanation: verdict.explanation },
  };
  return { campaign: longer, agreement };
}
