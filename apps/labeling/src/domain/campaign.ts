import { PermanentError } from '@rondo/kernel';
import { inferTruth, krippendorffInterval, wilsonInterval } from '@rondo/statistics';
import type { GoldRules } from './annotator.js';
import { validAnswers, type TaskState } from './task.js';

/** What the policy asks of a campaign, fixed when it opens. */
export interface CampaignRules {
  readonly question: string;
  readonly guideline: string;
  readonly classes: readonly { readonly value: string; readonly title: string }[];
  readonly annotatorsPerTask: number;
  /** 0 to 1. */
  readonly minCoverage: number;
  /** Krippendorff's alpha, -1 to 1. */
  readonly minAgreement?: number;
  readonly gold?: GoldRules;
  readonly onExhausted: 'ContinueWithout' | 'Fail';
}

/** A statistic with its interval. */
export interface QualityEstimate {
  readonly name: 'coverage' | 'agreement' | 'suggestionAgreement' | 'suggestionAccuracy' | 'goldAccuracy';
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  /** Coverage of the interval; 0 without one. */
  readonly confidence: number;
  readonly n: number;
  /** `all`, `blind` and `assisted` (answers given without and with the suggestion in sight), or `drawn` (rows drawn at random). */
  readonly slice: string;
  readonly method: string;
  readonly limit?: number;
}

/** Why a campaign ended. */
export type CloseReason = 'Complete' | 'TimeBudgetExhausted' | 'ItemBudgetExhausted' | 'Cancelled';

