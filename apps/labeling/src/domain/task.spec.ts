import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@rondo/kernel';
import {
  answerTask,
  canLease,
  isDone,
  showsSuggestion,
  stateOf,
  validAnswers,
  type AnswerRequest,
  type TaskState,
} from './task.js';

const task: TaskState = {
  pipeline: 'flight-delay',
  campaignId: 'c',
  taskId: 't',
  rowKey: 'k',
  row: { delay: 20 },
  reviewReason: 'conflicting records',
  rank: 0,
  drawn: false,
  uncertainty: 0.1,
  suggestion: { answer: '1', confidence: 0.95 },
  blind: false,
  answers: [],
};
const rules = { classes: ['1', '0'], annotatorsPerTask: 1 };
const answer = (annotator: string, value: string, more: Partial<AnswerRequest> = {}): AnswerRequest => ({
  annotator,
  answer: value,
  skip: false,
  rationale: '',
  tookMs: 800,
  ...more,
});
const reasonOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error instanceof PermanentError ? (error.detail.reason ?? error.detail.field) : error;
  }
  return undefined;
};

describe('an answer', () => {
  it('is kept with its revision and ends the lease', () => {
    const leased = { ...task, lease: { annotator: 'ann', untilMs: 100 } };
    const answered = answerTask(leased, answer('ann', '1'), rules, 50);
    expect(answered.lease).toBeUndefined();
    expect(answered.answers).toEqual([
      {
        revision: 1,
        annotator: 'ann',
        answer: '1',
        skipped: false,
        rationale: '',
        suggestionShown: true,
        atMs: 50,
        tookMs: 800,
      },
    ]);
    expect(stateOf(answered, 1, 50)).toBe('Answered');
    expect(leased.answers).toEqual([]);
  });

  it('supersedes an earlier one of the same annotator and keeps both', () => {
    const once = answerTask(task, answer('ann', '1'), rules, 1);
    const twice = answerTask(once, answer('ann', '0', { rationale: 'wrong record' }), rules, 2);
    expect(twice.answers.map(({ revision, answer: value }) => [revision, value])).toEqual([
      [1, '1'],
      [2, '0'],
    ]);
    expect(validAnswers(twice).map((valid) => valid.answer)).toEqual(['0']);
  });

  it('that changes an earlier one says why', () => {
    const once = answerTask({ ...task, blind: true }, answer('ann', '0'), rules, 1);
    expect(reasonOf(() => answerTask(once, answer('ann', '1'), rules, 2))).toBe('RATIONALE_REQUIRED');
    expect(reasonOf(() => answerTask(once, answer('ann', '', { skip: true }), rules, 2))).toBe('RATIONALE_REQUIRED');
    expect(reasonOf(() => answerTask(once, answer('ann', '0'), rules, 2))).toBe('RATIONALE_REQUIRED');
  });

  it('after a skip needs no reason of its own', () => {
    const skipped = answerTask({ ...task, blind: true }, answer('ann', '', { skip: true }), rules, 1);
    expect(stateOf(skipped, 1, 1)).toBe('Skipped');
    expect(answerTask(skipped, answer('ann', '1'), rules, 2).answers).toHaveLength(2);
  });

  it.each([
    ['overrules a sure suggestion', task, '0', 'RATIONALE_REQUIRED'],
    ['agrees with a sure suggestion', task, '1', undefined],
    ['overrules an unsure suggestion', { ...task, suggestion: { answer: '1', confidence: 0.89 } }, '0', undefined],
    ['overrules a suggestion nobody saw', { ...task, blind: true }, '0', undefined],
  ])('that %s is judged accordingly', (_name, given, value, reason) => {
    expect(reasonOf(() => answerTask(given, answer('ann', value), rules, 1))).toBe(reason);
    expect(
      reasonOf(() => answerTask(given, answer('ann', value, { rationale: 'the delay fits' }), rules, 1)),
    ).toBeUndefined();
  });

  it.each<[string, Partial<AnswerRequest>]>([
    ['an unknown class', { answer: '2' }],
    ['nothing', { answer: '' }],
    ['an answer with skip', { answer: '1', skip: true }],
  ])('with %s is refused', (_name, more) => {
    expect(reasonOf(() => answerTask(task, answer('ann', '1', more), rules, 1))).toBe('answer');
  });

  it('is refused while somebody else holds the task, and taken after their lease', () => {
    const leased = { ...task, lease: { annotator: 'bob', untilMs: 100 } };
    expect(reasonOf(() => answerTask(leased, answer('ann', '1'), rules, 99))).toBe('TASK_LEASED');
    expect(answerTask(leased, answer('ann', '1'), rules, 100).answers).toHaveLength(1);
  });

  it('of a further person is refused when there are enough', () => {
    const answered = answerTask(task, answer('bob', '1'), rules, 1);
    expect(reasonOf(() => answerTask(answered, answer('ann', '1'), rules, 2))).toBe('TASK_CLOSED');
  });
});

describe('a task', () => {
  it('is given to somebody only when it needs their answer and nobody else holds it', () => {
    const leased = { ...task, lease: { annotator: 'bob', untilMs: 100 } };
    expect(canLease(leased, 'ann', 1, 50)).toBe(false);
    expect(canLease(leased, 'bob', 1, 50)).toBe(true);
    expect(canLease(leased, 'ann', 1, 100)).toBe(true);
    const once = answerTask(task, answer('ann', '1'), { ...rules, annotatorsPerTask: 2 }, 1);
    expect([canLease(once, 'ann', 2, 2), canLease(once, 'bob', 2, 2), canLease(once, 'bob', 1, 2)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('is done when enough people have answered or skipped', () => {
    const three = { ...rules, annotatorsPerTask: 3 };
    const blind = { ...task, blind: true };
    const two = answerTask(answerTask(blind, answer('ann', '1'), three, 1), answer('bob', '0'), three, 2);
    expect(isDone(two, 3)).toBe(false);
    expect(isDone(answerTask(two, answer('eve', '', { skip: true }), three, 3), 3)).toBe(true);
  });

  it('hides its suggestion from each annotator until their own answer when it is blind', () => {
    const blind = answerTask({ ...task, blind: true }, answer('ann', '1'), { ...rules, annotatorsPerTask: 2 }, 1);
    expect([showsSuggestion(blind, 'ann'), showsSuggestion(blind, 'bob')]).toEqual([true, false]);
    expect(blind.answers[0]?.suggestionShown).toBe(false);
  });
});
