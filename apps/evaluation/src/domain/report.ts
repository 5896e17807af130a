import type { BayesianComparison, MetricEstimate } from '@rondo/statistics';
import type { ModelReference, SplitReference } from './evaluation-job.js';
import type { GateOutcome, Judgement } from './gates.js';
import type { BacktestFold, CalibrationBin, CohortDifference, Latency, Measurements } from './measurement.js';

/** How the backtest was made. */
export interface BacktestNote {
  /** `retrained`: the recipe trained again on earlier rows; `as-is`: the challenger itself scored on rows it has seen. */
  readonly mode: 'retrained' | 'as-is';
  readonly against: 'champion' | 'baseline';
}

/** What an evaluation found, as JSON. */
export interface EvaluationReport {
  readonly schemaVersion: 'rondo.evaluation-report/v1';
  /**
   * Digest of everything in this report that depends on inputs alone. The file as a whole also holds measured times, so that
   * people agree to exactly what they were shown; times differ from run to run, so a repetition is compared by this digest.
   */
  readonly reproducibleDigest: string;
  readonly pipeline: string;
  readonly policyGeneration: number;
  readonly candidate: string;
  readonly snapshotDigest: string;
  readonly splits: Readonly<Record<string, SplitReference | undefined>>;
  readonly models: { readonly challenger: string; readonly champion: ModelReference | null };
  readonly modelBytes: number;
  readonly n: number;
  /** Clusters that the rows come from, which every interval on them allows for; null where rows are taken as independent. */
  readonly clusters: Measurements['clusters'];
  readonly verdict: Judgement['verdict'];
  readonly requiresReview: boolean;
  readonly gates: readonly GateOutcome[];
  readonly metrics: readonly MetricEstimate[];
  readonly championMetrics: readonly MetricEstimate[];
  readonly baseline: Measurements['baseline'];
  readonly cohorts: readonly CohortDifference[];
  readonly smallCohorts: Measurements['smallCohorts'];
  readonly calibration: readonly CalibrationBin[];
  readonly championCalibration: readonly CalibrationBin[];
  /** Gaps between groups, one per fairness gate. */
  readonly fairness: Measurements['fairness'];
  /** Null when the policy asks for no search. */
  readonly slices: Measurements['slices'];
  readonly backtest: readonly BacktestFold[];
  /** What the folds' differences say about such windows in general; null with fewer than two folds. */
  readonly backtestBelief: BayesianComparison | null;
  readonly backtestNote: BacktestNote | null;
  readonly latency: Latency;
}

const TIMED = ['eval.p50Ms', 'eval.p99Ms'];
const isTimed = (gate: GateOutcome): boolean => TIMED.some((path) => gate.expression.includes(path));

/** The part of a report that equal inputs repeat exactly: all but measured times and what was decided on them. */
export function reproduciblePart(report: Omit<EvaluationReport, 'reproducibleDigest'>): object {
  const { latency: _latency, verdict: _verdict, requiresReview: _review, gates, ...rest } = report;
  return { ...rest, gates: gates.filter((gate) => !isTimed(gate)) };
}
