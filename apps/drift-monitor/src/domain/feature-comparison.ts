import {
  cramersVInterval,
  jensenShannonInterval,
  normalQuantile,
  psi,
  psiInterval,
  wassersteinWithKept,
  type CellCounts,
  type KsResult,
  type Tails,
} from '@rondo/statistics';
import { MIN_EXPECTED, categoryRows, testDifference } from './difference-test.js';
import type { EstimateValue } from './model-reference.js';
import type { ContinuousProfile, FeatureProfile, ProfileBreaks } from './reference-profile.js';
import type { SeasonComparison } from './season.js';
import { shareIntervals, type ShareIntervals } from './shares.js';

/** Coverage of every interval below. */
const CONFIDENCE = 0.95;
const Z = normalQuantile((1 + CONFIDENCE) / 2);

/** How far one feature of a batch is from the champion's reference. */
export interface FeatureComparison {
  readonly feature: string;
  /** Rows of the batch and of the reference, with and without a value. */
  readonly rows: number;
  readonly referenceRows: number;
  /** Over bins of the reference and one bin for missing values; its `limit` is the noise floor. */
  readonly psi: EstimateValue;
  /**
   * PSI less what sampling alone adds on average, >= 0: the effect that limits are held against. Being unbiased it is the
   * same for all rows and for a sample of them.
   */
  readonly effect: number;
  /** Sampling error of the PSI. */
  readonly psiStandardError: number;
  /** False when there are too few rows per bin to tell drift from noise. */
  readonly sufficient: boolean;
  /** Rows of the batch and of the reference from which it is true. */
  readonly rowsNeeded: number;
  /** The PSI is above its floor: not to be had by sampling alone. */
  readonly aboveFloor: boolean;
  /** KS, or Cramér's V whose `limit` is what sampling alone makes of it. Absent without values, and of too few or equal ones. */
  readonly distance?: EstimateValue;
  /** Jensen-Shannon distance over the same bins as the PSI, 0..1; its `limit` is what sampling alone makes of it. */
  readonly jensenShannon: EstimateValue;
  /** Of many values: Wasserstein-1 distance in standard deviations of the reference; its `limit` is what sampling alone makes of it. */
  readonly wasserstein?: EstimateValue;
  /** log10 of the chance of as large a difference, in values or in missing values, without drift. */
  readonly log10PValue: number;
  readonly nullRateReference: number;
  readonly nullRateCurrent: number;
  /** Inner edges, or the categories. */
  readonly binEdges: readonly number[];
  /** Shares of the rows with a value, binEdges.length + 1 of them; of categories the last is every other value. */
  readonly referenceShares: readonly number[];
  readonly currentShares: readonly number[];
  /** Of null rates and shares. */
  readonly intervals: ShareIntervals;
  /** Absent without a policy of seasons, and while too little of the season is known. */
  readonly season?: SeasonComparison;
}

/**
 * Compares a feature of a batch with its profile: PSI with a noise floor, the distances of its kind, and the p-value of
 * {@link testDifference}.
 * @param breaks of the profile; the batch's values were counted among them as `current`
 * @param options.tails of the batch's values beyond the breaks; without them there is no Wasserstein distance
 * @param options.psiFloorLevel quantile of the PSI without drift that counts as noise, 0..1
 */
export function compareFeature(
  profile: FeatureProfile,
  breaks: ProfileBreaks,
  current: CellCounts,
  { psiFloorLevel, tails }: { readonly psiFloorLevel: number; readonly tails?: Tails },
): FeatureComparison {
  const referenceRows = profile.rows + profile.nulls;
  const rows = current.rows + current.missing;
  const { binEdges, reference, now } = binned(profile, breaks, current);
  const before = [...reference, profile.nulls];
  const after = [...now, current.missing];
  const result = psi(before, after, { level: psiFloorLevel });
  const { log10PValue, ks } = testDifference(profile, breaks, current);
  const distance = ks ? ksDistance(profile, current, ks) : categoryDistance(profile, reference, now);
  const wasserstein = profile.kind === 'continuous' ? earthMoved(profile, breaks, current, tails) : undefined;
  return {
    feature: profile.feature,
    rows,
    referenceRows,
    psi: {
      name: 'psi',
      value: result.value,
      ...psiInterval(result, { confidence: CONFIDENCE }),
      confidence: CONFIDENCE,
      n: rows,
      slice: profile.feature,
      method: 'noncentral chi-squared or delta method, whichever is wider',
      limit: result.floor,
    },
    effect: Math.max(0, result.value - result.noise),
    aboveFloor: result.significant,
    psiStandardError: result.standardError,
    sufficient: result.sufficient,
    rowsNeeded: result.rowsNeeded,
    ...(distance && { distance }),
    jensenShannon: binDistance(profile.feature, before, after),
    ...(wasserstein && { wasserstein }),
    log10PValue,
    nullRateReference: profile.nulls / referenceRows,
    nullRateCurrent: current.missing / rows,
    binEdges,
    referenceShares: shares(reference),
    currentShares: shares(now),
    intervals: shareIntervals(profile.feature, {
      reference,
      referenceMissing: profile.nulls,
      current: now,
      currentMissing: current.missing,
    }),
  };
}

