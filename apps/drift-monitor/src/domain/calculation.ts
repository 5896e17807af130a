import { classificationEstimates, countCells, forecast, tailsBeyond, type Forecast } from '@rondo/statistics';
import type { DriftRule } from './drift-evaluation.js';
import { compareFeature, type FeatureComparison } from './feature-comparison.js';
import type { EstimateValue } from './model-reference.js';
import { expectedMetrics } from './expected-metrics.js';
import { joinLosses, segmentSums, type FeatureSums, type JoinedLosses, type LabelledRows } from './feature-losses.js';
import { rowKeys, type PackedKeys } from './row-key.js';
import { breaksOf, profileOf, sortedFeature, type FeatureProfile } from './reference-profile.js';
import { compareWithSeason, WINDOW_VALUES_MAX, type ProfiledWindow, type SeasonRule } from './season.js';

/** Arithmetic over all rows of a feature or a window, or over all origins of a forecast. Its arrays are taken over. */
export type Calculation =
  /** A feature as the champion was trained on it; one value per row, not finite where there is none. */
  | { readonly kind: 'profile'; readonly feature: string; readonly column: Float32Array }
  /** The same feature of a batch with one row or more against its profile. */
  | {
      readonly kind: 'compare';
      readonly profile: FeatureProfile;
      readonly column: Float32Array;
      readonly rule: Pick<DriftRule, 'psiFloorLevel'>;
    }
  /** The same, and against past batches of its season. */
  | {
      readonly kind: 'compareInSeason';
      readonly profile: FeatureProfile;
      readonly column: Float32Array;
      readonly rule: Pick<DriftRule, 'psiFloorLevel'>;
      readonly season: SeasonRule;
      /** Middle of the batch's interval. */
      readonly atMs: number;
      readonly past: readonly ProfiledWindow[];
    }
  /** Which rows of a batch are labelled, and what each of them lost. */
  | ({ readonly kind: 'join' } & LabelledRows & { readonly batchKeys: readonly PackedKeys[] })
  /** Losses of some rows by the segments of a feature; `rows` are the places of their values in the column. */
  | {
      readonly kind: 'segment';
      readonly profile: FeatureProfile;
      readonly column: Float32Array;
      readonly rows: Int32Array;
      readonly losses: Float64Array;
    }
  /** Metrics on rows whose outcomes are known. */
  | { readonly kind: 'measure'; readonly scores: Float32Array; readonly labels: Uint8Array }
  /** Metrics expected from the scores alone. */
  | { readonly kind: 'expect'; readonly scores: Float32Array }
  /** An evenly spaced series continued. */
  | { readonly kind: 'forecast'; readonly values: Float64Array; readonly options: Parameters<typeof forecast>[1] };

/** Results by kind of calculation. */
export interface CalculationResults {
  readonly profile: FeatureProfile;
  readonly compare: FeatureComparison;
  /** With what is kept of the batch for later seasons. */
  readonly compareInSeason: { readonly comparison: FeatureComparison; readonly kept: FeatureProfile };
  readonly join: JoinedLosses;
  readonly segment: FeatureSums;
  readonly measure: readonly EstimateValue[];
  readonly expect: readonly EstimateValue[];
  readonly forecast: Forecast;
}

/** Does the calculation here and now. */
export function calculated(calculation: Calculation): CalculationResults[Calculation['kind']] {
  switch (calculation.kind) {
    case 'profile':
      return profileOf(sortedFeature(calculation.feature, calculation.column));
    case 'compare':
      return compared(calculation);
    case 'compareInSeason': {
      const { profile, column, season, atMs, past } = calculation;
      const against = compared(calculation);
      const kept = profileOf(sortedFeature(profile.feature, column), WINDOW_VALUES_MAX);
      const found = compareWithSeason({ atMs, profile: kept }, past, season);
      return { comparison: { ...against, ...(found && { season: found }) }, kept };
    }
    case 'join':
      return joinLosses(calculation, rowKeys(calculation.batchKeys));
    case 'segment':
      return segmentSums(calculation.profile, calculation);
    case 'measure':
      return classificationEstimates(calculation.labels, calculation.scores);
    case 'expect':
      return expectedMetrics(calculation.scores);
    case 'forecast':
      return forecast(calculation.values, calculation.options);
  }
}

function compared({
  profile,
  column,
  rule,
}: Pick<Extract<Calculation, { kind: 'compare' }>, 'profile' | 'column' | 'rule'>): FeatureComparison {
  const among = breaksOf(profile);
  const { breaks } = among;
  const tails = profile.kind === 'continuous' ? tailsBeyond(column, breaks[0]!, breaks.at(-1)!) : undefined;
  return compareFeature(profile, among, countCells(column, breaks), { ...rule, ...(tails && { tails }) });
}
