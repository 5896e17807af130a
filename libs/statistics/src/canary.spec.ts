import { seededRandom, type Random } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  addToSeries,
  bettingConfidenceSequence,
  bettingLogEValue,
  boundedMeanConfidenceSequence,
  boundedMeanLogEValue,
  emptySeries,
  independentBlocks,
  kayentaJudge,
  kayentaScore,
  labelMaturity,
  normalQuantile,
  proportionConfidenceSequence,
  quantileConfidenceSequence,
  quantileDifferenceSequence,
  rowsUntil,
  sequentialVerdict,
  seriesDifference,
} from './index.js';

const normal = (random: Random): number => normalQuantile(random.next() * (1 - 2e-12) + 1e-12);

function autoregressive(random: Random, rho: number, points: number): number[] {
  let value = normal(random);
  return Array.from({ length: points }, () => (value = rho * value + Math.sqrt(1 - rho * rho) * normal(random)));
}

describe('a confidence sequence', () => {
  it('of a proportion and of a quantile holds the truth at all looks together', () => {
    let proportionMissed = 0;
    let quantileMissed = 0;
    for (let run = 0; run < 200; run++) {
      const random = seededRandom(run);
      let events = 0;
      const values: number[] = [];
      let [badProportion, badQuantile] = [false, false];
      for (let n = 1; n <= 300; n++) {
        const value = random.next();
        if (value < 0.1) events++;
        values.push(value);
        if (n % 10 !== 0) continue;
        const chance = proportionConfidenceSequence(events, n);
        if (chance.lower > 0.1 || chance.upper < 0.1) badProportion = true;
        const quantile = quantileConfidenceSequence(
          [...values].sort((a, b) => a - b),
          { probability: 0.1 },
        );
        if (quantile.kind !== 'estimated') throw new Error('rows were given');
        if ((quantile.lower ?? 0) > 0.1 || (quantile.upper ?? 1) < 0.1) badQuantile = true;
      }
      if (badProportion) proportionMissed++;
      if (badQuantile) quantileMissed++;
    }
    expect(proportionMissed / 200).toBeLessThan(0.05 + 0.04);
    expect(quantileMissed / 200).toBeLessThan(0.05 + 0.04);
  });

  it('of a quantile follows any monotone change of unit, with ties', () => {
    const values = [1, 1, 2, 2, 2, 3, 5, 8, 8, 8, 9, 10, 10, 12, 30, 30, 31, 40, 41, 100];
    const read = (sample: number[]) => quantileConfidenceSequence(sample, { probability: 0.5, alpha: 0.2 });
    const [plain, scaled] = [read(values), read(values.map((value) => value * 1e-5))];
    if (plain.kind !== 'estimated' || scaled.kind !== 'estimated') throw new Error('rows were given');
    expect(scaled.lower).toBe(plain.lower! * 1e-5);
    expect(scaled.upper).toBe(plain.upper! * 1e-5);
  });

  it('of a quantile has no bound that the sample cannot give', () => {
    expect(quantileConfidenceSequence([], { probability: 0.5 })).toEqual({ kind: 'insufficient', reason: 'no-rows' });
    expect(quantileConfidenceSequence([3], { probability: 0.5 })).toEqual({
      kind: 'estimated',
      estimate: 3,
      lower: null,
      upper: null,
      n: 1,
    });
    expect(quantileDifferenceSequence([1, 2], [3, 4], { probability: 0.5 })).toBeNull();
  });
});

