import { describe, expect, it } from '@jest/globals';
import { seededRandom, type Random } from '@rondo/kernel';
import { countCells, tailsBeyond, wasserstein1 } from '@rondo/statistics';
import {
  judgeBatch,
  startFalseAlarms,
  withLook,
  withPersistence,
  type BatchDrift,
  type DriftRule,
  type DriftState,
} from './drift-evaluation.js';
import { compareFeature } from './feature-comparison.js';
import { breaksOf, profileOf, type FeatureProfile, type SortedFeature } from './reference-profile.js';

const rule: DriftRule = {
  minRows: 1000,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.1,
  detectedPsi: 0.25,
  persistence: { breaches: 2, outOf: 3 },
};

const missing = NaN;

/** A value per row; NaN = missing. */
type Source = (random: Random) => number;

// Looking up a global costs a microsecond in the sandbox that specs run in.
const { sqrt, log, cos, PI } = Math;
const normal: Source = (random) => sqrt(-2 * log(1 - random.next())) * cos(2 * PI * random.next());
const positive: Source = (random) => 50 + 10 * normal(random);
const weekday: Source = (random) => 1 + random.int(7);

function rows(feature: string, source: Source, n: number, seed: number): SortedFeature {
  const random = seededRandom(seed);
  const all = new Float32Array(n);
  let present = 0;
  for (let row = 0; row < n; row++) {
    const value = source(random);
    // NaN is the one value that differs from itself.
    if (value === value) all[present++] = value;
  }
  return { feature, values: all.subarray(0, present).sort(), nulls: n - present };
}

function compared(profile: FeatureProfile, { values, nulls }: SortedFeature, asked: DriftRule) {
  const among = breaksOf(profile);
  const { breaks } = among;
  const tails = breaks.length > 0 ? { tails: tailsBeyond(values, breaks[0]!, breaks.at(-1)!) } : {};
  return compareFeature(profile, among, { ...countCells(values, breaks), missing: nulls }, { ...asked, ...tails });
}

interface Shift {
  readonly before: Source;
  readonly now: Source;
}

function judge(
  shifts: readonly Shift[],
  { n = 5000, referenceRows = 8000, seed = 1, importance = [] as number[], rule: asked = rule } = {},
): BatchDrift {
  const comparisons = shifts.map(({ before, now }, i) =>
    compared(
      profileOf(rows(`f${i}`, before, referenceRows, 1000 * seed + i)),
      rows(`f${i}`, now, n, 1_000_000 + 1000 * seed + i),
      asked,
    ),
  );
  return judgeBatch(comparisons, importance, n, asked, startFalseAlarms());
}

const same = (source: Source): Shift => ({ before: source, now: source });
const calm = [same(positive), same(weekday), same(positive)];
const statesOf = (batch: BatchDrift): DriftState[] => batch.features.map(({ state }) => state);

