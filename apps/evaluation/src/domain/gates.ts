import { PermanentError } from '@rondo/kernel';
import { compileExpression, type PipelineSpec, type ReadValue } from '@rondo/policy';
import {
  decidePromotion,
  nonInferiority,
  rowsToDecide,
  type MetricEstimate,
  type PromotionDecision,
} from '@rondo/statistics';
import { certaintyOf } from './certainty.js';
import { judgeFairness } from './fairness-gate.js';
import { betterOf } from './measure.js';
import type { BacktestFold, Difference, Latency, Measurements } from './measurement.js';
import { count, percent, shown, signed, titleOf } from './words.js';

/** Outcome of a gate and of all gates together. */
export type Verdict = 'Pass' | 'Fail' | 'Inconclusive' | 'Error';

/** One gate of the policy. */
export type Gate = PipelineSpec['evaluation']['gates'][number];
type Comparison = NonNullable<Gate['compare']>;

/** A number with its interval, as messages carry it. */
export interface EstimateValue extends MetricEstimate {
  /** The bound the interval is held against. */
  readonly limit?: number;
}

/** What a gate said and why. */
export interface GateOutcome {
  readonly gate: string;
  readonly severity: Gate['severity'];
  readonly verdict: Verdict;
  /** Challenger − opponent, for comparing gates; the gap between groups, for fairness gates. */
  readonly difference?: EstimateValue;
  readonly champion?: EstimateValue;
  readonly challenger?: EstimateValue;
  /** Of an expression gate; empty otherwise. */
  readonly expression: string;
  /** The values the expression read. */
  readonly values: Readonly<Record<string, ReadValue>>;
  /** One sentence with the numbers. */
  readonly explanation: string;
  /** Rows that would probably decide; 0 = not applicable. */
  readonly needsRows: number;
  /** Where they are needed: `all`, a cohort or a group; empty = not applicable. */
  readonly needsSlice: string;
}

/** What gates are judged on. */
export interface Evidence {
  readonly measurements: Measurements;
  /** Why there is nothing to compare with: there is no champion, or it cannot be compared. */
  readonly championAbsence:
    { readonly kind: 'none' } | { readonly kind: 'incomparable'; readonly reason: string } | null;
  readonly backtest: readonly BacktestFold[] | null;
  readonly latency: Latency;
  readonly modelBytes: number;
}

/** Below this the central limit theorem that all intervals lean on is no basis for a promotion. */
export const DECISION_ROWS_MIN = 100;

/** Judges every gate of the policy, in its order. */
export function judgeGates(gates: readonly Gate[], evidence: Evidence): GateOutcome[] {
  const hasBaselineGate = gates.some(({ compare }) => compare?.to === 'baseline');
  const values = gateValues(evidence);
  return gates.map((gate) => {
    if (gate.compare) return judgeComparison(gate, gate.compare, evidence, hasBaselineGate);
    return gate.fairness
      ? judgeGroups(gate, gate.fairness, evidence.measurements)
      : judgeExpression(gate, values, evidence.measurements);
  });
}

function outcomeOf(gate: Gate, verdict: Verdict, explanation: string, more: Partial<GateOutcome> = {}): GateOutcome {
  const { name, severity } = gate;
  return {
    gate: name,
    severity,
    verdict,
    explanation,
    expression: '',
    values: {},
    needsRows: 0,
    needsSlice: '',
    ...more,
  };
}

function judgeGroups(gate: Gate, rule: NonNullable<Gate['fairness']>, { fairness }: Measurements): GateOutcome {
  const measured = fairness.find((one) => one.gate === gate.name);
  if (!measured) return outcomeOf(gate, 'Error', 'the gap between groups was not measured');
  const { verdict, explanation, ...more } = judgeFairness(rule, measured);
  return outcomeOf(gate, verdict, explanation, more);
}

