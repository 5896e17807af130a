import { checkCount } from './checks.js';
import { nonInferiority, type ComparisonEvidence, type Comparison } from './non-inferiority.js';
import { rowsToDecide } from './rows-to-decide.js';

/** Best to worst; `inconclusive` last, because it never promotes. */
export type PromotionVerdict = 'promote' | 'non-inferior' | 'reject' | 'inconclusive';

/** Evidence on a part of the rows; intervals of several slices should hold for all of them at once. */
export interface SliceEvidence extends ComparisonEvidence {
  readonly slice: string;
}

/** What to do with a challenger, and what is missing where nothing can be said. */
export interface PromotionDecision {
  readonly verdict: PromotionVerdict;
  /** Where the verdict comes from: `all`, or the slice that rejects or is undecided. */
  readonly slice: string;
  /** Labelled rows still needed in `slice`; 0 unless inconclusive, null when no finite number would decide. */
  readonly moreLabels: number | null;
  /** The comparison the verdict rests on. */
  readonly comparison: Comparison;
}

/**
 * One verdict from the comparison over all rows and those in slices, each with its own margin: `reject` when all rows or any
 * slice are shown to lose more than their margin; else `inconclusive` when any of them could; else `promote` when the gain
 * over all rows is shown, and `non-inferior` otherwise. Inconclusive names the part that needs most labels, and how many
 * (power 0.8 if the models are equal). Each claim about all rows errs with at most half of 1 - confidence.
 * Source: Piaggio et al. (2012), JAMA 308:2594, applied part by part.
 * @example decidePromotion({ difference: 0.01, lower: 0.002, upper: 0.018, better: 'higher', margin: 0.005, rows: 5000, minRows: 1000 }) // => { verdict: 'promote', slice: 'all', moreLabels: 0 }
 */
export function decidePromotion(overall: ComparisonEvidence, slices: readonly SliceEvidence[] = []): PromotionDecision {
  const parts = [{ ...overall, slice: 'all' }, ...slices].map((evidence) => ({
    evidence,
    comparison: nonInferiority(evidence),
  }));
  const rejecting = parts.find(({ comparison }) => comparison.verdict === 'inferior');
  if (rejecting)
    return { verdict: 'reject', slice: rejecting.evidence.slice, moreLabels: 0, comparison: rejecting.comparison };
  const undecided = parts
    .filter(({ comparison }) => comparison.verdict === 'inconclusive')
    .map(({ evidence, comparison }) => ({
      comparison,
      slice: evidence.slice,
      more: missingLabels(evidence, comparison),
    }));
  if (undecided.length > 0) {
    const worst = undecided.reduce((most, part) => ((part.more ?? Infinity) > (most.more ?? Infinity) ? part : most));
    return { verdict: 'inconclusive', slice: worst.slice, moreLabels: worst.more, comparison: worst.comparison };
  }
  const { comparison } = parts[0]!;
  const verdict = comparison.verdict === 'superior' ? 'promote' : 'non-inferior';
  return { verdict, slice: 'all', moreLabels: 0, comparison };
}

function missingLabels(evidence: ComparisonEvidence, comparison: Comparison): number | null {
  const { lower, upper, margin, rows, minRows, confidence } = evidence;
  checkCount('rows', rows, 1);
  const seen = { gain: comparison.gain, bound: -margin, halfWidth: (upper - lower) / 2, rows };
  const needed = rowsToDecide({ ...seen, ...(confidence !== undefined && { confidence }) });
  if (rows < minRows) return Math.max(minRows, needed ?? 0) - rows;
  return needed === null ? null : needed - rows;
}
