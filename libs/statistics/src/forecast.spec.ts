import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { forecast, type Forecast } from './index.js';

const made = (result: Forecast) => {
  if (result.kind !== 'forecast') throw new Error(`needs ${result.pointsNeeded} points`);
  return result;
};

describe('a forecast', () => {
  it('follows a line, a season or the last value, whichever the past was like', () => {
    const random = seededRandom(1);
    const noise = () => random.next() - 0.5;
    const line = Float64Array.from({ length: 60 }, (_, i) => 3 * i + noise());
    const season = Float64Array.from({ length: 84 }, (_, i) => 10 * Math.sin((2 * Math.PI * i) / 7) + noise());
    let level = 0;
    const walk = Float64Array.from({ length: 60 }, () => (level += noise()));
    expect(made(forecast(line, { horizon: 5 })).method).toBe('theil-sen');
    expect(made(forecast(line, { horizon: 5 })).skillScore).toBeGreaterThan(0.9);
    expect(made(forecast(season, { horizon: 7, seasonLength: 7 })).method).toBe('harmonic-ridge');
    expect(made(forecast(walk, { horizon: 3 })).skillScore).toBeLessThan(0.2);
  });

  it('holds the next value about as often as its interval says', () => {
    let held = 0;
    for (let run = 0; run < 200; run++) {
      const random = seededRandom(run);
      const series = Float64Array.from({ length: 60 }, () => random.next() + random.next());
      const [next] = made(forecast(series.subarray(0, 59), { horizon: 1, confidence: 0.8 })).points;
      if (next!.lower <= series[59]! && series[59]! <= next!.upper) held++;
    }
    expect(held / 200).toBeGreaterThan(0.72);
    expect(held / 200).toBeLessThan(0.9);
  });

  it('is refused, with the points it would take, while the series is too short', () => {
    expect(forecast([1, 2, 3], { horizon: 2, confidence: 0.9 })).toEqual({ kind: 'insufficient', pointsNeeded: 18 });
    expect(forecast(new Float64Array(18), { horizon: 2, confidence: 0.9 }).kind).toBe('forecast');
  });

  it('leaves a constant series constant', () => {
    const flat = made(forecast(new Float64Array(40).fill(7), { horizon: 2 }));
    expect(flat).toMatchObject({
      method: 'naive',
      skillScore: 0,
      points: [{ value: 7, lower: 7, upper: 7 }, { value: 7 }],
    });
  });
});
