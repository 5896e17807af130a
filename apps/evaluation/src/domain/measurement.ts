import type { ClusterCount, FairnessGap, GroupRates, HarmedSlice, Interval, MetricEstimate } from '@rondo/statistics';

/** Metrics that models are compared by. */
export type ComparedMetric = 'logLoss' | 'rocAuc' | 'brier';

/** How the interval of a difference is found. */
export type ComparisonTest = 'PairedMean' | 'PairedBootstrap' | 'DeLong';

/** One comparison that a gate asks for. */
export interface ComparisonRequest {
  readonly gate: string;
  readonly against: 'champion' | 'baseline';
  readonly metric: ComparedMetric;
  readonly test: ComparisonTest;
  /** Coverage of the interval. */
  readonly confidence: number;
  /** Coverage of a second interval, which holds at this look of the pipeline's life. */
  readonly confidenceAtLook?: number;
}

/** A feature whose values form cohorts. */
export interface CohortRule {
  readonly by: string;
  readonly minRows: number;
}

/** The same with one value per row, NaN for missing. */
export type CohortRequest = CohortRule & { readonly values: Float32Array };

/** One fairness gate: gaps between the groups that a feature forms. */
export interface FairnessRule {
  readonly gate: string;
  readonly by: string;
  readonly measure: FairnessMeasure;
  /** Probability from which the decision is 1. */
  readonly threshold: number;
  readonly minRows: number;
  readonly confidence: number;
}

/** The same with one value per row, NaN for missing. */
export type FairnessRequest = FairnessRule & { readonly values: Float32Array };

/** What must not differ between groups. */
export type FairnessMeasure = 'DemographicParity' | 'EqualisedOdds' | 'EqualOpportunity';

/** How slices are searched. */
export interface SliceRule {
  readonly depth: number;
  readonly minRows: number;
  readonly falseDiscoveryRate: number;
}

/** The same with one value per row of each feature, NaN for missing. */
export type SliceRequest = SliceRule & {
  readonly columns: readonly { readonly name: string; readonly values: Float32Array }[];
};

/** Everything that is computed on the rows of the sealed test part. */
export interface MeasureRequest {
  /** 0 or 1. */
  readonly labels: Float32Array;
  readonly challenger: Float32Array;
  /** Null without a comparable champion. */
  readonly champion: Float32Array | null;
  /** Share of class 1 in the training part. */
  readonly baseline: number;
  readonly comparisons: readonly ComparisonRequest[];
  /** What the models read, row by row, NaN for missing; rules name its columns. */
  readonly features: { readonly names: readonly string[]; readonly values: Float32Array };
  readonly cohorts: readonly CohortRule[];
  readonly fairness: readonly FairnessRule[];
  readonly slices: SliceRule | null;
  /** Rows that err together: the column and a number per row, equal ones form a cluster. Null takes rows as independent. */
  readonly clusters: { readonly by: string; readonly values: Float64Array } | null;
  /** Seed of every resampling. */
  readonly seed: number;
}

/** How many clusters the rows of the sealed test come from. */
export interface ClusterNote extends ClusterCount {
  /** The column that tells them. */
  readonly by: string;
}

/** A cohort that is too small to be judged. */
export interface SmallCohort {
  readonly cohort: string;
  readonly n: number;
  readonly minRows: number;
  /** Effective clusters of its rows, where rows come in clusters. */
  readonly clusters?: number;
}

/** Challenger minus opponent on the same rows, or why it cannot be measured. */
export type Difference =
  | {
      readonly kind: 'measured';
      readonly value: number;
      readonly lower: number;
      readonly upper: number;
      readonly n: number;
      readonly method: string;
      /** The interval of `confidenceAtLook`, where it was asked for. */
      readonly atLook?: { readonly lower: number; readonly upper: number };
    }
  | { readonly kind: 'unmeasurable'; readonly reason: string; readonly n: number };

/** One bin of a calibration curve; the interval is that of `observed`. */
export interface CalibrationBin {
  readonly meanPredicted: number;
  readonly observed: number;
  readonly lower: number;
  readonly upper: number;
  readonly n: number;
}

