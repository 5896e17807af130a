import { describe, expect, it } from '@jest/globals';
import { forecast } from '@rondo/statistics';
import { issuedForecast, outcomesOf, type ForecastContext } from './issued-forecast.js';

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
    last: { atMs: 39 * DAY, value: values.at(-1)!, lower: 0, upper: 99, confidence: 0.95, n: 500 },
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
    const flat = issued({}, new Float64Array(40).fill(2));
    expect(flat).toMatchObject({ method: 'naive', skill: 0, advisory: 'no-skill', skillEstimate: { value: 0, n: 0 } });
    expect(flat.skillEstimate!.lower).toBeUndefined();
  });

  it('says how sure its skill and its newest value are', () => {
    const noisy = rising.map((value) => value + ((value * 7) % 5));
    const { skill, skillEstimate, lastValueEstimate } = issued({}, noisy);
    // Thirty origins, of which 27 could choose by what was known: each ninth group of three shares no step with the others.
    expect(skillEstimate).toMatchObject({ value: skill, confidence: 0.8, n: 9 });
    expect(skillEstimate!.lower).toBeLessThan(skill);
    expect(skillEstimate!.upper).toBeGreaterThan(skill);
    expect(lastValueEstimate).toMatchObject({ value: noisy[39], lower: 0, upper: 99, confidence: 0.95, n: 500 });
    const kept = { atMs: 39 * DAY, value: 39 };
    expect(issued({ last: kept })).not.toHaveProperty('lastValueEstimate');
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
  });
});
