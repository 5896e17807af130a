import {
  attributeToFeatures,
  logLossPerRow,
  sliceFeatureAt,
  type AttributedEffect,
  type SegmentChange,
  type SegmentSums,
} from '@rondo/statistics';
import type { EstimateValue } from './model-reference.js';
import { OPEN_WINDOWS, sameWindow, type Window } from './performance.js';
import type { FeatureProfile } from './reference-profile.js';
import { joinRows, NO_ROW } from './row-key.js';

/** Share of the labelled rows that must be joined with their features: an attribution of fewer could be of other rows. */
const JOINED_SHARE_MIN = 0.9;
const METHOD = 'symmetric decomposition by feature, delta method';

/** Sums of the log loss over the segments of one feature; the same segments in every window of a champion. */
export type FeatureSums = {
  readonly feature: string;
  readonly segments: readonly (SegmentSums & { readonly segment: string })[];
};

/** Features' losses of one pipeline's champion so far. */
export type FeatureLosses = {
  readonly modelDigest: string;
  /** Last windows whose rows were joined, oldest first. */
  readonly windows: readonly (Window & { readonly features: readonly FeatureSums[] })[];
  /** Of windows no longer listed; empty when there are none. */
  readonly folded: readonly FeatureSums[];
};

/** One segment in which the log loss rose more than in the others of its feature. */
export interface FeatureSegment {
  readonly feature: string;
  readonly segment: string;
  readonly mix: EstimateValue;
  readonly rate: EstimateValue;
  readonly excess: EstimateValue;
  readonly adjustedLog10PValue: number;
  readonly referenceRows: number;
  readonly rows: number;
}

/** Where in the features a rise of the log loss is concentrated. */
export interface FeatureLossAttribution {
  /** Largest excess first. */
  readonly segments: readonly FeatureSegment[];
  /** Segments with rows enough to be tested. */
  readonly tested: number;
  /** Joined rows of the window. */
  readonly rows: number;
}

/** Whether so many of the labelled rows were joined that they may stand for all. */
export const standsForAll = (joined: number, labelled: number): boolean =>
  joined > 0 && joined >= JOINED_SHARE_MIN * labelled;

/** Rows of a window whose outcomes are known. */
export interface LabelledRows {
  readonly labelledScores: Float32Array;
  readonly labels: Uint8Array;
  readonly labelledKeys: Uint32Array;
}

/** Labelled rows whose features are known. */
export interface JoinedLosses {
  /** Their places in the batch. */
  readonly rows: Int32Array;
  /** The log loss of each. */
  readonly losses: Float64Array;
}

/** Joins labelled rows by key with the rows of their batch. */
export function joinLosses(
  { labelledScores, labels, labelledKeys }: LabelledRows,
  batchKeys: Uint32Array,
): JoinedLosses {
  const joined = joinRows(labelledKeys, batchKeys);
  const every = logLossPerRow(labels, labelledScores);
  return { rows: joined.filter((row) => row !== NO_ROW), losses: every.filter((_, i) => joined[i] !== NO_ROW) };
}

/** Sums up losses by the segments of a feature: bins or values of the champion's reference, other values, missing ones. */
export function segmentSums(
  profile: FeatureProfile,
  { column, rows, losses }: { readonly column: Float32Array; readonly rows: Int32Array; readonly losses: Float64Array },
): FeatureSums {
  const values = new Float32Array(rows.length);
  rows.forEach((row, i) => (values[i] = column[row]!));
  const { values: names, codes } = sliceFeatureAt(
    profile.feature,
    values,
    profile.kind === 'category' ? { values: profile.values } : { edges: profile.edges },
  );
  const segments = names.map((segment) => ({ segment, n: 0, sum: 0, sumSquares: 0 }));
  codes.forEach((code, row) => {
    const segment = segments[code]!;
    const loss = losses[row]!;
    segment.n++;
    segment.sum += loss;
    segment.sumSquares += loss * loss;
  });
  return { feature: profile.feature, segments };
}

/** The window's sums are known, or known anew. */
export function withFeatures(
  losses: FeatureLosses | undefined,
  modelDigest: string,
  { startMs, endMs }: Window,
  features: readonly FeatureSums[],
): FeatureLosses {
  const own = losses?.modelDigest === modelDigest ? losses : undefined;
  const { windows, folded } = own ?? { windows: [], folded: [] as readonly FeatureSums[] };
  const added = { startMs, endMs, features };
  const ordered = [...windows.filter((known) => !sameWindow(known, added)), added].sort(
    (a, b) => a.endMs - b.endMs || a.startMs - b.startMs,
  );
  return {
    ...own,
    modelDigest,
    windows: ordered.slice(-OPEN_WINDOWS),
    folded: ordered.slice(0, -OPEN_WINDOWS).reduce((sums, known) => together(sums, known.features), folded),
  };
}

/** What joined windows of the champion before this one came to; undefined when there are none. */
export function earlierFeatures(
  { modelDigest: of, windows, folded }: FeatureLosses,
  modelDigest: string,
  { startMs }: Window,
): readonly FeatureSums[] | undefined {
  if (of !== modelDigest) return undefined;
  const before = windows.filter((window) => window.endMs <= startMs);
  const sums = before.reduce((total, { features }) => together(total, features), folded);
  return sums.length > 0 ? sums : undefined;
}

/** Names the few segments in which the mean log loss rose more from earlier windows to this one than in like rows. */
export function attributeToSegments(
  earlier: readonly FeatureSums[],
  now: readonly FeatureSums[],
): FeatureLossAttribution {
  const features = now.map(({ feature, segments }, i) => ({
    feature,
    segments: segments.map((current, at): SegmentChange => ({
      segment: current.segment,
      reference: earlier[i]!.segments[at]!,
      current,
    })),
  }));
  const { segments, confidence, tested } = attributeToFeatures(features);
  return {
    segments: segments.map(({ mix, rate, excess, currentRows: rows, ...one }) => {
      const estimate = (name: string, effect: AttributedEffect): EstimateValue => ({
        name,
        ...effect,
        confidence,
        n: rows,
        slice: one.segment,
        method: METHOD,
      });
      return {
        ...one,
        mix: estimate('logLossMix', mix),
        rate: estimate('logLossRate', rate),
        excess: estimate('logLossSegmentExcess', excess),
        rows,
      };
    }),
    tested,
    rows: now[0]!.segments.reduce((sum, { n }) => sum + n, 0),
  };
}

function together(a: readonly FeatureSums[], b: readonly FeatureSums[]): readonly FeatureSums[] {
  if (a.length === 0) return b;
  return a.map(({ feature, segments }, i) => ({
    feature,
    segments: segments.map(({ segment, n, sum, sumSquares }, at) => {
      const other = b[i]!.segments[at]!;
      return { segment, n: n + other.n, sum: sum + other.sum, sumSquares: sumSquares + other.sumSquares };
    }),
  }));
}
