import {
  benjaminiHochbergLog10,
  holmLog10,
  nextAlpha,
  normalQuantile,
  spendAlpha,
  startAlphaLedger,
  startBreachTracker,
  updateBreachTracker,
  type AlphaLedger,
  type BreachTracker,
} from '@rondo/statistics';
import type { FeatureComparison } from './feature-comparison.js';
import type { EstimateValue, ModelReference } from './model-reference.js';
import { unexplained, type SeasonComparison, type SeasonRule } from './season.js';
import type { ShareIntervals } from './shares.js';

/**
 * Clear to detected, or too few rows to tell. `seasonal`: would be suspected or detected, and is as usual for the season.
 * Of a feature also `negligible`: a difference that is there and too small to matter.
 */
export type DriftState = 'insufficient' | 'clear' | 'negligible' | 'seasonal' | 'suspected' | 'detected';

/** `spec.monitoring.drift` of the policy. */
export interface DriftRule {
  /** Fewer rows, in the batch or in the reference, are not judged. */
  readonly minRows: number;
  /** Benjamini-Hochberg level over all features of a batch: below it a difference is there, which a detection takes more than. */
  readonly falseDiscoveryRate: number;
  readonly psiFloorLevel: number;
  /** PSI beyond what sampling alone adds. */
  readonly suspectedPsi: number;
  readonly detectedPsi: number;
  readonly persistence: { readonly breaches: number; readonly outOf: number };
  readonly season?: SeasonRule;
}

/** One feature, judged. */
export type FeatureDrift = {
  readonly feature: string;
  readonly state: DriftState;
  readonly psi: EstimateValue;
  readonly distance?: EstimateValue;
  /** Absent in evaluations made before it was taken. */
  readonly jensenShannon?: EstimateValue;
  readonly wasserstein?: EstimateValue;
  readonly log10PValue: number;
  readonly adjustedLog10PValue: number;
  /** Share of the champion's importance, 0..1, counted from the model and so exact; all shares sum to 1. */
  readonly importance: number;
  readonly nullRateReference: number;
  readonly nullRateCurrent: number;
  readonly binEdges: readonly number[];
  readonly referenceShares: readonly number[];
  readonly currentShares: readonly number[];
  /** Of null rates and shares; absent in evaluations made before they were taken. */
  readonly intervals?: ShareIntervals;
  readonly season?: SeasonComparison;
};

/** A batch compared with the reference, before persistence is asked. */
export interface BatchDrift {
  /** Of this batch alone. */
  readonly state: DriftState;
  readonly features: readonly FeatureDrift[];
  readonly importanceWeighted: EstimateValue;
  readonly featuresDetected: number;
  readonly rows: number;
  /** Rows from which the batch and the reference can be judged: the rule's, or five per bin of the feature with fewest bins. */
  readonly rowsNeeded: number;
  /** Rows of the reference that were compared with; 0 for a batch without rows. */
  readonly referenceRows: number;
  /** Chance of a false detection granted to this look, over all features. */
  readonly falseAlarmLevel: number;
}

/** A batch compared with the reference, as it is recorded. */
export type DriftEvaluation = {
  readonly pipeline: string;
  readonly evaluationId: string;
  readonly model: ModelReference;
  readonly batchId: string;
  readonly window: { readonly startMs: number; readonly endMs: number };
  /** With persistence: `detected` needs enough breaches among the last batches. */
  readonly state: DriftState;
  readonly features: readonly FeatureDrift[];
  readonly importanceWeighted: EstimateValue;
  readonly featuresDetected: number;
  readonly referenceDigest: string;
  readonly rows: number;
  readonly evaluatedAtMs: number;
  readonly falseAlarmLevel: number;
  /** Absent in evaluations made before they were taken. */
  readonly rowsNeeded?: number;
  readonly referenceRows?: number;
};

