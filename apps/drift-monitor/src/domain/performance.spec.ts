import { describe, expect, it } from '@jest/globals';
import { seededRandom, type Random } from '@rondo/kernel';
import { bandSums } from './loss-attribution.js';
import {
  judgedBy,
  logLossExcess,
  logLossExcessEstimate,
  noPerformance,
  withChampion,
  withEvaluatedWindow,
  withFailedWindow,
  withLateRows,
  withOpenedWindow,
  withStatedMetrics,
  type PerformanceRecord,
  type WindowRecord,
} from './performance.js';

const champion = withChampion(noPerformance, 'a');
const week = (n: number) => ({ startMs: n * 100, endMs: n * 100 + 100 });
const found = (rows: number, excess = 0) => ({ predictions: rows, labelled: rows, excess, excessRows: rows });
const windowAt = (record: PerformanceRecord, n: number): WindowRecord =>
  record.windows.find(({ startMs }) => startMs === week(n).startMs)!;

function evaluated(record: PerformanceRecord, n: number, rows: number, excess = 0): PerformanceRecord {
  const opened = withOpenedWindow(record, week(n))!;
  return withEvaluatedWindow(opened, windowAt(opened, n), found(rows, excess)).record;
}

describe('a window', () => {
  it('is judged by labels, by scores, or not', () => {
    expect(judgedBy({ predictions: 100, labelled: 50 }, 50)).toBe('labels');
    expect(judgedBy({ predictions: 100, labelled: 49 }, 50)).toBe('scores');
    expect(judgedBy({ predictions: 49, labelled: 49 }, 50)).toBe('nothing');
  });

  it('is opened once per champion', () => {
    const opened = withOpenedWindow(champion, week(1))!;
    expect(withOpenedWindow(opened, week(1))).toBeUndefined();
    expect(withOpenedWindow(withChampion(opened, 'b'), week(1))!.windows).toMatchObject([{ modelDigest: 'b' }]);
  });

  it('is restated when more than five percent of its rows came late', () => {
    const record = evaluated(champion, 1, 1000);
    const late = { eventTimeMs: 150, modelDigest: 'a', rows: 50 };
    const few = withLateRows(record, late)!;
    expect(few.restate).toBeUndefined();
    const many = withLateRows(few.record, { ...late, rows: 1 })!;
    expect(many.restate).toMatchObject({ revision: 1, pending: true });
    expect(withLateRows(many.record, { ...late, rows: 500 })!.restate).toBeUndefined();
  });

  it('is restated again for what came while it was being restated', () => {
    const record = evaluated(champion, 1, 1000);
    const { record: pending } = withLateRows(record, { eventTimeMs: 150, modelDigest: 'a', rows: 60 })!;
    const read = windowAt(pending, 1);
    const { record: more } = withLateRows(pending, { eventTimeMs: 150, modelDigest: 'a', rows: 80 })!;
    expect(withEvaluatedWindow(more, read, found(1060)).restate).toMatchObject({ revision: 2 });
    expect(withEvaluatedWindow(pending, read, found(1060)).restate).toBeUndefined();
  });

  it('is taken up again by late rows after its evaluation failed', () => {
    const late = { eventTimeMs: 150, modelDigest: 'a', rows: 100 };
    const opened = withOpenedWindow(champion, week(1))!;
    expect(withLateRows(opened, late)!.restate).toBeUndefined();
    expect(withLateRows(withFailedWindow(opened, week(1)), late)!.restate).toMatchObject({ revision: 1 });
  });

  it('is left alone by rows of other times and other models', () => {
    const record = evaluated(champion, 1, 1000);
    for (const late of [
      { eventTimeMs: 99, modelDigest: 'a', rows: 500 },
      { eventTimeMs: 200, modelDigest: 'a', rows: 500 },
      { eventTimeMs: 150, modelDigest: 'b', rows: 500 },
      { eventTimeMs: 150, modelDigest: 'a', rows: 0 },
    ]) {
      expect(withLateRows(record, late)).toBeUndefined();
    }
  });
});

describe('the excess since the promotion', () => {
  it('is a mean over all labelled rows, of closed windows too', () => {
    expect(logLossExcess(champion)).toBe(0);
    let record = champion;
    for (const [n, excess] of [10, 20, 60, -10].entries()) record = evaluated(record, n, 100, excess);
    expect(record.windows).toHaveLength(2);
    expect(record.folded).toEqual({ excess: 30, rows: 200 });
    expect(logLossExcess(record)).toBe(80 / 400);
  });

  it('counts a restated window once', () => {
    const record = evaluated(champion, 1, 100, 10);
    const { restate, record: pending } = withLateRows(record, { eventTimeMs: 150, modelDigest: 'a', rows: 100 })!;
    expect(logLossExcess(withEvaluatedWindow(pending, restate!, found(200, 40)).record)).toBe(40 / 200);
  });

  it('starts afresh with a new champion', () => {
    const before = evaluated(evaluated(evaluated(champion, 1, 100, 50), 2, 100, 50), 3, 100, 50);
    const promoted = withChampion(before, 'b');
    expect(logLossExcess(promoted)).toBe(0);
    expect(logLossExcess(evaluated(promoted, 4, 100, 5))).toBe(0.05);
    expect(logLossExcess(evaluated(evaluated(promoted, 4, 100, 5), 5, 100, 15))).toBe(0.1);
  });
});