function judgeComparison(gate: Gate, compare: Comparison, evidence: Evidence, hasBaselineGate: boolean): GateOutcome {
  const { championAbsence, measurements } = evidence;
  if (compare.to === 'champion' && championAbsence) {
    if (championAbsence.kind === 'incomparable')
      return outcomeOf(gate, 'Inconclusive', `the champion cannot be compared: ${championAbsence.reason}`);
    return hasBaselineGate
      ? outcomeOf(gate, 'Pass', 'no champion yet: skipped, and the gates against the baseline decide')
      : outcomeOf(
          gate,
          'Inconclusive',
          'no champion yet, and no gate compares with the baseline: nothing shows that the model is of use',
        );
  }
  const difference = measurements.differences[gate.name];
  if (difference?.kind === 'measured') return judgeDifference(gate, compare, difference, measurements);
  return outcomeOf(
    gate,
    'Inconclusive',
    `${titleOf(compare.metric)} cannot be compared: ${difference?.reason ?? 'it was not measured'}`,
  );
}

type Measured = Extract<Difference, { kind: 'measured' }>;

function judgeDifference(gate: Gate, compare: Comparison, measured: Measured, measurements: Measurements): GateOutcome {
  const { metric, confidence } = compare;
  const { value, lower, upper, n, method } = measured;
  const overall = ruling(compare, measured);
  const { verdict, reason, needsRows, slice } = withCohorts(overall, compare, measured, measurements);
  const base = { name: metric, confidence, n, slice: 'all', method };
  const margin = compare.rule === 'NonInferior' ? -compare.margin : compare.margin;
  const limit = betterOf(metric) === 'higher' ? margin : -margin;
  const interval = `${signed(value)} (${percent(confidence)} interval ${signed(lower)} to ${signed(upper)}, n = ${count(n)})`;
  const opponent = compare.to === 'champion' ? "the champion's" : "the baseline's";
  const where = slice === 'all' ? '' : ` of ${slice}`;
  const more =
    verdict === 'Inconclusive' && needsRows > 0 ? `; about ${count(needsRows)} rows${where} would decide` : '';
  const ofChampion = compare.to === 'champion' && metricOf(measurements.champion?.metrics, metric);
  const ofChallenger = metricOf(measurements.challenger.metrics, metric);
  return outcomeOf(gate, verdict, `${titleOf(metric)} minus ${opponent} is ${interval}: ${reason}${more}`, {
    difference: { ...base, value, lower, upper, limit },
    ...(ofChampion && { champion: ofChampion }),
    ...(ofChallenger && { challenger: ofChallenger }),
    needsRows,
    needsSlice: verdict === 'Inconclusive' ? slice : '',
  });
}

interface Ruling {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly needsRows: number;
  /** Where the verdict comes from: `all` or a cohort. */
  readonly slice: string;
}

/**
 * Holds the whole interval of the gain against the bound: −margin for `NonInferior`, +margin for `Superior`. All of it above
 * passes, none of it above fails, anything else is inconclusive: too little data is never an answer.
 */
function ruling(compare: Comparison, measured: Measured): Ruling {
  const { rule, margin, confidence } = compare;
  const { lower, upper, n } = measured;
  const judged = nonInferiority({ ...evidenceOf(compare, measured), margin: rule === 'NonInferior' ? margin : 0 });
  const bound = rule === 'NonInferior' ? -margin : margin;
  const claim =
    rule === 'NonInferior'
      ? `not worse by ${shown(margin)} or more`
      : margin === 0
        ? 'better'
        : `better by more than ${shown(margin)}`;
  const slice = 'all';
  if (judged.reason === 'too-few-rows') {
    return {
      verdict: 'Inconclusive',
      reason: `fewer than ${DECISION_ROWS_MIN} rows decide nothing`,
      needsRows: Math.max(DECISION_ROWS_MIN, judged.requiredRows ?? 0),
      slice,
    };
  }
  if (judged.gainLower > bound) return { verdict: 'Pass', reason: claim, needsRows: 0, slice };
  const refuted = rule === 'NonInferior' ? judged.gainUpper < bound : judged.gainUpper <= bound;
  if (refuted) return { verdict: 'Fail', reason: `surely not "${claim}"`, needsRows: 0, slice };
  const needed = rowsToDecide({ gain: judged.gain, bound, halfWidth: (upper - lower) / 2, rows: n, confidence });
  const reason = `the interval does not tell whether it is ${claim}`;
  return { verdict: 'Inconclusive', reason, needsRows: needed ?? 0, slice };
}

