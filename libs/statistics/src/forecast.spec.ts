import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { breachOutlook, breachSteps, forecast, lastChangePoint, meanRatio, type Forecast } from './index.js';

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

  it('tells by which step it reaches a limit, and by the bounds of its interval', () => {
    const points = [1, 2, 3, 4].map((value) => ({ value, lower: value - 2, upper: value + 1 }));
    const mirrored = points.map(({ value, lower, upper }) => ({ value: -value, lower: -upper, upper: -lower }));
    expect(breachSteps(points, { threshold: 2, side: 'above' })).toEqual({ earliest: 1, expected: 2, latest: 4 });
    expect(breachSteps(mirrored, { threshold: -2, side: 'below' })).toEqual({ earliest: 1, expected: 2, latest: 4 });
    expect(breachSteps(points, { threshold: 4.5, side: 'above' })).toEqual({
      earliest: 4,
      expected: null,
      latest: null,
    });
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

describe('a forecast of a series that changed', () => {
  const noisy = (seed: number, points: number, at: number, jump: number) => {
    const random = seededRandom(seed);
    return Float64Array.from({ length: points }, (_, i) => (i >= at ? jump : 0) + random.next() - 0.5);
  };

  it('is advisory until its errors are new ones, then is not held back for that any more', () => {
    expect(made(forecast(noisy(1, 80, 74, 20), { horizon: 3 })).advisory).toBe('change-point');
    expect(made(forecast(noisy(1, 140, 74, 20), { horizon: 3 })).advisory).not.toBe('change-point');
    expect(made(forecast(noisy(1, 80, 100, 20), { horizon: 3 })).advisory).not.toBe('change-point');
  });

  it('is advisory without skill: a random walk is not foreseen', () => {
    const advisories = Array.from({ length: 20 }, (_, seed) => {
      const random = seededRandom(seed);
      let level = 0;
      const walk = Float64Array.from({ length: 90 }, () => (level += random.next() - 0.5));
      return made(forecast(walk, { horizon: 3 })).advisory;
    });
    expect(advisories.filter((advisory) => advisory === 'no-skill').length).toBeGreaterThan(15);
  });
});

describe('a change point', () => {
  it('is where errors shift, in any unit, and nowhere in steady ones', () => {
    const random = seededRandom(4);
    const errors = Float64Array.from({ length: 120 }, (_, i) => random.next() - 0.5 + (i >= 90 ? 1 : 0));
    const { at } = lastChangePoint(errors);
    expect(at).toBeGreaterThanOrEqual(90);
    expect(lastChangePoint(errors.map((error) => 1e-6 * error))).toEqual({ at });
    expect(lastChangePoint(errors.subarray(0, 90))).toEqual({ at: null });
    expect(lastChangePoint([])).toEqual({ at: null });
    expect(lastChangePoint([3, 3, 3, 3])).toEqual({ at: null });
    expect(lastChangePoint([3, 3, 3, 4])).toEqual({ at: 3 });
  });
});

describe('the outlook on a limit', () => {
  it('is certain of a line that runs into it, and knows when', () => {
    const line = made(
      forecast(
        Array.from({ length: 40 }, (_, i) => i),
        { horizon: 6 },
      ),
    );
    expect(breachOutlook(line, { threshold: 43, side: 'above' })).toMatchObject({
      probability: 1,
      steps: { earliest: 4, expected: 4, latest: 4 },
      actionable: true,
    });
    expect(breachOutlook(line, { threshold: 0, side: 'below' })).toMatchObject({
      probability: 0,
      steps: { earliest: null, expected: null, latest: null },
    });
  });

  it('is about as likely as it turns out to be', () => {
    let expected = 0;
    let happened = 0;
    for (let run = 0; run < 150; run++) {
      const random = seededRandom(run);
      const series = Float64Array.from({ length: 66 }, () => random.next() + random.next());
      const outlook = breachOutlook(made(forecast(series.subarray(0, 60), { horizon: 6 })), {
        threshold: 1.7,
        side: 'above',
      });
      expect(outlook.lower).toBeLessThanOrEqual(outlook.probability);
      expect(outlook.upper).toBeGreaterThanOrEqual(outlook.probability);
      expected += outlook.probability;
      if (series.subarray(60).some((value) => value >= 1.7)) happened++;
    }
    expect(Math.abs(expected - happened) / 150).toBeLessThan(0.1);
  });
});

describe('the ratio of two means', () => {
  it('lies in its interval about as often as that says, also of pairs that overlap', () => {
    for (const overlap of [1, 3]) {
      let held = 0;
      for (let run = 0; run < 1500; run++) {
        const random = seededRandom(run);
        const draws = Array.from(
          { length: 36 + overlap - 1 },
          () => [-Math.log(1 - random.next()), random.next()] as const,
        );
        // Losses as of forecasts that look `overlap` steps ahead: sums of what the steps lose, so neighbours share all but one.
        const summed = (of: (draw: readonly [number, number]) => number) =>
          Array.from({ length: 36 }, (_, i) => draws.slice(i, i + overlap).reduce((sum, draw) => sum + of(draw), 0));
        const { lower, upper } = meanRatio(
          summed(([a, b]) => 0.8 * a + 0.4 * b),
          summed(([a]) => a),
          { confidence: 0.8, overlap },
        );
        if (lower !== null && lower <= 1 && 1 <= upper!) held++;
      }
      expect([overlap, held / 1500 > 0.77 && held / 1500 < 0.83, held / 1500]).toEqual([overlap, true, held / 1500]);
    }
  });

  it('has no bounds of too few pairs, and where the denominator may be 0', () => {
    expect(meanRatio([1, 2, 3], [1, 1, 1], { overlap: 2 })).toEqual({
      ratio: 2,
      lower: null,
      upper: null,
      independent: 1,
    });
    expect(meanRatio([1, 2, 3], [0, 0, 9])).toMatchObject({ ratio: 2 / 3, lower: null, upper: null, independent: 3 });
  });
});

describe('the skill of a forecast', () => {
  it('is known as well as the origins that share no step let it be', () => {
    const random = seededRandom(8);
    const noise = Float64Array.from({ length: 60 }, () => random.next());
    const [near, far] = [1, 5].map((horizon) => made(forecast(noise, { horizon })).skillInterval);
    expect([near!.independent, far!.independent]).toEqual([49, 8]);
    expect(near!.lower).toBeGreaterThan(0);
    const short = made(forecast(noise.subarray(0, 20), { horizon: 8 }));
    expect(short).toMatchObject({ skillScore: 0, skillInterval: { lower: null, upper: null, independent: 0 } });
  });

  it('counts origins less where gains last, and is hardly ever shown of what is not foreseen', () => {
    let [shown, independent] = [0, 0];
    for (let run = 0; run < 60; run++) {
      const random = seededRandom(run);
      let level = 0;
      const walk = Float64Array.from({ length: 40 }, () => (level += random.next() - 0.5));
      const { skillInterval } = made(forecast(walk, { horizon: 1 }));
      if (skillInterval.lower !== null && skillInterval.lower > 0) shown++;
      independent += skillInterval.independent / 60;
    }
    // Thirty-one origins each.
    expect(independent).toBeLessThan(29);
    expect(shown).toBeLessThanOrEqual(3);
  });
});
