import { seededRandom } from '@rondo/kernel';
import { checkBetween, invalid, type Numbers } from './checks.js';
import { normalQuantile } from './distributions.js';
import { brentRoot } from './brent-root.js';
import { mergedRanks } from './mann-whitney.js';

/** How one metric of a canary compares by Kayenta's rules. */
export type KayentaClass = 'Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric';

/** One metric: its series in both arms and how it is judged. NaN marks a missing value. */
export interface KayentaMetric {
  readonly baseline: Numbers;
  readonly canary: Numbers;
  /** Which change counts as bad; `either` by default. */
  readonly direction?: 'increase' | 'decrease' | 'either';
  /** Drop missing values, or take them for 0. */
  readonly nanStrategy?: 'remove' | 'replace';
  readonly critical?: boolean;
  readonly mustHaveData?: boolean;
  /** Ratio of means, or the chance that a canary value is the larger. */
  readonly effectSize?: 'meanRatio' | 'cles';
  /** Effects up to these pass; 1 and 1 for `meanRatio`, 0.5 and 0.5 for `cles` by default. */
  readonly allowedDecrease?: number;
  readonly allowedIncrease?: number;
  readonly criticalDecrease?: number;
  readonly criticalIncrease?: number;
  /** Half-width of what counts as no change, as a fraction of the estimated shift; 0.25 by default. */
  readonly tolerance?: number;
  /** 0.98 by default. */
  readonly confidence?: number;
}

/** What became of a metric; the estimates are null where there was nothing to estimate. */
export interface KayentaResult {
  readonly classification: KayentaClass;
  readonly critical: boolean;
  readonly shift: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly effect: number | null;
}

const ABSOLUTE_TOLERANCE = 1e-4;
/** Relative noise that keeps two constant arms apart; seeded, so a verdict can be repeated. */
const NOISE = 1e-5;
const NOISE_SEED = 1;

/**
 * The classification of Spinnaker Kayenta's NetflixACAJudge-v1.0, for those who come from it. Not the default, because
 * its interval is found with an absolute tolerance of 1e-4 (a metric in seconds and the same in hours get different
 * verdicts), assumes independent values (28 % false alarms on minute series with autocorrelation 0.8), and has no margin
 * for what matters. Source: Kayenta's documented algorithm; Bauer (1972), JASA 67:687, for the interval.
 * @example kayentaJudge({ baseline: [1, 2, 3, 4], canary: [10, 20, 30, 40], confidence: 0.95 }) // => { classification: 'High', lower: 6, upper: 39, shift: 22.5 }
 */
export function kayentaJudge(metric: KayentaMetric): KayentaResult {
  const {
    critical = false,
    mustHaveData = false,
    nanStrategy = 'remove',
    tolerance = 0.25,
    confidence = 0.98,
  } = metric;
  checkBetween('confidence', confidence, 0, 1);
  checkBetween('tolerance', tolerance, 0, Infinity);
  const baseline = present('baseline', metric.baseline, nanStrategy);
  const canary = present('canary', metric.canary, nanStrategy);
  const none = { critical: false, shift: null, lower: null, upper: null, effect: null };
  if (baseline.length === 0 || canary.length === 0) {
    if (nanStrategy === 'replace') return { ...none, classification: 'Pass' };
    return { ...none, classification: mustHaveData && !critical ? 'NodataFailMetric' : 'Nodata', critical };
  }
  if (sameValues(baseline, canary)) return { ...none, classification: 'Pass', effect: 1 };
  const [a, b] = apart(baseline, canary);
  const interval = shiftInterval(b, a, confidence);
  const effect = effectOf(metric.effectSize ?? 'meanRatio', a, b);
  const classification = classify(metric, interval, effect, tolerance);
  return { classification, critical: isCritical(metric, classification, effect), ...interval, effect };
}