/** One model on the sealed test part. */
export interface ModelMeasurement {
  readonly metrics: readonly MetricEstimate[];
  readonly calibration: readonly CalibrationBin[];
}

/** The constant base rate of the training part, and what it loses on the rows of the sealed test. */
export interface BaselineMeasurement {
  readonly probability: number;
  readonly logLoss: number;
  readonly brier: number;
  /** The same two with their intervals. */
  readonly metrics: readonly MetricEstimate[];
}

/** Challenger minus champion, log loss, in one cohort; the interval holds for all cohorts at once. */
export interface CohortDifference {
  /** For example `dow=1` or `337 < distance <= 627`. */
  readonly cohort: string;
  readonly n: number;
  readonly difference: { readonly value: number; readonly lower: number; readonly upper: number };
}

/** A fairness gate's gap and the rates behind it. */
export interface FairnessMeasurement {
  readonly gate: string;
  readonly by: string;
  readonly measure: FairnessMeasure;
  readonly gap: FairnessGap;
  /** In the order of the groups, which `FairnessGap` and `GroupRates` name by their position. */
  readonly names: readonly string[];
  readonly groups: readonly GroupRates[];
}

/** Slices of the sealed test in which the log loss is too high. */
export interface SliceFindings {
  /** Held against the champion's loss on the same rows, or, without one, against the challenger's own loss elsewhere. */
  readonly against: 'champion' | 'rest';
  /** Slices with enough rows. */
  readonly tested: number;
  /** Shown to be harmed, strongest evidence first; overlapping ones left out. */
  readonly harmed: readonly HarmedSlice[];
  /** The slice with most evidence when none is shown to be harmed. */
  readonly suspect: HarmedSlice | null;
}

/** What {@link MeasureRequest} leads to. */
export interface Measurements {
  readonly n: number;
  readonly challenger: ModelMeasurement;
  readonly champion: ModelMeasurement | null;
  readonly baseline: BaselineMeasurement;
  /** By the gate's name. */
  readonly differences: Readonly<Record<string, Difference>>;
  /** Cohorts with enough rows, largest harm first; empty without a champion. */
  readonly cohorts: readonly CohortDifference[];
  /** Cohorts that are too small to be judged, and the rows they would need. */
  readonly smallCohorts: readonly SmallCohort[];
  /** Null where the policy takes rows as independent. */
  readonly clusters: ClusterNote | null;
  readonly fairness: readonly FairnessMeasurement[];
  /** Null when the policy asks for no search. */
  readonly slices: SliceFindings | null;
}

/** Bounds as far as there are any; null where the requests are too few to have one. */
export interface OpenInterval {
  readonly lower: number | null;
  readonly upper: number | null;
}

/** The bounds that there are. */
export const knownBounds = ({ lower, upper }: OpenInterval): { readonly lower?: number; readonly upper?: number } => ({
  ...(lower !== null && { lower }),
  ...(upper !== null && { upper }),
});

/** Scoring times of one request of `rows` rows, in ms. */
export interface Latency {
  readonly rows: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** 95 % intervals by order statistics. */
  readonly p50Interval: OpenInterval;
  readonly p99Interval: OpenInterval;
  /** Requests from which both intervals have both bounds. */
  readonly requestsForBounds: number;
}

/** One origin of the backtest: what was trained before `from` against the champion on `from`..`to`. */
export interface BacktestFold {
  /** ISO dates, for example `2001-02-05 to 2001-02-11`. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly trainRows: number;
  readonly n: number;
  /** Mean log loss; of the base rate of the earlier rows when there is no champion. */
  readonly champion: number;
  readonly challenger: number;
  /** 95 % intervals of the two, each on its own: nothing is decided on them. */
  readonly championInterval: Interval;
  readonly challengerInterval: Interval;
  /** The intervals of all folds hold together with 95 %. */
  readonly difference: { readonly value: number; readonly lower: number; readonly upper: number };
}
