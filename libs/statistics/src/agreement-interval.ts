import { alphaOf, grouped, type AgreementResult, type GroupedLabels, type MeasurementLevel } from './agreement.js';
import { checkBetween, type Numbers } from './checks.js';
import { betaQuantile, tQuantile } from './distributions.js';
import type { Interval } from './proportions.js';
import { rowsUntil } from './rows-until.js';

type Measured = Extract<AgreementResult, { readonly kind: 'measured' }>;
type Insufficient = Extract<AgreementResult, { readonly kind: 'insufficient' }>;

/**
 * The same with an interval over units. The standard error is null when leaving out some units leaves alpha undefined; the bounds
 * are null, at other levels than nominal, without a standard error above 0.
 */
export type AgreementInterval =
  | (Measured & {
      readonly standardError: number | null;
      readonly lower: number | null;
      readonly upper: number | null;
    })
  | Insufficient;

/** Whether agreement reaches a limit. */
export type AgreementVerdict = {
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /**
   * Further units with at least two labels until there is a verdict: if alpha stays as it is, or at least if there is no alpha yet;
   * null when no number of them would give one.
   */
  readonly moreNeeded: number | null;
} & ((Measured & Interval) | Insufficient);

/** Groups of units that are left out in turn. */
const JACKKNIFE_GROUPS = 50;

/**
 * Krippendorff's α, as `krippendorffAlpha` has it, with its standard error and interval; units must be independent. The standard error
 * is the jackknife's: one of at most 50 groups of units is left out in turn. The interval at nominal level is that of the share of
 * disagreement, bounded by what the labels per unit allow, over the disagreement by chance: Clopper and Pearson's, with as many units
 * as would give the jackknife's variance, never more than there are. So units that all agree leave an interval of a width that
 * depends on their number. At other levels it is t with groups - 1 degrees of freedom, cut at 1. Deterministic.
 * Source: Shao & Tu (1995), The Jackknife and Bootstrap, ch. 2; Korn & Graubard (1998), Survey Methodology 24:193.
 * @example krippendorffInterval([0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 1, 2, 3, 3], 'nominal') // => { alpha: 0.666667, standardError: 0.373063, lower: -0.214284, upper: 0.999105 }
 */
export function krippendorffInterval(
  units: Numbers,
  values: Numbers,
  level: MeasurementLevel,
  options: { readonly confidence?: number } = {},
): AgreementInterval {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  const labels = grouped(units, values, level);
  const whole = alphaOf(labels, level);
  if (whole.kind === 'insufficient') return whole;
  const standardError = jackknife(labels, level, whole.units);
  if (level === 'nominal')
    return { ...whole, standardError, ...nominalBounds(disagreementOf(labels, whole, standardError), confidence) };
  if (standardError === null || standardError === 0) return { ...whole, standardError, lower: null, upper: null };
  const halfWidth = tQuantile((1 + confidence) / 2, Math.min(JACKKNIFE_GROUPS, whole.units) - 1) * standardError;
  return { ...whole, standardError, lower: whole.alpha - halfWidth, upper: Math.min(1, whole.alpha + halfWidth) };
}

/**
 * Holds the agreement on names against the least that is asked for: it passes when the lower bound of {@link krippendorffInterval}
 * reaches the limit, so that an agreement below it passes with a probability of at most about (1 - confidence) / 2, and fails when
 * the upper bound is below. Labels that are all alike show no agreement: they would be alike as well if nobody looked.
 * @example agreementVerdict([0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 1, 1], 0.8) // => { verdict: 'inconclusive', moreNeeded: 30, alpha: 1, units: 3 }
 */
export function agreementVerdict(
  units: Numbers,
  values: Numbers,
  limit: number,
  options: { readonly confidence?: number } = {},
): AgreementVerdict {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkBetween('limit', limit, -Infinity, Infinity);
  const labels = grouped(units, values, 'nominal');
  const whole = alphaOf(labels, 'nominal');
  const read = (of: Disagreement) => {
    const bounds = nominalBounds(of, confidence);
    const verdict = bounds.lower >= limit ? 'pass' : bounds.upper < limit ? 'fail' : 'inconclusive';
    return { verdict, bounds } as const;
  };
  const decidedFrom = (of: Disagreement): number | null =>
    rowsUntil(of.units, (rows) => read(grown(of, rows)).verdict !== 'inconclusive');
  if (whole.kind === 'insufficient') {
    const paired = pairedSizes(labels).length;
    // Two labels on each, both values as often: what needs the fewest units.
    const best = decidedFrom({ share: 0, scale: 2, units: 1, effective: 1 });
    return { ...whole, verdict: 'inconclusive', moreNeeded: best === null ? null : Math.max(1, best - paired) };
  }
  const disagreement = disagreementOf(labels, whole, jackknife(labels, 'nominal', whole.units));
  const { verdict, bounds } = read(disagreement);
  const decided = verdict === 'inconclusive' ? decidedFrom(disagreement) : whole.units;
  return { ...whole, ...bounds, verdict, moreNeeded: decided === null ? null : decided - whole.units };
}

