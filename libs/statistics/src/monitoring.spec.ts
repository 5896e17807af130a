import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  attributeChange,
  compareWithKept,
  countCells,
  estimateLoss,
  fitLossModel,
  ksTwoSample,
  mannWhitney,
  nextAlpha,
  jensenShannonDistance,
  jensenShannonInterval,
  psi,
  readEstimateRecord,
  remainingAlpha,
  seasonalDrift,
  spendAlpha,
  startAlphaLedger,
  startEstimateRecord,
  tailsBeyond,
  wasserstein1,
  wassersteinWithKept,
  widenedByRecord,
  withConfirmation,
  withEstimate,
  type EstimateRecord,
} from './index.js';

const normal = (random: Random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

describe('an alpha ledger', () => {
  it('hands out no more than its budget, for a period or for ever', () => {
    for (const schedule of [{ kind: 'even', looks: 40 }, { kind: 'forever' }] as const) {
      let ledger = startAlphaLedger({ alpha: 0.05, schedule });
      let spent = 0;
      for (let look = 0; look < 40; look++) {
        expect(remainingAlpha(ledger)).toBeCloseTo(0.05 - spent, 12);
        spent += nextAlpha(ledger);
        ledger = spendAlpha(ledger);
      }
      expect(spent).toBeLessThanOrEqual(0.05 + 1e-12);
      expect(spent).toBeGreaterThan(0.03);
    }
  });

  it('opens a new budget after its period, and never for ever', () => {
    let yearly = startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 3 } });
    for (let look = 0; look < 3; look++) yearly = spendAlpha(yearly);
    expect(yearly).toMatchObject({ periods: 1, looks: 0 });
    expect(remainingAlpha(yearly)).toBe(0.05);
    let life = startAlphaLedger({ alpha: 0.05, schedule: { kind: 'forever' } });
    for (let look = 0; look < 1_000; look++) life = spendAlpha(life);
    expect(life).toMatchObject({ periods: 0, looks: 1_000 });
    expect(nextAlpha(life)).toBeGreaterThan(0);
    expect(remainingAlpha(life)).toBeLessThan(0.01);
  });
});

describe('a loss estimated without labels', () => {
  /** Errors grow with x; the model's prediction is x as well. */
  const rows = (random: Random, count: number, spread: number) => {
    const x = Float64Array.from({ length: count }, () => spread * random.next());
    return { x, losses: x.map((value) => Math.abs(normal(random)) * (0.5 + value)) };
  };

  it('follows a change of the inputs, and its interval covers what labels say later', () => {
    let covered = 0;
    let shifted = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = seededRandom(seed);
      const reference = rows(random, 2_000, 2);
      const model = fitLossModel([reference.x], reference.losses);
      const now = rows(random, 400, 2);
      const x = now.x.map((value) => 1 + value / 2);
      const losses = x.map((value) => Math.abs(normal(random)) * (0.5 + value));
      const estimate = estimateLoss(model, [x]);
      if (estimate.kind !== 'estimated') throw new Error(estimate.reason);
      const truth = losses.reduce((sum, loss) => sum + loss / losses.length, 0);
      if (estimate.lower <= truth && truth <= estimate.upper) covered++;
      if (estimate.value > 1.15 * model.mean) shifted++;
    }
    expect(shifted).toBe(60);
    expect(covered).toBeGreaterThanOrEqual(48);
  });

  it('has an interval that knows how few rows of the reference say what is expected now', () => {
    let covered = 0;
    for (let seed = 0; seed < 100; seed++) {
      const random = seededRandom(1000 + seed);
      const reference = rows(random, 500, 1);
      const model = fitLossModel([reference.x], reference.losses);
      // All rows come into the top decile, of which the reference has 50.
      const x = rows(random, 1_000, 1).x.map((value) => 0.9 + value / 10);
      const losses = x.map((value) => Math.abs(normal(random)) * (0.5 + value));
      const estimate = estimateLoss(model, [x]);
      if (estimate.kind !== 'estimated') throw new Error(estimate.reason);
      const truth = losses.reduce((sum, loss) => sum + loss / losses.length, 0);
      if (estimate.lower <= truth && truth <= estimate.upper) covered++;
    }
    // 37 to 68 with the overall residual variance alone.
    expect(covered).toBeGreaterThanOrEqual(88);
  });

  it('is insufficient below 30 rows and refuses what is not a loss', () => {
    const model = fitLossModel([Array.from({ length: 40 }, (_, i) => i)], Array<number>(40).fill(1));
    expect(estimateLoss(model, [[1, 2]])).toEqual({ kind: 'insufficient', reason: 'too-few-rows' });
    expect(() => fitLossModel([[1, 2]], [1, -1])).toThrow('losses[1]');
    expect(() => fitLossModel([[1]], [1, 1])).toThrow('columns[0]');
    expect(() => estimateLoss(model, [])).toThrow('columns');
  });

  it('expects the mean where a column is constant', () => {
    const model = fitLossModel(
      [Array<number>(50).fill(7)],
      Array.from({ length: 50 }, (_, i) => i),
    );
    expect(model.effects).toEqual([[expect.closeTo(0, 9)]]);
  });
});

