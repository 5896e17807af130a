import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { logLossPerRow, pairedMeanDifference } from '@rondo/statistics';
import { comparisonRequests } from './comparison-gate.js';
import { judgeGates, type Evidence, type Gate, type GateOutcome } from './gates.js';
import { measure } from './measure.js';
import type { ComparisonRequest, Measurements } from './measurement.js';
import { lookText, takeLook, type AlphaLook, type PromotionLedger } from './promotion-ledger.js';

const better: Gate = {
  name: 'better',
  severity: 'Blocking',
  compare: { to: 'champion', metric: 'logLoss', rule: 'Superior', test: 'PairedMean', confidence: 0.95, margin: 0 },
};
const notWorse: Gate = {
  ...better,
  name: 'not-worse',
  compare: { ...better.compare!, rule: 'NonInferior', margin: 0.05 },
};

/** Takes the looks of a life with these settings of the policy, one per cycle. */
function life(alphas: readonly number[]): { readonly looks: AlphaLook[]; readonly ledger: PromotionLedger } {
  let ledger: PromotionLedger | undefined;
  const looks = alphas.map((lifetimeAlpha) => {
    const taken = takeLook(ledger, lifetimeAlpha);
    ledger = taken.ledger;
    return taken.look;
  });
  return { looks, ledger: ledger! };
}

const sum = (looks: readonly AlphaLook[]): number => looks.reduce((total, { level }) => total + level, 0);