describe('the verdict of a canary', () => {
  const look = { samples: 5_000, minSamples: 1_000, margin: 0.005 };

  it('never promotes on missing, scarce or immature evidence', () => {
    const good = { lower: -0.004, upper: 0.001 };
    expect(sequentialVerdict({ ...look, harm: good }).verdict).toBe('non-inferior');
    expect(sequentialVerdict(look)).toEqual({ verdict: 'inconclusive', reason: 'undecided', moreNeeded: null });
    expect(sequentialVerdict({ ...look, harm: good, samples: 400 })).toEqual({
      verdict: 'inconclusive',
      reason: 'below-minimum',
      moreNeeded: 600,
    });
    expect(sequentialVerdict({ ...look, harm: good, labelsMature: false })).toEqual({
      verdict: 'inconclusive',
      reason: 'immature-labels',
      moreNeeded: null,
    });
  });

  it('rolls back on harm, early only by a test that is valid early, late labels or not', () => {
    const bad = { lower: 0.01, upper: 0.04 };
    expect(sequentialVerdict({ ...look, harm: bad }).verdict).toBe('harm');
    expect(sequentialVerdict({ ...look, harm: bad, samples: 10 }).verdict).toBe('inconclusive');
    expect(sequentialVerdict({ ...look, harm: bad, samples: 10, harmShown: true }).verdict).toBe('harm');
    expect(sequentialVerdict({ ...look, harm: bad, labelsMature: false }).verdict).toBe('harm');
  });

  it('passes a loss that is surely there and surely tolerated', () => {
    expect(sequentialVerdict({ ...look, harm: { lower: 0.001, upper: 0.004 } }).verdict).toBe('non-inferior');
  });

  it('says how many samples a decision will take', () => {
    const open = { ...look, harm: { lower: -0.002, upper: 0.008 } };
    expect(sequentialVerdict({ ...open, decidesAt: () => 9_000 }).moreNeeded).toBe(4_000);
    expect(sequentialVerdict({ ...open, decidesAt: () => null }).moreNeeded).toBeNull();
  });
});

describe('labels that come late', () => {
  it('count for as long as their predictions have been watched', () => {
    const young = { ages: [1, 1, 1, 1], labelled: [0, 0, 0, 0] };
    expect(labelMaturity(young.ages, young.labelled, { age: 5, share: 0.9 })).toEqual({
      kind: 'insufficient',
      reason: 'none-that-old',
    });
    const ages = Array.from({ length: 400 }, (_, i) => 1 + (i % 10));
    const labelled = ages.map((age) => (age <= 9 ? 1 : 0));
    const at = (age: number) => labelMaturity(ages, labelled, { age, share: 0.8 });
    expect(at(3)).toMatchObject({ mature: false, matureAtAge: 8 });
    expect(at(10)).toMatchObject({ mature: true, matureAtAge: 8 });
    expect(labelMaturity([], [], { age: 1, share: 0.5 })).toEqual({ kind: 'insufficient', reason: 'no-predictions' });
  });

  it('may be told in groups', () => {
    const waits = Array.from({ length: 300 }, (_, i) => 1 + (i % 7));
    const came = waits.map((_, i) => (i % 3 === 0 ? 0 : 1));
    const groups = [0, 1].flatMap((labelled) => [1, 2, 3, 4, 5, 6, 7, 8].map((age) => ({ age, labelled })));
    const counts = groups.map(
      ({ age, labelled }) => waits.filter((wait, i) => wait === age && came[i] === labelled).length,
    );
    const grouped = labelMaturity(
      groups.map(({ age }) => age),
      groups.map(({ labelled }) => labelled),
      { age: 4, share: 0.3, counts },
    );
    expect(counts).toContain(0);
    expect(grouped).toEqual(labelMaturity(waits, came, { age: 4, share: 0.3 }));
  });

  it('that all came show as much as their number: mature at 98 % takes 183 of them, not one', () => {
    const all = (rows: number) =>
      labelMaturity(Array<number>(rows).fill(2), Array<number>(rows).fill(1), { age: 2, share: 0.98 });
    expect(all(1)).toMatchObject({ share: 1, mature: false, upper: 1 });
    expect([all(182), all(183)]).toMatchObject([{ mature: false }, { mature: true }]);
    const none = labelMaturity([2, 3], [0, 0], { age: 2, share: 0.5 });
    expect(none).toMatchObject({ share: 0, lower: 0 });
    expect((none as { upper: number }).upper).toBeCloseTo(1 - Math.sqrt(0.025), 9);
  });

  it('have an interval that holds the truth, young predictions among them, as often as it says or more', () => {
    const random = seededRandom(11);
    let [above, below] = [0, 0];
    const runs = 1_000;
    for (let run = 0; run < runs; run++) {
      const waits = Array.from({ length: 60 }, () => -Math.log(1 - random.next()));
      const watched = waits.map(() => 6 * random.next());
      const ages = waits.map((wait, i) => Math.min(wait, watched[i]!));
      const found = labelMaturity(
        ages,
        waits.map((wait, i) => Number(wait <= watched[i]!)),
        { age: 1.5, share: 0.5 },
      );
      if (found.kind !== 'measured') throw new Error(found.reason);
      if (found.lower > 1 - Math.exp(-1.5)) above++;
      if (found.upper < 1 - Math.exp(-1.5)) below++;
    }
    // 2.5 % each side; 4 % is three standard errors above.
    expect([above / runs <= 0.04, below / runs <= 0.04]).toEqual([true, true]);
    expect(above + below).toBeGreaterThan(0);
  });
});