function evidenceOf({ metric, confidence, margin }: Comparison, { value, lower, upper, n }: Measured) {
  const better = betterOf(metric);
  return { difference: value, lower, upper, better, margin, rows: n, minRows: DECISION_ROWS_MIN, confidence };
}

/** With a cohort margin the gate is only as good as its worst cohort: one that is harmed fails it, one in doubt leaves it open. */
function withCohorts(overall: Ruling, compare: Comparison, measured: Measured, measurements: Measurements): Ruling {
  const { cohortMargin } = compare;
  if (cohortMargin === undefined || overall.verdict === 'Fail') return overall;
  const { cohorts, smallCohorts } = measurements;
  const slices = cohorts.map(({ cohort, n, difference: { value, lower, upper } }) => ({
    ...evidenceOf({ ...compare, margin: cohortMargin }, { ...measured, value, lower, upper, n }),
    slice: cohort,
  }));
  const decided: PromotionDecision = decidePromotion(evidenceOf(compare, measured), slices);
  const { verdict, slice, moreLabels } = decided;
  if (slice === 'all') return noCohortJudged(overall, cohorts.length, smallCohorts);
  const { gain, gainLower, gainUpper } = decided.comparison;
  const loss = `${signed(-gain)} (${signed(-gainUpper)} to ${signed(-gainLower)})`;
  if (verdict === 'reject')
    return {
      verdict: 'Fail',
      reason: `${slice} is worse by ${loss}, more than ${shown(cohortMargin)}`,
      needsRows: 0,
      slice,
    };
  const rows = slices.find((part) => part.slice === slice)!.rows;
  return {
    verdict: 'Inconclusive',
    reason: `${slice} differs by ${loss}, which does not exclude ${shown(cohortMargin)}`,
    needsRows: moreLabels === null ? 0 : rows + moreLabels,
    slice,
  };
}

function noCohortJudged(overall: Ruling, judged: number, small: Measurements['smallCohorts']): Ruling {
  if (judged > 0 || overall.verdict !== 'Pass') return overall;
  const largest = [...small].sort((a, b) => b.n - a.n)[0];
  const needsRows = largest === undefined ? 0 : Math.max(largest.minRows, DECISION_ROWS_MIN);
  const slice = largest?.cohort ?? 'all';
  return { verdict: 'Inconclusive', reason: 'no cohort has rows enough to be judged', needsRows, slice };
}

function metricOf(metrics: readonly MetricEstimate[] | undefined, name: string): MetricEstimate | undefined {
  return metrics?.find((metric) => metric.name === name);
}

type GateValues = Readonly<Record<string, ReadValue | undefined>>;

/** The values that expressions may read as `eval.…`; one that could not be measured is absent. */
export function gateValues({ measurements, backtest, latency, modelBytes }: Evidence): GateValues {
  const of = (name: string): number | undefined => metricOf(measurements.challenger.metrics, name)?.value;
  const { cohorts, n } = measurements;
  const harms = cohorts.map(({ difference }) => difference);
  const most = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : Math.max(...values);
  return {
    logLoss: of('logLoss'),
    rocAuc: of('rocAuc'),
    brier: of('brier'),
    ece: of('ece'),
    expectedEce: of('expectedEce'),
    calibrationSlope: of('calibrationSlope'),
    p50Ms: latency.p50Ms,
    p99Ms: latency.p99Ms,
    modelBytes,
    backtestWins: backtest?.filter(({ difference }) => difference.value < 0).length,
    backtestFolds: backtest?.length,
    backtestWorstDifference: most((backtest ?? []).map(({ difference }) => difference.value)),
    worstCohortDifference: most(harms.map(({ value }) => value)),
    // The worst over all cohorts is below the highest of their simultaneous upper bounds.
    worstCohortDifferenceUpper: most(harms.map(({ upper }) => upper)),
    cohortsChecked: cohorts.length,
    ...sliceValues(measurements.slices),
    n,
  };
}