describe('the interval of the excess', () => {
  /** Sums of the losses of calibrated scores. */
  const bandsOf = (random: Random, rows: number) => {
    const scores = Float32Array.from({ length: rows }, () => 0.05 + 0.9 * random.next());
    return bandSums(
      scores,
      Uint8Array.from(scores, (score) => (random.next() < score ? 1 : 0)),
    );
  };
  const totals = (bands: ReturnType<typeof bandSums>) =>
    bands.reduce((all, { n, sum, sumSquares }) => [all[0]! + n, all[1]! + sum, all[2]! + sumSquares], [0, 0, 0]);
  const reference = (mean: number, error: number) => ({
    name: 'logLoss',
    value: mean,
    lower: mean - 1.959964 * error,
    upper: mean + 1.959964 * error,
    confidence: 0.95,
    n: 300,
    slice: 'all',
    method: 'mean, normal',
  });

  it('holds no excess where there is none, over windows of which the first are folded', () => {
    let covered = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = seededRandom(seed);
      const [n, sum, squares] = totals(bandsOf(random, 300)) as [number, number, number];
      const known = reference(sum / n, Math.sqrt((squares / n - (sum / n) ** 2) / n));
      let record = champion;
      for (let at = 1; at <= 4; at++) {
        const bands = bandsOf(random, 100);
        const excess = totals(bands)[1]! - 100 * known.value;
        const opened = withOpenedWindow(record, week(at))!;
        ({ record } = withEvaluatedWindow(opened, windowAt(opened, at), { ...found(100, excess), bands }));
      }
      const estimate = logLossExcessEstimate(record, known)!;
      expect(estimate).toMatchObject({ value: logLossExcess(record), n: 400, confidence: 0.95 });
      if (estimate.lower! <= 0 && 0 <= estimate.upper!) covered++;
    }
    // Of intervals that take the reference as exact 80 % would.
    expect(covered).toBeGreaterThanOrEqual(180);
    expect(covered).toBeLessThan(200);
  });

  it('is narrower where the reference is exact, and absent where squares are not known', () => {
    const bands = bandsOf(seededRandom(1), 100);
    const opened = withOpenedWindow(champion, week(1))!;
    const { record } = withEvaluatedWindow(opened, windowAt(opened, 1), { ...found(100, 10), bands });
    const [wide, narrow] = [
      logLossExcessEstimate(record, reference(0.5, 0.05))!,
      logLossExcessEstimate(record, undefined)!,
    ];
    expect(wide.upper! - wide.lower!).toBeGreaterThan(narrow.upper! - narrow.lower!);
    expect(narrow.method).toContain('taken as exact');
    expect(logLossExcessEstimate(champion, undefined)).toBeUndefined();
    expect(logLossExcessEstimate(evaluated(record, 2, 100, 5), undefined)).toEqual({
      name: 'logLossExcess',
      value: 15 / 200,
      confidence: 0.95,
      n: 200,
      slice: 'all',
      method: 'difference of means, no interval',
    });
  });
});

describe('an estimate without labels', () => {
  const logLoss = (value: number, method = 'expected') => ({
    name: 'logLoss',
    value,
    lower: value - 0.02,
    upper: value + 0.02,
    confidence: 0.95,
    n: 900,
    slice: 'all',
    method,
  });
  const confirmedWindows = (windows: number, error: number): PerformanceRecord => {
    let record = champion;
    for (let n = 0; n < windows; n++) {
      const sign = n % 2 === 0 ? 1 : -1;
      ({ record } = withStatedMetrics(record, week(n), 'scores', [logLoss(0.5 + sign * error)]));
      ({ record } = withStatedMetrics(record, week(n), 'labels', [logLoss(0.5)]));
    }
    return record;
  };

  it('carries the error that past estimates turned out to have, in its interval and in words', () => {
    const { metrics } = withStatedMetrics(confirmedWindows(6, 0.2), week(9), 'scores', [logLoss(0.5)]);
    expect(metrics[0]).toMatchObject({ value: 0.5, n: 900 });
    expect(metrics[0]!.upper! - 0.5).toBeGreaterThan(0.3);
    expect(metrics[0]!.lower).toBeLessThan(0.2);
    expect(metrics[0]!.method).toContain('error of 6 past windows included');
  });

  it('keeps its interval where the past gives no reason, and says when there is no past', () => {
    const good = withStatedMetrics(confirmedWindows(6, 0), week(9), 'scores', [logLoss(0.5)]).metrics[0]!;
    expect(good.upper).toBeCloseTo(0.52, 12);
    const first = withStatedMetrics(champion, week(1), 'scores', [logLoss(0.5)]).metrics[0]!;
    expect(first).toMatchObject({ upper: 0.52, method: 'expected; own error not known yet (0 windows confirmed)' });
  });

  it('is confirmed and restated by labels, and stays on record as it was', () => {
    let { record } = withStatedMetrics(champion, week(1), 'scores', [logLoss(0.4)]);
    ({ record } = withStatedMetrics(record, week(1), 'labels', [logLoss(0.5)]));
    ({ record } = withStatedMetrics(record, week(1), 'labels', [logLoss(0.55)]));
    expect(record.estimates['logLoss']!.windows[0]!.statements.map(({ kind, value }) => [kind, value])).toEqual([
      ['estimated', 0.4],
      ['confirmed', 0.5],
      ['restated', 0.55],
    ]);
    expect(withStatedMetrics(champion, week(1), 'labels', [logLoss(0.5)]).record.estimates).toEqual({});
    expect(withChampion(record, 'b').estimates).toEqual({});
  });
});
