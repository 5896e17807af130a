import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { LabelTaskSchema } from '@rondo/contracts';
import { formatDuration, formatNumber, formatRelative, formatSigned, valueTexts } from './format.js';
import {
  advanced,
  currentTask,
  EMPTY_QUEUE,
  givenBack,
  rationaleMissing,
  recorded,
  rowOf,
  steppedBack,
  suggestionShown,
  withLease,
} from './label-queue.js';
import { foldWaits, timeByKind } from './phases.js';
import { parseReport } from './report.js';
import { inlines, readMarkdown } from './markdown.js';
import { fateOf, includesRole, statusOf } from './words.js';

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const task = (
  taskId: string,
  more: Partial<{ blind: boolean; suggestion: string; suggestionConfidence: number }> = {},
) => create(LabelTaskSchema, { taskId, suggestion: 'yes', suggestionConfidence: 0.95, ...more });

describe('numbers in words', () => {
  it.each([
    [0.41634, '0.4163'],
    [-0.0021, '−0.0021'],
    [14.2071, '14.207'],
    [118204, '118,204'],
    [0.000004, '4.0e−6'],
    [0, '0'],
    [NaN, 'not a number'],
  ])('writes %p as %p', (value, words) => {
    expect(formatNumber(value)).toBe(words);
  });

  it('gives differences their sign', () => {
    expect(formatSigned(0.0192)).toBe('+0.0192');
  });

  it.each([
    [120, '120 ms'],
    [38_400, '38.4 s'],
    [5_400_000, '1 h 30 min'],
    [187_200_000, '2 d 4 h'],
  ])('writes a duration of %p ms as %p', (ms, words) => {
    expect(formatDuration(ms)).toBe(words);
  });

  it('tells past from future', () => {
    expect(formatRelative(0, 180_000)).toBe('3 min ago');
    expect(formatRelative(180_000, 0)).toBe('in 3 min');
  });
});

describe('values of an expression', () => {
  it('writes each with its name, and keeps what is no object', () => {
    expect(valueTexts('{"perf.logLossLower":0.46896811,"perf.state":"sufficient"}')).toEqual([
      'perf.logLossLower = 0.4690',
      'perf.state = "sufficient"',
    ]);
    expect(valueTexts('no such key')).toEqual(['no such key']);
    expect(valueTexts('')).toEqual([]);
  });
});

describe('fates', () => {
  it('say what held an event', () => {
    expect(fateOf('Held', 'CoolingDown').word).toBe('held: cooling down');
    expect(fateOf('Hold', 'SomethingNew').word).toBe('held');
    expect(fateOf('Held', 'AdvisoryForecast').word).toBe('held: only advisory');
    expect(fateOf('Scheduled', 'ahead').word).toBe('scheduled a cycle');
    expect(fateOf('Caused', 'drift').word).toBe('caused a cycle');
  });
});

describe('model cards', () => {
  it('reads headings, paragraphs, lists and tables', () => {
    const text = '# Card\nVerdict: **Pass**.\n\n- one\n- two\n\n| a | b |\n| --- | ---: |\n| x \\| y | 2 |\n';
    expect(readMarkdown(text)).toEqual([
      { kind: 'heading', level: 1, text: 'Card' },
      { kind: 'paragraph', text: 'Verdict: **Pass**.' },
      { kind: 'list', items: ['one', 'two'] },
      { kind: 'table', head: ['a', 'b'], rows: [['x \\| y', '2']] },
    ]);
  });

  it('keeps every sign that is no mark as text', () => {
    expect(inlines('a \\<= b: **Pass**, `<img>`')).toEqual([
      { text: 'a <= b: ', look: 'plain' },
      { text: 'Pass', look: 'strong' },
      { text: ', ', look: 'plain' },
      { text: '<img>', look: 'code' },
    ]);
    expect(inlines('2 * 3 ** and <b>')).toEqual([{ text: '2 * 3 ** and <b>', look: 'plain' }]);
  });
});

