import { checkFinite, invalid, type Numbers } from './checks.js';
import { sorted } from './order.js';

/** A k-sample Anderson-Darling test, or why there is none. */
export type AndersonDarlingResult =
  | {
      readonly kind: 'tested';
      /** (A² - (k - 1)) / σ: 0 on average when all samples come from one distribution, about 2 at the 5 % level. */
      readonly statistic: number;
      /** Interpolated between the published 25 % and 0.1 % points. */
      readonly pValue: number;
      /** The true p-value may lie beyond the end of the table: at or below 0.001, or at or above 0.25. */
      readonly pValueIs: 'interpolated' | 'at-most' | 'at-least';
    }
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' | 'one-value' };

const LEVELS = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
/** Critical values of these levels for m = k - 1: b0 + b1/√m + b2/m (Scholz & Stephens, table 2). */
const B0 = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
const B1 = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
const B2 = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];

/**
 * Tests whether k >= 2 samples come from one distribution, with more weight on the tails than Cramér-von Mises. Ties by
 * mid-ranks; rows independent; from about five rows per sample.
 * Source: Scholz & Stephens (1987), Journal of the American Statistical Association 82:918, equation 7.
 * @example andersonDarling([[1, 2, 3, 4, 5, 6], [4, 5, 6, 7, 8, 9]]) // => { kind: 'tested', statistic: 2.833962, pValue: 0.022621 }
 */
export function andersonDarling(samples: readonly Numbers[]): AndersonDarlingResult {
  if (samples.length < 2) throw invalid('samples', samples.length, 'needs at least 2 samples');
  samples.forEach((sample, i) => checkFinite(`samples[${i}]`, sample));
  const ascending = samples.map(sorted);
  const rows = samples.reduce((sum, { length }) => sum + length, 0);
  const all = new Float64Array(rows);
  let at = 0;
  for (const sample of ascending) {
    all.set(sample, at);
    at += sample.length;
  }
  all.sort();
  if (rows < 4) return { kind: 'insufficient', reason: 'too-few-rows' };
  if (all[0] === all[rows - 1]) return { kind: 'insufficient', reason: 'one-value' };
  let sum = 0;
  for (const sample of ascending) sum += weightedDistance(sample, all) / sample.length;
  const m = samples.length - 1;
  const statistic = ((sum * (rows - 1)) / rows - m) / Math.sqrt(varianceOf(ascending, rows));
  return { kind: 'tested', statistic, ...interpolated(statistic, m) };
}

/** Σ over the different values of how far a sample's mid-ranks are from the share they should have. */
function weightedDistance(sample: Float64Array, all: Float64Array): number {
  const rows = all.length;
  let sum = 0;
  let own = 0;
  for (let start = 0; start < rows;) {
    let end = start;
    while (end < rows && all[end] === all[start]) end++;
    const before = own;
    while (own < sample.length && sample[own] === all[start]) own++;
    const ties = end - start;
    const rank = start + ties / 2;
    const ownRank = before + (own - before) / 2;
    const weight = rank * (rows - rank) - (rows * ties) / 4;
    sum += ((ties / rows) * (rows * ownRank - rank * sample.length) ** 2) / weight;
    start = end;
  }
  return sum;
}

function varianceOf(samples: readonly Float64Array[], rows: number): number {
  const k = samples.length;
  const inverse = samples.reduce((sum, { length }) => sum + 1 / length, 0);
  let h = 0;
  let g = 0;
  for (let i = 1; i < rows - 1; i++) {
    // Here h is Σ 1/j for j from rows - i to rows - 1.
    h += 1 / (rows - i);
    g += h / (i + 1);
  }
  h += 1;
  const a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse;
  const b = (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6;
  const c = (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h;
  const d = (2 * h + 6) * k * k - 4 * h * k;
  return (a * rows ** 3 + b * rows ** 2 + c * rows + d) / ((rows - 1) * (rows - 2) * (rows - 3));
}

function interpolated(
  statistic: number,
  m: number,
): { pValue: number; pValueIs: 'interpolated' | 'at-most' | 'at-least' } {
  const critical = LEVELS.map((_, i) => B0[i]! + B1[i]! / Math.sqrt(m) + B2[i]! / m);
  if (statistic < critical[0]!) return { pValue: LEVELS[0]!, pValueIs: 'at-least' };
  if (statistic > critical[LEVELS.length - 1]!) return { pValue: LEVELS[LEVELS.length - 1]!, pValueIs: 'at-most' };
  const logP = parabolaThrough(critical, LEVELS.map(Math.log), statistic);
  return { pValue: Math.exp(logP), pValueIs: 'interpolated' };
}

/** Value at `x` of the least-squares parabola, by orthogonal polynomials on the points. */
function parabolaThrough(xs: readonly number[], ys: readonly number[], x: number): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const center = mean(xs);
  const linear = xs.map((value) => value - center);
  const slope =
    dot(
      linear,
      linear.map((value) => value * value),
    ) / dot(linear, linear);
  const level = mean(linear.map((value) => value * value));
  const quadratic = linear.map((value) => value * value - slope * value - level);
  const u = x - center;
  return (
    mean(ys) +
    (dot(linear, ys) / dot(linear, linear)) * u +
    (dot(quadratic, ys) / dot(quadratic, quadratic)) * (u * u - slope * u - level)
  );
}
