/** Type of a value an expression may read; `values` closes the list of a text. */
export interface FieldType {
  readonly type: 'double' | 'int' | 'bool' | 'string';
  readonly description: string;
  /** May be absent: an expression must guard it with `has(...)`. */
  readonly optional?: true;
  readonly values?: readonly string[];
}

/** Variables of one kind of expression, by group and field. */
export type ExpressionContext = Readonly<Record<string, Readonly<Record<string, FieldType>>>>;

const double = (description: string): FieldType => ({ type: 'double', description });
const int = (description: string): FieldType => ({ type: 'int', description });
const bool = (description: string): FieldType => ({ type: 'bool', description });
const string = (description: string): FieldType => ({ type: 'string', description });
const oneOf = (values: readonly string[], description: string): FieldType => ({ type: 'string', values, description });
const optional = (field: FieldType): FieldType => ({ ...field, optional: true });

/** Series that can be forecast, by the name their values have in expressions. */
export const FORECAST_SERIES = ['drift.importanceWeighted', 'perf.logLoss', 'perf.rocAuc', 'perf.brier'] as const;

const championExists = { exists: bool('A model serves the endpoint.') };
const champion = {
  ...championExists,
  version: int('Version of the champion; 0 without one.'),
  ageDays: double('Policy time since its promotion, in days; 0 without one.'),
};

