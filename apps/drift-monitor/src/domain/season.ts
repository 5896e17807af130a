import { edgesFromQuantiles, normalQuantile, seasonalDrift } from '@rondo/statistics';
import { floatsFromText } from './float-text.js';
import type { EstimateValue } from './model-reference.js';
import type { FeatureProfile } from './reference-profile.js';

/** `spec.monitoring.drift.season` of the policy: which past batches are of the same season, in event time. */
export interface SeasonRule {
  readonly periodMs: number;
  /** How far from the same phase, below half of the period. */
  readonly withinMs: number;
  /** Fewer past batches of the season explain nothing. */
  readonly minWindows: number;
}

/** A batch as it is kept for its season; its features are an artifact, so that they can be binned anew at any time. */
export type SeasonWindow = {
  readonly pipeline: string;
  readonly batchId: string;
  /** Middle of the data interval. */
  readonly atMs: number;
  readonly rows: number;
  /** Artifact of a {@link WindowProfile}. */
  readonly digest: string;
};

/** The features of a batch. */
export type WindowProfile = { readonly features: readonly FeatureProfile[] };

/** One feature of a batch, and when that was. */
export interface ProfiledWindow {
  readonly atMs: number;
  readonly profile: FeatureProfile;
}

/** How a feature compares with past batches of its season. */
export interface SeasonComparison {
  /** PSI against them all together, less what sampling alone adds; its `limit` is how large that gets within the season. */
  readonly effect: EstimateValue;
  /** The effect is larger than usual, and not to be had by sampling alone. */
  readonly unusual: boolean;
  /** Past batches of the season, and their rows. */
  readonly windows: number;
  readonly rows: number;
}

/** Order statistics kept per feature of a batch; they place a decile to within 1 in 500. */
export const WINDOW_VALUES_MAX = 500;
/** Seasons looked back on. */
export const PERIODS_MAX = 10;
/** Batches compared with per period, those nearest in phase. */
const WINDOWS_PER_PERIOD_MAX = 10;
/** Bins of the comparison: deciles of the season's own past. */
const BINS = 10;
/** A feature with at most so many different values is compared value by value. */
const CATEGORIES_MAX = 20;
const CONFIDENCE = 0.95;
const Z = normalQuantile((1 + CONFIDENCE) / 2);

/** When batches of the same season may have been, one period ago, two, and so on; ms since the epoch, both ends included. */
export function seasonRanges(atMs: number, { periodMs, withinMs }: SeasonRule) {
  return Array.from({ length: PERIODS_MAX }, (_, i) => {
    const middleMs = atMs - (i + 1) * periodMs;
    return { middleMs, fromMs: middleMs - withinMs, toMs: middleMs + withinMs };
  });
}

/** Those of one period that are compared with. */
export function nearestInPhase(windows: readonly SeasonWindow[], middleMs: number): SeasonWindow[] {
  return windows
    .toSorted((a, b) => Math.abs(a.atMs - middleMs) - Math.abs(b.atMs - middleMs))
    .slice(0, WINDOWS_PER_PERIOD_MAX);
}

/**
 * Compares a feature of a batch with the same feature of past batches of its season, in bins of those batches: they depend on no
 * champion, so a new one forgets no season, and they resolve the season's own values, which a reference from another season may
 * not. A missing value is a bin of its own. Undefined while too little of the season is known, or rows per bin are too few.
 */
export function compareWithSeason(
  present: ProfiledWindow,
  past: readonly ProfiledWindow[],
  { periodMs, withinMs, minWindows }: SeasonRule,
): SeasonComparison | undefined {
  if (past.length < minWindows) return undefined;
  const binOf = binsOf(past.map(({ profile }) => profile));
  const binned = ({ atMs, profile }: ProfiledWindow) => ({ atMs, counts: binOf(profile) });
  const found = seasonalDrift(binned(present), past.map(binned), { periodMs, withinMs, minWindows });
  if (found.kind === 'insufficient') return undefined;
  const { effect, standardError, usual, unusual, windows, rows } = found;
  return {
    effect: {
      name: 'seasonalPsi',
      value: effect,
      lower: Math.max(0, effect - Z * standardError),
      upper: effect + Z * standardError,
      confidence: CONFIDENCE,
      n: present.profile.rows + present.profile.nulls,
      slice: present.profile.feature,
      method: 'against past batches of the season, delta method',
      limit: usual,
    },
    unusual,
    windows,
    rows,
  };
}

/** Part of an effect that the season does not explain, >= 0: all of it where there is no season to compare with. */
export function unexplained({
  effect,
  season,
}: {
  readonly effect: number;
  readonly season?: SeasonComparison;
}): number {
  if (!season) return effect;
  return season.unusual ? Math.min(effect, season.effect.value) : 0;
}

/** Counts the rows of any window in bins that the pooled values of these windows give. */
function binsOf(windows: readonly FeatureProfile[]): (profile: FeatureProfile) => number[] {
  const pooled = windows.flatMap(weightedValues).toSorted((a, b) => a.value - b.value);
  const distinct = pooled.filter(({ value }, i) => i === 0 || value !== pooled[i - 1]!.value);
  if (distinct.length <= CATEGORIES_MAX) {
    const slot = new Map(distinct.map(({ value }, i) => [value, i]));
    // One bin for other values and one for missing ones.
    return (profile) => counted(profile, distinct.length + 1, (value) => slot.get(value) ?? distinct.length);
  }
  const edges = edgesFromQuantiles(quantilesOf(pooled), pooled.at(-1)!.value);
  return (profile) =>
    counted(profile, edges.length + 1, (value) => {
      let bin = 0;
      while (bin < edges.length && edges[bin]! < value) bin++;
      return bin;
    });
}

interface WeightedValue {
  readonly value: number;
  /** Rows the value stands for. */
  readonly weight: number;
}

function weightedValues(profile: FeatureProfile): WeightedValue[] {
  if (profile.kind === 'category') return profile.values.map((value, i) => ({ value, weight: profile.counts[i]! }));
  const kept = floatsFromText(profile.kept);
  return Array.from(kept, (value) => ({ value, weight: profile.rows / kept.length }));
}

/** Inner deciles of ascending weighted values. */
function quantilesOf(ascending: readonly WeightedValue[]): number[] {
  const total = ascending.reduce((sum, { weight }) => sum + weight, 0);
  const quantiles: number[] = [];
  let below = 0;
  for (const { value, weight } of ascending) {
    below += weight;
    while (quantiles.length < BINS - 1 && below >= ((quantiles.length + 1) / BINS) * total) quantiles.push(value);
  }
  return quantiles;
}

function counted(profile: FeatureProfile, bins: number, binOf: (value: number) => number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const { value, weight } of weightedValues(profile)) counts[binOf(value)]! += weight;
  return [...counts, profile.nulls];
}