describe('a canary on minute series', () => {
  const judge = (rho: number, points: number, shift: number, runs: number) => {
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const random = seededRandom(1_000 * rho + run);
      const baseline = autoregressive(random, rho, points);
      const canary = autoregressive(random, rho, points).map((value) => value + shift);
      let alarmed = false;
      for (let look = 1; look <= 30; look++) {
        const part = Math.floor((points * look) / 30);
        const read = seriesDifference(baseline.slice(0, part), canary.slice(0, part));
        if (read.kind === 'estimated' && (read.lower > 0 || read.upper < 0)) alarmed = true;
      }
      if (alarmed) alarms++;
    }
    return alarms / runs;
  };

  it.each([0, 0.5, 0.8, 0.95])('with autocorrelation %p is not alarmed by itself', (rho) => {
    expect(judge(rho, 240, 0, 60)).toBeLessThanOrEqual(0.05 + 0.03);
  });

  it('is alarmed by a shift that is there', () => {
    expect(judge(0.5, 480, 1, 20)).toBeGreaterThan(0.9);
  });

  it('has the same verdict in any unit', () => {
    const random = seededRandom(3);
    const [a, b] = [autoregressive(random, 0.3, 300), autoregressive(random, 0.3, 300).map((value) => value + 0.4)];
    const [plain, scaled] = [1, 1e-5].map((unit) =>
      seriesDifference(
        a.map((v) => v * unit),
        b.map((v) => v * unit),
      ),
    );
    if (plain?.kind !== 'estimated' || scaled?.kind !== 'estimated') throw new Error('enough blocks were given');
    expect(scaled.blocks).toBe(plain.blocks);
    expect(scaled.lower * 1e5).toBeCloseTo(plain.lower, 9);
  });

  it('says what it lacks', () => {
    expect(seriesDifference([1], [2])).toEqual({ kind: 'insufficient', reason: 'too-few-blocks', pointsNeeded: 71 });
    const flat = Array.from({ length: 100 }, () => 1);
    expect(seriesDifference(flat, flat)).toEqual({ kind: 'insufficient', reason: 'constant', pointsNeeded: null });
  });
});

describe('bets on a bounded mean', () => {
  it('refute a true mean seldom, whenever one looks, and a false one soon', () => {
    let missed = 0;
    for (let run = 0; run < 50; run++) {
      const random = seededRandom(run);
      const values: number[] = [];
      let outside = false;
      for (let n = 1; n <= 150; n++) {
        values.push(random.next() < 0.2 ? 1 : -0.25);
        if (n % 30 !== 0) continue;
        const { lower, upper } = bettingConfidenceSequence(values, { least: -1, most: 1, alpha: 0.05 });
        if (lower > 0 || upper < 0) outside = true;
      }
      if (outside) missed += 1;
    }
    expect(missed).toBeLessThanOrEqual(5);
    const ones = Array.from({ length: 12 }, () => 1);
    expect(bettingLogEValue(ones, { least: -1, most: 1, mean: 0, side: 'above' })).toBeGreaterThan(Math.log(20));
    expect(bettingLogEValue(ones, { least: -1, most: 1, mean: 0, side: 'below' })).toBeLessThan(0);
  });
});

