import { checkBetween, checkCount, checkFinite, invalid, type Numbers } from './checks.js';
import { tQuantile, tTwoSidedPValue } from './distributions.js';
import { harmonic } from './multiple-testing.js';
import { valuesVary } from './regression-metrics.js';
import type { SliceFeature } from './slice-feature.js';
import { meanTest, type AllRows, type MeanTest, type Moments } from './slice-test.js';

/** A group of rows in which a value is too high. */
export interface HarmedSlice {
  /** Its conditions, joined by ` & `: `dow=1 & distance > 627`. */
  readonly slice: string;
  readonly conditions: readonly { readonly feature: string; readonly value: string }[];
  readonly rows: number;
  /** Mean of the values in the slice - what they are held against. */
  readonly difference: number;
  /** Interval of `difference`, adjusted for having been selected (false coverage rate). */
  readonly lower: number;
  readonly upper: number;
  /** One-sided. */
  readonly pValue: number;
}

/** What a search found among how many slices. */
export interface SliceSearch {
  /** Discoveries that are not explained by a stronger one, strongest first. */
  readonly slices: readonly HarmedSlice[];
  /** The slice with most evidence where nothing was found; not proven. Null when no slice had enough rows. */
  readonly suspect: HarmedSlice | null;
  /** Slices with enough rows: as many tests were made. */
  readonly tested: number;
  /** Discoveries before those that overlap with stronger ones were taken out. */
  readonly discoveries: number;
  /** Of the discoveries the strongest this many were looked at for overlap. */
  readonly examined: number;
}

/** What is searched and how. */
export interface SliceSearchOptions {
  /** Conditions per slice at most: 1, 2 (default) or 3. */
  readonly depth?: 1 | 2 | 3;
  /** Smaller slices are not tested; at least 10, 100 by default. */
  readonly minRows?: number;
  /** Expected share of false discoveries, 0.05 by default. */
  readonly falseDiscoveryRate?: number;
  /** What a slice's mean is held against: a number (default 0), or the mean of all rows outside it. */
  readonly against?: number | 'rest';
  /** Slices reported at most, 20 by default. */
  readonly limit?: number;
}

/** Cells of one combination of features; more would not have rows enough. */
const CELLS_MAX = 1_000_000;
const EXAMINED_MAX = 1_000;
/** Larger p-values are never discovered and enter the correction as 1. */
const P_VALUE_KEPT = 0.2;

interface Candidate {
  readonly features: readonly number[];
  readonly codes: readonly number[];
  readonly test: MeanTest;
  readonly pValue: number;
}

/**
 * Searches all slices of up to `depth` conditions for those whose mean value (a loss, or the challenger's loss - the
 * champion's) is too high. One-sided t-tests, corrected for values that lean to the left. Against a
 * number the means of overlapping slices are positively dependent, where Benjamini-Hochberg holds; against the rest a
 * slice and its complement are negatively dependent, so the factor of Benjamini-Yekutieli is paid. A discovery is left
 * out when its rows outside the stronger ones alone would not be one: parents and refinements of one harmed slice are
 * one finding. Intervals have the level that keeps the false coverage rate (of one slice: Bonferroni).
 * Rows must be independent. All features and `perRow` are row by row; `perRow` is not changed.
 * Source: Chung et al. (2019), ICDE ("Slice Finder"); Hall (1992), JRSS B 54:221 (skewness); Benjamini & Yekutieli
 * (2001), Annals of Statistics 29:1165 and (2005), JASA 100:71 (dependence, false coverage rate).
 * @example searchSlices([sliceFeature('g', [...Array(60).fill(0), ...Array(60).fill(1)])], Array.from({ length: 120 }, (_, i) => Math.sin(i) + (i < 60 ? 0 : 2)), { depth: 1, minRows: 10 }).slices.map(({ slice }) => slice) // => ['g=1']
 */
