import {
  decidePromotion,
  nonInferiority,
  rowsToDecide,
  type MetricEstimate,
  type PromotionDecision,
} from '@rondo/statistics';
import type { Comparison, Evidence, Gate, GateOutcome, Verdict } from './gates.js';
import { clusterShortage, rowsForClusters, rowsText, type ClusterShortage } from './cluster-shortage.js';
import { betterOf } from './measure.js';
import type { ComparisonRequest, Difference, Measurements } from './measurement.js';
import { coverageAt, lookText, spendsAlpha, type AlphaLook } from './promotion-ledger.js';
import { count, coverage, shown, signed, titleOf } from './words.js';

/** Below this the central limit theorem that all intervals lean on is no basis for a promotion. */
export const DECISION_ROWS_MIN = 100;

/** What has to be measured for the gates that compare. */
export function comparisonRequests(gates: readonly Gate[], look: AlphaLook | null): ComparisonRequest[] {
  return gates.flatMap((gate) => {
    if (!gate.compare) return [];
    const { to: against, metric, test, confidence } = gate.compare;
    const confidenceAtLook = look && spendsAlpha(gate) ? coverageAt(look, confidence) : undefined;
    const usual = { gate: gate.name, against, metric, test, confidence };
    return [{ ...usual, ...(confidenceAtLook !== undefined && { confidenceAtLook }) }];
  });
}

/** What a comparing gate says, without the gate's own name and severity. */
export type ComparisonRuling = Pick<GateOutcome, 'verdict' | 'explanation'> & Partial<GateOutcome>;

/** Holds the interval of challenger − opponent against the margin, at the level of the pipeline's life where the policy limits that. */
export function judgeComparison(
  gate: Gate,
  compare: Comparison,
  evidence: Evidence,
  hasBaselineGate: boolean,
): ComparisonRuling {
  const { championAbsence, measurements } = evidence;
  if (compare.to === 'champion' && championAbsence) {
    if (championAbsence.kind === 'incomparable')
      return inconclusive(`the champion cannot be compared: ${championAbsence.reason}`);
    return hasBaselineGate
      ? { verdict: 'Pass', explanation: 'no champion yet: skipped, and the gates against the baseline decide' }
      : inconclusive('no champion yet, and no gate compares with the baseline: nothing shows that the model is of use');
  }
  const difference = measurements.differences[gate.name];
  const look = spendsAlpha(gate) ? evidence.alphaLook : null;
  if (difference?.kind === 'measured') return judgeDifference(compare, difference, measurements, look);
  const reason = `${titleOf(compare.metric)} cannot be compared: ${difference?.reason ?? 'it was not measured'}`;
  const shortage = clusterShortage(measurements);
  if (!shortage) return inconclusive(reason);
  const { needsRows } = shortage;
  return { ...inconclusive(`${reason}; ${shortage.reason}`), needsRows, needsSlice: 'all' };
}

const inconclusive = (explanation: string): ComparisonRuling => ({ verdict: 'Inconclusive', explanation });

type Measured = Extract<Difference, { kind: 'measured' }>;

function judgeDifference(
  ofPolicy: Comparison,
  ofGate: Measured,
  measurements: Measurements,
  look: AlphaLook | null,
): ComparisonRuling {
  const { compare, measured, overall } = atLevel(ofPolicy, ofGate, look, clusterShortage(measurements));
  const { metric, confidence } = compare;
  const { value, lower, upper, n, method } = measured;
  const { verdict, reason, needsRows, slice } = withCohorts(overall, compare, measured, measurements);
  const base = { name: metric, confidence, n, slice: 'all', method };
  const margin = compare.rule === 'NonInferior' ? -compare.margin : compare.margin;
  const limit = betterOf(metric) === 'higher' ? margin : -margin;
  const interval = `${signed(value)} (${coverage(confidence)} interval ${signed(lower)} to ${signed(upper)}, n = ${count(n)})`;
  const opponent = compare.to === 'champion' ? "the champion's" : "the baseline's";
  const where = slice === 'all' ? '' : ` of ${slice}`;
  // Of a cohort it is not known how many clusters its rows would come from.
  const { clusters } = slice === 'all' ? measurements : { clusters: null };
  const more =
    verdict === 'Inconclusive' && needsRows > 0
      ? `; ${rowsText(needsRows, { clusters, n: measurements.n }, where)} would decide`
      : '';
  const spent = look ? `; ${lookText(look)}` : '';
  const ofChampion = compare.to === 'champion' && metricOf(measurements.champion?.metrics, metric);
  const ofChallenger = metricOf(measurements.challenger.metrics, metric);
  return {
    verdict,
    explanation: `${titleOf(metric)} minus ${opponent} is ${interval}: ${reason}${more}${spent}`,
    difference: { ...base, value, lower, upper, limit },
    ...(ofChampion && { champion: ofChampion }),
    ...(ofChallenger && { challenger: ofChallenger }),
    needsRows,
    needsSlice: verdict === 'Inconclusive' ? slice : '',
    ...(look && { alphaLook: look }),
  };
}

/** A comparison with the interval that decides it. */
interface Decided {
  readonly compare: Comparison;
  readonly measured: Measured;
  readonly overall: Ruling;
}

/**
 * A look of the pipeline's life decides what passes, not what fails: a gate fails by the interval the policy asks for, since
 * refusing a challenger by mistake is no false promotion, and passes only by the wider one.
 */
function atLevel(
  compare: Comparison,
  measured: Measured,
  look: AlphaLook | null,
  shortage: ClusterShortage | null,
): Decided {
  const usual = { compare, measured, overall: shortage ? undecided(shortage) : ruling(compare, measured) };
  if (look === null || shortage !== null || usual.overall.verdict === 'Fail') return usual;
  const confidence = coverageAt(look, compare.confidence);
  if (confidence === undefined || !measured.atLook) {
    const { verdict, reason } = usual.overall;
    if (verdict !== 'Pass') return usual;
    return {
      ...usual,
      overall: { ...usual.overall, verdict: 'Inconclusive', reason: `${reason}, by this interval alone` },
    };
  }
  const wider = { compare: { ...compare, confidence }, measured: { ...measured, ...measured.atLook } };
  return { ...wider, overall: ruling(wider.compare, wider.measured) };
}

const undecided = ({ reason, needsRows }: ClusterShortage): Ruling => ({
  verdict: 'Inconclusive',
  reason,
  needsRows,
  slice: 'all',
});

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
  if (cohortMargin === undefined || overall.verdict === 'Fail' || clusterShortage(measurements)) return overall;
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
  const needsRows = largest === undefined ? 0 : Math.max(largest.minRows, DECISION_ROWS_MIN, rowsForClusters(largest));
  const slice = largest?.cohort ?? 'all';
  return { verdict: 'Inconclusive', reason: 'no cohort has rows enough to be judged', needsRows, slice };
}

/** The estimate of that name. */
export function metricOf(metrics: readonly MetricEstimate[] | undefined, name: string): MetricEstimate | undefined {
  return metrics?.find((metric) => metric.name === name);
}