describe('a bounded mean by its sums', () => {
  const drawn = (seed: number, mean: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 300 }, () => Math.max(-1, Math.min(1, mean + 0.6 * (random.next() - 0.5))));
  };
  const sumsOf = (values: readonly number[]) => ({
    n: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    sumSquares: values.reduce((sum, value) => sum + value * value, 0),
  });

  it('never claims more than the bets it is a bound of, and not much less', () => {
    for (const side of ['above', 'below'] as const)
      for (const mean of [-0.3, -0.1, 0, 0.1, 0.3]) {
        const values = drawn(7, 0.1);
        const bet = { least: -1, most: 1, mean, side };
        const [bound, capital] = [boundedMeanLogEValue(sumsOf(values), bet), bettingLogEValue(values, bet)];
        expect(bound).toBeLessThanOrEqual(capital + 1e-9);
        expect(bound).toBeGreaterThan(Math.min(capital / 2, 2 * capital) - 1);
      }
  });

  it('has a confidence sequence whose bounds are where the evidence reaches the level, and that holds the mean', () => {
    const alpha = 0.05;
    for (let seed = 0; seed < 20; seed++) {
      const sums = sumsOf(drawn(seed, 0.1));
      const { lower, upper } = boundedMeanConfidenceSequence(sums, { least: -1, most: 1, alpha });
      for (const [mean, side] of [[lower, 'above'] as const, [upper, 'below'] as const])
        expect(boundedMeanLogEValue(sums, { least: -1, most: 1, mean, side })).toBeCloseTo(Math.log(2 / alpha), 9);
      expect(lower).toBeLessThan(0.1);
      expect(upper).toBeGreaterThan(0.1);
      expect(upper - lower).toBeLessThan(0.2);
    }
  });

  it('says nothing of no values, and of few at most their range', () => {
    const none = boundedMeanConfidenceSequence({ n: 0, sum: 0, sumSquares: 0 }, { least: -1, most: 2, alpha: 0.05 });
    expect(none).toEqual({ lower: -1, upper: 2 });
    const two = boundedMeanConfidenceSequence({ n: 2, sum: 2, sumSquares: 2 }, { least: -1, most: 1, alpha: 0.05 });
    expect(two).toEqual({ lower: -1, upper: 1 });
  });
});

describe('a series in bounded room', () => {
  it('keeps all sums while neighbours are put together', () => {
    let series = emptySeries;
    for (let i = 0; i < 5_001; i++) series = addToSeries(series, i);
    const [kept, total] = [series.sums.reduce((sum, value) => sum + value, 0), (5_001 * 5_000) / 2];
    expect(kept + series.openSum).toBe(total);
    expect(series.sums.length * series.span + series.open).toBe(5_001);
    expect(series.sums.length).toBeLessThan(256);
  });

  it('of equal values has neighbours that know nothing of each other, whatever their mean rounds to', () => {
    for (const value of [1, 0.1, 1 / 3])
      expect(independentBlocks(new Array<number>(95).fill(value), 24)).toMatchObject({
        kind: 'blocks',
        blockLength: 3,
      });
  });
});

