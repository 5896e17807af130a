import { CLUSTERS_MIN } from './clusters.js';
import { checkBetween, checkCount, checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { tQuantile, tTwoSidedPValue } from './distributions.js';
import { harmonic } from './multiple-testing.js';
import { centred, everyCombination, momentsAt, type CellOfRow, type CentredValues } from './slice-cells.js';
import { clusterSpreads, type CellSpreads, type ClusterSpreads } from './slice-clusters.js';
import type { SliceFeature } from './slice-feature.js';
import { meanTest, type MeanTest, type Moments } from './slice-test.js';

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
  /** A number per row: rows of a cluster err together. */
  readonly clusters?: Numbers | undefined;
  /** Slices of fewer effective clusters are not tested; {@link CLUSTERS_MIN} by default. */
  readonly minClusters?: number;
}

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
 * Rows must be independent, or in `clusters` that are: then errors are those of the jackknife over clusters. All features and
 * `perRow` are row by row; `perRow` is not changed.
 * Source: Chung et al. (2019), ICDE ("Slice Finder"); Hall (1992), JRSS B 54:221 (skewness); Benjamini & Yekutieli
 * (2001), Annals of Statistics 29:1165 and (2005), JASA 100:71 (dependence, false coverage rate); MacKinnon, Nielsen & Webb
 * (2023), Journal of Econometrics 232:272 (clusters).
 * @example searchSlices([sliceFeature('g', [...Array(60).fill(0), ...Array(60).fill(1)])], Array.from({ length: 120 }, (_, i) => Math.sin(i) + (i < 60 ? 0 : 2)), { depth: 1, minRows: 10 }).slices.map(({ slice }) => slice) // => ['g=1']
 */
export function searchSlices(
  features: readonly SliceFeature[],
  perRow: Numbers,
  options: SliceSearchOptions = {},
): SliceSearch {
  const { depth = 2, minRows = 100, falseDiscoveryRate = 0.05, against = 0, limit = 20, clusters } = options;
  const { minClusters = CLUSTERS_MIN } = options;
  checkSearch(features, perRow, { depth, minRows, falseDiscoveryRate, against, limit, minClusters });
  if (clusters !== undefined) checkSameLength('clusters', clusters, 'perRow', perRow);
  const centredRows = centred(perRow);
  const spreads = clusters === undefined ? undefined : clusterSpreads(centredRows, clusters, against === 'rest');
  const values = spreads
    ? { ...centredRows, total: { ...centredRows.total, skewness: spreads.skewness } }
    : centredRows;
  const reference = against === 'rest' ? 'rest' : against - values.shift;
  const judge = (cell: Moments): MeanTest => meanTest(cell, values.total, reference);
  const found: Candidate[] = [];
  let strongest: Candidate | undefined;
  let tested = 0;
  const visit = (combination: readonly number[], cells: Float64Array, of: CellOfRow): void => {
    const { outer, width, codes } = of;
    const spread = spreads?.ofCells((row) => outer[row]! * width + codes[row]!, cells);
    for (let cell = 0; cell < cells.length / 3; cell++) {
      const n = cells[3 * cell]!;
      if (n < minRows || (against === 'rest' && perRow.length - n < minRows)) continue;
      if (spread && spread.effective[cell]! < minClusters) continue;
      tested++;
      const test = judge({ ...momentsAt(cells, cell), ...(spread && spreadAt(spread, cell)) });
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
  const kept = withoutOverlap(examined, { features, values, minRows, limit, judge, cutoff, spreads });
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

function checkSearch(
  features: readonly SliceFeature[],
  perRow: Numbers,
  options: Required<Omit<SliceSearchOptions, 'clusters'>>,
): void {
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
  checkCount('minClusters', options.minClusters, 2);
  checkBetween('falseDiscoveryRate', options.falseDiscoveryRate, 0, 1);
  if (options.against !== 'rest' && !Number.isFinite(options.against))
    throw invalid('against', options.against, 'must be finite, or "rest"');
}

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
    readonly spreads: ClusterSpreads | undefined;
  },
): Candidate[] {
  const { features, values, minRows, limit, judge, cutoff, spreads } = search;
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
    if (open.n < minRows || (kept.length > 0 && oneSided(judge(withSpread(open, rows, covered, spreads))) > cutoff))
      continue;
    kept.push(candidate);
    for (const row of rows) covered[row] = 1;
  }
  return kept;
}

/** The open rows of a candidate with their spread over clusters; rows of a single cluster tell nothing. */
function withSpread(
  open: Moments,
  rows: Uint32Array,
  covered: Uint8Array,
  spreads: ClusterSpreads | undefined,
): Moments {
  if (!spreads) return open;
  const cellOf = new Int8Array(covered.length).fill(-1);
  for (const row of rows) if (covered[row] === 0) cellOf[row] = 0;
  return {
    ...open,
    ...spreadAt(
      spreads.ofCells((row) => cellOf[row]!, Float64Array.of(open.n, open.s1, open.s2)),
      0,
    ),
  };
}

const spreadAt = ({ variance, effective }: CellSpreads, cell: number): Pick<Moments, 'clustered'> => ({
  clustered: { variance: variance[cell]!, effective: effective[cell]! },
});

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
