import { checkAtLeast, checkBetween, checkCount, checkNumber, invalid } from './checks.js';
import { log10NormalTwoSided, normalQuantile } from './distributions.js';
import { holmLog10 } from './multiple-testing.js';

/** Sums of a per-row metric (a loss, an error) over one segment. */
export interface SegmentSums {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

/** One segment before and now. Segments do not overlap and together hold all rows. */
export interface SegmentChange {
  readonly segment: string;
  readonly reference: SegmentSums;
  readonly current: SegmentSums;
}

/** An effect with its interval. */
export interface AttributedEffect {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** What one segment contributes to the change of the overall mean. */
export interface SegmentAttribution {
  readonly segment: string;
  /** By becoming a larger or smaller share of all rows. */
  readonly mix: AttributedEffect;
  /** By getting better or worse itself. */
  readonly rate: AttributedEffect;
  /** Of `rate`, adjusted over all segments (Holm); 0 (p = 1) where a side has fewer than 2 rows. */
  readonly adjustedLog10PValue: number;
  readonly referenceRows: number;
  readonly currentRows: number;
}

/** The change of a mean, split into segments. */
export interface ChangeAttribution {
  readonly change: AttributedEffect;
  /** Of all segments together: what the composition of the rows did, and what the segments themselves did. */
  readonly mix: AttributedEffect;
  readonly rate: AttributedEffect;
  /** Largest rate effect first. All mix and rate values together are the change. */
  readonly segments: readonly SegmentAttribution[];
  readonly referenceRows: number;
  readonly currentRows: number;
}

/**
 * Attributes the change of a mean per-row metric to segments: rate = mean share · change of the segment's mean; mix = change
 * of its share · (mean of the segment's means - mean of the overall means), the symmetric decomposition, so that both add up
 * to the change exactly and swapping the sides only turns the signs. A segment that is there on one side alone is all mix.
 * Intervals by the delta method, rows independent.
 * Source: Kitagawa (1955), Journal of the American Statistical Association 50:1168.
 * @example attributeChange([{ segment: 'a', reference: { n: 50, sum: 5, sumSquares: 5 }, current: { n: 50, sum: 10, sumSquares: 10 } }, { segment: 'b', reference: { n: 50, sum: 25, sumSquares: 25 }, current: { n: 150, sum: 75, sumSquares: 75 } }]) // => { change: { value: 0.125 }, mix: { value: 0.0875 }, rate: { value: 0.0375 } }
 */
export function attributeChange(
  segments: readonly SegmentChange[],
  options: { readonly confidence?: number } = {},
): ChangeAttribution {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkSegments('segments', segments);
  const z = normalQuantile((1 + confidence) / 2);
  const before = total(segments.map(({ reference }) => reference));
  const now = total(segments.map(({ current }) => current));
  const overall = (meanOf(before) + meanOf(now)) / 2;
  const parts = segments.map((segment) => contribution(segment, before.n, now.n, overall));
  const adjusted = holmLog10(
    parts.map(({ rate, rateError }) => (rateError > 0 ? log10NormalTwoSided(rate / rateError) : 0)),
  );
  const around = (value: number, error: number): AttributedEffect => ({
    value,
    lower: value - z * error,
    upper: value + z * error,
  });
  const attributed = segments.map(({ segment, reference, current }, i): SegmentAttribution => {
    const { mix, mixError, rate, rateError } = parts[i]!;
    return {
      segment,
      mix: around(mix, mixError),
      rate: around(rate, rateError),
      adjustedLog10PValue: adjusted[i]!,
      referenceRows: reference.n,
      currentRows: current.n,
    };
  });
  return {
    change: around(meanOf(now) - meanOf(before), Math.sqrt(errorOf(before) + errorOf(now))),
    mix: around(
      parts.reduce((sum, { mix }) => sum + mix, 0),
      mixError(segments, parts),
    ),
    rate: around(
      parts.reduce((sum, { rate }) => sum + rate, 0),
      Math.hypot(...parts.map(({ rateError }) => rateError)),
    ),
    segments: attributed.sort((a, b) => Math.abs(b.rate.value) - Math.abs(a.rate.value)),
    referenceRows: before.n,
    currentRows: now.n,
  };
}

interface Contribution {
  readonly mix: number;
  /** Mean of the segment's means less that of the overall ones: what a row more in it adds. */
  readonly middle: number;
  readonly mixError: number;
  readonly rate: number;
  readonly rateError: number;
}

function contribution(
  { reference, current }: SegmentChange,
  referenceRows: number,
  currentRows: number,
  overall: number,
): Contribution {
  const shareBefore = reference.n / referenceRows;
  const shareNow = current.n / currentRows;
  if (reference.n === 0 && current.n === 0) return { mix: 0, middle: 0, mixError: 0, rate: 0, rateError: 0 };
  const meanBefore = meanOf(reference.n > 0 ? reference : current);
  const meanNow = meanOf(current.n > 0 ? current : reference);
  const middle = (meanBefore + meanNow) / 2 - overall;
  const share = (shareBefore + shareNow) / 2;
  const shareVariance = (shareBefore * (1 - shareBefore)) / referenceRows + (shareNow * (1 - shareNow)) / currentRows;
  const measured = reference.n > 1 && current.n > 1;
  return {
    mix: (shareNow - shareBefore) * middle,
    middle,
    mixError: Math.abs(middle) * Math.sqrt(shareVariance),
    rate: share * (meanNow - meanBefore),
    rateError: measured ? share * Math.sqrt(errorOf(reference) + errorOf(current)) : 0,
  };
}

/** Standard error of all mix effects together: shares of one side add up to 1, so they vary against each other. */
function mixError(segments: readonly SegmentChange[], parts: readonly Contribution[]): number {
  const variance = (side: 'reference' | 'current'): number => {
    const rows = segments.reduce((sum, segment) => sum + segment[side].n, 0);
    let [mean, square] = [0, 0];
    segments.forEach((segment, i) => {
      const { middle } = parts[i]!;
      mean += (segment[side].n / rows) * middle;
      square += (segment[side].n / rows) * middle * middle;
    });
    return Math.max(0, square - mean * mean) / rows;
  };
  return Math.sqrt(variance('reference') + variance('current'));
}

function total(sums: readonly SegmentSums[]): SegmentSums {
  return sums.reduce((all, one) => ({
    n: all.n + one.n,
    sum: all.sum + one.sum,
    sumSquares: all.sumSquares + one.sumSquares,
  }));
}

/** Mean of one row or more. */
export function meanOf({ n, sum }: SegmentSums): number {
  return sum / n;
}

/** Variance of the mean; 0 for fewer than 2 rows. */
export function errorOf({ n, sum, sumSquares }: SegmentSums): number {
  return n > 1 ? Math.max(0, sumSquares - (sum * sum) / n) / (n - 1) / n : 0;
}

/** Throws when there is no segment, when a side has no row, or when sums are of no possible rows. */
export function checkSegments(field: string, segments: readonly SegmentChange[]): void {
  if (segments.length === 0) throw invalid(field, 0, 'needs at least 1 segment');
  segments.forEach(({ reference, current }, i) => {
    checkSums(`${field}[${i}].reference`, reference);
    checkSums(`${field}[${i}].current`, current);
  });
  if (segments.every(({ reference }) => reference.n === 0))
    throw invalid(field, 0, 'needs at least one row of the reference');
  if (segments.every(({ current }) => current.n === 0)) throw invalid(field, 0, 'needs at least one current row');
}

function checkSums(field: string, { n, sum, sumSquares }: SegmentSums): void {
  checkCount(`${field}.n`, n);
  checkNumber(`${field}.sum`, sum);
  checkAtLeast(`${field}.sumSquares`, sumSquares, 0);
  if (n === 0 && (sum !== 0 || sumSquares !== 0)) throw invalid(`${field}.sum`, sum, 'must be 0 without rows');
  if (n > 0 && sumSquares < ((sum * sum) / n) * (1 - 1e-9))
    throw invalid(`${field}.sumSquares`, sumSquares, 'must not be below sum² / n');
}