describe("Kayenta's judge", () => {
  const baseline = [10, 11, 12, 10, 11, 13, 12, 11, 10, 12];
  const higher = baseline.map((value) => value + 10);

  it('classifies by direction', () => {
    expect(kayentaJudge({ baseline, canary: higher }).classification).toBe('High');
    expect(kayentaJudge({ baseline: higher, canary: baseline }).classification).toBe('Low');
    expect(kayentaJudge({ baseline, canary: higher, direction: 'decrease' }).classification).toBe('Pass');
    expect(kayentaJudge({ baseline: higher, canary: baseline, direction: 'increase' }).classification).toBe('Pass');
  });

  it('asks for an effect of the size allowed, and knows critical ones', () => {
    expect(kayentaJudge({ baseline, canary: higher, allowedIncrease: 3 }).classification).toBe('Pass');
    expect(kayentaJudge({ baseline, canary: higher, critical: true, criticalIncrease: 1.5 }).critical).toBe(true);
    expect(kayentaJudge({ baseline, canary: higher, critical: true, criticalIncrease: 3 }).critical).toBe(false);
    expect(kayentaJudge({ baseline, canary: higher, effectSize: 'cles' })).toMatchObject({
      classification: 'High',
      effect: 1,
    });
    expect(kayentaJudge({ baseline, canary: higher, effectSize: 'cles', allowedIncrease: 1.01 }).classification).toBe(
      'Pass',
    );
  });

  it('follows its rules for missing, equal and constant data', () => {
    expect(kayentaJudge({ baseline, canary: [] }).classification).toBe('Nodata');
    expect(kayentaJudge({ baseline, canary: [NaN, NaN], mustHaveData: true }).classification).toBe('NodataFailMetric');
    expect(kayentaJudge({ baseline, canary: [], critical: true })).toMatchObject({
      classification: 'Nodata',
      critical: true,
    });
    expect(kayentaJudge({ baseline, canary: [], nanStrategy: 'replace' }).classification).toBe('Pass');
    expect(kayentaJudge({ baseline, canary: [...baseline].reverse() })).toMatchObject({
      classification: 'Pass',
      effect: 1,
    });
    expect(kayentaJudge({ baseline: [1, 1, 1], canary: [1, 1] }).classification).toBe('Pass');
    expect(kayentaJudge({ baseline: [0, 0, 0, 0, 0], canary: [9, 9, 9, 9, 9] })).toMatchObject({
      classification: 'High',
      effect: null,
    });
    const twice = [1, 2].map(() => kayentaJudge({ baseline: [3, 3, 3, 3, 3], canary: [9, 9, 9, 9, 9] }));
    expect(twice[0]).toEqual(twice[1]);
  });

  it('depends on the unit, which is why it is not the default', () => {
    const random = seededRandom(2);
    const a = Array.from({ length: 40 }, () => 100 + 10 * normal(random));
    const b = Array.from({ length: 40 }, () => 112 + 10 * normal(random));
    const verdict = (unit: number) =>
      kayentaJudge({ baseline: a.map((v) => v * unit), canary: b.map((v) => v * unit) }).classification;
    expect(verdict(1)).toBe('High');
    expect([verdict(1e-6), verdict(1e-7)]).not.toEqual(['High', 'High']);
  });
});

describe("Kayenta's score", () => {
  const metrics = (...classes: readonly ('Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric')[]) => ({
    metrics: classes.map((classification) => ({ classification })),
  });
  const thresholds = { pass: 95, marginal: 50 };

  it.each([
    [[metrics('Pass')], 100],
    [[metrics('High')], 0],
    [[metrics('Pass', 'High')], 50],
    [[metrics('Pass', 'High', 'Low')], 33.33],
    [
      [
        { weight: 75, ...metrics('Pass', 'Pass') },
        { weight: 25, ...metrics('High') },
      ],
      75,
    ],
    [
      [
        { weight: 50, ...metrics('Pass', 'High') },
        { weight: 50, ...metrics('High') },
      ],
      25,
    ],
    [
      [
        { weight: 50, ...metrics('Pass', 'Nodata') },
        { weight: 50, ...metrics('High') },
      ],
      50,
    ],
    [[{ weight: 15, ...metrics('High', 'Low', 'Pass') }, metrics('High')], 5],
    [[metrics('Pass', 'Pass'), metrics('Nodata')], 100],
    [[metrics('Pass', 'Nodata')], 0],
    [[metrics('Pass', 'NodataFailMetric')], 50],
  ])('of %j is %d', (groups, score) => {
    expect(kayentaScore(groups, thresholds).score).toBe(score);
  });

  it('is 0 when a critical metric does not pass, and ignores a muted one', () => {
    const critical = { classification: 'High', critical: true } as const;
    expect(kayentaScore([{ metrics: [{ classification: 'Pass' }, critical] }], thresholds).verdict).toBe('Fail');
    expect(
      kayentaScore([{ metrics: [{ classification: 'Pass' }, { ...critical, muted: true }] }], thresholds),
    ).toMatchObject({
      score: 100,
      verdict: 'Pass',
    });
    expect(kayentaScore([metrics('Pass', 'High')], { pass: 95, marginal: 50 }).verdict).toBe('Marginal');
  });
});

describe('the rows that are still needed', () => {
  it('are found exactly, wherever the decision lies', () => {
    for (const decidesAt of [10, 11, 19, 20, 21, 63, 64, 4_999, 9_999, 10_000]) {
      expect(rowsUntil(10, (rows) => rows >= decidesAt)).toBe(Math.max(10, decidesAt));
    }
  });

  it('are null when a thousand times as many do not decide', () => {
    expect(rowsUntil(10, (rows) => rows > 10_000)).toBeNull();
    expect(rowsUntil(0, () => false)).toBeNull();
  });
});