describe('the record of estimates', () => {
  const stated = (value: number, reach = 0.02) => ({ value, lower: value - reach, upper: value + reach, n: 500 });
  const after = (errors: readonly number[]) =>
    errors.reduce<EstimateRecord>((record, error, i) => {
      const estimated = withEstimate(record, `w${i}`, stated(0.5 + error));
      return withConfirmation(estimated, `w${i}`, stated(0.5));
    }, startEstimateRecord());

  it('knows bias, error and coverage of the past', () => {
    const track = readEstimateRecord(after([0.1, 0.1, -0.1, 0.1, 0.01]));
    expect(track).toMatchObject({ kind: 'measured', windows: 5, coverage: 0.2 });
    if (track.kind !== 'measured') throw new Error('too few');
    expect(track.bias).toBeCloseTo(0.042, 12);
    expect(track.meanAbsoluteError).toBeCloseTo(0.082, 12);
  });

  it('widens an interval by errors that sampling does not explain, and never moves the value', () => {
    const wide = widenedByRecord(stated(0.4), after([0.1, -0.1, 0.1, -0.1, 0.1]));
    expect(wide.value).toBe(0.4);
    expect(wide.upper - wide.value).toBeGreaterThan(0.15);
    expect(widenedByRecord(stated(0.4), after([0, 0, 0, 0, 0]))).toEqual(stated(0.4));
    expect(widenedByRecord(stated(0.4), after([0.1, 0.1]))).toEqual(stated(0.4));
  });

  it('restates and never rewrites', () => {
    const first = withConfirmation(withEstimate(startEstimateRecord(), 'w', stated(0.4)), 'w', stated(0.5));
    const later = withConfirmation(first, 'w', stated(0.55));
    expect(later.windows[0]!.statements.map(({ kind, value }) => [kind, value])).toEqual([
      ['estimated', 0.4],
      ['confirmed', 0.5],
      ['restated', 0.55],
    ]);
    expect(first.windows[0]!.statements).toHaveLength(2);
  });

  it('refuses a value outside of its own interval', () => {
    expect(() => withEstimate(startEstimateRecord(), 'w', { value: 1, lower: 0, upper: 0.5, n: 9 })).toThrow('value');
    expect(() => withEstimate(startEstimateRecord(), 'w', { value: NaN, lower: 0, upper: 1, n: 9 })).toThrow('value');
  });
});