/** How it ended. */
export interface CampaignEnd {
  readonly atMs: number;
  readonly reason: CloseReason;
  readonly passed: boolean;
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

/** Labels by row key, what they are worth, and whether they may be used. */
export interface Conclusion {
  readonly labels: Readonly<Record<string, number>>;
  readonly quality: readonly QualityEstimate[];
  readonly passed: boolean;
  /** The labels reached the quality the policy asks for. */
  readonly usable: boolean;
  readonly answered: number;
  readonly unanswered: number;
}

const CONFIDENCE = 0.95;

/**
 * Judges the answers. Those to gold tasks are no labels and count for nothing but `goldAccuracy`. Labels are used when coverage and agreement reach their limits; an agreement that cannot be measured
 * does not reach its limit. When they do not, `ContinueWithout` passes without labels and `Fail` does not pass.
 * A cancelled campaign never passes.
 */
export function conclude(rules: CampaignRules, all: readonly TaskState[], reason: CloseReason): Conclusion {
  const tasks = all.filter(({ gold }) => gold === undefined);
  const given = givenLabels(tasks, rules);
  const labelled = labelsOf(tasks, rules, given);
  const coverage = coverageOf(labelled.size, tasks.length, rules.minCoverage);
  const agreement = agreementOf(tasks, rules, given);
  const agreed = rules.minAgreement === undefined || (agreement !== undefined && agreement.value >= rules.minAgreement);
  const usable = reason !== 'Cancelled' && (coverage?.value ?? 1) >= rules.minCoverage && agreed;
  const pull = [suggestionAgreement(tasks, false), suggestionAgreement(tasks, true)];
  return {
    labels: Object.fromEntries([...labelled].map(([task, label]) => [task.rowKey, Number(label)])),
    quality: [coverage, agreement, ...pull, suggestionAccuracy(tasks, labelled), goldAccuracy(all)].filter(
      (estimate) => estimate !== undefined,
    ),
    passed: reason !== 'Cancelled' && (usable || rules.onExhausted === 'ContinueWithout'),
    usable,
    answered: labelled.size,
    unanswered: tasks.length - labelled.size,
  };
}

function share(name: QualityEstimate['name'], hits: number, n: number, slice: string): QualityEstimate {
  return {
    name,
    value: hits / n,
    ...wilsonInterval(hits, n, CONFIDENCE),
    confidence: CONFIDENCE,
    n,
    slice,
    method: 'Wilson',
  };
}

function coverageOf(labelled: number, tasks: number, limit: number): QualityEstimate | undefined {
  return tasks === 0 ? undefined : { ...share('coverage', labelled, tasks, 'all'), limit };
}

/** The valid answers, one entry per answer: positions of the task, the annotator and the class. */
interface GivenAnswers {
  readonly items: number[];
  readonly annotators: number[];
  readonly values: number[];
}

function givenLabels(tasks: readonly TaskState[], rules: CampaignRules): GivenAnswers {
  const given: GivenAnswers = { items: [], annotators: [], values: [] };
  const position = new Map<string, number>();
  tasks.forEach((task, item) => {
    for (const { annotator, answer, skipped } of validAnswers(task)) {
      if (skipped) continue;
      if (!position.has(annotator)) position.set(annotator, position.size);
      given.items.push(item);
      given.annotators.push(position.get(annotator)!);
      given.values.push(rules.classes.findIndex(({ value }) => value === answer));
    }
  });
  return given;
}

/** The class each task's answers come to; tasks without answers and those that are tied have none. */
function labelsOf(tasks: readonly TaskState[], rules: CampaignRules, given: GivenAnswers): Map<TaskState, string> {
  const labels = new Map<TaskState, string>();
  for (const { item, value } of inferTruth(given).items) {
    if (value !== null) labels.set(tasks[item]!, rules.classes[value]!.value);
  }
  return labels;
}

function agreementOf(
  tasks: readonly TaskState[],
  rules: CampaignRules,
  given: GivenAnswers,
): QualityEstimate | undefined {
  if (given.items.length === 0) return undefined;
  const result = krippendorffInterval(given.items, given.values, 'nominal', { confidence: CONFIDENCE });
  const limit = rules.minAgreement === undefined ? {} : { limit: rules.minAgreement };
  const base = { name: 'agreement', confidence: 0, slice: 'all', ...limit } as const;
  if (result.kind === 'measured') {
    const { alpha: value, units: n, lower, upper } = result;
    if (lower === null || upper === null)
      return { ...base, value, n, method: "Krippendorff's alpha, nominal, too few tasks for an interval" };
    return {
      ...base,
      value,
      n,
      lower,
      upper,
      confidence: CONFIDENCE,
      method: "Krippendorff's alpha, nominal, jackknife",
    };
  }
  // One value everywhere: alpha is 0/0, yet nobody disagreed.
  const paired = tasks.filter((task) => validAnswers(task).filter((answer) => !answer.skipped).length > 1).length;
  if (result.reason === 'one-value' && paired > 0)
    return { ...base, value: 1, n: paired, method: 'all answers alike, alpha undefined, no interval' };
  return undefined;
}

/** How often first answers equal the suggestion, with and without seeing it: the gap is its pull. */
function suggestionAgreement(tasks: readonly TaskState[], shown: boolean): QualityEstimate | undefined {
  const first = tasks.flatMap((task) => {
    const answer = task.answers.find((item) => !item.skipped && !item.setAside);
    return task.suggestion && answer && answer.suggestionShown === shown
      ? [answer.answer === task.suggestion.answer]
      : [];
  });
  const hits = first.filter(Boolean).length;
  return first.length === 0
    ? undefined
    : share('suggestionAgreement', hits, first.length, shown ? 'assisted' : 'blind');
}

/**
 * How often the champion's suggestion is what people came to, on rows drawn at random: uncertain ones are chosen for being
 * hard, so they would make it look worse than it is.
 */
function suggestionAccuracy(
  tasks: readonly TaskState[],
  labels: ReadonlyMap<TaskState, string>,
): QualityEstimate | undefined {
  const drawn = tasks.filter((task) => task.drawn && task.suggestion !== undefined && labels.has(task));
  const hits = drawn.filter((task) => labels.get(task) === task.suggestion?.answer).length;
  return drawn.length === 0 ? undefined : share('suggestionAccuracy', hits, drawn.length, 'drawn');
}

/** How often annotators knew the answer of a gold task, by the first they gave. */
function goldAccuracy(tasks: readonly TaskState[]): QualityEstimate | undefined {
  const first = tasks.flatMap(({ gold, answers }) => {
    const given = answers.filter(({ skipped }) => !skipped).reverse();
    const ofEach = new Map(given.map(({ annotator, answer }) => [annotator, answer]));
    return gold === undefined ? [] : [...ofEach.values()].map((answer) => answer === gold);
  });
  return first.length === 0 ? undefined : share('goldAccuracy', first.filter(Boolean).length, first.length, 'all');
}
