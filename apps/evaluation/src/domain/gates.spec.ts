import { describe, expect, it } from '@jest/globals';
import { DECISION_ROWS_MIN } from './comparison-gate.js';
import { judge, judgeGates, type Evidence, type Gate, type GateOutcome } from './gates.js';
import { measureFairness } from './fairness.js';
import type { Difference } from './measurement.js';

const compare = {
  to: 'champion',
  metric: 'logLoss',
  rule: 'NonInferior',
  test: 'PairedMean',
  confidence: 0.95,
  margin: 0.01,
} as const;
type Compare = NonNullable<Gate['compare']>;
const gate = (more: Partial<Compare> = {}): Gate => ({
  name: 'gate',
  severity: 'Blocking',
  compare: { ...compare, ...more },
});
const expression = (expr: string): Gate => ({ name: 'gate', severity: 'Blocking', expr });
const estimate = (name: string, value: number) => ({
  name,
  value,
  lower: value,
  upper: value,
  confidence: 0.95,
  n: 1000,
  slice: 'all',
  method: 'mean',
});
const latency = {
  rows: 1,
  requests: 600,
  p50Ms: 0.1,
  p99Ms: 0.5,
  p50Interval: { lower: 0.09, upper: 0.11 },
  p99Interval: { lower: 0.4, upper: 0.9 },
  requestsForBounds: 368,
};
const measured = (lower: number, upper: number, n = 1000): Difference => ({
  kind: 'measured',
  value: (lower + upper) / 2,
  lower,
  upper,
  n,
  method: 'paired mean',
});

function evidence(difference: Difference, more: Partial<Evidence> = {}): Evidence {
  const model = {
    metrics: [estimate('logLoss', 0.4), estimate('ece', 0.01)],
    calibration: [],
  };
  return {
    measurements: {
      n: 1000,
      challenger: model,
      champion: model,
      baseline: { probability: 0.2, logLoss: 0.5, brier: 0.16, metrics: [] },
      differences: { gate: difference },
      cohorts: [],
      smallCohorts: [],
      clusters: null,
      fairness: [],
      slices: null,
    },
    championAbsence: null,
    alphaLook: null,
    backtest: null,
    latency,
    modelBytes: 1000,
    ...more,
  };
}

const outcome = (gates: readonly Gate[], seen: Evidence): GateOutcome => judgeGates(gates, seen)[0]!;

describe('a gate that compares', () => {
  // Log loss: lower is better, so a positive difference is a loss.
  it.each([
    ['NonInferior', 0.01, -0.02, -0.01, 'Pass'],
    ['NonInferior', 0.01, -0.005, 0.009, 'Pass'],
    ['NonInferior', 0.01, -0.005, 0.01, 'Inconclusive'],
    ['NonInferior', 0.01, 0.002, 0.02, 'Inconclusive'],
    ['NonInferior', 0.01, 0.011, 0.02, 'Fail'],
    ['Superior', 0, -0.02, -0.001, 'Pass'],
    ['Superior', 0, -0.02, 0.001, 'Inconclusive'],
    ['Superior', 0, 0, 0.01, 'Fail'],
    ['Superior', 0.01, -0.02, -0.011, 'Pass'],
    ['Superior', 0.01, -0.02, -0.009, 'Inconclusive'],
    ['Superior', 0.01, -0.009, -0.001, 'Fail'],
  ] as const)('%s by %d with the interval %d to %d of log loss: %s', (rule, margin, lower, upper, verdict) => {
    expect(outcome([gate({ rule, margin })], evidence(measured(lower, upper))).verdict).toBe(verdict);
  });

  it('reads ROC AUC the other way round', () => {
    const roc = gate({ metric: 'rocAuc', test: 'DeLong' });
    expect(outcome([roc], evidence(measured(-0.009, 0.001))).verdict).toBe('Pass');
    expect(outcome([roc], evidence(measured(-0.03, -0.011)))).toMatchObject({
      verdict: 'Fail',
      difference: { limit: -0.01 },
    });
  });

  it('of two identical models is not inferior, and not superior either', () => {
    expect(outcome([gate()], evidence(measured(0, 0))).verdict).toBe('Pass');
    expect(outcome([gate({ rule: 'Superior', margin: 0 })], evidence(measured(0, 0))).verdict).toBe('Fail');
  });

  it('decides nothing on fewer rows than the interval can carry', () => {
    const few = outcome([gate()], evidence(measured(-0.02, -0.01, DECISION_ROWS_MIN - 1)));
    expect(few).toMatchObject({ verdict: 'Inconclusive', needsRows: expect.any(Number) });
    expect(few.needsRows).toBeGreaterThanOrEqual(DECISION_ROWS_MIN);
  });

  it('that is inconclusive asks for more rows than it had', () => {
    for (const [lower, upper] of [
      [-0.05, 0.05],
      [-0.005, 0.0101],
      [0.002, 0.02],
    ] as const) {
      expect(outcome([gate()], evidence(measured(lower, upper))).needsRows).toBeGreaterThan(1000);
    }
  });

  it('is inconclusive when the metric cannot be measured', () => {
    const seen = evidence({ kind: 'unmeasurable', reason: 'one class', n: 1000 });
    expect(outcome([gate()], seen)).toMatchObject({
      verdict: 'Inconclusive',
      explanation: 'log loss cannot be compared: one class',
    });
  });
});