describe('roles', () => {
  it('include those before them, and annotators only label', () => {
    expect(includesRole(['admin'], 'operator')).toBe(true);
    expect(includesRole(['ROLE_OPERATOR'], 'approver')).toBe(true);
    expect(includesRole(['annotator'], 'approver')).toBe(false);
    expect(includesRole(['viewer'], 'annotator')).toBe(false);
    expect(includesRole(['producer'], 'annotator')).toBe(false);
  });
});

describe('an unknown state', () => {
  it('is shown as it came, never as good news', () => {
    expect(statusOf('HalfWay')).toEqual({ tone: 'quiet', word: 'half way' });
  });
});

describe('folded waits', () => {
  const bar = (phase: string, kind: string, startMs: number, endMs: number) => ({
    phase,
    kind,
    startMs,
    endMs,
    running: false,
  });

  it('keep a day of waiting from flattening the computing beside it', () => {
    const folded = foldWaits([
      bar('Training', 'compute', 0, 60_000),
      bar('AwaitingApproval', 'human', 60_000, 86_460_000),
    ]);
    expect(folded[1]?.folded).toBe(true);
    expect(folded[0]!.width).toBeGreaterThan(0.02);
    expect(folded[0]!.width + folded[1]!.width).toBeCloseTo(1);
  });

  it('leave computing in proportion', () => {
    const folded = foldWaits([bar('Preparing', 'compute', 0, 1000), bar('Training', 'compute', 1000, 4000)]);
    expect(folded.map((b) => b.width)).toEqual([0.25, 0.75]);
  });

  it('are summed by what the time was spent on', () => {
    expect(timeByKind([bar('a', 'compute', 0, 10), bar('b', 'human', 10, 100), bar('c', 'compute', 100, 120)])).toEqual(
      [
        { kind: 'human', durationMs: 90 },
        { kind: 'compute', durationMs: 30 },
      ],
    );
  });
});

describe('an evaluation report', () => {
  it('is read part by part, malformed parts left out', () => {
    const report = parseReport(
      bytes({
        cohorts: [{ cohort: 'a', n: 5, difference: { value: 1, lower: 0, upper: 2 } }, { cohort: 'b' }, 7],
        calibration: 'none',
        backtest: { slices: [{ name: 'w1', difference: -0.1 }] },
        backtestBelief: { mean: -0.1, interval: { lower: -0.3, upper: 0.1 }, n: 4 },
        latency: {
          p50Ms: 2,
          p50Interval: { lower: 1.5, upper: 2.5 },
          p99Ms: 4,
          p99Interval: { lower: 3, upper: null },
        },
      }),
    );
    expect(report.cohorts).toEqual([{ cohort: 'a', n: 5, difference: { value: 1, lower: 0, upper: 2 } }]);
    expect(report.calibration).toEqual([]);
    expect(report.backtest).toEqual([{ name: 'w1', n: 0, difference: { value: -0.1 } }]);
    expect(report.backtestMean).toEqual({ value: -0.1, lower: -0.3, upper: 0.1, n: 4 });
    expect(report.latency).toEqual([
      { name: 'p50Ms', value: '2 (95 %: 1.5 to 2.5)' },
      { name: 'p99Ms', value: '4 (95 %: 3 or more, no upper bound)' },
    ]);
  });

  it('tells slices and groups with their intervals', () => {
    const interval = { lower: 0.1, upper: 0.3 };
    const report = parseReport(
      bytes({
        clusters: { by: 'day', clusters: 30, effective: 28.5 },
        slices: {
          against: 'champion',
          tested: 9,
          harmed: [{ slice: 'g=1', rows: 7, difference: 0.2, ...interval }, 3],
          suspect: null,
        },
        fairness: [
          {
            gate: 'alike',
            names: ['g=0', 'g=1'],
            groups: [{ group: 1, rows: 7, selectionRate: { value: 0.2, interval, n: 7 }, truePositiveRate: null }],
          },
        ],
      }),
    );
    expect(report.clusters).toEqual({ by: 'day', count: 30 });
    expect(report.slices).toEqual({
      against: 'champion',
      tested: 9,
      harmed: [{ cohort: 'g=1', n: 7, difference: { value: 0.2, ...interval } }],
    });
    expect(report.groups).toEqual([{ gate: 'alike', group: 'g=1', n: 7, selected: { value: 0.2, ...interval, n: 7 } }]);
    const empty = parseReport(bytes({ clusters: null }));
    expect([empty.slices, empty.clusters]).toEqual([undefined, undefined]);
  });

  it.each(['<html>', '[]', 'null'])('that is %p is named as such', (content) => {
    expect(() => parseReport(bytes(content))).toThrow(/The report is not/);
  });
});