/** Without a champion nothing is searched for harm: where a model is weak of its own is no reason to stop it. */
function sliceValues(slices: Measurements['slices']): GateValues {
  if (slices === null) return {};
  if (slices.against === 'rest') return { slicesHarmed: 0, slicesChecked: 0 };
  const [worst] = slices.harmed;
  return {
    slicesHarmed: slices.harmed.length,
    slicesChecked: slices.tested,
    worstSliceDifference: worst?.difference,
    worstSliceDifferenceLower: worst?.lower,
  };
}

function judgeExpression(gate: Gate, values: GateValues, measurements: Measurements): GateOutcome {
  const expression = gate.expr ?? '';
  const compiled = compileExpression(expression, 'gate');
  try {
    const { value, read } = compiled.evaluate({ eval: values });
    const seen = Object.entries(read).map(
      ([path, item]) => `${path} = ${typeof item === 'number' ? shown(item) : String(item)}`,
    );
    const n = Number(values['n']);
    const explanation = `${expression} is ${value} with ${seen.join(', ') || 'no value read'} (n = ${count(n)})`;
    const estimates = measurements.challenger.metrics.filter(({ name }) => read[`eval.${name}`] !== undefined);
    const { certain, needsRows } = certaintyOf(
      estimates,
      n,
      (replaced) => compiled.evaluate({ eval: { ...values, ...replaced } }).value === true,
    );
    if (certain) return outcomeOf(gate, value ? 'Pass' : 'Fail', explanation, { expression, values: read });
    const intervals = estimates.flatMap(({ name, lower, upper }) =>
      lower === undefined || upper === undefined ? [] : [`eval.${name} ${shown(lower)} to ${shown(upper)}`],
    );
    const more = needsRows > 0 ? `; about ${count(needsRows)} rows would decide` : '';
    const doubt = `${explanation}, but not all over the intervals (${intervals.join(', ')})${more}`;
    return outcomeOf(gate, 'Inconclusive', doubt, { expression, values: read, needsRows, needsSlice: 'all' });
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    // A value that could not be measured is missing evidence; everything else is a fault of the expression.
    const missing = compiled.paths.some((path) => values[path.replace(/^eval\./, '')] === undefined);
    const verdict = missing ? 'Inconclusive' : 'Error';
    return outcomeOf(gate, verdict, error.message, { expression });
  }
}

/** The verdict over all gates. */
export interface Judgement {
  readonly verdict: Verdict;
  /** People have to look at it before it may be used. */
  readonly requiresReview: boolean;
}

/**
 * A blocking gate that fails stops the candidate; one in error makes the verdict an error; one without enough evidence
 * counts as `onInconclusive` says, never as passed. Gates that ask for people do so unless they pass. Advisory gates are noted.
 */
export function judge(outcomes: readonly GateOutcome[], onInconclusive: 'Fail' | 'RequiresReview'): Judgement {
  const blocking = outcomes.filter(({ severity }) => severity === 'Blocking');
  const has = (verdict: Verdict): boolean => blocking.some((outcome) => outcome.verdict === verdict);
  const requiresReview = outcomes.some(({ severity, verdict }) => severity === 'RequiresReview' && verdict !== 'Pass');
  if (has('Fail')) return { verdict: 'Fail', requiresReview };
  if (has('Error')) return { verdict: 'Error', requiresReview };
  if (!has('Inconclusive')) return { verdict: 'Pass', requiresReview };
  return onInconclusive === 'Fail'
    ? { verdict: 'Fail', requiresReview }
    : { verdict: 'Inconclusive', requiresReview: true };
}