describe('a gate with a cohort margin', () => {
  const cohort = (name: string, value: number, half: number, n = 1000) => ({
    cohort: name,
    n,
    difference: { value, lower: value - half, upper: value + half },
  });
  const judged = (cohorts: readonly ReturnType<typeof cohort>[], overall = measured(-0.01, 0.001)): GateOutcome => {
    const base = evidence(overall);
    const smallCohorts = [{ cohort: 'g=9', n: 3, minRows: 200 }];
    return outcome([gate({ cohortMargin: 0.05 })], {
      ...base,
      measurements: { ...base.measurements, cohorts, smallCohorts },
    });
  };

  it('passes when no cohort can be worse by it', () => {
    expect(judged([cohort('g=1', 0.01, 0.02), cohort('g=2', -0.02, 0.03)])).toMatchObject({
      verdict: 'Pass',
      needsSlice: '',
    });
  });

  it('fails by the cohort that surely is', () => {
    const failed = judged([cohort('g=1', 0.01, 0.02), cohort('g=2', 0.09, 0.03)]);
    expect(failed.verdict).toBe('Fail');
    expect(failed.explanation).toContain('g=2 is worse by +0.09 (+0.06 to +0.12), more than 0.05');
  });

  it('is inconclusive by the cohort in doubt, and says how many rows it needs', () => {
    const open = judged([cohort('g=1', 0.01, 0.02), cohort('g=2', 0.03, 0.06, 400)]);
    expect(open).toMatchObject({ verdict: 'Inconclusive', needsSlice: 'g=2' });
    expect(open.needsRows).toBeGreaterThan(400);
    expect(open.explanation).toMatch(/about \d[\d,]* rows of g=2 would decide/);
  });

  it('is inconclusive where no cohort has rows enough', () => {
    expect(judged([])).toMatchObject({ verdict: 'Inconclusive', needsSlice: 'g=9', needsRows: 200 });
  });

  it('does not soften a failure over all rows', () => {
    expect(judged([cohort('g=1', 0, 0.01)], measured(0.02, 0.03)).verdict).toBe('Fail');
  });
});

describe('a gate on fairness', () => {
  const rule = {
    by: 'g',
    measure: 'DemographicParity',
    threshold: 0.5,
    maxGap: 0.1,
    minRows: 50,
    confidence: 0.95,
  } as const;
  const fair: Gate = { name: 'gate', severity: 'Blocking', fairness: rule };
  /** Two groups of `n` rows of which these are decided for 1. */
  const of = (first: number, second: number, n: number): Evidence => {
    const codes = Float32Array.from({ length: 2 * n }, (_, row) => (row < n ? 1 : 2));
    const scores = Float32Array.from(codes, (_, row) => ((row < n ? row < first : row - n < second) ? 1 : 0));
    const labels = Float32Array.from(codes, (_, row) => row % 2);
    const base = evidence(measured(0, 0));
    const fairness = [measureFairness({ gate: 'gate', ...rule, values: codes }, labels, scores, undefined)];
    return { ...base, measurements: { ...base.measurements, fairness } };
  };

  it('passes when the whole interval is within the limit', () => {
    const seen = outcome([fair], of(1000, 1010, 2000));
    expect(seen).toMatchObject({ verdict: 'Pass', needsRows: 0, needsSlice: '' });
    expect(seen.difference).toMatchObject({ name: 'demographicParityGap', limit: 0.1, n: 2000, slice: 'g' });
  });

  it('fails when none of it is', () => {
    const seen = outcome([fair], of(400, 1400, 2000));
    expect(seen.verdict).toBe('Fail');
    expect(seen.explanation).toMatch(
      /^the share of positive decisions differs by 0.5 \(.*\) between g=2 and g=1; tolerated/,
    );
  });

  it('is inconclusive in between, and asks for rows of one group', () => {
    const seen = outcome([fair], of(30, 34, 60));
    expect(seen).toMatchObject({ verdict: 'Inconclusive', needsSlice: expect.stringMatching(/^g=[12]$/) });
    expect(seen.needsRows).toBeGreaterThan(60);
  });

  it('is inconclusive when a group is too small', () => {
    expect(outcome([fair], of(10, 10, 20))).toMatchObject({
      verdict: 'Inconclusive',
      needsRows: 50,
      needsSlice: 'g=1',
    });
  });
});

