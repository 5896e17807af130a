import { chiSquaredTwoSample, compareWithKept, gTwoSample, type CellCounts, type KsResult } from '@rondo/statistics';
import type { CategoryProfile, FeatureProfile, ProfileBreaks } from './reference-profile.js';

/**
 * Rows expected per category, below which categories are pooled: with the textbook's 5 a chi-squared test of a small batch
 * against a large reference raises two to three times the alarms it states at levels of one in 10,000.
 */
export const MIN_EXPECTED = 15;

/** Whether a feature of a batch differs from its reference at all. */
export interface DifferenceTest {
  /** log10 of the chance of as large a difference, in values or in missing values, without drift. */
  readonly log10PValue: number;
  /** Of many values. */
  readonly ks?: KsResult;
}

/** Rows per category and, last, of every other value: of the reference and of a batch. */
export function categoryRows(profile: CategoryProfile, { at, between }: CellCounts): readonly [number[], number[]] {
  return [
    [...profile.counts, 0],
    [...at, between.reduce((sum, count) => sum + count, 0)],
  ];
}

/**
 * Kolmogorov-Smirnov for any change and Mann-Whitney for a shift (continuous, against the kept order statistics, which stand for all
 * rows of the reference), or chi-squared tests (few values); chi-squared tests of the share of missing values. The p-value is the
 * smallest of the tests', times their number (Bonferroni); 1 where there are too few rows for any.
 * @param breaks of the profile; the batch's values were counted among them as `current`
 */
export function testDifference(
  profile: FeatureProfile,
  { kept, breaks }: ProfileBreaks,
  current: CellCounts,
): DifferenceTest {
  const missing = sameShares([profile.rows, profile.nulls], [current.rows, current.missing]);
  if (profile.rows === 0 || current.rows === 0) return { log10PValue: smallest(...missing) };
  if (profile.kind === 'category')
    return { log10PValue: smallest(...sameShares(...categoryRows(profile, current)), ...missing) };
  const { ks, mannWhitney } = compareWithKept({ kept, rows: profile.rows, breaks }, current);
  return { log10PValue: smallest(ks.log10PValue, mannWhitney.log10PValue, ...missing), ks };
}

/** Bonferroni's; no test finds nothing. */
function smallest(...log10PValues: readonly number[]): number {
  return log10PValues.length === 0 ? 0 : Math.min(0, Math.min(...log10PValues) + Math.log10(log10PValues.length));
}

/**
 * log10 of the p-value of the less certain of Pearson's and the likelihood-ratio test; nothing where there are too few rows. At the
 * level of one look over thirty features, one in 200,000, Pearson's alone raises up to five times the alarms it states where a rare
 * category meets a reference twenty times the batch, the other up to 1.2 times; both agree on one at most 0.6 times as often (exact,
 * two categories).
 */
function sameShares(reference: readonly number[], now: readonly number[]): readonly number[] {
  const options = { minExpected: MIN_EXPECTED };
  const pearson = chiSquaredTwoSample(reference, now, options);
  const likelihoodRatio = gTwoSample(reference, now, options);
  if (pearson.kind !== 'tested' || likelihoodRatio.kind !== 'tested') return [];
  return [Math.max(pearson.log10PValue, likelihoodRatio.log10PValue)];
}
