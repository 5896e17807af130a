import { describe, expect, it } from '@jest/globals';
import { checkOpen, completionReason, extend, type CampaignRules, type CampaignState } from './campaign.js';
import { conclude } from './quality.js';
import { chooseRows, taskFor } from './selection.js';
import type { AnswerState, TaskState } from './task.js';

const rules: CampaignRules = {
  question: 'Late?',
  guideline: 'More than 15 minutes.',
  classes: [
    { value: '1', title: 'Late' },
    { value: '0', title: 'On time' },
  ],
  annotatorsPerTask: 1,
  minCoverage: 0,
  onExhausted: 'ContinueWithout',
};

const answered = (index: number, values: readonly string[], more: Partial<TaskState> = {}): TaskState => ({
  pipeline: 'p',
  campaignId: 'c',
  taskId: `t${index}`,
  rowKey: `k${index}`,
  row: {},
  reviewReason: 'x',
  rank: index,
  uncertainty: 0.5,
  drawn: false,
  blind: false,
  answers: values.map((value, revision): AnswerState => ({
    revision: revision + 1,
    annotator: `person-${revision}`,
    answer: value,
    skipped: value === '',
    rationale: '',
    suggestionShown: more.suggestion !== undefined && !more.blind,
    atMs: 1,
    tookMs: 1,
  })),
  ...more,
});