describe('a shift that was planted', () => {
  const planted: readonly [string, Shift, Partial<Record<'ks' | 'cramersV', number>>][] = [
    ['a mean moved by one deviation', { before: positive, now: (random) => positive(random) + 10 }, { ks: 0.383 }],
    [
      'halved values',
      { before: (random) => 5 + 95 * random.next(), now: (random) => (5 + 95 * random.next()) / 2 },
      { ks: 0.526 },
    ],
    ['a wider spread', { before: positive, now: (random) => 50 + 25 * normal(random) }, {}],
    [
      'a burst of missing values',
      { before: positive, now: (random) => (random.next() < 0.3 ? NaN : positive(random)) },
      { ks: 0 },
    ],
    [
      'swapped categories',
      { before: (random) => (random.next() < 0.8 ? 1 : 2), now: (random) => (random.next() < 0.8 ? 2 : 1) },
      {},
    ],
    [
      'a category never seen before',
      { before: weekday, now: (random) => (random.next() < 0.2 ? 9 : weekday(random)) },
      {},
    ],
    ['a value that became constant', { before: positive, now: () => 50 }, { ks: 0.5 }],
  ];

  it.each(planted)('is found: %s', (_, shift, distance) => {
    const batch = judge([shift, ...calm]);
    expect(statesOf(batch)).toEqual(['detected', 'clear', 'clear', 'clear']);
    const found = batch.features[0]!;
    expect(found.adjustedLog10PValue).toBeLessThan(-10);
    for (const [name, value] of Object.entries(distance)) {
      expect(found.distance!.name).toBe(name);
      expect(Math.abs(found.distance!.value - value)).toBeLessThan(0.03);
    }
  });

  it('is measured as distances of the values and of the bins, with intervals and what sampling alone makes of them', () => {
    const [before, now] = [rows('x', positive, 60_000, 1), rows('x', (random) => positive(random) + 5, 5000, 2)];
    const { wasserstein, jensenShannon } = compared(profileOf(before), now, rule);
    // Half of a standard deviation, within the interval.
    expect(wasserstein!.lower).toBeLessThan(0.5);
    expect(wasserstein!.upper).toBeGreaterThan(0.5);
    expect(wasserstein!.upper! - wasserstein!.lower!).toBeLessThan(0.1);
    const exact = wasserstein1(before.values, now.values);
    const mean = before.values.reduce((sum, value) => sum + value, 0) / before.values.length;
    const deviation = Math.sqrt(
      before.values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / before.values.length,
    );
    expect(wasserstein!.value).toBeCloseTo(exact / deviation, 3);
    expect(jensenShannon).toMatchObject({ name: 'jensenShannon', n: 5000 });
    expect(jensenShannon.lower).toBeGreaterThan(jensenShannon.limit!);
    const calmOne = compared(profileOf(before), rows('x', positive, 5000, 3), rule);
    expect(calmOne.wasserstein!.lower).toBe(0);
    expect(calmOne.wasserstein!.value).toBeLessThan(3 * calmOne.wasserstein!.limit!);
    expect(calmOne.jensenShannon.lower).toBe(0);
  });

  it('is measured beyond the values of the reference, and not of few values or old profiles', () => {
    const before = rows('x', positive, 8000, 1);
    const far = compared(
      profileOf(before),
      rows('x', (random) => positive(random) + 1000, 2000, 2),
      rule,
    );
    expect(far.wasserstein!.value).toBeGreaterThan(98);
    expect(far.wasserstein!.value).toBeLessThan(102);
    expect(
      compared(profileOf(rows('d', weekday, 8000, 1)), rows('d', weekday, 2000, 2), rule).wasserstein,
    ).toBeUndefined();
    const { spread: _unknown, ...old } = profileOf(before) as Extract<FeatureProfile, { kind: 'continuous' }>;
    expect(compared(old, rows('x', positive, 2000, 2), rule).wasserstein).toBeUndefined();
  });

  it('is found when one outlier stretches the range', () => {
    const stretched =
      (factor: number): Source =>
      (random) =>
        random.next() < 0.0002 ? 1e6 : (5 + 95 * random.next()) * factor;
    const batch = judge([{ before: stretched(1), now: stretched(0.5) }]);
    expect(batch.features[0]!.state).toBe('detected');
    expect(batch.features[0]!.distance!.value).toBeGreaterThan(0.5);
  });

  it('is found when all values are gone', () => {
    const batch = judge([{ before: positive, now: () => NaN }]);
    expect(batch.features[0]).toMatchObject({ state: 'detected', nullRateCurrent: 1, nullRateReference: 0 });
    expect(batch.features[0]!.distance).toBeUndefined();
  });
});

describe('without drift', () => {
  it('raises no alarm in 100 batches, of any size', () => {
    let suspected = 0;
    for (let seed = 1; seed <= 25; seed++) {
      for (const n of [1000, 2000]) {
        const withGaps: Source = (random) => (random.next() < 0.1 ? missing : positive(random));
        for (const shifts of [calm, [same(withGaps), same(weekday)]]) {
          const batch = judge(shifts, { n, referenceRows: 2000, seed });
          suspected += statesOf(batch).filter((state) => state !== 'clear').length;
          expect(batch.state).toBe('clear');
        }
      }
    }
    expect(suspected).toBe(0);
  });

  it('rejects at most the stated share of features by p-value', () => {
    let rejected = 0;
    const features = 10;
    const batches = 40;
    for (let seed = 1; seed <= batches; seed++) {
      const gaps: Source = (random) => (random.next() < 0.2 ? missing : normal(random));
      const batch = judge(
        Array.from({ length: features }, (_, i) => same([normal, weekday, gaps][i % 3]!)),
        {
          n: 1000,
          referenceRows: 2000,
          seed,
        },
      );
      rejected += batch.features.filter(({ log10PValue }) => log10PValue <= Math.log10(0.05)).length;
    }
    // 400 tests at 5 %: 20 expected, 33 is three standard deviations above.
    expect(rejected).toBeGreaterThan(3);
    expect(rejected).toBeLessThan(33);
  });

  it('keeps the interval of the weighted drift around zero', () => {
    const { importanceWeighted } = judge(calm);
    expect(importanceWeighted.lower).toBe(0);
    expect(importanceWeighted.upper).toBeLessThan(0.02);
  });
});