function binned(
  profile: FeatureProfile,
  { breaks }: ProfileBreaks,
  current: CellCounts,
): { binEdges: readonly number[]; reference: number[]; now: number[] } {
  if (profile.kind === 'category') {
    const [reference, now] = categoryRows(profile, current);
    return { binEdges: profile.values, reference, now };
  }
  const { at, between } = current;
  const { edges, counts } = profile;
  const now = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  breaks.forEach((value, i) => {
    now[bin]! += between[i]! + at[i]!;
    // An edge is the last value of its bin.
    if (bin < edges.length && value === Math.fround(edges[bin]!)) bin++;
  });
  now[bin]! += between[breaks.length]!;
  return { binEdges: edges, reference: [...counts], now };
}

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (total === 0 ? 0 : count / total));
}

/** With a band by Dvoretzky, Kiefer and Wolfowitz (Massart's constant), half of the error for either sample. */
function ksDistance({ feature, rows: n }: FeatureProfile, { rows: m }: CellCounts, ks: KsResult): EstimateValue {
  const reach = Math.sqrt(Math.log(4 / (1 - CONFIDENCE)) / 2) * (1 / Math.sqrt(n) + 1 / Math.sqrt(m));
  return {
    name: 'ks',
    value: ks.statistic,
    lower: Math.max(0, ks.statistic - reach),
    upper: Math.min(1, ks.statistic + reach),
    confidence: CONFIDENCE,
    n: m,
    slice: feature,
    method: 'Kolmogorov-Smirnov, DKW band',
  };
}

function binDistance(feature: string, before: readonly number[], after: readonly number[]): EstimateValue {
  const { distance, lower, upper, noise } = jensenShannonInterval(before, after, { confidence: CONFIDENCE });
  return {
    name: 'jensenShannon',
    value: distance,
    lower,
    upper,
    confidence: CONFIDENCE,
    n: after.reduce((sum, count) => sum + count, 0),
    slice: feature,
    method: 'base 2, delta method',
    limit: noise,
  };
}

function earthMoved(
  { feature, rows, spread }: ContinuousProfile,
  { kept, breaks }: ProfileBreaks,
  current: CellCounts,
  tails: Tails | undefined,
): EstimateValue | undefined {
  if (!spread || !tails || current.rows === 0) return undefined;
  const found = wassersteinWithKept({ kept, rows, breaks }, current, { kept: spread.tails, other: tails });
  const [value, error, noise] = [found.distance, found.standardError, found.noise].map((x) => x / spread.deviation);
  return {
    name: 'wasserstein',
    value: value!,
    lower: Math.max(0, value! - noise! - Z * error!),
    upper: value! + Z * error!,
    confidence: CONFIDENCE,
    n: current.rows,
    slice: feature,
    method: 'in standard deviations of the reference, delta method',
    limit: noise!,
  };
}

function categoryDistance(
  profile: FeatureProfile,
  reference: readonly number[],
  now: readonly number[],
): EstimateValue | undefined {
  const m = now.reduce((sum, count) => sum + count, 0);
  if (profile.kind !== 'category' || profile.rows === 0 || m === 0) return undefined;
  const found = cramersVInterval(reference, now, { minExpected: MIN_EXPECTED, confidence: CONFIDENCE });
  if (found.kind === 'insufficient') return undefined;
  return {
    name: 'cramersV',
    value: found.cramersV,
    lower: found.lower,
    upper: found.upper,
    confidence: CONFIDENCE,
    n: m,
    slice: profile.feature,
    method: 'noncentral chi-squared',
    limit: found.noise,
  };
}