describe('the ledger of a pipeline', () => {
  it('grants ever smaller levels that never add up to more than the lifetime allows', () => {
    const { looks } = life(new Array<number>(500).fill(0.05));
    expect(looks.map(({ look }) => look)).toEqual(looks.map((_, index) => index + 1));
    expect(looks.every(({ level }, index) => level > 0 && (index === 0 || level < looks[index - 1]!.level))).toBe(true);
    expect(sum(looks)).toBeLessThan(0.05);
    expect(sum(looks) + looks.at(-1)!.remaining).toBeCloseTo(0.05, 12);
  });

  it('counts what was spent when the policy changes what it allows, in either direction and back', () => {
    const { looks } = life([0.05, 0.05, 0.1, 0.1, 0.05, 0.1, 0.05, 0.1]);
    expect(looks[2]!.level).toBeGreaterThan(looks[1]!.level);
    expect(sum(looks)).toBeLessThan(0.1);
    expect(looks.map(({ look }) => look)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('grants nothing once more was spent than the policy now allows', () => {
    const { looks, ledger } = life([0.5, 0.01, 0.01]);
    expect(looks.slice(1)).toEqual([
      { lifetimeAlpha: 0.01, level: 0, look: 2, remaining: 0 },
      { lifetimeAlpha: 0.01, level: 0, look: 3, remaining: 0 },
    ]);
    expect(takeLook(ledger, 0.5).look.level).toBeGreaterThan(0);
    expect(lookText(looks[1]!)).toBe(
      "look 2 of the pipeline's life finds nothing left of its 1 % for false promotions",
    );
  });

  it('is plain JSON', () => {
    const { ledger } = life([0.05, 0.05]);
    expect(takeLook(JSON.parse(JSON.stringify(ledger)) as PromotionLedger, 0.05)).toEqual(takeLook(ledger, 0.05));
  });
});

type Rows = { readonly labels: Float32Array; readonly challenger: Float32Array; readonly champion: Float32Array };

const evidence = (measurements: Measurements, alphaLook: AlphaLook | null): Evidence => ({
  measurements,
  championAbsence: null,
  alphaLook,
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
});

const bare = { baseline: 0.5, features: { names: [], values: new Float32Array() }, cohorts: [], fairness: [] };
const request = (rows: Rows) => ({ ...rows, ...bare, slices: null, clusters: null, seed: 1 });

/** Judges a challenger by the gates, at a look. */
function judged(gates: readonly Gate[], look: AlphaLook | null, rows: Rows): GateOutcome[] {
  const comparisons = comparisonRequests(gates, look);
  return judgeGates(gates, evidence(measure({ ...request(rows), comparisons }), look));
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Scores of two models that see the truth through noise of their own; `gain` is taken off the challenger's noise. */
function scored(n: number, gain: number, random = seededRandom(7)): Rows {
  const noise = (): number => random.next() + random.next() + random.next() - 1.5;
  const truth = Float64Array.from({ length: n }, () => 3 * noise());
  const seen = (width: number): Float32Array => Float32Array.from(truth, (x) => logistic(x + width * noise()));
  const labels = Float32Array.from(truth, (x) => (random.next() < logistic(x) ? 1 : 0));
  return { labels, champion: seen(2), challenger: seen(2 - gain) };
}

describe('a gate that spends from it', () => {
  const look = (level: number): AlphaLook => ({ lifetimeAlpha: 0.05, level, look: 12, remaining: 0.01 });

  it('is passed by the interval of the level, and says so', () => {
    const rows = scored(4000, 1.9);
    const [gate] = judged([better], look(0.0001), rows);
    expect(gate).toMatchObject({
      verdict: 'Pass',
      alphaLook: look(0.0001),
      difference: { confidence: 0.9998, limit: -0 },
    });
    expect(gate!.explanation).toMatch(
      /\(99.98 % interval .*\): better; look 12 of the pipeline's life was taken at 0.01 % of its 5 % for false promotions, 1 % are left$/,
    );
  });

  it('is inconclusive where only its own interval shows a gain, and asks for rows enough for the level', () => {
    const differences = {
      better: {
        kind: 'measured',
        value: -0.02,
        lower: -0.035,
        upper: -0.005,
        n: 400,
        method: 'paired mean',
        atLook: { lower: -0.053, upper: 0.013 },
      },
    } as const;
    const rows = { ...measure({ ...request(scored(400, 0)), comparisons: [] }), differences };
    const gateAt = (at: AlphaLook | null): GateOutcome => judgeGates([better], evidence(rows, at))[0]!;
    expect(gateAt(null)).toMatchObject({ verdict: 'Pass', difference: { confidence: 0.95, upper: -0.005 } });
    const strict = gateAt(look(0.00001));
    expect(strict).toMatchObject({ verdict: 'Inconclusive', needsSlice: 'all' });
    expect(strict.difference).toMatchObject({ confidence: 0.99998, lower: -0.053, upper: 0.013 });
    // The half-width has to shrink from 0.033 to the gain of 0.02, with power 0.8.
    expect(strict.needsRows).toBeGreaterThan(400 * (0.033 / 0.02) ** 2);
    expect(strict.explanation).toContain('(99.998 % interval -0.053 to +0.013, n = 400): the interval does not tell');
  });

  it('fails by its own interval: to refuse by mistake is no false promotion', () => {
    const rows = scored(1000, 0);
    const worse = { ...rows, challenger: rows.challenger.map((p) => 0.5 + (p - 0.5) / 8) };
    const [gate] = judged([better], look(0.00001), worse);
    expect(gate).toMatchObject({ verdict: 'Fail', difference: { confidence: 0.95 }, alphaLook: { look: 12 } });
  });

  it('is never passed when nothing is left', () => {
    const [gate] = judged([better], look(0), scored(4000, 1.9));
    expect(gate!.verdict).toBe('Inconclusive');
    expect(gate!.explanation).toMatch(/better, by this interval alone; look 12 .* finds nothing left of its 5 %/);
  });

  it('leaves other gates as they are', () => {
    const rows = scored(1000, 0);
    const usual = judged([notWorse], null, rows);
    expect(judged([notWorse], look(0.00001), rows)).toEqual(usual);
    expect(usual[0]!.alphaLook).toBeUndefined();
  });
});

describe('a life of equal models', () => {
  const CYCLES = 30;
  const ROWS = 120;
  const random = seededRandom(11);
  const nothingElse = measure({ ...request(scored(ROWS, 0, random)), comparisons: [] });

  /** Whether the gate is passed on fresh rows; only the difference is measured, which is all the gate reads. */
  function passed(look: AlphaLook | null): boolean {
    const { labels, challenger, champion } = scored(ROWS, 0, random);
    const loss = logLossPerRow(labels, champion);
    const perRow = logLossPerRow(labels, challenger).map((value, row) => value - loss[row]!);
    const [{ confidence, confidenceAtLook }] = comparisonRequests([better], look) as [ComparisonRequest];
    const { difference: value, lower, upper } = pairedMeanDifference(perRow, { confidence });
    const atLook =
      confidenceAtLook === undefined ? {} : { atLook: pairedMeanDifference(perRow, { confidence: confidenceAtLook }) };
    const difference = { kind: 'measured', value, lower, upper, n: ROWS, method: 'paired mean', ...atLook } as const;
    const measurements = { ...nothingElse, differences: { better: difference } };
    return judgeGates([better], evidence(measurements, look))[0]!.verdict === 'Pass';
  }

  /** Of so many lives, those in which a challenger that is no better passes at least once. */
  function deceived(lives: number, lifetimeAlpha: number | undefined): number {
    let count = 0;
    for (let life = 0; life < lives; life++) {
      let ledger: PromotionLedger | undefined;
      let promoted = false;
      for (let cycle = 0; cycle < CYCLES && !promoted; cycle++) {
        const taken = lifetimeAlpha === undefined ? undefined : takeLook(ledger, lifetimeAlpha);
        ledger = taken?.ledger;
        promoted = passed(taken?.look ?? null);
      }
      if (promoted) count++;
    }
    return count;
  }

  it('ends in a false promotion no more often than the policy allows', () => {
    // Of 40 lives at 5 %, 7 or more have a probability of 0.3 %.
    expect(deceived(40, 0.05)).toBeLessThan(7);
  });

  it('ends in one more often than not without a ledger', () => {
    // 2.5 % in each of 30 cycles are 53 % of the lives: 5 or fewer of 20 have a probability of 1 %.
    expect(deceived(20, undefined)).toBeGreaterThan(5);
  });
});