export function searchSlices(
  features: readonly SliceFeature[],
  perRow: Numbers,
  options: SliceSearchOptions = {},
): SliceSearch {
  const { depth = 2, minRows = 100, falseDiscoveryRate = 0.05, against = 0, limit = 20 } = options;
  checkSearch(features, perRow, { depth, minRows, falseDiscoveryRate, against, limit });
  const values = centred(perRow);
  const reference = against === 'rest' ? 'rest' : against - values.shift;
  const judge = (cell: Moments): MeanTest => meanTest(cell, values.total, reference);
  const found: Candidate[] = [];
  let strongest: Candidate | undefined;
  let tested = 0;
  const visit = (combination: readonly number[], cells: Float64Array): void => {
    for (let cell = 0; cell < cells.length / 3; cell++) {
      const n = cells[3 * cell]!;
      if (n < minRows || (against === 'rest' && perRow.length - n < minRows)) continue;
      tested++;
      const test = judge(momentsAt(cells, cell));
      // Far on the harmless side no tail has to be computed: it would be above P_VALUE_KEPT.
      const pValue = test.statistic < 0.8 ? 1 : oneSided(test);
      const candidate = { features: combination, codes: codesOf(features, combination, cell), test, pValue };
      if (strongest === undefined || stronger(candidate, strongest) < 0) strongest = candidate;
      if (pValue <= P_VALUE_KEPT) found.push(candidate);
    }
  };
  everyCombination(features, depth, values, visit);
  found.sort(stronger);
  const factor = against === 'rest' ? harmonic(tested) : 1;
  const discoveries = discovered(found, falseDiscoveryRate / (tested * factor));
  const cutoff = discoveries === 0 ? 0 : found[discoveries - 1]!.pValue;
  const examined = found.slice(0, Math.min(discoveries, EXAMINED_MAX));
  const kept = withoutOverlap(examined, { features, values, minRows, limit, judge, cutoff });
  const tail = (falseDiscoveryRate * Math.max(1, kept.length)) / (2 * Math.max(1, tested * factor));
  const described = (candidate: Candidate): HarmedSlice => describe(candidate, features, tail);
  return {
    slices: kept.map(described),
    suspect: kept.length > 0 || strongest === undefined ? null : described(strongest),
    tested,
    discoveries,
    examined: examined.length,
  };
}

function checkSearch(features: readonly SliceFeature[], perRow: Numbers, options: Required<SliceSearchOptions>): void {
  checkFinite('perRow', perRow, 2);
  if (features.length === 0) throw invalid('features', 0, 'needs at least 1 feature');
  for (const { name, codes, values } of features) {
    if (codes.length !== perRow.length)
      throw invalid(`codes of ${name}`, codes.length, `must have as many values as perRow (${perRow.length})`);
    for (let row = 0; row < codes.length; row++) {
      if (codes[row]! >= values.length) throw invalid(`codes of ${name}`, codes[row], `must be below ${values.length}`);
    }
  }
  if (![1, 2, 3].includes(options.depth)) throw invalid('depth', options.depth, 'must be 1, 2 or 3');
  checkCount('minRows', options.minRows, 10);
  checkCount('limit', options.limit, 1);
  checkBetween('falseDiscoveryRate', options.falseDiscoveryRate, 0, 1);
  if (options.against !== 'rest' && !Number.isFinite(options.against))
    throw invalid('against', options.against, 'must be finite, or "rest"');
}

/** Values around their mean, which keeps the digits of the variance. */
interface CentredValues {
  readonly shift: number;
  readonly around: Float64Array;
  readonly total: AllRows;
}

function centred(perRow: Numbers): CentredValues {
  const n = perRow.length;
  let shift = 0;
  for (let row = 0; row < n; row++) shift += perRow[row]! / n;
  // The mean of equal values misses them by rounding, which would look like a difference without any variance.
  if (!valuesVary(perRow)) shift = perRow[0]!;
  const around = new Float64Array(n);
  let [s1, s2, s3] = [0, 0, 0];
  for (let row = 0; row < n; row++) {
    const value = perRow[row]! - shift;
    around[row] = value;
    s1 += value;
    s2 += value * value;
    s3 += value * value * value;
  }
  if (!Number.isFinite(s2 * s2 + Math.abs(s3))) throw invalid('perRow', s2, 'is too widely spread');
  const skewness = s2 > 0 ? s3 / n / (s2 / n) ** 1.5 : 0;
  return { shift, around, total: { n, s1, s2, skewness } };
}

function everyCombination(
  features: readonly SliceFeature[],
  depth: number,
  { around }: CentredValues,
  visit: (combination: readonly number[], cells: Float64Array) => void,
): void {
  // Joint codes by number of conditions, overwritten by the next combination.
  const joint = Array.from({ length: depth }, () => new Uint32Array(around.length));
  const descend = (combination: readonly number[], outer: Uint32Array, outerCells: number, at: number): void => {
    const { codes, values, name } = features[at]!;
    const cells = outerCells * values.length;
    if (cells > CELLS_MAX) throw invalid('features', cells, `give more than ${CELLS_MAX} cells with ${name}`);
    const chosen = [...combination, at];
    visit(chosen, addedUp({ outer, width: values.length, codes, cells }, around));
    if (chosen.length === depth) return;
    const own = joint[chosen.length - 1]!;
    for (let row = 0; row < own.length; row++) own[row] = outer[row]! * values.length + codes[row]!;
    for (let next = at + 1; next < features.length; next++) descend(chosen, own, cells, next);
  };
  const none = new Uint32Array(around.length);
  features.forEach((_, at) => descend([], none, 1, at));
}

