import { PermanentError } from '@rondo/kernel';
import { compileExpression, type PipelineSpec, type ReadValue } from '@rondo/policy';
import { nonInferiority, requiredRows, type MetricEstimate } from '@rondo/statistics';
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
  /** Challenger − opponent, for comparing gates. */
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
  return gates.map((gate) =>
    gate.compare ? judgeComparison(gate, gate.compare, evidence, hasBaselineGate) : judgeExpression(gate, values),
  );
}

function outcomeOf(gate: Gate, verdict: Verdict, explanation: string, more: Partial<GateOutcome> = {}): GateOutcome {
  const { name, severity } = gate;
  return { gate: name, severity, verdict, explanation, expression: '', values: {}, needsRows: 0, ...more };
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
  const { verdict, reason, needsRows } = ruling(compare, measured);
  const base = { name: metric, confidence, n, slice: 'all', method };
  const margin = compare.rule === 'NonInferior' ? -compare.margin : compare.margin;
  const limit = betterOf(metric) === 'higher' ? margin : -margin;
  const interval = `${signed(value)} (${percent(confidence)} interval ${signed(lower)} to ${signed(upper)}, n = ${count(n)})`;
  const opponent = compare.to === 'champion' ? "the champion's" : "the baseline's";
  const more = verdict === 'Inconclusive' && needsRows > 0 ? `; about ${count(needsRows)} rows would decide` : '';
  const ofChampion = compare.to === 'champion' && metricOf(measurements.champion?.metrics, metric);
  const ofChallenger = metricOf(measurements.challenger.metrics, metric);
  return outcomeOf(gate, verdict, `${titleOf(metric)} minus ${opponent} is ${interval}: ${reason}${more}`, {
    difference: { ...base, value, lower, upper, limit },
    ...(ofChampion && { champion: ofChampion }),
    ...(ofChallenger && { challenger: ofChallenger }),
    needsRows,
  });
}

interface Ruling {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly needsRows: number;
}

/**
 * Holds the whole interval of the gain against the bound: −margin for `NonInferior`, +margin for `Superior`. All of it above
 * passes, none of it above fails, anything else is inconclusive: too little data is never an answer.
 */
function ruling(compare: Comparison, { value, lower, upper, n }: Measured): Ruling {
  const { rule, margin, confidence, metric } = compare;
  const evidence = {
    difference: value,
    lower,
    upper,
    better: betterOf(metric),
    rows: n,
    minRows: DECISION_ROWS_MIN,
    confidence,
  };
  const judged = nonInferiority({ ...evidence, margin: rule === 'NonInferior' ? margin : 0 });
  const bound = rule === 'NonInferior' ? -margin : margin;
  const claim =
    rule === 'NonInferior'
      ? `not worse by ${shown(margin)} or more`
      : margin === 0
        ? 'better'
        : `better by more than ${shown(margin)}`;
  if (judged.reason === 'too-few-rows') {
    return {
      verdict: 'Inconclusive',
      reason: `fewer than ${DECISION_ROWS_MIN} rows decide nothing`,
      needsRows: Math.max(DECISION_ROWS_MIN, judged.requiredRows ?? 0),
    };
  }
  if (judged.gainLower > bound) return { verdict: 'Pass', reason: claim, needsRows: 0 };
  const refuted = rule === 'NonInferior' ? judged.gainUpper < bound : judged.gainUpper <= bound;
  if (refuted) return { verdict: 'Fail', reason: `surely not "${claim}"`, needsRows: 0 };
  const needsRows = rowsToDecide({
    assumingEqual: rule === 'NonInferior' ? judged.requiredRows : null,
    gain: judged.gain,
    bound,
    halfWidth: (upper - lower) / 2,
    n,
    confidence,
  });
  return { verdict: 'Inconclusive', reason: `the interval does not tell whether it is ${claim}`, needsRows };
}

/** Rows for power 0.8 if the models are equal; where that many did not suffice, if the gain seen so far is the true one. */
function rowsToDecide(seen: {
  assumingEqual: number | null;
  gain: number;
  bound: number;
  halfWidth: number;
  n: number;
  confidence: number;
}): number {
  if (seen.assumingEqual !== null && seen.assumingEqual > seen.n) return seen.assumingEqual;
  const distance = Math.abs(seen.gain - seen.bound);
  if (distance === 0) return 0;
  const rows = requiredRows({ halfWidth: seen.halfWidth, rows: seen.n, margin: distance, confidence: seen.confidence });
  return Number.isSafeInteger(rows) ? rows : 0;
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
    n,
  };
}

function judgeExpression(gate: Gate, values: GateValues): GateOutcome {
  const expression = gate.expr ?? '';
  const compiled = compileExpression(expression, 'gate');
  try {
    const { value, read } = compiled.evaluate({ eval: values });
    const seen = Object.entries(read).map(
      ([path, item]) => `${path} = ${typeof item === 'number' ? shown(item) : String(item)}`,
    );
    const explanation = `${expression} is ${value} with ${seen.join(', ') || 'no value read'} (n = ${count(Number(values['n']))})`;
    return outcomeOf(gate, value ? 'Pass' : 'Fail', explanation, { expression, values: read });
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
