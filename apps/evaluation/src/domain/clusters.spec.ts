import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { comparisonRequests } from './comparison-gate.js';
import { judgeGates, type Evidence, type Gate, type GateOutcome } from './gates.js';
import { measure } from './measure.js';
import type { FairnessRule, MeasureRequest, Measurements } from './measurement.js';

const random = seededRandom(5);
const noise = (): number => random.next() + random.next() + random.next() - 1.5;
const DAYS = 30;
const ROWS = 6_000;

/** Rows of 30 days on which the challenger is now better, now worse, by the day. */
function rowsOf(dayEffect: number) {
  const shifts = Array.from({ length: DAYS }, () => dayEffect * noise());
  const day = Float64Array.from({ length: ROWS }, (_, row) => row % DAYS);
  const truth = Float32Array.from(day, () => 0.1 + 0.8 * random.next());
  const labels = Float32Array.from(truth, (p) => (random.next() < p ? 1 : 0));
  const inside = (p: number): number => Math.min(0.99, Math.max(0.01, p));
  const champion = truth.map((p) => inside(p + 0.1 * noise()));
  const challenger = truth.map((p, row) => inside(p + 0.1 * noise() + shifts[row % DAYS]! * (labels[row]! - 0.5)));
  const group = Float32Array.from(day, () => random.int(2));
  return { labels, champion, challenger, day, group };
}

const gates: readonly Gate[] = [
  ...(['PairedMean', 'PairedBootstrap'] as const).map((test) => comparing('logLoss', test)),
  ...(['DeLong', 'PairedBootstrap'] as const).map((test) => comparing('rocAuc', test)),
];
function comparing(metric: 'logLoss' | 'rocAuc', test: 'PairedMean' | 'PairedBootstrap' | 'DeLong'): Gate {
  const compare = { to: 'champion', metric, rule: 'NonInferior', test, confidence: 0.95, margin: 0.001 } as const;
  return { name: `${metric}-${test}`, severity: 'Blocking', compare };
}
const fairness = {
  gate: 'fair',
  by: 'g',
  measure: 'DemographicParity',
  threshold: 0.5,
  minRows: 30,
  confidence: 0.95,
} as const satisfies FairnessRule;
const rows = rowsOf(0.3);
const measured = (clusters: MeasureRequest['clusters']): Measurements =>
  measure({
    labels: rows.labels,
    challenger: rows.challenger,
    champion: rows.champion,
    baseline: 0.5,
    comparisons: comparisonRequests(gates, null),
    features: { names: ['g'], values: rows.group },
    cohorts: [{ by: 'g', minRows: 100 }],
    fairness: [fairness],
    slices: { depth: 1, minRows: 100, falseDiscoveryRate: 0.05 },
    clusters,
    seed: 1,
  });
const judged = (measurements: Measurements, asked: readonly Gate[]): GateOutcome[] => {
  const evidence: Evidence = {
    measurements,
    championAbsence: null,
    alphaLook: null,
    backtest: null,
    latency: {
      rows: 1,
      requests: 1,
      p50Ms: 1,
      p99Ms: 1,
      p50Interval: { lower: null, upper: null },
      p99Interval: { lower: null, upper: null },
      requestsForBounds: 368,
    },
    modelBytes: 1,
  };
  return judgeGates(asked, evidence);
};
const width = ({ lower, upper }: { readonly lower?: number; readonly upper?: number }): number => upper! - lower!;
const alone = measured(null);
const byDay = measured({ by: 'day', values: rows.day });

describe('an evaluation whose rows come in clusters', () => {
  it('has wider intervals around the same differences, by every test', () => {
    for (const { name } of gates) {
      const [before, after] = [alone.differences[name]!, byDay.differences[name]!];
      if (before.kind !== 'measured' || after.kind !== 'measured') throw new Error(name);
      expect(after.value).toBeCloseTo(before.value, 12);
      expect(width(after)).toBeGreaterThan(1.5 * width(before));
      expect(after.method).toContain('over 30 clusters by day');
    }
    expect(byDay.clusters).toEqual({ by: 'day', clusters: 30, effective: 30 });
    expect(alone.clusters).toBeNull();
  });

  it('has wider intervals in cohorts, slices and for metrics that days move', () => {
    expect(width(byDay.cohorts[0]!.difference)).toBeGreaterThan(1.2 * width(alone.cohorts[0]!.difference));
    const loss = ({ challenger }: Measurements) => challenger.metrics.find(({ name }) => name === 'logLoss')!;
    expect(width(loss(byDay))).toBeGreaterThan(1.5 * width(loss(alone)));
    const [{ gap: before }, { gap: after }] = [alone.fairness[0]!, byDay.fairness[0]!];
    if (before.kind !== 'measured' || after.kind !== 'measured') throw new Error('no gap');
    expect(after.gap).toBe(before.gap);
    expect(after.upper).not.toBe(before.upper);
    expect(byDay.slices!.suspect).not.toBeNull();
  });

  it('asks for rows from more clusters where it cannot tell', () => {
    const [open] = judged(byDay, gates);
    expect(open!.verdict).toBe('Inconclusive');
    expect(open!.needsRows).toBeGreaterThan(ROWS);
    const clusters = Math.ceil((DAYS * open!.needsRows) / ROWS).toLocaleString('en-US');
    expect(open!.explanation).toContain(`from ${clusters} clusters by day, would decide`);
  });

  it.each([
    ['a few', 4, '4 clusters by week; fewer than 10 decide nothing'],
    ['one', 1, '1 clusters by week; fewer than 10 decide nothing'],
  ])('decides nothing with %s, whatever the gate', (_, weeks, words) => {
    const few = measured({ by: 'week', values: rows.day.map((day) => day % weeks) });
    const rule = { ...fairness, maxGap: 0.9 };
    const asked: Gate[] = [
      ...gates,
      { name: 'fair', severity: 'Blocking', fairness: rule },
      { name: 'sharp', severity: 'Blocking', expr: 'eval.logLoss < 5.0' },
      { name: 'unharmed', severity: 'Blocking', expr: 'eval.slicesHarmed == 0' },
      { name: 'cohorts', severity: 'Blocking', expr: '!has(eval.worstCohortDifference)' },
    ];
    const outcomes = judged(few, asked);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(asked.map(() => 'Inconclusive'));
    for (const { explanation, needsRows } of outcomes) {
      expect(explanation).toContain(words);
      expect(needsRows).toBeGreaterThanOrEqual((ROWS * 10) / (weeks + 0.1));
    }
    expect(judged(few, [{ name: 'small', severity: 'Blocking', expr: 'eval.modelBytes < 5' }])[0]!.verdict).toBe(
      'Pass',
    );
    expect(few.cohorts).toEqual([]);
    expect(few.slices).toMatchObject({ tested: 0, harmed: [] });
  });

  it('states no interval of a metric over a single cluster', () => {
    const one = measured({ by: 'site', values: new Float64Array(ROWS) });
    expect(one.challenger.metrics.every(({ lower, upper }) => lower === undefined && upper === undefined)).toBe(true);
    expect(one.challenger.metrics[0]!.method).toBe('all rows are of one site, which gives no interval');
    expect(one.challenger.calibration[0]).toMatchObject({ lower: 0, upper: 1 });
  });
});