/** What each kind of expression may read. */
export const CONTEXTS = {
  'trigger.batch': {
    batch: {
      rows: int('Rows of the batch.'),
      labeledRows: int('Rows of the batch whose target is known.'),
    },
    data: { readyRows: int('Rows of all ready batches so far.') },
    champion,
  },
  'trigger.drift': {
    drift: {
      state: oneOf(
        ['clear', 'seasonal', 'suspected', 'detected', 'insufficient'],
        'State over all features; `seasonal` is drift that its season explains.',
      ),
      featuresDetected: int('Features with detected drift.'),
      importanceWeighted: double(
        'Sum over features of importance times PSI beyond what sampling alone adds, less what the season explains.',
      ),
      importanceWeightedLower: optional(double('Lower bound of that sum.')),
      importanceWeightedUpper: optional(double('Upper bound of it.')),
      rows: int('Rows compared.'),
      rowsNeeded: int('Rows from which a batch can be judged; 0 when it was not told.'),
      referenceRows: int('Rows of the reference; 0 likewise.'),
    },
    champion,
  },
  'trigger.performance': {
    perf: {
      logLoss: optional(double('Log loss on live traffic, in nats.')),
      logLossLower: optional(double('Lower bound of its interval.')),
      logLossUpper: optional(double('Upper bound of its interval.')),
      rocAuc: optional(double('Area under the ROC curve; absent with a single class.')),
      rocAucLower: optional(double('Lower bound of its interval.')),
      rocAucUpper: optional(double('Upper bound of its interval.')),
      brier: optional(double('Brier score.')),
      brierLower: optional(double('Lower bound of its interval.')),
      brierUpper: optional(double('Upper bound of its interval.')),
      ece: optional(double('Expected calibration error.')),
      eceLower: optional(double('Lower bound of its interval.')),
      eceUpper: optional(double('Upper bound of its interval.')),
      referenceLogLoss: optional(double("Log loss on the champion's sealed test.")),
      referenceLogLossLower: optional(double('Lower bound of its interval.')),
      referenceLogLossUpper: optional(double('Upper bound of its interval.')),
      referenceRocAuc: optional(double("Area under the ROC curve on the champion's sealed test.")),
      referenceRocAucLower: optional(double('Lower bound of its interval.')),
      referenceRocAucUpper: optional(double('Upper bound of its interval.')),
      logLossExcess: double('Log loss above the reference since the promotion, per prediction.'),
      logLossExcessLower: optional(double('Lower bound of its interval; absent before labels.')),
      logLossExcessUpper: optional(double('Upper bound of its interval.')),
      logLossExcessN: int('Labelled predictions since the promotion, which it rests on.'),
      n: int('Labelled predictions.'),
      rowsNeeded: int('Predictions from which a window is judged; 0 when it was not told.'),
      estimated: bool('Estimated from the scores because labels are missing.'),
      labelCoverage: double('Labelled predictions / predictions, 0 to 1.'),
      labelCoverageLower: optional(double('Lower bound of its interval; absent with fewer than two requests.')),
      labelCoverageUpper: optional(double('Upper bound of its interval.')),
      labelCoverageN: int('Predictions it rests on.'),
      state: oneOf(['sufficient', 'insufficient'], 'Whether there was enough to judge.'),
    },
    champion,
  },
  'trigger.forecast': {
    forecast: {
      series: oneOf(FORECAST_SERIES, 'What is forecast.'),
      probBreach: double('Share of the possible futures that reach the limit within the horizon.'),
      probBreachLower: double('Lower bound of its 80 % interval.'),
      probBreachUpper: double('Upper bound of it.'),
      leadDays: optional(
        double('Policy time until half of the possible futures have reached the limit, in days; absent when fewer do.'),
      ),
      earliestLeadDays: optional(double('The same for a tenth of them.')),
      limit: double('The limit of the policy.'),
      lastValue: double('Newest value of the series.'),
      endValue: double('Forecast value at the horizon.'),
      skill: double('1 - error / error of the naive method on past origins; 0 is no gain.'),
      skillLower: optional(
        double('Lower bound of its 80 % interval; absent while too few past origins count as independent.'),
      ),
      skillUpper: optional(double('Upper bound of it.')),
      method: string('Method that did best on past origins, for example `theil-sen`.'),
      n: int('Points of the series.'),
      advisory: bool(
        'Nothing may act on it: no skill, or the series changed lately. Such a forecast starts and schedules nothing.',
      ),
    },
    champion,
  },
  gate: {
    eval: {
      logLoss: double('Log loss on the sealed test, in nats.'),
      rocAuc: double('Area under the ROC curve.'),
      brier: double('Brier score.'),
      ece: double('Expected calibration error, equal-frequency bins.'),
      expectedEce: double('The same of a perfectly calibrated model on as many rows.'),
      calibrationSlope: double('Slope of the logistic recalibration; 1 is ideal.'),
      p50Ms: double('Median scoring time per request, in ms; needs `evaluation.latency`.'),
      p99Ms: double(
        '99th percentile of it. Times, backtests, cohorts and slices are read with their intervals as metrics are; without 368 timed requests it has no upper bound.',
      ),
      modelBytes: int('Size of the model file.'),
      backtestWins: int('Folds in which the challenger beats the champion; needs `evaluation.backtest`.'),
      backtestFolds: int('Folds.'),
      backtestWorstDifference: double('Worst log-loss difference of a fold, challenger minus champion.'),
      worstCohortDifference: optional(
        double('Worst log-loss difference of a cohort; absent when none was large enough.'),
      ),
      worstCohortDifferenceUpper: optional(double('Upper bound of it, over all cohorts at once.')),
      cohortsChecked: int('Cohorts with enough rows.'),
      slicesHarmed: int('Slices shown to be worse than with the champion; 0 without one. Needs `evaluation.slices`.'),
      slicesChecked: int('Slices with enough rows; 0 without a champion.'),
      worstSliceDifference: optional(
        double('Log-loss difference in the slice with most evidence of harm; absent when none was found.'),
      ),
      worstSliceDifferenceLower: optional(double('Lower bound of it, adjusted for the search.')),
      n: int('Rows of the sealed test.'),
    },
  },
  approval: {
    evaluation: {
      verdict: oneOf(['Pass', 'Fail', 'Inconclusive', 'Error'], 'Verdict over all gates.'),
      requiresReview: bool('A gate asks for people.'),
    },
    cycle: { trigger: string('Name of the trigger that started the cycle; `manual` for people.') },
    champion: championExists,
  },
} as const satisfies Record<string, ExpressionContext>;

/** Name of a kind of expression. */
export type ContextName = keyof typeof CONTEXTS;

/** A value an expression read. */
export type ReadValue = string | number | boolean;

/** Values for an expression, group by group; an optional one may be undefined. */
export type ContextValues = Readonly<Record<string, Readonly<Record<string, ReadValue | undefined>>>>;
