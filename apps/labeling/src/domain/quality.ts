import {
  agreementVerdict,
  inferTruth,
  krippendorffInterval,
  wilsonInterval,
  type AgreementVerdict,
  type MetricEstimate,
} from '@rondo/statistics';
import type { CampaignRules, CloseReason } from './campaign.js';
import { validAnswers, type TaskState } from './task.js';

/** A statistic with its interval. */
export interface QualityEstimate extends MetricEstimate {
  readonly name: 'coverage' | 'agreement' | 'suggestionAgreement' | 'suggestionAccuracy' | 'goldAccuracy';
  /** Coverage of the interval; 0 without one. */
  readonly confidence: number;
  /** `all`, `blind` and `assisted` (answers given without and with the suggestion in sight), or `drawn` (rows drawn at random). */
  readonly slice: string;
  readonly limit?: number;
}

/** Whether the labels are good enough. */
export interface LabelVerdict {
  readonly verdict: 'Pass' | 'Fail' | 'Inconclusive';
  /** What it rests on, and what it lacks. */
  readonly explanation: string;
  /** About as many further tasks with two answers or more would give a verdict; absent when nothing is missing, or no number would. */
  readonly moreTasks?: number;
}

/** Labels by row key, what they are worth, and whether they may be used. */
export interface Conclusion {
  readonly labels: Readonly<Record<string, number>>;
  readonly quality: readonly QualityEstimate[];
  readonly passed: boolean;
  /** Absent when cancelled. */
  readonly verdict?: LabelVerdict;
  /** The labels reached the quality the policy asks for. */
  readonly usable: boolean;
  readonly answered: number;
  readonly unanswered: number;
}

const CONFIDENCE = 0.95;

/**
 * Judges the answers. Those to gold tasks are no labels and count for nothing but `goldAccuracy`. Labels are used when the verdict is a
 * pass. When it is not, `ContinueWithout` passes without labels and `Fail` does not pass. A cancelled campaign never passes.
 */
export function conclude(rules: CampaignRules, all: readonly TaskState[], reason: CloseReason): Conclusion {
  const tasks = all.filter(({ gold }) => gold === undefined);
  const given = givenLabels(tasks, rules);
  const labelled = labelsOf(tasks, rules, given);
  const coverage = coverageOf(labelled.size, tasks.length, rules.minCoverage);
  const agreement = agreementOf(rules, given);
  const verdict = reason === 'Cancelled' ? undefined : judge(rules, coverage, agreement.verdict);
  const usable = verdict?.verdict === 'Pass';
  const pull = [suggestionAgreement(tasks, false), suggestionAgreement(tasks, true)];
  return {
    labels: Object.fromEntries([...labelled].map(([task, label]) => [task.rowKey, Number(label)])),
    quality: [coverage, agreement.estimate, ...pull, suggestionAccuracy(tasks, labelled), goldAccuracy(all)].filter(
      (estimate) => estimate !== undefined,
    ),
    passed: verdict !== undefined && (usable || rules.onExhausted === 'ContinueWithout'),
    ...(verdict && { verdict }),
    usable,
    answered: labelled.size,
    unanswered: tasks.length - labelled.size,
  };
}

/** Coverage is counted, agreement estimated: the one is held against its limit as it is, the other by its interval. */
function judge(
  rules: CampaignRules,
  coverage: QualityEstimate | undefined,
  agreement: AgreementVerdict | undefined,
): LabelVerdict {
  if (!coverage) return { verdict: 'Pass', explanation: 'no row was asked about' };
  const { value, n } = coverage;
  const covered = `${Math.round(value * n)} of ${n} rows have a label, ${percent(rules.minCoverage)} must`;
  if (value < rules.minCoverage) return { verdict: 'Fail', explanation: covered };
  if (rules.minAgreement === undefined || !agreement) return { verdict: 'Pass', explanation: covered };
  const { moreNeeded } = agreement;
  const seen = `${agreed(agreement)}, it must be ${rules.minAgreement} or more`;
  if (agreement.verdict !== 'inconclusive')
    return { verdict: agreement.verdict === 'pass' ? 'Pass' : 'Fail', explanation: seen };
  if (moreNeeded === null)
    return { verdict: 'Inconclusive', explanation: `${seen}: undecided, and no number of tasks would decide it` };
  const needed =
    agreement.kind === 'measured'
      ? `about ${moreNeeded.toLocaleString('en-US')} more tasks with two answers would, if agreement stays as it is`
      : `at least ${moreNeeded.toLocaleString('en-US')} more tasks with two answers are needed`;
  return { verdict: 'Inconclusive', explanation: `${seen}: undecided; ${needed}`, moreTasks: moreNeeded };
}

function agreed(agreement: AgreementVerdict): string {
  if (agreement.kind === 'measured') {
    const [alpha, lower, upper] = [agreement.alpha, agreement.lower, agreement.upper].map((x) => x.toFixed(2));
    return `agreement ${alpha} [${lower}, ${upper}] on ${agreement.units.toLocaleString('en-US')} tasks`;
  }
  return agreement.reason === 'one-value'
    ? 'all answers are the same, which shows no agreement beyond chance'
    : 'no task has two answers';
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

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

/** Every task is counted, so there is no interval. */
function coverageOf(labelled: number, tasks: number, limit: number): QualityEstimate | undefined {
  if (tasks === 0) return undefined;
  return {
    name: 'coverage',
    value: labelled / tasks,
    confidence: 0,
    n: tasks,
    slice: 'all',
    method: 'counted, no interval',
    limit,
  };
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
  const { items, values, tied } = inferTruth(given);
  items.forEach((item, i) => {
    if (tied[i] === 0) labels.set(tasks[item]!, rules.classes[values[i]!]!.value);
  });
  return labels;
}

/** How far people agree beyond chance, and whether that is enough when the policy says what is. */
function agreementOf(
  { minAgreement: limit }: CampaignRules,
  { items, values }: GivenAnswers,
): { readonly estimate?: QualityEstimate; readonly verdict?: AgreementVerdict } {
  const verdict = limit === undefined ? undefined : agreementVerdict(items, values, limit, { confidence: CONFIDENCE });
  const result = krippendorffInterval(items, values, 'nominal', { confidence: CONFIDENCE });
  if (result.kind === 'insufficient') return { ...(verdict && { verdict }) };
  const { alpha: value, units: n, lower, upper } = result;
  const estimate: QualityEstimate = {
    name: 'agreement',
    value,
    n,
    ...(lower !== null && { lower }),
    ...(upper !== null && { upper }),
    confidence: CONFIDENCE,
    slice: 'all',
    method: "Krippendorff's alpha, nominal, Clopper-Pearson on effective tasks",
    ...(limit !== undefined && { limit }),
  };
  return { estimate, ...(verdict && { verdict }) };
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
