import { describe, expect, it } from '@jest/globals';
import { seededRandom, type Random } from '@rondo/kernel';
import { calculated, type CalculationResults } from './calculation.js';
import {
  judgeBatch,
  startFalseAlarms,
  withLook,
  withPersistence,
  type DriftRule,
  type DriftState,
} from './drift-evaluation.js';
import type { FeatureComparison } from './feature-comparison.js';
import { profileOf, sortedFeature, type FeatureProfile } from './reference-profile.js';
import { compareWithSeason, nearestInPhase, seasonRanges, WINDOW_VALUES_MAX, type ProfiledWindow } from './season.js';

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const ROWS = 600;
const season = { periodMs: 365 * DAY, withinMs: 15 * DAY, minWindows: 3 };
const rule: DriftRule = {
  minRows: 500,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.1,
  detectedPsi: 0.25,
  persistence: { breaches: 2, outOf: 3 },
  season,
};

// Looking up a global costs a microsecond in the sandbox that specs run in.
const { sqrt, log, cos, sin, PI } = Math;
const normal = (random: Random) => sqrt(-2 * log(1 - random.next())) * cos(2 * PI * random.next());

type Source = (random: Random, week: number) => number;
const warmth = (week: number) => sin((2 * PI * week * WEEK) / season.periodMs);
/** Temperature follows the year, holidays are few in winter, load does neither. */
const sources: Readonly<Record<string, Source>> = {
  temperature: (random, week) => normal(random) + warmth(week),
  holidays: (random, week) => (random.next() < 0.3 + 0.25 * warmth(week) ? 1 : 0),
  load: normal,
};
const features = Object.keys(sources);

const columnOf = (source: Source, random: Random, week: number, rows = ROWS) =>
  Float32Array.from({ length: rows }, () => source(random, week));

/** What a champion trained on these weeks is compared by. */
function championOf(random: Random, weeks: readonly number[]): FeatureProfile[] {
  return features.map((feature) => {
    const columns = weeks.map((week) => columnOf(sources[feature]!, random, week, 300));
    return profileOf(sortedFeature(feature, Float32Array.from(columns.flatMap((column) => [...column]))));
  });
}

/** One champion of the first half-year, and from the middle of the third year on one of another. */
const champions = [0, 90].map((first) =>
  championOf(
    seededRandom(first),
    Array.from({ length: 26 }, (_, week) => first + week),
  ),
);
const CHANGE = 130;

interface Week {
  readonly atMs: number;
  readonly kept: readonly FeatureProfile[];
  readonly comparisons: readonly FeatureComparison[];
}

/** A week as it is compared and kept; its temperature is shifted. */
function compared(week: number, shift: number, past: readonly Week[]): Week {
  const atMs = week * WEEK;
  const random = seededRandom(week);
  const peers = seasonRanges(atMs, season).flatMap(({ fromMs, toMs }) =>
    past.filter((window) => window.atMs >= fromMs && window.atMs <= toMs),
  );
  const done = features.map((feature, i) => {
    const column = columnOf(sources[feature]!, random, week);
    if (feature === 'temperature') column.forEach((value, row) => (column[row] = value + shift));
    const same = { season, atMs, past: peers.map((window) => ({ atMs: window.atMs, profile: window.kept[i]! })) };
    const profile = champions[week < CHANGE ? 0 : 1]![i]!;
    const calculation = { kind: 'compareInSeason', profile, column, rule, ...same } as const;
    return calculated(calculation) as CalculationResults['compareInSeason'];
  });
  return {
    atMs,
    kept: done.map(({ kept }) => kept),
    comparisons: done.map(({ comparison }) => comparison),
  };
}

/** Three years without any change but the seasons. */
const calm: Week[] = [];
for (let week = 0; week < 156; week++) calm.push(compared(week, 0, calm));

function statesOf(weeks: readonly Week[], asked: DriftRule): DriftState[] {
  let tracker: ReturnType<typeof withPersistence>['tracker'] | undefined;
  let ledger = startFalseAlarms();
  return weeks.map(({ comparisons }) => {
    const batch = judgeBatch(comparisons, [], ROWS, asked, ledger);
    ledger = withLook(ledger, batch.state);
    const judged = withPersistence(tracker, batch.state, asked);
    tracker = judged.tracker;
    return judged.state;
  });
}

const counted = (states: readonly DriftState[], state: DriftState) => states.filter((one) => one === state).length;

/** The second year begins without a season that is known, and the detections of the first end three weeks later. */
const KNOWN = 55;