describe('a change attributed to segments', () => {
  const sums = (n: number, wrong: number) => ({ n, sum: wrong, sumSquares: wrong });

  it('finds the segment that got worse although mix hides it', () => {
    const { change, segments, mix, rate } = attributeChange([
      { segment: 'sound', reference: sums(5_000, 500), current: sums(9_000, 900) },
      { segment: 'worse', reference: sums(5_000, 2_000), current: sums(1_000, 600) },
    ]);
    expect(change.value).toBeLessThan(0);
    expect(mix.value + rate.value).toBeCloseTo(change.value, 12);
    expect(mix.upper).toBeLessThan(0);
    expect(rate.lower).toBeGreaterThan(0);
    expect(segments[0]).toMatchObject({ segment: 'worse' });
    expect(segments[0]!.rate.lower).toBeGreaterThan(0);
    expect(segments[0]!.adjustedLog10PValue).toBeLessThan(-10);
    expect(segments[1]!.rate.value).toBeCloseTo(0, 12);
  });

  it('gives intervals that cover, and blames nobody when nothing changed', () => {
    let [blamed, covered] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const random = seededRandom(seed);
      const draw = (n: number, p: number) => {
        let wrong = 0;
        for (let i = 0; i < n; i++) if (random.next() < p) wrong++;
        return sums(n, wrong);
      };
      const { segments, rate } = attributeChange(
        [0.1, 0.2, 0.3, 0.4].map((p) => ({ segment: String(p), reference: draw(300, p), current: draw(200, p) })),
      );
      if (segments.some(({ adjustedLog10PValue }) => adjustedLog10PValue <= Math.log10(0.05))) blamed++;
      if (rate.lower <= 0 && 0 <= rate.upper) covered++;
    }
    expect(blamed).toBeLessThanOrEqual(20);
    expect(covered).toBeGreaterThanOrEqual(180);
  });

  it('refuses sums that no rows have', () => {
    const impossible = { n: 2, sum: 10, sumSquares: 1 };
    expect(() => attributeChange([{ segment: 'a', reference: impossible, current: sums(1, 0) }])).toThrow(
      'segments[0].reference.sumSquares',
    );
    expect(() => attributeChange([{ segment: 'a', reference: sums(0, 0), current: sums(1, 0) }])).toThrow('segments');
  });
});

describe('a seasonal reference', () => {
  const day = 86_400_000;
  const season = { periodMs: 365 * day, withinMs: 15 * day };
  const windowAt = (random: Random, atMs: number, shift = 0) => {
    const counts = new Float64Array(5);
    const warm = 0.5 + 0.4 * Math.sin((2 * Math.PI * atMs) / season.periodMs) + shift;
    for (let i = 0; i < 500; i++) {
      let value = 0;
      for (let k = 0; k < 4; k++) if (random.next() < Math.min(1, Math.max(0, warm))) value++;
      counts[value]!++;
    }
    return { atMs, counts };
  };
  const history = (random: Random, untilMs: number) =>
    Array.from({ length: 52 * 3 }, (_, week) => windowAt(random, untilMs - (week + 1) * 7 * day));

  it('takes a season for what it is, where a fixed reference sees drift', () => {
    const random = seededRandom(4);
    const summer = 90 * day + 3 * 365 * day;
    const past = history(random, summer);
    const present = windowAt(random, summer);
    const winter = windowAt(random, summer - 180 * day);
    expect(psi(winter.counts, present.counts).value).toBeGreaterThan(0.5);
    expect(seasonalDrift(present, past, season)).toMatchObject({ kind: 'compared', unusual: false });
  });

  it('still sees what no season explains', () => {
    const random = seededRandom(5);
    const summer = 3 * 365 * day;
    const past = history(random, summer);
    expect(seasonalDrift(windowAt(random, summer, -0.25), past, season)).toMatchObject({ unusual: true });
  });

  it('is insufficient before it has seen the season twice', () => {
    const random = seededRandom(6);
    const past = [windowAt(random, 0), windowAt(random, 7 * day)];
    expect(seasonalDrift(windowAt(random, 100 * day), past, season)).toEqual({
      kind: 'insufficient',
      reason: 'too-few-windows',
    });
    const few = { atMs: 730 * day, counts: [1, 1, 0, 0, 1] };
    const thin = [0, 365].map((at) => ({ atMs: at * day, counts: [1, 2, 0, 1, 1] }));
    expect(seasonalDrift(few, thin, season)).toEqual({ kind: 'insufficient', reason: 'too-few-rows' });
  });
});

describe('a Jensen-Shannon distance', () => {
  it('has an interval that holds the true one', () => {
    const [before, after] = [
      [0.2, 0.3, 0.1, 0.4],
      [0.3, 0.3, 0.2, 0.2],
    ];
    const counts = (random: Random, shares: readonly number[], rows: number) => {
      const found = shares.map(() => 0);
      for (let i = 0; i < rows; i++) {
        let draw = random.next();
        let bin = 0;
        while (bin < shares.length - 1 && draw >= shares[bin]!) draw -= shares[bin++]!;
        found[bin]!++;
      }
      return found;
    };
    const truth = jensenShannonDistance(before, after);
    let held = 0;
    let zero = 0;
    for (let run = 0; run < 200; run++) {
      const random = seededRandom(run);
      const reference = counts(random, before, 600);
      const moved = jensenShannonInterval(reference, counts(random, after, 400));
      if (moved.lower <= truth && truth <= moved.upper) held++;
      if (jensenShannonInterval(reference, counts(random, before, 400)).lower === 0) zero++;
    }
    // 190 of 200 expected at least; 181 is three standard deviations below.
    expect(held).toBeGreaterThanOrEqual(181);
    expect(zero).toBeGreaterThanOrEqual(181);
  });
});

