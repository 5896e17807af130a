import { edgesFromQuantiles, tailsBeyond, type Tails } from '@rondo/statistics';
import { floatsFromText, floatsToText } from './float-text.js';
import type { ModelReference } from './model-reference.js';
import { radixSort } from './radix-sort.js';

/** Bins of a continuous feature: deciles of the reference. */
const BINS = 10;
/** Features with at most so many different values are compared value by value. */
const CATEGORIES_MAX = 20;
/** Order statistics kept per continuous feature of a reference; they place its distribution function to within 1 in 10,000. */
const KEPT_VALUES_MAX = 5000;

/** A feature with many values, as the champion was trained on it. */
export type ContinuousProfile = {
  readonly kind: 'continuous';
  readonly feature: string;
  /** Rows with a value. */
  readonly rows: number;
  readonly nulls: number;
  readonly min: number;
  readonly max: number;
  /** Inner edges, strictly ascending; bin i holds (edges[i - 1], edges[i]]. */
  readonly edges: readonly number[];
  /** edges.length + 1 counts. */
  readonly counts: readonly number[];
  /** Evenly spaced order statistics, or every value when there are few; ascending; float32, little-endian, base64. */
  readonly kept: string;
  /** Absent in profiles that were made before it was taken. */
  readonly spread?: {
    /** Standard deviation, above 0. */
    readonly deviation: number;
    /** Values beyond the first and the last of `kept`. */
    readonly tails: Tails;
  };
};

/** A feature with few values. */
export type CategoryProfile = {
  readonly kind: 'category';
  readonly feature: string;
  readonly rows: number;
  readonly nulls: number;
  /** Ascending. */
  readonly values: readonly number[];
  readonly counts: readonly number[];
};

/** How a feature was distributed. A feature without any value has no values and no counts. */
export type FeatureProfile = ContinuousProfile | CategoryProfile;

/** What the champion was trained on: all that later batches are compared with. */
export type ReferenceProfile = {
  readonly pipeline: string;
  readonly model: ModelReference;
  readonly snapshotDigest: string;
  readonly rows: number;
  readonly features: readonly FeatureProfile[];
};

/** One feature of a set of rows: its values ascending and finite, and how many rows have none. */
export interface SortedFeature {
  readonly feature: string;
  readonly values: Float32Array;
  /** Rows whose value is absent or not a finite number. */
  readonly nulls: number;
}

/** Sorts the values of a feature, one per row, not finite where there is none. Takes the array over. */
export function sortedFeature(feature: string, column: Float32Array): SortedFeature {
  let kept = 0;
  for (let row = 0; row < column.length; row++) {
    const value = column[row]!;
    // 0 added, so that -0 and 0 are one value.
    if (Number.isFinite(value)) column[kept++] = value + 0;
  }
  return { feature, values: radixSort(column.subarray(0, kept)), nulls: column.length - kept };
}

/** Summarises a feature by at most `keptMax` order statistics. Equal values give equal profiles. */
export function profileOf({ feature, values, nulls }: SortedFeature, keptMax = KEPT_VALUES_MAX): FeatureProfile {
  const rows = values.length;
  const categories = fewValues(values);
  if (categories) {
    const counts = categories.map((value) => countUpTo(values, value) - countBelow(values, value));
    return {
      kind: 'category',
      feature,
      rows,
      nulls,
      values: categories,
      counts,
    };
  }
  const min = values[0]!;
  const max = values[rows - 1]!;
  const deciles = Array.from({ length: BINS - 1 }, (_, i) => values[Math.ceil(((i + 1) / BINS) * rows) - 1]!);
  const edges = Array.from(edgesFromQuantiles(deciles, max));
  const kept = evenlySpaced(values, keptMax);
  return {
    kind: 'continuous',
    feature,
    rows,
    nulls,
    min,
    max,
    edges,
    counts: countsBetween(values, edges),
    kept: floatsToText(kept),
    spread: { deviation: deviationOf(values), tails: tailsBeyond(values, kept[0]!, kept.at(-1)!) },
  };
}

function deviationOf(values: Float32Array): number {
  let mean = 0;
  for (let row = 0; row < values.length; row++) mean += values[row]! / values.length;
  let variance = 0;
  for (let row = 0; row < values.length; row++) variance += (values[row]! - mean) ** 2 / values.length;
  return Math.sqrt(variance);
}

/** What later values are counted among to be compared with a profile. */
export interface ProfileBreaks {
  /** Order statistics; of few values, none. */
  readonly kept: Float32Array;
  /** Ascending and distinct: the order statistics and the bin edges, or the values. */
  readonly breaks: Float32Array;
}

/** The breaks of a profile. */
export function breaksOf(profile: FeatureProfile): ProfileBreaks {
  if (profile.kind === 'category') return { kept: new Float32Array(), breaks: Float32Array.from(profile.values) };
  const kept = floatsFromText(profile.kept);
  const all = Float32Array.from([...kept, ...profile.edges]).sort();
  return { kept, breaks: all.filter((value, i) => i === 0 || value !== all[i - 1]) };
}

/** Rows per bin of ascending values; edges as in {@link ContinuousProfile}. */
function countsBetween(values: Float32Array, edges: readonly number[]): number[] {
  const upTo = edges.map((edge) => countUpTo(values, edge));
  return [...upTo, values.length].map((count, i) => count - (i === 0 ? 0 : upTo[i - 1]!));
}

/** How many ascending values are at or below the limit. */
function countUpTo(values: Float32Array, limit: number): number {
  return partitionPoint(values, (value) => value <= limit);
}

/** How many ascending values are below the limit. */
function countBelow(values: Float32Array, limit: number): number {
  return partitionPoint(values, (value) => value < limit);
}

function partitionPoint(values: Float32Array, belongsBefore: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (belongsBefore(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The different values, or undefined when there are too many of them. Jumps from value to value, so it reads few rows. */
function fewValues(values: Float32Array): number[] | undefined {
  const found: number[] = [];
  for (let at = 0; at < values.length; at = countUpTo(values, found[found.length - 1]!)) {
    if (found.length === CATEGORIES_MAX) return undefined;
    found.push(values[at]!);
  }
  return found;
}

function evenlySpaced(values: Float32Array, keptMax: number): Float32Array {
  if (values.length <= keptMax) return values;
  const step = values.length / keptMax;
  return Float32Array.from({ length: keptMax }, (_, i) => values[Math.floor((i + 0.5) * step)]!);
}