describe('too few rows', () => {
  const shift = { before: positive, now: (random: Random) => positive(random) + 30 };

  it('are no verdict, however large the difference', () => {
    const batch = judge([shift, ...calm], { n: 999 });
    expect(batch.state).toBe('insufficient');
    expect(statesOf(batch)).toEqual(['insufficient', 'insufficient', 'insufficient', 'insufficient']);
    expect(batch.importanceWeighted.value).toBe(0);
    expect(batch).toMatchObject({ rows: 999, rowsNeeded: 1000, referenceRows: 8000 });
  });

  it('are no verdict in the reference either', () => {
    expect(judge([shift], { referenceRows: 900 }).state).toBe('insufficient');
  });

  it('per bin are no verdict even where the policy asks for less', () => {
    // Five for each of ten deciles, or of seven days.
    const asked = { ...rule, minRows: 10 };
    const lacking = judge([shift], { n: 49, rule: asked });
    expect(lacking.features[0]!.state).toBe('insufficient');
    expect(lacking.rowsNeeded).toBe(50);
    expect(judge([same(positive)], { n: lacking.rowsNeeded, rule: asked }).state).toBe('clear');
    expect(judge([same(positive), same(weekday)], { n: 30, rule: asked }).rowsNeeded).toBe(35);
    expect(judge([], { n: 0 })).toMatchObject({ state: 'insufficient', rowsNeeded: 1000, referenceRows: 0 });
  });
});

describe('importance', () => {
  const moved = { before: positive, now: (random: Random) => positive(random) + 20 };

  it('decides whether a shift of one feature matters', () => {
    const ignored = judge([moved, ...calm], { importance: [0.001, 0.333, 0.333, 0.333] });
    expect(statesOf(ignored)[0]).toBe('detected');
    expect(ignored).toMatchObject({ state: 'clear', featuresDetected: 1 });
    const relied = judge([moved, ...calm], { importance: [0.9, 0.05, 0.05, 0] });
    expect(relied.state).toBe('detected');
    expect(relied.importanceWeighted.value).toBeGreaterThan(100 * ignored.importanceWeighted.value);
  });

  it('is scaled to sum 1, and equal when the champion has none', () => {
    expect(judge(calm, { importance: [2, 1, 1] }).features.map(({ importance }) => importance)).toEqual([
      0.5, 0.25, 0.25,
    ]);
    for (const importance of [[], [0, 0, 0], [1, 2], [NaN, 1, 1], [-1, 1, 1]]) {
      expect(judge(calm, { importance }).features[1]!.importance).toBeCloseTo(1 / 3, 12);
    }
  });

  it('gives an interval that covers the drift of the population', () => {
    // Two equally frequent values against 4:1: PSI of the population = 0.3 ln 4.
    const coin =
      (share: number): Source =>
      (random) =>
        random.next() < share ? 1 : 0;
    const truth = 0.3 * Math.log(4);
    let covered = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { lower, upper } = judge([{ before: coin(0.5), now: coin(0.8) }], { n: 1000, referenceRows: 4000, seed })
        .features[0]!.psi;
      if (lower! <= truth && truth <= upper!) covered++;
    }
    // 95 of 100 expected; 88 is three standard deviations below.
    expect(covered).toBeGreaterThan(88);
    expect(covered).toBeLessThan(100);
  });
});

describe('a suspicion', () => {
  it('is raised by a shift between the two limits', () => {
    const batch = judge([{ before: normal, now: (random) => normal(random) + 0.42 }]);
    expect(batch.features[0]!.psi.value).toBeGreaterThan(0.1);
    expect(batch).toMatchObject({ state: 'suspected', featuresDetected: 0 });
  });

  it('is raised by one detected feature of average importance among many calm ones', () => {
    const moved = { before: normal, now: (random: Random) => normal(random) + 0.75 };
    const batch = judge([moved, ...Array.from({ length: 9 }, () => same(normal))]);
    expect(batch).toMatchObject({ state: 'suspected', featuresDetected: 1 });
  });
});