/** The values that are there, ascending. */
function present(field: string, values: Numbers, strategy: 'remove' | 'replace'): Float64Array {
  const all = new Float64Array(values.length);
  let kept = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Math.abs(value) === Infinity) throw invalid(`${field}[${i}]`, value, 'must be finite or NaN');
    if (!Number.isNaN(value)) all[kept++] = value + 0;
    else if (strategy === 'replace') all[kept++] = 0;
  }
  return all.subarray(0, kept).sort();
}

/** The same values in both, or but one in all. */
function sameValues(a: Float64Array, b: Float64Array): boolean {
  if (constant(a) && constant(b) && a[0] === b[0]) return true;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function constant(ascending: Float64Array): boolean {
  return ascending[0] === ascending[ascending.length - 1];
}

function apart(baseline: Float64Array, canary: Float64Array): [Float64Array, Float64Array] {
  if (!constant(baseline) || !constant(canary)) return [baseline, canary];
  const random = seededRandom(NOISE_SEED);
  const noisy = (value: number): number => value + NOISE * value * normalQuantile(random.next() * (1 - 2e-9) + 1e-9);
  return [baseline.map(noisy).sort(), canary.map(noisy).sort()];
}

/** Mann-Whitney's interval and Hodges and Lehmann's estimate of the shift, by searching for the shift that is just not rejected. */
function shiftInterval(canary: Float64Array, baseline: Float64Array, confidence: number) {
  const [n, m] = [canary.length, baseline.length];
  const least = canary[0]! - baseline[m - 1]!;
  const most = canary[n - 1]! - baseline[0]!;
  const z = normalQuantile((1 + confidence) / 2);
  const score = (shift: number): number => {
    const { pairs, tieTerm } = mergedRanks(baseline, canary, shift);
    const distance = pairs - (n * m) / 2;
    const variance = ((n * m) / 12) * (n + m + 1 - tieTerm / ((n + m) * (n + m - 1)));
    return (distance - Math.sign(distance) / 2) / Math.sqrt(variance);
  };
  const bound = (quantile: number): number => {
    if (score(least) - quantile <= 0) return least;
    if (score(most) - quantile >= 0) return most;
    return brentRoot((shift) => score(shift) - quantile, least, most, ABSOLUTE_TOLERANCE);
  };
  return { shift: brentRoot(score, least, most, ABSOLUTE_TOLERANCE), lower: bound(z), upper: bound(-z) };
}

function effectOf(kind: 'meanRatio' | 'cles', baseline: Float64Array, canary: Float64Array): number | null {
  if (kind === 'cles') return mergedRanks(baseline, canary).pairs / (baseline.length * canary.length);
  const [before, now] = [mean(baseline), mean(canary)];
  return before === 0 || now === 0 ? null : now / before;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function classify(
  metric: KayentaMetric,
  interval: { readonly shift: number; readonly lower: number; readonly upper: number },
  effect: number | null,
  tolerance: number,
): KayentaClass {
  const { direction = 'either' } = metric;
  const neutral = metric.effectSize === 'cles' ? 0.5 : 1;
  const { allowedDecrease = neutral, allowedIncrease = neutral } = metric;
  const bound = tolerance * Math.abs(interval.shift);
  if (direction !== 'decrease' && interval.lower > bound && (effect === null || effect >= allowedIncrease))
    return 'High';
  if (direction !== 'increase' && interval.upper < -bound && (effect === null || effect <= allowedDecrease))
    return 'Low';
  return 'Pass';
}

function isCritical(metric: KayentaMetric, classification: KayentaClass, effect: number | null): boolean {
  if (!metric.critical) return false;
  const neutral = metric.effectSize === 'cles' ? 0.5 : 1;
  const { criticalDecrease = neutral, criticalIncrease = neutral } = metric;
  if (classification === 'High') return effect === null || effect >= criticalIncrease;
  return classification === 'Low' && (effect === null || effect <= criticalDecrease);
}
