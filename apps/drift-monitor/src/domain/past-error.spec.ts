import { describe, expect, it } from '@jest/globals';
import type { ForecastOutcome, IssuedForecast } from './issued-forecast.js';
import { pastErrorOf, type ScoredForecast } from './past-error.js';

/** A forecast made at step `at` of so many steps, and what came, by how far it was off; holding the last value is off by one per step. */
const scored = (at: number, steps: number, errors: readonly number[]): ScoredForecast => {
  const points = Array.from({ length: steps }, (_, i) => ({ atMs: at + i + 1, value: 0, lower: -1, upper: 1 }));
  const forecast = { lastValue: -1, points } as unknown as IssuedForecast;
  const outcomes = errors.map((error, i): ForecastOutcome => {
    return { atMs: at + i + 1, forecast: 0, actual: error, insideInterval: Math.abs(error) <= 1 };
  });
  return { forecast, outcomes };
};

describe('the error that forecasts turned out to have', () => {
  it('is nothing yet without an outcome', () => {
    expect(pastErrorOf([scored(0, 3, [])])).toEqual({ outcomes: 0 });
  });

  it('is the mean over all outcomes, with what holding the last value would have cost', () => {
    const past = pastErrorOf([scored(0, 1, [0]), scored(1, 1, [3]), scored(2, 1, [1]), scored(3, 1, [0.5])]);
    expect(past).toMatchObject({
      outcomes: 4,
      meanAbsoluteError: { value: 4.5 / 4, n: 4, confidence: 0.8 },
      intervalCoverage: { value: 0.75, n: 4 },
      // Held: 1, 4, 2, 1.5.
      realisedSkill: { value: expect.closeTo(1 - 4.5 / 8.5, 12), n: 4 },
    });
    // scipy 1.17.1: ttest_1samp([0, 3, 1, 0.5], 0).confidence_interval(0.8)
    expect(past.meanAbsoluteError!.lower).toBeCloseTo(0.0482013, 6);
    expect(past.meanAbsoluteError!.upper).toBeCloseTo(2.2017987, 6);
    const { lower, upper, value } = past.realisedSkill!;
    expect(lower).toBeLessThan(value);
    expect(upper).toBeGreaterThan(value);
  });

  it('counts forecasts that share steps once for as many as they look ahead', () => {
    const past = pastErrorOf(Array.from({ length: 12 }, (_, at) => scored(at, 3, [0.5, 1 + (at % 2), 2])));
    // Twelve forecasts of three steps; fourteen windows.
    expect(past).toMatchObject({ outcomes: 36, meanAbsoluteError: { n: 4 }, intervalCoverage: { n: 4, value: 0.5 } });
    const few = pastErrorOf([scored(0, 3, [0.5, 1, 2]), scored(1, 3, [0.5, 1])]);
    expect(few).toMatchObject({ outcomes: 5, meanAbsoluteError: { value: 1, n: 1 }, intervalCoverage: { n: 1 } });
    expect(few.meanAbsoluteError).not.toHaveProperty('lower');
  });

  it('has no skill to tell where nothing moved', () => {
    expect(pastErrorOf([scored(0, 1, [-1]), scored(1, 1, [-1])])).not.toHaveProperty('realisedSkill');
  });
});
