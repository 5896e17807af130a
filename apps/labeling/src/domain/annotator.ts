import { PermanentError } from '@rondo/kernel';
import { annotatorSkill, type AnnotatorSkill } from '@rondo/statistics';
import type { AnswerState, TaskState } from './task.js';

/** What the policy asks of annotators. */
export interface GoldRules {
  /** Share of an annotator's tasks that are gold tasks, above 0, at most 0.5. */
  readonly share: number;
  /** Share of gold tasks they must get right, 0 to 1. */
  readonly minAccuracy: number;
}

/** Gold tasks and those of them that were right. */
export interface GoldScore {
  readonly tasks: number;
  readonly right: number;
}

const NONE: GoldScore = { tasks: 0, right: 0 };

/** Since when, on what, and why an annotator is paused. */
export interface Pause {
  readonly atMs: number;
  readonly campaignId: string;
  readonly explanation: string;
}

/** One annotator of one pipeline. */
export interface AnnotatorState {
  readonly pipeline: string;
  readonly annotator: string;
  /** Tasks they answered or skipped, gold tasks included. */
  readonly answered: number;
  /** Gold tasks since they were last let go on, and those they got right. */
  readonly gold: GoldScore;
  /** The same when a campaign was last closed, which is what they are told themselves. */
  readonly told: GoldScore;
  /** Of the campaign they answered last. */
  readonly minAccuracy: number;
  readonly pause?: Pause;
}

/** An annotator of whom nothing is known yet. */
export const newAnnotator = (pipeline: string, annotator: string, minAccuracy: number): AnnotatorState => ({
  pipeline,
  annotator,
  answered: 0,
  gold: NONE,
  told: NONE,
  minAccuracy,
});

/** What annotators see of themselves: nothing that moves with a single answer, unless they are paused for it. */
export const asTold = (state: AnnotatorState): AnnotatorState => (state.pause ? state : { ...state, gold: state.told });

/** What gold tasks show of the annotator. */
export const skillOf = ({ gold, minAccuracy }: AnnotatorState): AnnotatorSkill =>
  annotatorSkill(gold.right, gold.tasks, { floor: minAccuracy });

/**
 * The annotator after an answer to a task. Only their first answer to a gold task counts: whoever learns afterwards that it was
 * wrong and corrects it did not know it. They are paused as soon as their accuracy is below the policy's with a probability of 99 %.
 */
export function afterAnswer(
  before: AnnotatorState,
  { task, answer, rules }: { readonly task: TaskState; readonly answer: AnswerState; readonly rules: GoldRules },
): AnnotatorState {
  const earlier = task.answers.filter(
    ({ annotator, revision }) => annotator === answer.annotator && revision < answer.revision,
  );
  const counts = task.gold !== undefined && !answer.skipped && earlier.every(({ skipped }) => skipped);
  const { tasks, right } = before.gold;
  const gold = counts ? { tasks: tasks + 1, right: right + Number(answer.answer === task.gold) } : before.gold;
  const answered = before.answered + (earlier.length === 0 ? 1 : 0);
  const after: AnnotatorState = { ...before, answered, gold, minAccuracy: rules.minAccuracy };
  if (!counts || after.pause || skillOf(after).verdict !== 'pause') return after;
  const explanation = explain(after);
  return { ...after, pause: { atMs: answer.atMs, campaignId: task.campaignId, explanation } };
}

function explain(annotator: AnnotatorState): string {
  const { accuracy, chanceBelowFloor } = skillOf(annotator);
  const { tasks, right } = annotator.gold;
  const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;
  const chance = chanceBelowFloor > 0.999 ? 'more than 99.9 %' : percent(chanceBelowFloor);
  return `${right} of ${tasks} gold tasks right (95 % interval ${percent(accuracy.lower)} to ${percent(accuracy.upper)}): below ${percent(annotator.minAccuracy)} with a probability of ${chance}`;
}

/** Refuses work of a paused annotator. */
export function checkActive({ annotator, pause }: AnnotatorState): void {
  if (!pause) return;
  throw new PermanentError('failed-precondition', `${annotator} is paused: ${pause.explanation}`, {
    field: 'annotator',
    value: annotator,
    rule: 'an operator lets a paused annotator go on',
    reason: 'ANNOTATOR_PAUSED',
  });
}

/** Lets a paused annotator go on; what was seen before the pause is forgotten, or the next answer would pause them again. */
export function resumed({ pause, ...annotator }: AnnotatorState): AnnotatorState {
  if (pause) return { ...annotator, gold: NONE, told: NONE };
  throw new PermanentError('failed-precondition', `${annotator.annotator} is not paused`, {
    field: 'annotator',
    value: annotator.annotator,
    rule: 'paused',
    reason: 'ANNOTATOR_ACTIVE',
  });
}