describe('the label queue', () => {
  const three = withLease(EMPTY_QUEUE, [task('a'), task('b'), task('c')]);

  it('leads from task to task and back for a new revision', () => {
    const two = advanced(advanced(three, task('a')), task('b'));
    expect(currentTask(two)?.taskId).toBe('c');
    expect(currentTask(steppedBack(two))?.taskId).toBe('b');
    expect(currentTask(steppedBack(steppedBack(two)))?.taskId).toBe('a');
    expect(currentTask(steppedBack(steppedBack(steppedBack(two))))?.taskId).toBe('a');
  });

  it('never takes an answered task from a late lease', () => {
    const one = advanced(three, task('a'));
    expect(withLease(one, [task('a'), task('d')]).waiting.map((t) => t.taskId)).toEqual(['b', 'c', 'd']);
  });

  it('brings a task back when its answer was refused', () => {
    expect(currentTask(givenBack(advanced(three, task('a')), task('a')))?.taskId).toBe('a');
  });

  it('shows the recorded answer also on a task that was reopened before the server answered', () => {
    const reopened = steppedBack(advanced(three, task('a')));
    const stored = create(LabelTaskSchema, { taskId: 'a', answers: [{ revision: 1 }] });
    expect(currentTask(recorded(reopened, stored))?.answers).toHaveLength(1);
  });

  it('hides the suggestion of a blind task until its first answer', () => {
    expect(suggestionShown(task('a', { blind: true }))).toBe(false);
    expect(
      suggestionShown({
        ...task('a', { blind: true }),
        answers: create(LabelTaskSchema, { answers: [{ revision: 1 }] }).answers,
      }),
    ).toBe(true);
  });

  it('asks why when a sure suggestion is overruled, and only then', () => {
    expect(rationaleMissing(task('a'), 'no', '')).toBe('it overrules a suggestion that is 95 % sure');
    expect(rationaleMissing(task('a'), 'no', 'tag')).toBeDefined();
    expect(rationaleMissing(task('a'), 'no', 'wrong tag')).toBeUndefined();
    expect(rationaleMissing(task('a'), 'yes', '')).toBeUndefined();
    expect(rationaleMissing(task('a'), '', '')).toBeUndefined();
    expect(rationaleMissing(task('a', { suggestionConfidence: 0.7 }), 'no', '')).toBeUndefined();
  });

  it('asks why when an earlier answer is changed, but not after a skip', () => {
    const answered = (answer: object) =>
      create(LabelTaskSchema, { taskId: 'a', answers: [{ revision: 1, ...answer }] });
    expect(rationaleMissing(answered({ answer: 'yes' }), 'no', '')).toBe('it changes your earlier answer');
    expect(rationaleMissing(answered({ answer: 'yes' }), '', '')).toBe('it changes your earlier answer');
    expect(rationaleMissing(answered({ answer: 'yes' }), 'yes', '')).toBeUndefined();
    expect(rationaleMissing(answered({ skipped: true }), 'no', '')).toBeUndefined();
  });

  it('shows a malformed row as it came', () => {
    expect(rowOf('{"a":null,"b":2}')).toEqual([
      ['a', 'missing'],
      ['b', '2'],
    ]);
    expect(rowOf('{oops')).toEqual([['row', '{oops']]);
  });
});