/** Null when a part of the units leaves alpha undefined. */
function jackknife(labels: GroupedLabels, level: MeasurementLevel, units: number): number | null {
  const groups = Math.min(JACKKNIFE_GROUPS, units);
  if (groups < 2) return null;
  const without: number[] = [];
  for (let omitted = 0; omitted < groups; omitted++) {
    const part = alphaOf(labels, level, groups, omitted);
    if (part.kind === 'insufficient') return null;
    without.push(part.alpha);
  }
  const mean = without.reduce((sum, alpha) => sum + alpha, 0) / groups;
  const squares = without.reduce((sum, alpha) => sum + (alpha - mean) ** 2, 0);
  return Math.sqrt((squares * (groups - 1)) / groups);
}

/** Disagreement on names as the share of the most there could be. */
interface Disagreement {
  readonly share: number;
  /** The most there could be over that by chance: alpha is 1 - scale * share. */
  readonly scale: number;
  readonly units: number;
  /** Units whose disagreement, counted one by one, would vary as much. */
  readonly effective: number;
}

function disagreementOf(labels: GroupedLabels, whole: Measured, standardError: number | null): Disagreement {
  const sizes = pairedSizes(labels);
  const { units, labels: total } = whole;
  const frequency = frequencies(labels);
  const byChance = 1 - frequency.reduce((sum, count) => sum + count * (count - 1), 0) / (total * (total - 1));
  const classes = frequency.filter((count) => count > 0).length;
  const most = sizes.reduce((max, size) => Math.max(max, size * mostDiscordant(size, classes)), 0);
  const scale = (most * units) / total / byChance;
  const share = Math.min(1, Math.max(0, (1 - whole.alpha) / scale));
  const variance = standardError === null ? 0 : (standardError / scale) ** 2;
  const lossOfGroups = (tQuantile(0.975, Math.max(1, units - 1)) / tQuantile(0.975, degreesOfFreedom(units))) ** 2;
  const effective = variance > 0 ? Math.min(units, ((share * (1 - share)) / variance) * lossOfGroups) : units;
  return { share, scale, units, effective };
}

const degreesOfFreedom = (units: number): number => Math.max(1, Math.min(JACKKNIFE_GROUPS, units) - 1);

/** With more of the same units. */
const grown = (of: Disagreement, units: number): Disagreement => ({
  ...of,
  units,
  effective: (of.effective * units) / of.units,
});

function nominalBounds({ share, scale, effective }: Disagreement, confidence: number): Interval {
  const hits = share * effective;
  const misses = effective - hits;
  const least = hits <= 0 ? 0 : betaQuantile((1 - confidence) / 2, hits, misses + 1);
  const most = misses <= 0 ? 1 : betaQuantile((1 + confidence) / 2, hits + 1, misses);
  return { lower: 1 - scale * most, upper: 1 - scale * least };
}

/** Labels on each unit that has at least two. */
function pairedSizes({ starts }: GroupedLabels): Uint32Array {
  return starts
    .subarray(1)
    .map((end, unit) => end - starts[unit]!)
    .filter((size) => size > 1);
}

function frequencies({ scale, index, starts }: GroupedLabels): Float64Array {
  const frequency = new Float64Array(scale.length);
  for (let u = 0; u + 1 < starts.length; u++) {
    if (starts[u + 1]! - starts[u]! < 2) continue;
    for (let i = starts[u]!; i < starts[u + 1]!; i++) frequency[index[i]!]!++;
  }
  return frequency;
}

/** The most of the pairs of `size` labels that can differ: when the classes share them as evenly as they can. */
function mostDiscordant(size: number, classes: number): number {
  const each = Math.floor(size / classes);
  const larger = size % classes;
  const alike = larger * (each + 1) * each + (classes - larger) * each * (each - 1);
  return 1 - alike / (size * (size - 1));
}