describe('a gate with an expression', () => {
  const withEce = (value: number, half: number): Evidence => {
    const base = evidence(measured(0, 0));
    const ece = { ...estimate('ece', value), lower: value - half, upper: value + half };
    const { challenger } = base.measurements;
    return { ...base, measurements: { ...base.measurements, challenger: { ...challenger, metrics: [ece] } } };
  };

  it.each([
    [0.02, 0.005, 'Pass'],
    [0.02, 0.02, 'Inconclusive'],
    [0.04, 0.02, 'Inconclusive'],
    [0.04, 0.005, 'Fail'],
  ])('on a calibration error of %d with reach %d against 0.03: %s', (value, half, verdict) => {
    const seen = outcome([expression('eval.ece <= 0.03')], withEce(value, half));
    expect(seen.verdict).toBe(verdict);
    if (verdict === 'Inconclusive') {
      // A distance of 0.01 against a reach of 0.02: half the width, four times the rows.
      expect(seen.needsRows / 4000).toBeCloseTo(1, 2);
      expect(seen.needsSlice).toBe('all');
    }
  });

  it('records the values it read', () => {
    const seen = outcome([expression('eval.ece <= 0.03 && eval.n > 10')], evidence(measured(0, 0)));
    expect(seen).toMatchObject({ verdict: 'Pass', values: { 'eval.ece': 0.01, 'eval.n': 1000 } });
    expect(seen.explanation).toContain('eval.ece = 0.01');
  });

  it('fails when it is false', () => {
    expect(outcome([expression('eval.ece > 0.03')], evidence(measured(0, 0))).verdict).toBe('Fail');
  });

  it('is inconclusive without the value it needs', () => {
    expect(outcome([expression('eval.rocAuc > 0.5')], evidence(measured(0, 0)))).toMatchObject({
      verdict: 'Inconclusive',
      values: {},
    });
  });

  it.each([
    ['eval.p99Ms <= 1.0', 'Pass'],
    ['eval.p99Ms <= 0.7', 'Inconclusive'],
    ['eval.p99Ms <= 0.45', 'Inconclusive'],
    ['eval.p99Ms <= 0.3', 'Fail'],
    ['eval.p50Ms <= 0.2', 'Pass'],
  ])('reads times with their intervals: %s, %s', (expr, verdict) => {
    const seen = outcome([expression(expr)], evidence(measured(0, 0)));
    expect(seen.verdict).toBe(verdict);
    if (verdict !== 'Inconclusive') return;
    expect(seen).toMatchObject({ needsRows: 0, needsSlice: '' });
    expect(seen.explanation).toMatch(/eval.p99Ms 0.4 to 0.9\); about [\d,]+ timed requests would decide/);
  });

  it('is inconclusive on a time that has no upper bound yet, and asks for requests', () => {
    const few = { ...latency, requests: 20, p99Interval: { lower: 0.4, upper: null } };
    const seen = outcome([expression('eval.p99Ms <= 100.0')], evidence(measured(0, 0), { latency: few }));
    expect(seen.verdict).toBe('Inconclusive');
    expect(seen.explanation).toContain('0.4 to without bound); about 368 timed requests would decide');
    expect(outcome([expression('eval.p99Ms <= 0.2')], evidence(measured(0, 0), { latency: few })).verdict).toBe('Fail');
  });

  it('counts a fold as won only where its interval says so', () => {
    const around1 = { lower: 0.9, upper: 1.1 };
    const fold = (lower: number, upper: number) => ({
      ...{ name: 'w', from: '', to: '', trainRows: 10, n: 10, champion: 1, challenger: 1 },
      ...{ championInterval: around1, challengerInterval: around1 },
      difference: { value: (lower + upper) / 2, lower, upper },
    });
    const stable = [expression('eval.backtestWins * 2 >= eval.backtestFolds')];
    const judged = (...folds: ReturnType<typeof fold>[]) =>
      outcome(stable, evidence(measured(0, 0), { backtest: folds })).verdict;
    expect(judged(fold(-2, -1), fold(-3, -1), fold(-1, 0.5))).toBe('Pass');
    expect(judged(fold(-2, -1), fold(-3, 1), fold(1, 2))).toBe('Inconclusive');
    expect(judged(fold(1, 2), fold(1, 3), fold(-2, 1))).toBe('Fail');
    const worst = [expression('eval.backtestWorstDifference < 0.5')];
    const worstOf = (upper: number) =>
      outcome(worst, evidence(measured(0, 0), { backtest: [fold(-1, 0), fold(-0.2, upper)] })).verdict;
    expect([worstOf(0.4), worstOf(0.6)]).toEqual(['Pass', 'Inconclusive']);
  });

  it('reads the worst cohort with the interval that holds for all of them', () => {
    const base = evidence(measured(0, 0));
    const cohort = (value: number, half: number) => ({
      cohort: 'c',
      n: 10,
      difference: { value, lower: value - half, upper: value + half },
    });
    const judged = (...cohorts: ReturnType<typeof cohort>[]) =>
      outcome([expression('!has(eval.worstCohortDifference) || eval.worstCohortDifference < 0.1')], {
        ...base,
        measurements: { ...base.measurements, cohorts },
      });
    expect(judged(cohort(0.02, 0.03), cohort(0.01, 0.05)).verdict).toBe('Pass');
    const open = judged(cohort(0.02, 0.03), cohort(0.01, 0.2));
    expect(open).toMatchObject({ verdict: 'Inconclusive', needsSlice: 'all' });
    expect(open.needsRows).toBeGreaterThan(1000);
    expect(judged(cohort(0.2, 0.05), cohort(0.01, 0.2)).verdict).toBe('Fail');
  });

  it('sees the upper bound that holds for every cohort', () => {
    const base = evidence(measured(0, 0));
    const cohort = (value: number, upper: number) => ({ cohort: 'c', n: 10, difference: { value, lower: -1, upper } });
    const seen = { ...base, measurements: { ...base.measurements, cohorts: [cohort(0.02, 0.03), cohort(0.01, 0.09)] } };
    const gates = [expression('!has(eval.worstCohortDifferenceUpper) || eval.worstCohortDifferenceUpper < 0.05')];
    expect(outcome(gates, seen)).toMatchObject({
      verdict: 'Fail',
      values: { 'eval.worstCohortDifferenceUpper': 0.09 },
    });
    expect(outcome(gates, base).verdict).toBe('Pass');
  });
});