describe('the conclusion of a campaign', () => {
  it('holds the labels by row key and the coverage, which is counted', () => {
    const tasks = [answered(0, ['1']), answered(1, ['0']), answered(2, []), answered(3, [''])];
    const conclusion = conclude({ ...rules, minCoverage: 0.5 }, tasks, 'TimeBudgetExhausted');
    expect(conclusion.labels).toEqual({ k0: 1, k1: 0 });
    expect(conclusion).toMatchObject({ passed: true, usable: true, answered: 2, unanswered: 2 });
    const coverage = conclusion.quality.find((estimate) => estimate.name === 'coverage');
    expect(coverage).toMatchObject({ value: 0.5, n: 4, limit: 0.5, method: 'counted, no interval' });
    expect(coverage?.lower).toBeUndefined();
  });

  it.each([
    ['ContinueWithout', true],
    ['Fail', false],
  ] as const)('below the coverage asked for does not use the labels; %s passes: %s', (onExhausted, passed) => {
    const conclusion = conclude(
      { ...rules, minCoverage: 0.9, onExhausted },
      [answered(0, ['1']), answered(1, [])],
      'TimeBudgetExhausted',
    );
    expect([conclusion.usable, conclusion.passed]).toEqual([false, passed]);
  });

  it('measures agreement when two people answered', () => {
    const tasks = [answered(0, ['1', '1']), answered(1, ['0', '0']), answered(2, ['1', '0']), answered(3, ['0', '0'])];
    const agreement = conclude(rules, tasks, 'Complete').quality.find((estimate) => estimate.name === 'agreement');
    expect(agreement?.value).toBeCloseTo(1 - (7 * 2) / (2 * 3 * 5), 9);
    expect(agreement?.n).toBe(4);
  });

  /** Both classes in turn; two people, who disagree about every `wrongEvery`-th row. */
  const twice = (count: number, wrongEvery = Infinity): TaskState[] =>
    Array.from({ length: count }, (_, i) => {
      const [one, other] = i % 2 ? ['1', '0'] : ['0', '1'];
      return answered(i, [one!, (i + 1) % wrongEvery === 0 ? other! : one!]);
    });
  const strict = { ...rules, minAgreement: 0.8, onExhausted: 'Fail' } as const;

  it.each([
    ['40 rows without disagreement', twice(40), 'Pass', undefined],
    ['every third row in dispute', twice(90, 3), 'Fail', undefined],
    ['four rows without disagreement', twice(4), 'Inconclusive', 27],
    ['one row', [answered(0, ['1', '1'])], 'Inconclusive', 35],
    ['rows that are all alike', Array.from({ length: 60 }, (_, i) => answered(i, ['1', '1'])), 'Inconclusive', 1],
    ['no row answered twice', [answered(0, ['1'])], 'Inconclusive', 36],
  ] as const)('judges agreement by its interval: %s', (_name, tasks, verdict, moreTasks) => {
    const conclusion = conclude(strict, tasks, 'Complete');
    expect(conclusion.verdict?.verdict).toBe(verdict);
    expect(conclusion.verdict?.moreTasks).toBe(moreTasks);
    expect([conclusion.usable, conclusion.passed]).toEqual([verdict === 'Pass', verdict === 'Pass']);
    const without = conclude({ ...strict, onExhausted: 'ContinueWithout' }, tasks, 'Complete');
    expect([without.usable, without.passed]).toEqual([verdict === 'Pass', true]);
  });

  it('says what its verdict rests on and what it lacks', () => {
    const explain = (tasks: readonly TaskState[], more = {}): string | undefined =>
      conclude({ ...strict, ...more }, tasks, 'Complete').verdict?.explanation;
    expect(explain(twice(4))).toMatch(
      /^agreement 1\.00 \[-0\.\d\d, 1\.00\] on 4 tasks, it must be 0\.8 or more: undecided; about 27 more tasks with two answers would, if agreement stays as it is$/,
    );
    expect(explain([answered(0, ['1', '1'])])).toMatch(
      /^all answers are the same.*: undecided; at least 35 more tasks/,
    );
    expect(explain(twice(60), { minAgreement: 1 })).toMatch(/undecided, and no number of tasks would decide it$/);
    expect(explain([answered(0, ['1']), answered(1, [])], { minCoverage: 0.9 })).toBe(
      '1 of 2 rows have a label, 90 % must',
    );
    expect(conclude(strict, twice(4), 'Cancelled').verdict).toBeUndefined();
  });

  it('shows the pull of suggestions: agreement with and without seeing them', () => {
    const suggestion = { answer: '1', confidence: 0.8 };
    const tasks = [
      answered(0, ['1'], { suggestion }),
      answered(1, ['1'], { suggestion }),
      answered(2, ['0'], { suggestion, blind: true }),
    ];
    const pull = conclude(rules, tasks, 'Complete').quality.filter(
      (estimate) => estimate.name === 'suggestionAgreement',
    );
    expect(pull.map(({ slice, value, n }) => [slice, value, n])).toEqual([
      ['blind', 0, 1],
      ['assisted', 1, 2],
    ]);
  });

  it('publishes agreement with its interval', () => {
    const tasks = Array.from({ length: 60 }, (_, i) =>
      answered(i, i % 10 === 0 ? ['1', '0'] : i % 2 ? ['1', '1'] : ['0', '0']),
    );
    const agreement = conclude(rules, tasks, 'Complete').quality.find((estimate) => estimate.name === 'agreement');
    expect(agreement?.confidence).toBe(0.95);
    expect(agreement?.lower).toBeLessThan(agreement!.value);
    expect(agreement?.upper).toBeGreaterThan(agreement!.value);
  });

  it('takes the majority of three, leaves a tie open, and asks a model of who errs from five on', () => {
    const { labels } = conclude(
      rules,
      [answered(0, ['1', '0', '0']), answered(1, ['1', '0']), answered(2, ['', '1', '1'])],
      'Complete',
    );
    expect(labels).toEqual({ k0: 0, k2: 1 });
    // Two who are always right against three who answer the same whatever they see.
    const tasks = Array.from({ length: 40 }, (_, i) => {
      const truth = i % 2 ? '1' : '0';
      return answered(i, [truth, truth, '1', '1', '1']);
    });
    const { labels: modelled } = conclude(rules, tasks, 'Complete');
    expect(Object.values(modelled)).toEqual(tasks.map((_, i) => i % 2));
  });

  it('judges the suggestions on rows that were drawn, not on those chosen for being hard', () => {
    const suggestion = { answer: '1', confidence: 0.8 };
    const tasks = [
      answered(0, ['0'], { suggestion }),
      answered(1, ['1'], { suggestion, drawn: true }),
      answered(2, ['0'], { suggestion, drawn: true }),
      answered(3, [], { suggestion, drawn: true }),
    ];
    const { quality } = conclude(rules, tasks, 'Complete');
    expect(quality.find((estimate) => estimate.name === 'suggestionAccuracy')).toMatchObject({
      value: 0.5,
      n: 2,
      slice: 'drawn',
      method: 'Wilson',
    });
    expect(
      conclude(rules, tasks.slice(0, 1), 'Complete').quality.some(({ name }) => name === 'suggestionAccuracy'),
    ).toBe(false);
  });

  it('counts answers to gold tasks as no labels, and says how many were right at first', () => {
    const gold = [answered(1, ['1', '0'], { gold: '1' }), answered(2, [''], { gold: '1' })];
    const again = answered(3, ['0', '1'], { gold: '0' });
    const corrected = { ...again, answers: again.answers.map((one) => ({ ...one, annotator: 'person-0' })) };
    const tasks = [answered(0, ['1']), ...gold, corrected];
    const conclusion = conclude({ ...rules, minCoverage: 1 }, tasks, 'Complete');
    expect(conclusion).toMatchObject({ labels: { k0: 1 }, usable: true, answered: 1, unanswered: 0 });
    expect(conclusion.quality.find(({ name }) => name === 'coverage')).toMatchObject({ value: 1, n: 1 });
    const accuracy = conclusion.quality.find(({ name }) => name === 'goldAccuracy');
    expect(accuracy).toMatchObject({ n: 3, slice: 'all', method: 'Wilson' });
    expect(accuracy?.value).toBeCloseTo(2 / 3, 9);
  });

  it('never passes when cancelled', () => {
    expect(conclude(rules, [answered(0, ['1'])], 'Cancelled')).toMatchObject({ passed: false, usable: false });
  });

  it('of no tasks passes with nothing', () => {
    expect(conclude({ ...rules, minCoverage: 1 }, [], 'Complete')).toMatchObject({
      passed: true,
      labels: {},
      quality: [],
    });
  });
});

