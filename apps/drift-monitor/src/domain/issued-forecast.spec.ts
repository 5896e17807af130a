import { describe, expect, it } from '@jest/globals';
import { forecast } from '@rondo/statistics';
import { issuedForecast, outcomesOf, pastErrorOf, type ForecastContext } from './issued-forecast.js';

const DAY = 86_400_000;
const rising = Float64Array.from({ length: 40 }, (_, i) => i);

const issued = (change: Partial<ForecastContext> = {}, values = rising) => {
  const made = forecast(values, { horizon: 3 });
  if (made.kind !== 'forecast') throw new Error('too short');
  return issuedForecast(made, {
    pipeline: 'p',
    forecastId: 'f',
    series: 'perf.logLoss',
    evaluationId: 'e',
    model: { name: 'm', version: 1, digest: 'd' },
    madeFromMs: 39 * DAY,
    lastValue: values.at(-1)!,
    n: values.length,
    limit: 41,
    issuedAtMs: 0,
    spacingMs: DAY,
    seasonal: false,
    ...change,
  });
};

describe('a forecast as it is issued', () => {
  it('dates its steps and the breach by the spacing of the series', () => {
    const line = issued();
    expect(line.points.map(({ atMs }) => atMs / DAY)).toEqual([40, 41, 42]);
    expect(line).toMatchObject({
      method: 'theil-sen',
      skillAgainst: 'naive',
      breachSide: 'above',
      breachProbability: { value: 1 },
      breachMs: { earliest: 41 * DAY, expected: 41 * DAY, latest: 41 * DAY },
      advisory: '',
    });
  });

  it('has no date for a limit beyond the horizon', () => {
    expect(issued({ limit: 50 })).toMatchObject({
      breachProbability: { value: 0 },
      breachMs: { earliest: null, expected: null, latest: null },
    });
  });

  it('comes to a limit of the area under the curve from above', () => {
    const falling = rising.map((value) => 1 - value / 100);
    const line = issued({ series: 'perf.rocAuc', limit: 0.595 }, falling);
    expect(line).toMatchObject({ breachSide: 'below', breachMs: { expected: 41 * DAY } });
  });

  it('is advisory without skill', () => {
    expect(issued({}, new Float64Array(40).fill(2))).toMatchObject({ method: 'naive', skill: 0, advisory: 'no-skill' });
  });
});

describe('what came of a forecast', () => {
  it('is scored step by step where a window came, at its own time or near it', () => {
    const line = issued();
    const outcomes = outcomesOf(line, [
      { atMs: 39 * DAY, value: 39 },
      { atMs: 40.4 * DAY, value: 40 },
      { atMs: 42 * DAY, value: 45 },
    ]);
    expect(outcomes).toEqual([
      { atMs: 40.4 * DAY, forecast: 40, actual: 40, insideInterval: true },
      { atMs: 42 * DAY, forecast: 42, actual: 45, insideInterval: false },
    ]);
    // Errors 0 and 3; holding 39 would have been 1 and 6 off.
    expect(pastErrorOf([{ forecast: line, outcomes }])).toEqual({
      outcomes: 2,
      meanAbsoluteError: 1.5,
      intervalCoverage: 0.5,
      realisedSkill: expect.closeTo(1 - 3 / 7, 12),
    });
  });

  it('is nothing yet without an outcome', () => {
    expect(pastErrorOf([{ forecast: issued(), outcomes: [] }])).toEqual({ outcomes: 0, meanAbsoluteError: 0 });
  });
});
