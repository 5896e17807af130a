import { describe, expect, it } from '@jest/globals';
import { PermanentError, seededRandom } from '@rondo/kernel';
import { afterAnswer, checkActive, newAnnotator, resumed, skillOf, type AnnotatorState } from './annotator.js';
import { chooseWithGold, nextTasks } from './selection.js';
import { asAnyOther, answerTask, type AnswerState, type TaskState } from './task.js';

const rules = { share: 0.2, minAccuracy: 0.8 };
const fresh = newAnnotator('p', 'ann', 0.8);

const answer = (value: string, more: Partial<AnswerState> = {}): AnswerState => ({
  revision: 1,
  annotator: 'ann',
  answer: value,
  skipped: value === '',
  rationale: '',
  suggestionShown: false,
  atMs: 7,
  tookMs: 1,
  ...more,
});

const task = (gold: string | undefined, answers: readonly AnswerState[]): TaskState => ({
  pipeline: 'p',
  campaignId: 'c',
  taskId: 't',
  rowKey: 'k',
  row: {},
  reviewReason: 'x',
  rank: 0,
  uncertainty: 0.5,
  drawn: false,
  blind: false,
  ...(gold !== undefined && { gold }),
  answers,
});

const answering = (state: AnnotatorState, gold: string | undefined, given: AnswerState): AnnotatorState =>
  afterAnswer(state, { task: task(gold, [given]), answer: given, rules });

/** After so many gold tasks, these of them right first. */
function after(right: number, wrong: number): AnnotatorState {
  const results = [...new Array<string>(right).fill('1'), ...new Array<string>(wrong).fill('0')];
  return results.reduce((state, value) => answering(state, '1', answer(value)), fresh);
}

describe('an annotator', () => {
  it('is judged by gold tasks alone', () => {
    const state = answering(answering(fresh, undefined, answer('1')), '1', answer('1'));
    expect(state).toMatchObject({ answered: 2, gold: { tasks: 1, right: 1 } });
    expect(skillOf(state)).toMatchObject({ verdict: 'insufficient', tasksNeeded: 9 });
  });

  it('is judged by the first answer to a gold task; one skipped and then answered counts', () => {
    const wrong = answer('0');
    const corrected = answer('1', { revision: 2 });
    const once = answering(fresh, '1', wrong);
    const twice = afterAnswer(once, { task: task('1', [wrong, corrected]), answer: corrected, rules });
    expect(twice).toEqual(once);
    const skip = answer('');
    const skipped = answering(fresh, '1', skip);
    expect(skipped).toMatchObject({ answered: 1, gold: { tasks: 0 } });
    expect(afterAnswer(skipped, { task: task('1', [skip, corrected]), answer: corrected, rules })).toMatchObject({
      answered: 1,
      gold: { tasks: 1, right: 1 },
    });
  });

  it('is judged by their own answers, not by those of others to the same task', () => {
    const theirs = answer('0', { annotator: 'bob' });
    const mine = answer('1', { revision: 2 });
    expect(afterAnswer(fresh, { task: task('1', [theirs, mine]), answer: mine, rules }).gold).toEqual({
      tasks: 1,
      right: 1,
    });
  });

  it('is paused by the posterior, with the numbers, and not before ten gold tasks', () => {
    expect(after(0, 9).pause).toBeUndefined();
    // Beta(5, 9): below 0.8 with a probability of more than 0.99.
    const paused = after(4, 8);
    expect(paused.pause).toEqual({
      atMs: 7,
      campaignId: 'c',
      explanation: expect.stringMatching(
        /^\d+ of \d+ gold tasks right \(95 % interval [\d.]+ % to [\d.]+ %\): below 80 % with a probability of 99\.\d+ %$/,
      ),
    });
    expect(() => checkActive(paused)).toThrow(PermanentError);
    expect(() => checkActive(after(10, 1))).not.toThrow();
    // A raw share of 0.8 or less pauses this one; the posterior does not.
    expect(after(8, 2).pause).toBeUndefined();
  });

  it('goes on when a person says so, with nothing held against them', () => {
    const again = resumed(after(4, 8));
    expect(again).toMatchObject({ gold: { tasks: 0, right: 0 } });
    expect(again.pause).toBeUndefined();
    expect(() => checkActive(again)).not.toThrow();
    expect(() => resumed(again)).toThrow(/ann is not paused/);
  });

  it('who is good enough is hardly ever paused; one who guesses always is', () => {
    const random = seededRandom(3);
    const paused = (accuracy: number): number => {
      let count = 0;
      for (let person = 0; person < 200; person++) {
        let state = fresh;
        for (let at = 0; at < 60 && !state.pause; at++)
          state = answering(state, '1', answer(random.next() < accuracy ? '1' : '0'));
        if (state.pause) count++;
      }
      return count;
    };
    expect(paused(0.92)).toBeLessThanOrEqual(2);
    expect(paused(0.5)).toBe(200);
  });
});

