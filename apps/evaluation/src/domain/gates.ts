import { PermanentError } from '@rondo/kernel';
import { compileExpression, type PipelineSpec, type ReadValue } from '@rondo/policy';
import type { MetricEstimate } from '@rondo/statistics';
import { certaintyOf, type UncertainValue } from './certainty.js';
import { clusterShortage, rowsText } from './cluster-shortage.js';
import { judgeComparison } from './comparison-gate.js';
import { judgeFairness } from './fairness-gate.js';
import { gateValues, restsOnRows, uncertainValues, type GateValues } from './gate-values.js';
import type { BacktestFold, Latency, Measurements } from './measurement.js';
import type { AlphaLook } from './promotion-ledger.js';
import { count, shown } from './words.js';

/** Outcome of a gate and of all gates together. */
export type Verdict = 'Pass' | 'Fail' | 'Inconclusive' | 'Error';

/** One gate of the policy. */
export type Gate = PipelineSpec['evaluation']['gates'][number];
/** What a comparing gate asks for. */
export type Comparison = NonNullable<Gate['compare']>;

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
  /** Of a gate that was passed or not at a level of the pipeline's life. */
  readonly alphaLook?: AlphaLook;
}

/** What gates are judged on. */
export interface Evidence {
  readonly measurements: Measurements;
  /** Why there is nothing to compare with: there is no champion, or it cannot be compared. */
  readonly championAbsence:
    { readonly kind: 'none' } | { readonly kind: 'incomparable'; readonly reason: string } | null;
  /** Null where the policy limits no false promotions over the pipeline's life, or nothing could be compared. */
  readonly alphaLook: AlphaLook | null;
  readonly backtest: readonly BacktestFold[] | null;
  readonly latency: Latency;
  readonly modelBytes: number;
}

/** Judges every gate of the policy, in its order. */
export function judgeGates(gates: readonly Gate[], evidence: Evidence): GateOutcome[] {
  const hasBaselineGate = gates.some(({ compare }) => compare?.to === 'baseline');
  const values = gateValues(evidence);
  return gates.map((gate) => {
    if (gate.compare) {
      const { verdict, explanation, ...more } = judgeComparison(gate, gate.compare, evidence, hasBaselineGate);
      return outcomeOf(gate, verdict, explanation, more);
    }
    return gate.fairness
      ? judgeGroups(gate, gate.fairness, evidence.measurements)
      : judgeExpression(gate, values, evidence);
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

function judgeGroups(gate: Gate, rule: NonNullable<Gate['fairness']>, measurements: Measurements): GateOutcome {
  const measured = measurements.fairness.find((one) => one.gate === gate.name);
  if (!measured) return outcomeOf(gate, 'Error', 'the gap between groups was not measured');
  const { verdict, explanation, ...more } = judgeFairness(rule, measured, measurements);
  return outcomeOf(gate, verdict, explanation, more);
}

function judgeExpression(gate: Gate, values: GateValues, evidence: Evidence): GateOutcome {
  const { measurements } = evidence;
  const expression = gate.expr ?? '';
  const compiled = compileExpression(expression, 'gate');
  const shortage = clusterShortage(measurements);
  if (shortage && compiled.paths.some(restsOnRows)) {
    const { reason, needsRows } = shortage;
    const explanation = `${expression} is not judged: ${reason}; ${rowsText(needsRows, measurements)} would decide`;
    return outcomeOf(gate, 'Inconclusive', explanation, { expression, needsRows, needsSlice: 'all' });
  }
  try {
    const { value, read } = compiled.evaluate({ eval: values });
    const seen = Object.entries(read).map(
      ([path, item]) => `${path} = ${typeof item === 'number' ? shown(item) : String(item)}`,
    );
    const n = Number(values['n']);
    const explanation = `${expression} is ${value} with ${seen.join(', ') || 'no value read'} (n = ${count(n)})`;
    const holds = (replaced: Readonly<Record<string, number>>): boolean =>
      compiled.evaluate({ eval: { ...values, ...replaced } }).value === true;
    const { ofRows, ofFolds, ofRequests } = uncertainValues(evidence, (name) => read[`eval.${name}`] !== undefined);
    const all = [...ofRows, ...ofFolds, ...ofRequests];
    if (certaintyOf(all, n, holds).certain)
      return outcomeOf(gate, value ? 'Pass' : 'Fail', explanation, { expression, values: read });
    const { needsRows } = certaintyOf(ofRows, n, holds);
    const needs = [
      ...(needsRows > 0 ? [rowsText(needsRows, measurements)] : []),
      ...requestsText(ofRequests, evidence.latency, holds),
    ];
    const intervals = all.map(({ name, lower, upper }) => `eval.${name} ${boundText(lower)} to ${boundText(upper)}`);
    const more = needs.length > 0 ? `; ${needs.join(' and ')} would decide` : '';
    const doubt = `${explanation}, but not all over the intervals (${intervals.join(', ')})${more}`;
    const needsSlice = needsRows > 0 ? 'all' : '';
    return outcomeOf(gate, 'Inconclusive', doubt, { expression, values: read, needsRows, needsSlice });
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    // A value that could not be measured is missing evidence; everything else is a fault of the expression.
    const missing = compiled.paths.some((path) => values[path.replace(/^eval\./, '')] === undefined);
    const verdict = missing ? 'Inconclusive' : 'Error';
    return outcomeOf(gate, verdict, error.message, { expression });
  }
}

const boundText = (bound: number | undefined): string => (bound === undefined ? 'without bound' : shown(bound));

/** Timed requests that would probably narrow the times enough; empty where these are not what is in doubt. */
function requestsText(
  times: readonly UncertainValue[],
  { requests, requestsForBounds }: Latency,
  holds: (values: Readonly<Record<string, number>>) => boolean,
): string[] {
  const { certain, needsRows } = certaintyOf(times, requests, holds);
  const needed = Math.max(needsRows, requestsForBounds);
  return certain || needed <= requests ? [] : [`about ${count(needed)} timed requests`];
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