describe('the verdict over all gates', () => {
  const of = (severity: Gate['severity'], verdict: GateOutcome['verdict']): GateOutcome => ({
    gate: 'g',
    severity,
    verdict,
    expression: '',
    values: {},
    explanation: '',
    needsRows: 0,
    needsSlice: '',
  });

  it.each([
    [[of('Blocking', 'Pass'), of('Advisory', 'Fail')], 'Pass', false],
    [[of('Blocking', 'Fail'), of('Blocking', 'Inconclusive')], 'Fail', false],
    [[of('Blocking', 'Error')], 'Error', false],
    [[of('Blocking', 'Inconclusive')], 'Inconclusive', true],
    [[of('Blocking', 'Pass'), of('RequiresReview', 'Fail')], 'Pass', true],
    [[of('Blocking', 'Pass'), of('RequiresReview', 'Inconclusive')], 'Pass', true],
    [[of('Blocking', 'Fail'), of('RequiresReview', 'Fail')], 'Fail', true],
  ] as const)('%# is as the severities say', (outcomes, verdict, requiresReview) => {
    expect(judge(outcomes, 'RequiresReview')).toEqual({ verdict, requiresReview });
  });

  it('fails without enough evidence when the policy says so', () => {
    expect(judge([of('Blocking', 'Inconclusive')], 'Fail')).toEqual({ verdict: 'Fail', requiresReview: false });
  });
});