describe('gold tasks', () => {
  const rowKeys = Array.from({ length: 200 }, (_, at) => `k${at}`);
  const knownAnswers = rowKeys.map((_, at) => (at % 2 === 0 ? '1' : null));
  const options = { maxItems: 40, controlShare: 0, salt: 's', share: 0.25 };

  it('are their share of what is asked, spread among the others, which have no known answer', () => {
    const chosen = chooseWithGold({ rowKeys, knownAnswers }, undefined, options);
    const isGold = chosen.map(({ position }) => knownAnswers[position] !== null);
    expect([chosen.length, isGold.filter(Boolean).length]).toEqual([40, 10]);
    expect(new Set(chosen.map(({ position }) => position)).size).toBe(40);
    expect(isGold.slice(0, 30).some(Boolean) && isGold.slice(-30).some(Boolean)).toBe(true);
    expect(chooseWithGold({ rowKeys, knownAnswers }, undefined, options)).toEqual(chosen);
  });

  it('leave all room to others where no answer is known, and ask nothing where all are', () => {
    const unknown = rowKeys.map(() => null);
    expect(chooseWithGold({ rowKeys, knownAnswers: unknown }, undefined, options)).toHaveLength(40);
    expect(chooseWithGold({ rowKeys, knownAnswers: rowKeys.map(() => '1') }, undefined, options)).toEqual([]);
  });

  it('are chosen by the same rule: the champion is as unsure of them', () => {
    const scores = rowKeys.map((_, at) => 0.5 + at / 1000);
    const chosen = chooseWithGold({ rowKeys, knownAnswers }, scores, options);
    expect(Math.max(...chosen.map(({ position }) => position))).toBeLessThan(60);
  });

  it('come to each annotator in their share, whenever they come, and never alone', () => {
    const asked = Array.from({ length: 400 }, (_, at) => `a${at}`);
    const gold = Array.from({ length: 200 }, (_, at) => `g${at}`);
    const series = { salt: 's', annotator: 'ann', from: 0, share: 0.2 };
    const given = nextTasks({ asked, gold }, series, 300);
    const share = given.filter((id) => id.startsWith('g')).length / given.length;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.06);
    expect(nextTasks({ asked, gold }, { ...series, annotator: 'bob' }, 300)).not.toEqual(given);
    // Asking again after ten answers goes on where the series stopped.
    const done = new Set(given.slice(0, 10));
    const left = { asked: asked.filter((id) => !done.has(id)), gold: gold.filter((id) => !done.has(id)) };
    expect(nextTasks(left, { ...series, from: 10 }, 20)).toEqual(given.slice(10, 30));
    expect(nextTasks({ asked: [], gold }, series, 10)).toEqual([]);
    expect(nextTasks({ asked: ['a'], gold }, { ...series, share: 0 }, 10)).toEqual(['a']);
  });

  it('are asked of everybody, and look like any other task to each', () => {
    const answers = ['ann', 'bob', 'cy'].map((annotator, at) => answer('1', { annotator, revision: at + 1 }));
    const stored = task('0', answers);
    expect(
      answerTask(
        stored,
        { annotator: 'dee', answer: '1', skip: false, rationale: '', tookMs: 1 },
        { classes: ['0', '1'], annotatorsPerTask: 1 },
        9,
      ).answers,
    ).toHaveLength(4);
    expect(asAnyOther(stored, 'dee', 1)).toEqual(task(undefined, []));
    expect(asAnyOther(stored, 'bob', 1)).toEqual(task(undefined, [answers[1]!]));
    expect(asAnyOther(stored, 'bob', 2)).toEqual(task(undefined, [answers[0]!, answers[1]!]));
    expect(asAnyOther(task(undefined, answers), 'bob', 1)).toEqual(task(undefined, answers));
  });
});