describe('a campaign', () => {
  const campaign: CampaignState = {
    pipeline: 'p',
    cycleId: 'y',
    campaignId: 'c',
    policyGeneration: 1,
    snapshotDigest: '',
    rules,
    doubtfulRows: 3,
    tasks: 3,
    answered: 0,
    skipped: 0,
    openedAtMs: 0,
    dueAtMs: 100,
  };

  it('takes answers until it is due or closed', () => {
    expect(() => checkOpen(campaign, 99)).not.toThrow();
    expect(() => checkOpen(campaign, 100)).toThrow(/out of time/);
    const end = { atMs: 5, reason: 'Complete', passed: true, quality: [], answered: 3, unanswered: 0 } as const;
    expect(() => checkOpen({ ...campaign, end }, 6)).toThrow(/closed \(Complete\)/);
  });

  it('asks one more person about each task while agreement is measured and undecided, twice as many at most', () => {
    const tasks = [answered(0, ['1', '1']), answered(1, ['0', '0'])];
    const of = { ...campaign, rules: { ...rules, annotatorsPerTask: 2, minAgreement: 0.8 }, tasks: 2, answered: 2 };
    const again = (state: CampaignState, given = tasks) =>
      extend(state, conclude(state.rules, given, 'Complete'), given)?.campaign;
    const third = again(of);
    expect(third).toMatchObject({ answered: 0, skipped: 0, rules: { annotatorsPerTask: 3 }, extended: { from: 2 } });
    expect(third?.extended?.explanation).toMatch(/undecided/);
    const fourth = again(third!);
    expect(fourth).toMatchObject({ rules: { annotatorsPerTask: 4 }, extended: { from: 2 } });
    expect(again(fourth!)).toBeUndefined();
    expect(again({ ...of, rules })).toBeUndefined();
    expect(again(of, [answered(0, ['1', '1']), answered(1, ['1', '1'])])).toBeUndefined();
  });

  it('says when the budget of items cut rows off', () => {
    expect(completionReason(campaign)).toBe('Complete');
    expect(completionReason({ ...campaign, doubtfulRows: 4 })).toBe('ItemBudgetExhausted');
  });
});

describe('the choice of rows', () => {
  it('takes the most uncertain first, up to the budget', () => {
    const chosen = chooseRows(['a', 'b', 'c'], [0.9, 0.45, 0.2], { maxItems: 2, controlShare: 0, salt: 's' });
    expect(chosen.map(({ position }) => position)).toEqual([1, 2]);
    expect(chosen[0]?.uncertainty).toBeCloseTo(0.9, 9);
  });

  it('is arbitrary but repeatable without a champion', () => {
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    const order = (salt: string): number[] =>
      chooseRows(keys, undefined, { maxItems: 50, controlShare: 0, salt }).map(({ position }) => position);
    expect(order('s')).toEqual(order('s'));
    expect(order('s')).not.toEqual(order('other'));
    expect(order('s')).not.toEqual(keys.map((_, i) => i));
  });

  it('draws a share of them at random, whatever the champion thinks', () => {
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
    const sure = keys.map((_, i) => (i < 50 ? 0.5 : 0.99));
    const chosen = chooseRows(keys, sure, { maxItems: 40, controlShare: 0.25, salt: 's' });
    const drawn = chosen.filter(({ arm }) => arm === 'control');
    expect(drawn).toHaveLength(10);
    expect(drawn.some(({ position }) => position >= 50)).toBe(true);
    expect(chosen.filter(({ arm }) => arm === 'uncertain').every(({ position }) => position < 50)).toBe(true);
    const about = {
      pipeline: 'p',
      campaignId: 'c',
      rank: 0,
      uncertainty: 0.5,
      probability: 0.3,
      blindShare: 0,
      gold: null,
    };
    const row = { rowKey: 'k', reviewReason: '', row: {} };
    expect([
      taskFor(row, { ...about, arm: 'control' }).drawn,
      taskFor(row, { ...about, arm: 'uncertain' }).drawn,
    ]).toEqual([true, false]);
  });

  it('hides about the asked share of suggestions', () => {
    const about = {
      pipeline: 'p',
      campaignId: 'c',
      rank: 0,
      uncertainty: 0.5,
      arm: 'uncertain',
      probability: 0.3,
      blindShare: 0.2,
      gold: null,
    } as const;
    const tasks = Array.from({ length: 1_000 }, (_, i) =>
      taskFor({ rowKey: `k${i}`, reviewReason: '', row: {} }, about),
    );
    const blind = tasks.filter((task) => task.blind).length;
    expect(blind).toBeGreaterThan(150);
    expect(blind).toBeLessThan(250);
    expect(tasks[0]?.suggestion).toEqual({ answer: '0', confidence: 0.7 });
    expect(
      taskFor({ rowKey: 'k', reviewReason: '', row: {} }, { ...about, probability: undefined, blindShare: 1 }),
    ).toMatchObject({ blind: false });
  });
});