describe('a kept sample', () => {
  const draw = (seed: number, rows: number, digits: number, shift = 0) => {
    const random = seededRandom(seed);
    return Float32Array.from({ length: rows }, () => Number((normal(random) + shift).toFixed(digits)));
  };
  const distinct = (values: Float32Array) => [...new Set(values)].sort((a, b) => a - b);

  const distanceOf = (a: Float32Array, rows: number, b: Float32Array, more: readonly number[] = []) => {
    const breaks = distinct(Float32Array.from([...a, ...more]));
    const [lowest, highest] = [breaks[0]!, breaks.at(-1)!];
    const tails = { kept: tailsBeyond([], lowest, highest), other: tailsBeyond(b, lowest, highest) };
    return wassersteinWithKept({ kept: a.toSorted(), rows, breaks }, countCells(b, breaks), tails);
  };

  it('is as far in the sense of Wasserstein as both samples are, tails included', () => {
    for (const [digits, shift] of [
      [3, 0],
      [0, 0.3],
      [1, 9],
      [1, -2],
    ] as const) {
      const [a, b] = [draw(1, 300, digits), draw(2, 700, digits, shift)];
      const [low, high] = [Math.min(...a), Math.max(...a)];
      const inside = [...b].filter((value) => value > low && value < high);
      const exact = wasserstein1(a, b);
      expect(distanceOf(a, a.length, b, inside).distance).toBeCloseTo(exact, 9);
      expect(Math.abs(distanceOf(a, a.length, b).distance - exact)).toBeLessThan(0.01);
    }
  });

  it('holds the true Wasserstein distance within its interval, and noise within noise', () => {
    const z = 1.96;
    let held = 0;
    let noise = 0;
    let alike = 0;
    const runs = 100;
    for (let run = 0; run < runs; run++) {
      const a = draw(10 + run, 400, 4);
      const moved = distanceOf(a, a.length, draw(5_000 + run, 600, 4, 0.5));
      if (Math.abs(moved.distance - 0.5) <= z * moved.standardError) held++;
      const same = distanceOf(a, a.length, draw(9_000 + run, 600, 4));
      noise += same.noise / runs;
      alike += same.distance / runs;
    }
    // 95 of 100 expected; 88 is three standard deviations below.
    expect(held).toBeGreaterThanOrEqual(88);
    expect(held).toBeLessThan(100);
    expect(noise / alike).toBeGreaterThan(0.85);
    expect(noise / alike).toBeLessThan(1.15);
  });

  it('refuses what cannot be compared', () => {
    const a = draw(1, 30, 2);
    expect(() => distanceOf(a, a.length, Float32Array.of(NaN))).toThrow('cells.rows');
    expect(() => tailsBeyond([1], 2, 1)).toThrow('lowest');
    const none = tailsBeyond([], 0, 1);
    const cells = countCells(Float32Array.of(1), [0, 1]);
    const outside = { kept: [0, 2], rows: 2, breaks: [0, 1] };
    expect(() => wassersteinWithKept(outside, cells, { kept: none, other: none })).toThrow('breaks');
  });

  it('gives what the tests of both samples give, without sorting the other', () => {
    for (const [digits, shift] of [
      [5, 0],
      [0, 0.3],
      [1, 2],
    ] as const) {
      const [a, b] = [draw(1, 300, digits), draw(2, 2_000, digits, shift)];
      const breaks = distinct(a);
      const { ks, mannWhitney: rank } = compareWithKept(
        { kept: a.toSorted(), rows: a.length, breaks },
        countCells(b, breaks),
      );
      expect(ks).toEqual(ksTwoSample(a, b));
      const whole = mannWhitney(a, b);
      expect(rank.probabilityHigher).toBeCloseTo(whole.probabilityHigher, 12);
      // Equal values of b that were not kept make the variance smaller: left out, the test is a little more careful.
      expect(rank.log10PValue).toBeGreaterThanOrEqual(whole.log10PValue - 1e-9);
      expect(rank.log10PValue).toBeLessThanOrEqual(0.98 * whole.log10PValue);
    }
  });

  it('of order statistics never claims more than all rows would, and not much less', () => {
    const [a, b] = [draw(3, 50_000, 5).sort(), draw(4, 3_000, 5, 0.15)];
    const kept = Float32Array.from({ length: 2_000 }, (_, i) => a[Math.floor((i + 0.5) * 25)]!);
    const breaks = distinct(kept);
    const summary = compareWithKept({ kept, rows: a.length, breaks }, countCells(b, breaks));
    const [ks, rank] = [ksTwoSample(a, b), mannWhitney(a, b)];
    for (const [some, all] of [
      [summary.ks, ks],
      [summary.mannWhitney, rank],
    ] as const) {
      expect(some.log10PValue).toBeGreaterThanOrEqual(all.log10PValue);
      expect(some.log10PValue).toBeLessThan(0.9 * all.log10PValue);
    }
    expect(Math.abs(summary.ks.statistic - ks.statistic)).toBeLessThan(1 / 2_000);
  });

  it('is counted with missing values apart', () => {
    const values = Float32Array.of(1, NaN, -0, 0, Infinity, 3, -1e-38, 2, -Infinity, 2);
    const breaks = [0, 2];
    const whole = countCells(values, breaks);
    expect(whole).toMatchObject({ rows: 7, missing: 3 });
    expect(Array.from(whole.at)).toEqual([2, 2]);
    expect(Array.from(whole.between)).toEqual([1, 1, 1]);
    const long = Float32Array.from({ length: 80_000 }, (_, i) => values[i % values.length]!);
    const counted = countCells(long, breaks);
    expect(counted).toMatchObject({ rows: 56_000, missing: 24_000 });
    expect(Array.from(counted.at)).toEqual([16_000, 16_000]);
    expect(Array.from(counted.between)).toEqual([8_000, 8_000, 8_000]);
    expect(countCells(Float32Array.of(1), [-3e38, 3e38])).toMatchObject({ rows: 1, missing: 0 });
    expect(countCells(new Float32Array(), [-3e38, 3e38])).toMatchObject({ rows: 0, missing: 0 });
    expect(() => countCells(values, [2, 2])).toThrow('breaks[1]');
    expect(() => countCells(values, [NaN])).toThrow('breaks[0]');
  });

  it.each([
    ['spread out', [-1e30, -1, -1e-40, 0, 1e-40, 1, 3e38]],
    ['crowded between extremes', [-3e38, ...Array.from({ length: 300 }, (_, i) => 1000 + i / 64), 3e38]],
    ['none', []],
    ['one', [0.5]],
  ])('is counted as one by one among breaks that are %s', (_, numbers) => {
    const breaks = Float32Array.from(numbers);
    const random = seededRandom(3);
    const near = () => breaks[random.int(Math.max(1, breaks.length))] ?? 0;
    const values = Float32Array.from({ length: 3000 }, () =>
      random.next() < 0.3 ? near() : near() * (2 * random.next() - 0.5) + (random.next() - 0.5),
    );
    const at = new Float64Array(breaks.length);
    const between = new Float64Array(breaks.length + 1);
    const finite = values.filter((value) => Number.isFinite(value));
    for (const value of finite) {
      if (breaks.includes(value)) at[breaks.indexOf(value)]!++;
      else between[breaks.filter((cut) => cut < value).length]!++;
    }
    const expected = { at, between, rows: finite.length, missing: values.length - finite.length };
    expect(countCells(values, breaks)).toEqual(expected);
  });

  it('refuses breaks that lack one of its values, and an empty sample', () => {
    const cells = countCells([1, 2, 3], [1, 2]);
    expect(() => compareWithKept({ kept: [1, 3], rows: 2, breaks: [1, 2] }, cells)).toThrow('breaks');
    expect(() => compareWithKept({ kept: [1], rows: 1, breaks: [1] }, countCells([NaN], [1]))).toThrow('cells.rows');
  });
});
