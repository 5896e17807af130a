import { checkBetween, checkCounts, checkSameLength, invalid, type Numbers } from './checks.js';
import { log10ChiSquaredSurvival, pValueFromLog10 } from './distributions.js';
import { distanceInterval } from './noncentral-chi-squared.js';
import type { Interval } from './proportions.js';

/** A test of two samples of categories, or why there are too few rows for one. */
export type CategoryTest =
  | {
      readonly kind: 'tested';
      readonly statistic: number;
      readonly degreesOfFreedom: number;
      readonly pValue: number;
      readonly log10PValue: number;
      /** Effect size √(χ²/N), of Pearson's χ²: 0 when the shares agree, 1 when no category is shared. */
      readonly cramersV: number;
      /** Categories that were counted together because too few rows were expected in them. */
      readonly pooledCategories: number;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' | 'one-category' };

/**
 * Pearson's chi-squared test of homogeneity for two samples of categories, given the counts per category in the same
 * order. Both samples count as random: testing one against the other's shares as if they were known raises false alarms
 * to 70 % and more. Categories with an expected count below `minExpected` (default 5) in either sample are pooled.
 * Source: Cochran (1954), Biometrics 10:417; Cramér (1946).
 * @example chiSquaredTwoSample([30, 50, 20], [45, 40, 15]) // => { kind: 'tested', statistic: 4.825397, degreesOfFreedom: 2, cramersV: 0.155328 }
 */
export function chiSquaredTwoSample(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  options: { readonly minExpected?: number } = {},
): CategoryTest {
  return homogeneityTest(referenceCounts, currentCounts, options, pearson);
}

/**
 * The G (likelihood-ratio) test of homogeneity; arguments, pooling and answer as {@link chiSquaredTwoSample}, the effect
 * size included. The two agree in large samples. Source: Wilks (1938), Annals of Mathematical Statistics 9:60.
 * @example gTwoSample([30, 50, 20], [45, 40, 15]) // => { kind: 'tested', statistic: 4.850471, degreesOfFreedom: 2, cramersV: 0.155328 }
 */
export function gTwoSample(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  options: { readonly minExpected?: number } = {},
): CategoryTest {
  return homogeneityTest(referenceCounts, currentCounts, options, likelihoodRatio);
}

/** Cramér's V with its interval, or why there are too few rows for one. */
export type CramersVInterval =
  | ({
      readonly kind: 'estimated';
      /** As in {@link CategoryTest}: what the samples show, sampling included. */
      readonly cramersV: number;
      /** About what sampling alone makes of equal distributions: √(degrees of freedom / N). */
      readonly noise: number;
    } & Interval)
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' | 'one-category' };

/**
 * Cramér's V of two samples with an interval of what it is in the populations, by inverting the noncentral chi-squared
 * distribution of Pearson's statistic, whose noncentrality is N·V²: sampling alone raises the V of equal distributions with its
 * degrees of freedom, which an interval around it does not know. Where shares differ much the delta method's error is larger
 * and counts. The interval also holds the V of the samples; arguments and pooling as in {@link chiSquaredTwoSample}.
 * Source: Smithson (2003), Confidence Intervals, ch. 4.
 * @param options.confidence coverage, 0..1; default 0.95
 * @example cramersVInterval([300, 500, 200], [450, 400, 150]) // => { cramersV: 0.155329, lower: 0.099276, upper: 0.197728, noise: 0.031623 }
 */
export function cramersVInterval(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  options: { readonly minExpected?: number; readonly confidence?: number } = {},
): CramersVInterval {
  const { confidence = 0.95, minExpected = 5 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const found = comparedCells(referenceCounts, currentCounts, minExpected);
  if (found.kind === 'insufficient') return found;
  const { cells, n, m } = found;
  const degreesOfFreedom = cells.length - 1;
  const statistic = pearson(cells, n, m);
  const ends = distanceInterval(statistic, degreesOfFreedom, pearsonVariance(cells, n, m), confidence);
  const vOf = (chiSquared: number): number => Math.min(1, Math.sqrt(chiSquared / (n + m)));
  return {
    kind: 'estimated',
    cramersV: vOf(statistic),
    lower: vOf(Math.min(statistic, ends.lower)),
    upper: vOf(ends.upper),
    noise: vOf(degreesOfFreedom),
  };
}

type Cells = readonly (readonly [number, number])[];

function homogeneityTest(
  referenceCounts: Numbers,
  currentCounts: Numbers,
  { minExpected = 5 }: { readonly minExpected?: number },
  statisticOf: (cells: Cells, n: number, m: number) => number,
): CategoryTest {
  const found = comparedCells(referenceCounts, currentCounts, minExpected);
  if (found.kind === 'insufficient') return found;
  const { cells, n, m, pooledCategories } = found;
  const statistic = statisticOf(cells, n, m);
  const log10PValue = log10ChiSquaredSurvival(statistic, cells.length - 1);
  return {
    kind: 'tested',
    statistic,
    degreesOfFreedom: cells.length - 1,
    pValue: pValueFromLog10(log10PValue),
    log10PValue,
    cramersV: Math.min(1, Math.sqrt(pearson(cells, n, m) / (n + m))),
    pooledCategories,
  };
}

/** The categories after pooling, or why there are too few rows. */
function comparedCells(referenceCounts: Numbers, currentCounts: Numbers, minExpected: number) {
  checkBetween('minExpected', minExpected, 0, Infinity);
  checkSameLength('currentCounts', currentCounts, 'referenceCounts', referenceCounts);
  const n = checkCounts('referenceCounts', referenceCounts);
  const m = checkCounts('currentCounts', currentCounts);
  if (n === 0) throw invalid('referenceCounts', n, 'needs at least one row');
  if (m === 0) throw invalid('currentCounts', m, 'needs at least one row');
  if (countUsed(referenceCounts, currentCounts) < 2) return { kind: 'insufficient', reason: 'one-category' } as const;
  const { cells, pooledCategories } = pooled([referenceCounts, n], [currentCounts, m], minExpected);
  if (cells.length < 2) return { kind: 'insufficient', reason: 'too-few-rows' } as const;
  return { kind: 'compared', cells, n, m, pooledCategories } as const;
}

function pearson(cells: Cells, n: number, m: number): number {
  let sum = 0;
  for (const [a, b] of cells) sum += (a * m - b * n) ** 2 / (a + b);
  return sum / (n * m);
}

/** First-order (delta method) variance of Pearson's statistic over both multinomial samples. */
function pearsonVariance(cells: Cells, n: number, m: number): number {
  const [ofN, ofM] = [n / (n + m), m / (n + m)];
  const [byP, byQ] = [new Float64Array(cells.length), new Float64Array(cells.length)];
  let [meanP, meanQ] = [0, 0];
  cells.forEach(([a, b], i) => {
    const gap = (a / n - b / m) / ((a + b) / (n + m));
    byP[i] = gap * (2 - ofN * gap);
    byQ[i] = -gap * (2 + ofM * gap);
    meanP += (a / n) * byP[i]!;
    meanQ += (b / m) * byQ[i]!;
  });
  let variance = 0;
  cells.forEach(([a, b], i) => {
    variance += ((a / n) * (byP[i]! - meanP) ** 2) / n + ((b / m) * (byQ[i]! - meanQ) ** 2) / m;
  });
  return ((n * m) / (n + m)) ** 2 * variance;
}

function likelihoodRatio(cells: Cells, n: number, m: number): number {
  let sum = 0;
  for (const [a, b] of cells) {
    if (a > 0) sum += a * Math.log((a * (n + m)) / ((a + b) * n));
    if (b > 0) sum += b * Math.log((b * (n + m)) / ((a + b) * m));
  }
  return Math.max(0, 2 * sum);
}

function countUsed(a: Numbers, b: Numbers): number {
  let used = 0;
  for (let i = 0; i < a.length; i++) if (a[i]! + b[i]! > 0) used++;
  return used;
}

/**
 * Cells with enough rows, and one for the rest; a rest that is itself too small joins the smallest kept cell, of equally small ones the
 * first by {@link leads}, so that neither the order of categories nor that of the samples matters.
 */
function pooled([a, n]: readonly [Numbers, number], [b, m]: readonly [Numbers, number], minExpected: number) {
  const minRows = (minExpected * (n + m)) / Math.min(n, m);
  const cells: [number, number][] = [];
  const rest: [number, number] = [0, 0];
  let pooledCategories = 0;
  for (let i = 0; i < a.length; i++) {
    const rows = a[i]! + b[i]!;
    if (rows >= minRows) cells.push([a[i]!, b[i]!]);
    else if (rows > 0) {
      rest[0] += a[i]!;
      rest[1] += b[i]!;
      pooledCategories++;
    }
  }
  if (rest[0] + rest[1] >= minRows) cells.push(rest);
  else if (pooledCategories > 0 && cells.length > 0) {
    const lead = leads(n - m, rest);
    const smallest = cells.reduce((low, cell) => {
      const more = cell[0] + cell[1] - (low[0] + low[1]);
      return more < 0 || (more === 0 && lead(cell) < lead(low)) ? cell : low;
    });
    smallest[0] += rest[0];
    smallest[1] += rest[1];
  }
  return { cells, pooledCategories };
}

/**
 * What equally small cells are told apart by: their rows of the smaller sample; of samples of one size, of that with fewer rows in the
 * rest; else the fewer of their two counts, and cells that mirror each other give the same statistic.
 */
function leads(more: number, rest: readonly [number, number]): (cell: readonly [number, number]) => number {
  const ofFirst = more || rest[0] - rest[1];
  return ofFirst === 0 ? ([a, b]) => Math.min(a, b) : ([a, b]) => (ofFirst < 0 ? a : b);
}
