import { describe, expect, it } from '@jest/globals';
import type { PerformanceEvaluation } from './performance.js';
import {
  evenSeries,
  measuredValues,
  SERIES_POINTS_MAX,
  stepsOf,
  withPoint,
  type WatchedSeries,
} from './watched-series.js';

const DAY = 86_400_000;
const at = (days: number, value = days) => ({ atMs: days * DAY, value });
const own = (days: number, value = days, modelDigest = 'm1') => ({ ...at(days, value), modelDigest });

describe('the points of a series', () => {
  it('are in the order of their windows, a window stated again instead of twice', () => {
    const points = [own(1), own(3), own(2), own(3, 30), own(3, 7, 'm2')].reduce<WatchedSeries['points']>(withPoint, []);
    expect(points).toEqual([own(1), own(2), own(3, 30), own(3, 7, 'm2')]);
  });

  it('are the newest ones when there are too many', () => {
    const days = Array.from({ length: SERIES_POINTS_MAX + 5 }, (_, day) => own(day));
    const points = days.reduce<WatchedSeries['points']>(withPoint, []);
    expect(points).toHaveLength(SERIES_POINTS_MAX);
    expect(points[0]).toEqual(own(5));
  });
});

describe('a series on an even grid', () => {
  it('holds the last value over a short gap and begins anew after a long one', () => {
    const held = evenSeries([at(0), at(7), at(14), at(28), at(35)]);
    expect(held).toEqual({ values: Float64Array.of(0, 7, 14, 14, 28, 35), spacingMs: 7 * DAY });
    const [before, after] = [
      [0, 1, 2, 3, 4],
      [20, 21],
    ];
    expect([...evenSeries([...before, ...after].map((day) => at(day))).values]).toEqual(after);
    const threeMissing = [...before, 8].map((day) => at(day));
    expect([...evenSeries(threeMissing).values]).toEqual([0, 1, 2, 3, 4, 4, 4, 4, 8]);
  });

  it('has no spacing before the second point', () => {
    expect(evenSeries([])).toEqual({ values: new Float64Array(), spacingMs: 0 });
    expect(evenSeries([at(3)])).toEqual({ values: Float64Array.of(3), spacingMs: 0 });
  });
});

describe('horizon and season in steps', () => {
  it.each([
    ['weekly', { horizonMs: 28 * DAY }, 7 * DAY, { horizon: 4 }],
    ['a horizon below one step', { horizonMs: DAY }, 7 * DAY, { horizon: 1 }],
    ['a horizon without end', { horizonMs: 400 * DAY }, DAY, { horizon: 60 }],
    ['a week of days', { horizonMs: 3 * DAY, seasonMs: 7 * DAY }, DAY, { horizon: 3, seasonLength: 7 }],
    ['a season of one step', { horizonMs: 7 * DAY, seasonMs: 7 * DAY }, 7 * DAY, { horizon: 1 }],
    ['a season too long to learn', { horizonMs: DAY, seasonMs: 365 * DAY }, DAY, { horizon: 1 }],
    ['no spacing yet', { horizonMs: 28 * DAY, seasonMs: 7 * DAY }, 0, { horizon: 1 }],
  ])('%s', (_name, rule, spacingMs, steps) => {
    expect(stepsOf(rule, spacingMs)).toEqual(steps);
  });
});

describe('what an evaluation adds', () => {
  const metric = (name: string, value: number) => ({
    name,
    value,
    confidence: 0.95,
    n: 1000,
    slice: 'all',
    method: 'm',
  });
  const confirmed = {
    state: 'sufficient',
    estimated: false,
    metrics: [metric('logLoss', 0.5), metric('rocAuc', 0.7)],
  } as unknown as PerformanceEvaluation;

  it('is what labels confirm, never an estimate from scores and nothing that rests on too little', () => {
    expect(measuredValues(confirmed)).toMatchObject({ 'perf.logLoss': { value: 0.5 }, 'perf.rocAuc': { value: 0.7 } });
    expect(measuredValues(confirmed)).not.toHaveProperty(['perf.brier']);
    expect(measuredValues({ ...confirmed, estimated: true })).toEqual({});
    expect(measuredValues({ ...confirmed, state: 'insufficient' })).toEqual({});
  });
});