const CONFIDENCE = 0.95;
/** No more than one year of daily batches in twenty sees a detection without drift, over all features of a pipeline. */
const FALSE_ALARMS = { alpha: 0.05, schedule: { kind: 'even', looks: 365 } } as const;

/** What a pipeline may still spend on false detections; a fresh budget for a new champion. */
export function startFalseAlarms(): AlphaLedger {
  return startAlphaLedger(FALSE_ALARMS);
}

/** The ledger after a batch; one that could not be judged was no look. */
export function withLook(ledger: AlphaLedger, batch: DriftState): AlphaLedger {
  return batch === 'insufficient' ? ledger : spendAlpha(ledger);
}

/**
 * Judges all features of a batch. A difference is there when it is significant over all features at once
 * (Benjamini-Hochberg) and the PSI is above its floor; whether it matters is told by its size. A detection asks for more:
 * the level that the ledger grants to this look (Holm), because a monitor looks every day.
 * The batch is judged by the drift the model feels, the sum of importance times effect: from `suspectedPsi` on it is detected
 * if a feature is, else suspected. Below, a detected feature of at least average importance makes it suspected; one the model
 * ignores does not.
 * Where past batches of the season are known, only what they do not explain counts: an effect that is usual for them is
 * `seasonal`, of the feature and, where that makes the difference, of the batch.
 * @param importance in the order of `comparisons`, >= 0; without any (or of another length) all features weigh the same
 */
export function judgeBatch(
  comparisons: readonly FeatureComparison[],
  importance: readonly number[],
  rows: number,
  rule: DriftRule,
  ledger: AlphaLedger,
): BatchDrift {
  const falseAlarmLevel = nextAlpha(ledger);
  const weights = importanceShares(importance, comparisons.length);
  const judged = comparisons.map(
    ({ rows: n, referenceRows, sufficient }) => sufficient && n >= rule.minRows && referenceRows >= rule.minRows,
  );
  // A feature with too few rows is no test: it must not make the others' limits stricter.
  const log10PValues = comparisons.filter((_, i) => judged[i]).map((item) => item.log10PValue);
  const discovery = benjaminiHochbergLog10(log10PValues);
  const familyWise = holmLog10(log10PValues);
  let next = 0;
  const againstReference: DriftState[] = [];
  const features = comparisons.map((comparison, i): FeatureDrift => {
    const test = judged[i] ? next++ : -1;
    const adjustedLog10PValue = judged[i] ? discovery[test]! : 0;
    const certain = judged[i]! && familyWise[test]! <= Math.log10(falseAlarmLevel);
    againstReference[i] = judged[i] ? featureState(comparison, adjustedLog10PValue, certain, rule) : 'insufficient';
    const { feature, psi, distance, log10PValue, nullRateReference, nullRateCurrent } = comparison;
    const { binEdges, referenceShares, currentShares, intervals, jensenShannon, wasserstein, season } = comparison;
    return {
      feature,
      state: lessSeason(againstReference[i], unexplained(comparison), rule),
      psi,
      ...(distance && { distance }),
      jensenShannon,
      ...(wasserstein && { wasserstein }),
      log10PValue,
      adjustedLog10PValue,
      importance: weights[i]!,
      nullRateReference,
      nullRateCurrent,
      binEdges,
      referenceShares,
      currentShares,
      intervals,
      ...(season && { season }),
    };
  });
  const importanceWeighted = weightedDrift(comparisons.map(withoutSeason), weights, judged, rows);
  const state = batchState(features, importanceWeighted.value, rule);
  const wouldBe = batchState(
    features.map(({ importance: weight }, i) => ({ importance: weight, state: againstReference[i]! })),
    weightedDrift(comparisons, weights, judged, rows).value,
    rule,
  );
  return {
    state: state === 'clear' && wouldBe !== 'clear' ? 'seasonal' : state,
    features,
    importanceWeighted,
    featuresDetected: features.filter(({ state: own }) => own === 'detected').length,
    rows,
    rowsNeeded: Math.max(
      rule.minRows,
      comparisons.length === 0 ? 0 : Math.min(...comparisons.map((one) => one.rowsNeeded)),
    ),
    referenceRows: Math.max(0, ...comparisons.map(({ referenceRows }) => referenceRows)),
    falseAlarmLevel,
  };
}

