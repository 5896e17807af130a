import { attributeChange, logLossPerRow, type AttributedEffect, type SegmentSums } from '@rondo/statistics';
import type { FeatureLossAttribution } from './feature-losses.js';
import type { EstimateValue } from './model-reference.js';
import type { PerformanceRecord, Window } from './performance.js';

/** Whatever callers send, every row has the score the champion gave it. */
const BANDS = 10;
const CONFIDENCE = 0.95;
const METHOD = 'symmetric decomposition by score, delta method';

/** Sums of the log loss per band of scores, lowest band first. */
export type BandSums = readonly SegmentSums[];

/** One band and what it contributes to the change. */
export interface BandAttribution {
  readonly segment: string;
  readonly mix: EstimateValue;
  readonly rate: EstimateValue;
  readonly adjustedLog10PValue: number;
  readonly referenceRows: number;
  readonly rows: number;
}

/** Where a change of the log loss comes from. */
export interface LossAttribution {
  readonly change: EstimateValue;
  readonly mix: EstimateValue;
  readonly rate: EstimateValue;
  /** Largest rate effect first. */
  readonly segments: readonly BandAttribution[];
  /** Absent when the rows of the window or of those before it could not be joined with their features. */
  readonly features?: FeatureLossAttribution;
}

/** Sums up labelled rows by the score they got. */
export function bandSums(scores: Float32Array, labels: Uint8Array): BandSums {
  const bands = Array.from({ length: BANDS }, () => ({ n: 0, sum: 0, sumSquares: 0 }));
  if (scores.length === 0) return bands;
  logLossPerRow(labels, scores).forEach((loss, row) => {
    const band = bands[Math.min(BANDS - 1, Math.floor(scores[row]! * BANDS))]!;
    band.n++;
    band.sum += loss;
    band.sumSquares += loss * loss;
  });
  return bands;
}

/** Both together. */
export function addedBands(a: BandSums | undefined, b: BandSums | undefined): BandSums | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.map(({ n, sum, sumSquares }, band) => ({
    n: n + b[band]!.n,
    sum: sum + b[band]!.sum,
    sumSquares: sumSquares + b[band]!.sumSquares,
  }));
}

/** What confirmed windows of the champion before this one came to; undefined when there are none. */
export function earlierBands({ windows, folded, modelDigest }: PerformanceRecord, { startMs }: Window) {
  const before = windows.filter((window) => window.modelDigest === modelDigest && window.endMs <= startMs);
  return before.reduce((sums, { bands }) => addedBands(sums, bands), folded.bands);
}

/**
 * Splits the change of the mean log loss from earlier windows to this one: `mix` is what rows of other scores did (the inputs
 * changed), `rate` what other outcomes at the same scores did (what the champion learned holds no longer).
 */
export function attributeLoss(earlier: BandSums, now: BandSums): LossAttribution {
  const segments = now.map((current, band) => ({ segment: bandName(band), reference: earlier[band]!, current }));
  const { change, mix, rate, currentRows, ...found } = attributeChange(segments, { confidence: CONFIDENCE });
  const estimate = (name: string, effect: AttributedEffect, n: number, slice: string): EstimateValue => ({
    name,
    ...effect,
    confidence: CONFIDENCE,
    n,
    slice,
    method: METHOD,
  });
  const all = (name: string, effect: AttributedEffect): EstimateValue => estimate(name, effect, currentRows, 'all');
  return {
    change: all('logLossChange', change),
    mix: all('logLossMix', mix),
    rate: all('logLossRate', rate),
    segments: found.segments
      .filter((one) => one.referenceRows + one.currentRows > 0)
      .map(({ segment, adjustedLog10PValue, referenceRows, currentRows: rows, ...effects }) => ({
        segment,
        mix: estimate('logLossMix', effects.mix, rows, segment),
        rate: estimate('logLossRate', effects.rate, rows, segment),
        adjustedLog10PValue,
        referenceRows,
        rows,
      })),
  };
}

const bandName = (band: number): string => `score ${band / BANDS} to ${(band + 1) / BANDS}`;