describe('a seasonal world', () => {
  it('is detected as drift without a season, and from the second year on never with it, whoever is champion', () => {
    const unaware = calm.map((week) => ({
      ...week,
      comparisons: week.comparisons.map(({ season: _unknown, ...without }) => without),
    }));
    expect(counted(statesOf(unaware, rule).slice(KNOWN), 'detected')).toBeGreaterThan(40);
    const known = statesOf(calm, rule).slice(KNOWN);
    expect(counted(known, 'detected')).toBe(0);
    expect(counted(known, 'seasonal')).toBeGreaterThan(20);
  });

  it('hides no lasting shift away from what the champion knows: it is detected within four weeks', () => {
    for (const since of [60, 75, 117, CHANGE]) {
      const shifted = [0, 1, 2, 3].map((week) => compared(since + week, 1, calm));
      const states = statesOf([...calm.slice(0, since), ...shifted], rule);
      expect(counted(states.slice(KNOWN, since), 'detected')).toBe(0);
      expect(states.slice(since)).toContain('detected');
    }
  });

  it('is no drift where a warm winter brings values that the champion was trained on', () => {
    const week = compared(143, 1, calm);
    expect(week.comparisons[0]!.season!.unusual).toBe(true);
    expect(statesOf([week], { ...rule, persistence: { breaches: 1, outOf: 1 } })).toEqual(['seasonal']);
  });
});

const windowOf = (atMs: number, profile: FeatureProfile): ProfiledWindow => ({ atMs, profile });
const profiled = (values: readonly number[]) =>
  profileOf(sortedFeature('x', Float32Array.from(values)), WINDOW_VALUES_MAX);
const drawn = (seed: number, mean = 0) => {
  const random = seededRandom(seed);
  return Array.from({ length: 2000 }, () => normal(random) + mean);
};

describe('a feature against its season', () => {
  const years = [1, 2, 3].map((year) => windowOf(-year * season.periodMs, profiled(drawn(year))));

  it('says how large the effect is, how large it usually is, and how much it rests on', () => {
    const found = compareWithSeason(windowOf(0, profiled(drawn(9))), years, season)!;
    expect(found).toMatchObject({ unusual: false, windows: 3, rows: 6000, effect: { name: 'seasonalPsi', n: 2000 } });
    expect(found.effect.value).toBeLessThan(0.01);
    expect(found.effect.upper).toBeGreaterThan(found.effect.value);
    const moved = compareWithSeason(windowOf(0, profiled(drawn(9, 1))), years, season)!;
    expect(moved.unusual).toBe(true);
    // Two normal samples one deviation apart: a PSI of 1, a little less in ten bins.
    expect(moved.effect.value).toBeGreaterThan(0.8);
    expect(moved.effect.value).toBeLessThan(1.1);
    expect(moved.effect.value).toBeGreaterThan(moved.effect.limit!);
  });

  it('is not compared before the season was seen often enough', () => {
    const present = windowOf(0, profiled(drawn(9)));
    expect(compareWithSeason(present, years.slice(1), season)).toBeUndefined();
    expect(compareWithSeason(present, [], { ...season, minWindows: 2 })).toBeUndefined();
  });

  it('sees missing values, other categories, and a number of values that changed', () => {
    const halves = [1, 2, 3].map((year) =>
      windowOf(-year * season.periodMs, profiled(drawn(year).map((x) => (x > 0 ? 1 : 0)))),
    );
    const categories = drawn(9).map((x) => (x > 0 ? 1 : 0));
    expect(compareWithSeason(windowOf(0, profiled(categories)), halves, season)!.unusual).toBe(false);
    const changed = [
      categories.map((value, i) => (i % 5 === 0 ? NaN : value)),
      categories.map((value, i) => (i % 5 === 0 ? 2 : value)),
      drawn(9),
    ];
    for (const values of changed)
      expect(compareWithSeason(windowOf(0, profiled(values)), halves, season)!.unusual).toBe(true);
  });
});

describe('past batches of a season', () => {
  it('are looked for around the same phase of earlier periods, and the nearest are taken', () => {
    const [first, second] = seasonRanges(1000 * DAY, season);
    expect(first).toEqual({ middleMs: 635 * DAY, fromMs: 620 * DAY, toMs: 650 * DAY });
    expect(second!.middleMs).toBe(270 * DAY);
    const windows = Array.from({ length: 31 }, (_, i) => {
      const atMs = (620 + i) * DAY;
      return { pipeline: 'p', batchId: `b${i}`, atMs, rows: ROWS, digest: '' };
    });
    const near = nearestInPhase(windows, 635 * DAY).map(({ atMs }) => atMs / DAY - 635);
    expect(near).toHaveLength(10);
    expect(Math.max(...near.map((distance) => Math.abs(distance)))).toBe(5);
  });
});