/** Remembers one more batch; a batch that could not be judged is no evidence either way, and another rule starts afresh. */
export function withPersistence(
  tracker: BreachTracker | undefined,
  batch: DriftState,
  { persistence }: DriftRule,
): { readonly tracker: BreachTracker; readonly state: DriftState } {
  const { breaches: needed, outOf: window } = persistence;
  const fits = tracker?.needed === needed && tracker.window === window;
  const before = tracker && fits ? tracker : startBreachTracker({ needed, window });
  if (batch === 'insufficient') return { tracker: before, state: 'insufficient' };
  const after = updateBreachTracker(before, batch === 'detected');
  if (after.status !== 'clear') return { tracker: after, state: after.status };
  return { tracker: after, state: batch === 'clear' || batch === 'seasonal' ? batch : 'suspected' };
}

function featureState(
  { effect, aboveFloor }: FeatureComparison,
  adjusted: number,
  certain: boolean,
  rule: DriftRule,
): DriftState {
  if (adjusted > Math.log10(rule.falseDiscoveryRate) || !aboveFloor) return 'clear';
  if (effect < rule.suspectedPsi) return 'negligible';
  return certain && effect >= rule.detectedPsi ? 'detected' : 'suspected';
}

/** What is left of a state once the season has explained its part of the effect. */
function lessSeason(state: DriftState, effect: number, rule: DriftRule): DriftState {
  if (state !== 'suspected' && state !== 'detected') return state;
  if (effect < rule.suspectedPsi) return 'seasonal';
  return effect < rule.detectedPsi ? 'suspected' : state;
}

function withoutSeason(comparison: FeatureComparison): FeatureComparison {
  return { ...comparison, effect: unexplained(comparison) };
}

function batchState(
  features: readonly Pick<FeatureDrift, 'state' | 'importance'>[],
  weighted: number,
  rule: DriftRule,
): DriftState {
  if (features.every(({ state }) => state === 'insufficient')) return 'insufficient';
  const found = features.filter(({ state }) => state === 'detected');
  if (weighted >= rule.suspectedPsi) return found.length > 0 ? 'detected' : 'suspected';
  return found.some(({ importance }) => importance * features.length >= 1) ? 'suspected' : 'clear';
}

function importanceShares(importance: readonly number[], features: number): number[] {
  const usable = importance.length === features && importance.every((share) => Number.isFinite(share) && share >= 0);
  const total = usable ? importance.reduce((sum, share) => sum + share, 0) : 0;
  return Array.from({ length: features }, (_, i) => (total > 0 ? importance[i]! / total : 1 / features));
}

/**
 * The interval adds the standard errors as if all features moved together, because they come from the same rows. The weights add
 * nothing to it: they are counted from the very model that serves, and another model's are not asked about.
 */
function weightedDrift(
  comparisons: readonly FeatureComparison[],
  weights: readonly number[],
  judged: readonly boolean[],
  rows: number,
): EstimateValue {
  let value = 0;
  let standardError = 0;
  comparisons.forEach((comparison, i) => {
    if (!judged[i]) return;
    value += weights[i]! * comparison.effect;
    standardError += weights[i]! * comparison.psiStandardError;
  });
  const reach = normalQuantile((1 + CONFIDENCE) / 2) * standardError;
  return {
    name: 'importanceWeightedPsi',
    value,
    lower: Math.max(0, value - reach),
    upper: value + reach,
    confidence: CONFIDENCE,
    n: rows,
    slice: 'all',
    method: 'delta method, features taken as moving together, weights exact',
  };
}