describe('persistence', () => {
  const after = (batches: readonly DriftState[]): DriftState[] => {
    let tracker: Parameters<typeof withPersistence>[0];
    return batches.map((batch) => {
      const next = withPersistence(tracker, batch, rule);
      tracker = next.tracker;
      return next.state;
    });
  };

  it('asks for two breaches among three batches', () => {
    expect(after(['detected', 'clear', 'detected'])).toEqual(['suspected', 'suspected', 'detected']);
    expect(after(['detected', 'clear', 'clear', 'detected'])).toEqual([
      'suspected',
      'suspected',
      'suspected',
      'suspected',
    ]);
  });

  it('lets three calm batches end it', () => {
    expect(after(['detected', 'detected', 'clear', 'clear', 'clear'])).toEqual([
      'suspected',
      'detected',
      'detected',
      'detected',
      'clear',
    ]);
  });

  it('takes a batch of few rows as no evidence either way', () => {
    expect(after(['detected', 'insufficient', 'detected'])).toEqual(['suspected', 'insufficient', 'detected']);
  });

  it('says suspected for a suspected batch and starts afresh under another rule', () => {
    expect(after(['suspected', 'clear'])).toEqual(['suspected', 'clear']);
    const { tracker } = withPersistence(undefined, 'detected', rule);
    const other = { ...rule, persistence: { breaches: 2, outOf: 4 } };
    expect(withPersistence(tracker, 'detected', other).state).toBe('suspected');
  });
});

describe('the budget of false alarms', () => {
  const shift = { before: normal, now: (random: Random) => normal(random) + 0.25 };
  const small = { ...rule, suspectedPsi: 0.01, detectedPsi: 0.01 };

  it('lets a difference be suspected long before it is detected', () => {
    const batch = judge([shift, ...Array.from({ length: 9 }, () => same(normal))], { n: 1000, rule: small });
    const { adjustedLog10PValue, state } = batch.features[0]!;
    expect(adjustedLog10PValue).toBeLessThan(-2);
    expect(state).toBe(adjustedLog10PValue < Math.log10(batch.falseAlarmLevel) ? 'detected' : 'suspected');
    expect(batch.falseAlarmLevel).toBeCloseTo(0.05 / 365, 12);
  });

  it('detects nothing at a level that is not granted', () => {
    const [before, now] = [rows('x', shift.before, 8000, 3), rows('x', shift.now, 1000, 4)];
    const comparisons = [compared(profileOf(before), now, small)];
    const generous = judgeBatch(comparisons, [], 1000, small, startFalseAlarms());
    expect(generous.features[0]!.state).toBe('detected');
    const strict = { ...startFalseAlarms(), alpha: 1e-100 };
    expect(judgeBatch(comparisons, [], 1000, small, strict).features[0]!.state).toBe('suspected');
  });

  it('is spent by looks alone', () => {
    const ledger = startFalseAlarms();
    expect(withLook(ledger, 'insufficient')).toBe(ledger);
    expect(withLook(ledger, 'clear').looks).toBe(1);
  });
});

describe('a difference too small to matter', () => {
  it('is negligible, not clear and not drift, in all rows and in a sample of them', () => {
    const shift = { before: normal, now: (random: Random) => normal(random) + 0.15 };
    const all = judge([shift], { n: 60_000, referenceRows: 60_000 });
    expect(all.features[0]!.state).toBe('negligible');
    expect(all).toMatchObject({ state: 'clear', featuresDetected: 0 });
    const sample = judge([shift], { n: 1000, referenceRows: 1000 });
    expect(['clear', 'negligible']).toContain(sample.features[0]!.state);
  });
});

describe('a fault seen elsewhere', () => {
  it('alarms by the number of looks and features: 30 looks at 6 features without drift', () => {
    const small = { ...rule, suspectedPsi: 0.01, detectedPsi: 0.01 };
    const all = Array.from({ length: 6 }, (_, i) => [normal, weekday, positive][i % 3]!);
    const profiles = all.map((source, i) => profileOf(rows(`f${i}`, source, 2_000, i)));
    let ledger = startFalseAlarms();
    let below = 0;
    for (let look = 0; look < 30; look++) {
      const comparisons = profiles.map((profile, i) =>
        compared(profile, rows(`f${i}`, all[i]!, 1_000, 5_000 + 100 * look + i), small),
      );
      const batch = judgeBatch(comparisons, [], 1_000, small, ledger);
      ledger = withLook(ledger, batch.state);
      below += comparisons.filter(({ log10PValue }) => log10PValue < Math.log10(0.05)).length;
      expect(batch.featuresDetected).toBe(0);
    }
    // Single tests at 5 % would have alarmed.
    expect(below).toBeGreaterThan(0);
    expect(ledger.looks).toBe(30);
  });

  it('profiles that differ from run to run: equal values give equal bytes, in any order of rows', () => {
    const values = rows('x', normal, 9_000, 4).values;
    const again = Float32Array.from([...values].reverse()).sort();
    expect(JSON.stringify(profileOf({ feature: 'x', values: again, nulls: 3 }))).toBe(
      JSON.stringify(profileOf({ feature: 'x', values, nulls: 3 })),
    );
  });
});
