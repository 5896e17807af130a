import { checkAtLeast, checkCount, checkNumber, invalid } from './checks.js';

/** What a canary's evidence comes to at one look. */
export interface SequentialVerdict {
  /** `non-inferior` may promote, `harm` rolls back, `inconclusive` holds. */
  readonly verdict: 'non-inferior' | 'harm' | 'inconclusive';
  /** Why it is inconclusive; null otherwise. */
  readonly reason: 'below-minimum' | 'immature-labels' | 'undecided' | null;
  /** Further samples until the minimum, or until a verdict if the difference stays as it is; null when more alone will not decide. */
  readonly moreNeeded: number | null;
}

/** Evidence at one look; bounds and margin in the unit of the metric, harm positive. */
export interface SequentialLook {
  readonly samples: number;
  readonly minSamples: number;
  /** Bounds of (canary's loss - baseline's loss) that hold at all looks together; absent while there are none. */
  readonly harm?: { readonly lower: number; readonly upper: number };
  /** Loss that is tolerated, >= 0. */
  readonly margin: number;
  /** A test that is valid at any time and any sample size has shown harm; by default the lower bound above 0, from `minSamples`. */
  readonly harmShown?: boolean;
  /** Labels are late: the rows that have one are not yet like the rest. Harm may be shown, but nothing promotes. */
  readonly labelsMature?: boolean;
  /** Samples at which the bounds would decide if the difference stays as it is; null for never. */
  readonly decidesAt?: () => number | null;
}

/**
 * Promote on non-inferiority, roll back on harm, otherwise hold and say what is missing. A loss surely within the margin
 * passes even when it is surely above 0: that much is tolerated. Missing, immature or scarce evidence never promotes.
 * Source: the decision rule of Schultzberg, Ankargren & Frånberg (2024), arXiv:2402.11609, with confidence sequences.
 * @example sequentialVerdict({ samples: 5000, minSamples: 1000, harm: { lower: -0.002, upper: 0.003 }, margin: 0.005 }) // => { verdict: 'non-inferior', reason: null, moreNeeded: 0 }
 */
export function sequentialVerdict(look: SequentialLook): SequentialVerdict {
  const { samples, minSamples, harm, margin, labelsMature = true } = look;
  checkAtLeast('samples', samples, 0);
  checkCount('minSamples', minSamples, 1);
  checkAtLeast('margin', margin, 0);
  if (harm) {
    checkNumber('harm.lower', harm.lower);
    checkNumber('harm.upper', harm.upper);
    if (harm.lower > harm.upper) throw invalid('harm.lower', harm.lower, `must not exceed harm.upper (${harm.upper})`);
  }
  const enough = samples >= minSamples;
  const within = harm !== undefined && harm.upper < margin;
  if (enough && within && labelsMature) return { verdict: 'non-inferior', reason: null, moreNeeded: 0 };
  const shown = look.harmShown ?? (enough && harm !== undefined && harm.lower > 0);
  if (shown && !within) return { verdict: 'harm', reason: null, moreNeeded: 0 };
  if (!enough) return { verdict: 'inconclusive', reason: 'below-minimum', moreNeeded: Math.ceil(minSamples - samples) };
  if (within) return { verdict: 'inconclusive', reason: 'immature-labels', moreNeeded: null };
  const decidesAt = look.decidesAt?.() ?? null;
  const moreNeeded = decidesAt === null ? null : Math.max(1, decidesAt - samples);
  return { verdict: 'inconclusive', reason: 'undecided', moreNeeded };
}