/** Count and power sums of the values of each cell, side by side so that a row touches one cache line. */
function addedUp(
  { outer, width, codes, cells }: { outer: Uint32Array; width: number; codes: Uint8Array; cells: number },
  around: Float64Array,
): Float64Array {
  const sums = new Float64Array(cells * 3);
  for (let row = 0; row < around.length; row++) {
    const at = (outer[row]! * width + codes[row]!) * 3;
    const value = around[row]!;
    sums[at]! += 1;
    sums[at + 1]! += value;
    sums[at + 2]! += value * value;
  }
  return sums;
}

const momentsAt = (cells: Float64Array, cell: number): Moments => ({
  n: cells[3 * cell]!,
  s1: cells[3 * cell + 1]!,
  s2: cells[3 * cell + 2]!,
});

function codesOf(features: readonly SliceFeature[], combination: readonly number[], cell: number): number[] {
  const codes: number[] = [];
  for (let rest = cell, at = combination.length - 1; at >= 0; at--) {
    const width = features[combination[at]!]!.values.length;
    codes.unshift(rest % width);
    rest = Math.floor(rest / width);
  }
  return codes;
}

function oneSided({ statistic, degreesOfFreedom }: MeanTest): number {
  if (statistic === Infinity) return 0;
  const tail = tTwoSidedPValue(statistic, degreesOfFreedom) / 2;
  return statistic >= 0 ? tail : 1 - tail;
}

/** Most evidence first; among equals the plainer slice, then the one of earlier features. */
function stronger(a: Candidate, b: Candidate): number {
  if (a.pValue !== b.pValue) return a.pValue - b.pValue;
  if (a.test.statistic !== b.test.statistic) return b.test.statistic - a.test.statistic;
  if (a.features.length !== b.features.length) return a.features.length - b.features.length;
  for (let at = 0; at < a.features.length; at++) {
    const order = a.features[at]! - b.features[at]! || a.codes[at]! - b.codes[at]!;
    if (order !== 0) return order;
  }
  return 0;
}

/** Step-up: how many of the ascending p-values lie at or below the last that is at or below its rank times `step`. */
function discovered(ascending: readonly Candidate[], step: number): number {
  let last = 0;
  ascending.forEach(({ pValue }, index) => {
    if (pValue <= step * (index + 1)) last = index + 1;
  });
  return last;
}

function withoutOverlap(
  candidates: readonly Candidate[],
  search: {
    readonly features: readonly SliceFeature[];
    readonly values: CentredValues;
    readonly minRows: number;
    readonly limit: number;
    readonly judge: (cell: Moments) => MeanTest;
    readonly cutoff: number;
  },
): Candidate[] {
  const { features, values, minRows, limit, judge, cutoff } = search;
  const covered = new Uint8Array(values.around.length);
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    if (kept.length === limit) break;
    const rows = rowsOf(candidate, features, covered.length);
    const open = { n: 0, s1: 0, s2: 0 };
    for (const row of rows) {
      if (covered[row] === 1) continue;
      open.n++;
      const value = values.around[row]!;
      open.s1 += value;
      open.s2 += value * value;
    }
    if (open.n < minRows || (kept.length > 0 && oneSided(judge(open)) > cutoff)) continue;
    kept.push(candidate);
    for (const row of rows) covered[row] = 1;
  }
  return kept;
}

function rowsOf(
  { features: combination, codes }: Candidate,
  features: readonly SliceFeature[],
  total: number,
): Uint32Array {
  let rows = new Uint32Array(total);
  let n = 0;
  const [first, ...others] = combination.map((feature) => features[feature]!.codes);
  for (let row = 0; row < total; row++) if (first![row] === codes[0]) rows[n++] = row;
  others.forEach((own, at) => {
    let left = 0;
    for (let i = 0; i < n; i++) if (own[rows[i]!] === codes[at + 1]) rows[left++] = rows[i]!;
    n = left;
  });
  rows = rows.subarray(0, n);
  return rows;
}

function describe(
  { features: combination, codes, test, pValue }: Candidate,
  features: readonly SliceFeature[],
  tail: number,
): HarmedSlice {
  const conditions = combination.map((feature, at) => {
    const { name, values } = features[feature]!;
    return { feature: name, value: values[codes[at]!]! };
  });
  const spread = test.standardError === 0 ? 0 : -tQuantile(tail, test.degreesOfFreedom) * test.standardError;
  return {
    slice: conditions.map(({ value }) => value).join(' & '),
    conditions,
    rows: test.rows,
    difference: test.difference,
    lower: test.difference - spread,
    upper: test.difference + spread,
    pValue,
  };
}
