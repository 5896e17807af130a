/** What an analysis measures. Loss and latency: lower is better; accuracy and engagement: higher is better. */
export type AnalysisMetric = 'logLoss' | 'accuracy' | 'errorRate' | 'latencyMs' | 'engagement';

/** When outcomes are a fair sample: requests of that age, once at least that share of outcomes comes within it. */
export interface LabelMaturityRule {
  /** Policy time since the request. */
  readonly ageMs: number;
  /** In (0, 1). */
  readonly share: number;
}

/** One comparison of candidate and champion. */
export interface AnalysisRule {
  readonly name: string;
  readonly metric: AnalysisMetric;
  /**
   * Chance that the rollout, over all looks and analyses together, declares harm when there is none; of one analysis the chance that
   * it finds the loss tolerable when it is not. In (0, 1).
   */
  readonly alpha: number;
  /** This analysis' part of the chance of declaring harm; all of `alpha` when absent. */
  readonly harmAlpha?: number;
  /** Name of the feedback that an engagement analysis counts; every feedback when absent. */
  readonly feedback?: string;
  /**
   * Largest loss that is tolerated, >= 0: nats for logLoss, share of the rows for accuracy, share of the requests for errorRate, ms a
   * row for latencyMs, the unit of the feedback for engagement.
   */
  readonly margin: number;
  /** Samples before the analysis may pass: labelled pairs, requests or feedback events of the smaller arm. */
  readonly minSamples: number;
  /** Share of the rows both models scored that must have their label before logLoss or accuracy may pass; 0 to 1. */
  readonly minLabelShare?: number;
  /** Of logLoss and accuracy: only mature requests may show that the candidate is no worse. */
  readonly labelMaturity?: LabelMaturityRule;
}

/** Slices by one feature: at cuts of a number, or one for each value of a category; one of the two. */
export interface SliceFeature {
  readonly feature: string;
  /** Position among the features of a row. */
  readonly column: number;
  /** Ascending; a row belongs to the slice that begins at or below its value. */
  readonly cuts?: readonly number[];
  readonly values?: readonly number[];
}

/** Slices in which the candidate must do no harm either. */
export interface SliceRule {
  /** Analysis whose metric and margin hold for each slice, and which fails with it. */
  readonly analysis: string;
  readonly features: readonly SliceFeature[];
  /** Expected share of harmless slices among those found, in (0, 1). */
  readonly falseDiscoveryRate: number;
  /** Labels a slice needs to be judged. */
  readonly minSamples: number;
}

/** One step: how much the candidate serves and what must hold before the next. */
export interface StepRule {
  readonly name: string;
  readonly weightPercent: number;
  readonly shadow: boolean;
  /** Policy time to spend in the step at least. */
  readonly bakeMs: number;
  /** Names of the analyses that must pass. */
  readonly analyses: readonly string[];
}

/** The rollout part of an admitted policy generation; a rollout keeps the one it began with. */
export interface RolloutPlan {
  readonly endpoint: string;
  readonly time: 'EventTime' | 'WallClock';
  readonly steps: readonly StepRule[];
  readonly analyses: readonly AnalysisRule[];
  readonly slices?: SliceRule;
  /** Policy time from start to end; after it `onDeadline` applies. */
  readonly deadlineMs: number;
  /** What missing evidence means at the deadline. There is no option to promote. */
  readonly onDeadline: 'Hold' | 'RollBack';
}

/**
 * The analyses that a step names, each with an equal part of its alpha for declaring harm: one of k false alarms is enough to roll back,
 * so by Bonferroni's inequality all together have at most the mean of the alphas. Passing needs no part: all must pass, so the chance
 * of a wrong pass is that of one analysis (intersection-union; Berger, 1982, Technometrics 24:295).
 */
export function judgedAnalyses({ analyses, steps }: RolloutPlan): AnalysisRule[] {
  const named = new Set(steps.flatMap((step) => step.analyses));
  const judged = analyses.filter(({ name }) => named.has(name));
  return judged.map((rule) => ({ ...rule, harmAlpha: rule.alpha / judged.length }));
}

/** The level at which an analysis declares harm. */
export function harmAlphaOf({ alpha, harmAlpha = alpha }: AnalysisRule): number {
  return harmAlpha;
}
