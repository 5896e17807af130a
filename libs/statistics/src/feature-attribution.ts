import {
  attributeChange,
  checkSegments,
  errorOf,
  meanOf,
  type AttributedEffect,
  type SegmentChange,
} from './change-attribution.js';
import { checkBetween, checkCount, invalid } from './checks.js';
import { log10NormalTwoSided, normalQuantile } from './distributions.js';
import { benjaminiYekutieliLog10, harmonic } from './multiple-testing.js';

/** Segments of one feature: they do not overlap and together hold all rows. */
export interface FeatureChange {
  readonly feature: string;
  readonly segments: readonly SegmentChange[];
}

/** A segment that got worse than the others of its feature. */
export interface FeatureSegmentAttribution {
  readonly feature: string;
  readonly segment: string;
  /** As {@link attributeChange} gives them. */
  readonly mix: AttributedEffect;
  readonly rate: AttributedEffect;
  /** By how much the overall mean rose because the segment did not change as the others did. */
  readonly excess: AttributedEffect;
  /** Of `excess`, one-sided, adjusted over all segments of all features (Benjamini-Yekutieli). */
  readonly adjustedLog10PValue: number;
  readonly referenceRows: number;
  readonly currentRows: number;
}

/** Where a rise of a mean is concentrated. */
export interface FeatureAttribution {
  /** Largest excess first; empty when no segment is known to differ from the others. */
  readonly segments: readonly FeatureSegmentAttribution[];
  /** Coverage of the intervals, adjusted for having been selected. */
  readonly confidence: number;
  /** Segments with enough rows: as many tests were made. */
  readonly tested: number;
}

interface Contrast {
  readonly feature: string;
  readonly change: SegmentChange;
  readonly excess: number;
  readonly error: number;
}

/**
 * Finds the segments of features in which a mean per-row metric (a loss) rose more than in the rest of the rows: excess =
 * mean share · (change of the segment's mean - change of the others, like for like: Σ share · change / Σ share over the other
 * segments of the feature). A rise that is the same everywhere is nobody's excess. A change has the larger of the variance
 * with both sides apart and with both pooled, since a small side of a skewed loss may show none of its own. Segments with
 * fewer than `minRows` rows on a side are not tested. Features overlap, so false discoveries are controlled under any
 * dependence, and so is the false coverage of the intervals of what was selected. Rows independent.
 * Source: Benjamini & Yekutieli (2001), Annals of Statistics 29:1165 and (2005), JASA 100:71 (dependence, false coverage rate).
 * @example attributeToFeatures([{ feature: 'x', segments: [{ segment: 'x=0', reference: { n: 900, sum: 90, sumSquares: 90 }, current: { n: 900, sum: 90, sumSquares: 90 } }, { segment: 'x=1', reference: { n: 100, sum: 10, sumSquares: 10 }, current: { n: 100, sum: 50, sumSquares: 50 } }] }]).segments[0] // => { segment: 'x=1', excess: { value: 0.04 }, rate: { value: 0.04 } }
 */
export function attributeToFeatures(
  features: readonly FeatureChange[],
  options: { readonly minRows?: number; readonly falseDiscoveryRate?: number; readonly limit?: number } = {},
): FeatureAttribution {
  const { minRows = 100, falseDiscoveryRate = 0.05, limit = 5 } = options;
  checkCount('minRows', minRows, 2);
  checkCount('limit', limit, 1);
  checkBetween('falseDiscoveryRate', falseDiscoveryRate, 0, 1);
  if (features.length === 0) throw invalid('features', 0, 'needs at least 1 feature');
  features.forEach(({ segments }, i) => checkSegments(`features[${i}].segments`, segments));
  const contrasts = features.flatMap((feature) => contrastsOf(feature, minRows));
  const tested = contrasts.length;
  const adjusted = benjaminiYekutieliLog10(
    contrasts.map(({ excess, error }) => (error > 0 ? log10UpperTail(excess / error) : 0)),
  );
  const worst = contrasts
    .map((contrast, i) => ({ ...contrast, adjustedLog10PValue: adjusted[i]! }))
    .filter(({ adjustedLog10PValue }) => adjustedLog10PValue <= Math.log10(falseDiscoveryRate))
    .sort((a, b) => b.excess - a.excess)
    .slice(0, limit);
  const missed =
    (falseDiscoveryRate * Math.max(1, worst.length)) / (Math.max(1, tested) * harmonic(Math.max(1, tested)));
  const confidence = 1 - missed;
  const z = -normalQuantile(missed / 2);
  const split = new Map(
    features
      .filter(({ feature }) => worst.some((one) => one.feature === feature))
      .map(({ feature, segments }) => [feature, attributeChange(segments, { confidence }).segments]),
  );
  const described = worst.map(({ feature, change, excess, error, adjustedLog10PValue }): FeatureSegmentAttribution => {
    const { mix, rate, referenceRows, currentRows } = split
      .get(feature)!
      .find(({ segment }) => segment === change.segment)!;
    const interval = { value: excess, lower: excess - z * error, upper: excess + z * error };
    const { segment } = change;
    return { feature, segment, mix, rate, excess: interval, adjustedLog10PValue, referenceRows, currentRows };
  });
  return { segments: described, confidence, tested };
}

function contrastsOf({ feature, segments }: FeatureChange, minRows: number): Contrast[] {
  const rows = (side: 'reference' | 'current'): number => segments.reduce((sum, one) => sum + one[side].n, 0);
  const [referenceRows, currentRows] = [rows('reference'), rows('current')];
  const measured = segments
    .filter(({ reference, current }) => reference.n > 1 && current.n > 1)
    .map((change) => ({
      change,
      share: (change.reference.n / referenceRows + change.current.n / currentRows) / 2,
      difference: meanOf(change.current) - meanOf(change.reference),
      variance: varianceOf(change),
    }));
  return measured
    .filter(({ change }) => Math.min(change.reference.n, change.current.n) >= minRows && measured.length > 1)
    .map((own) => {
      const others = measured.filter((other) => other !== own);
      const share = others.reduce((sum, other) => sum + other.share, 0);
      const difference = others.reduce((sum, other) => sum + (other.share / share) * other.difference, 0);
      const variance = others.reduce((sum, other) => sum + (other.share / share) ** 2 * other.variance, 0);
      const excess = own.share * (own.difference - difference);
      return { feature, change: own.change, excess, error: own.share * Math.sqrt(own.variance + variance) };
    });
}

/** Of a difference of means. */
function varianceOf({ reference, current }: SegmentChange): number {
  const squares = [reference, current].reduce((sum, side) => sum + errorOf(side) * side.n * (side.n - 1), 0);
  const pooled = (squares / (reference.n + current.n - 2)) * (1 / reference.n + 1 / current.n);
  return Math.max(pooled, errorOf(reference) + errorOf(current));
}

/** log10 P(Z >= z). */
function log10UpperTail(z: number): number {
  const tail = log10NormalTwoSided(z) - Math.log10(2);
  return z >= 0 ? tail : Math.log10(1 - 10 ** tail);
}
