import type { EstimateValue } from './references.js';

export interface SelectableCandidate {
  readonly name: string;
  readonly complexity: number;
  readonly validation: readonly EstimateValue[];
}

export interface SelectionRule {
  /** `logLoss` and `brier`: lower is better; `rocAuc`: higher is better. */
  readonly metric: string;
  readonly oneStandardError: boolean;
}

export interface Selection {
  readonly candidate: string;
  readonly rule: string;
  readonly explanation: string;
}

const HIGHER_IS_BETTER = new Set(['rocAuc', 'prAuc', 'accuracy']);

/** Half-width of a two-sided normal interval in standard errors, by coverage. */
const Z_BY_CONFIDENCE: Readonly<Record<string, number>> = { '0.9': 1.6449, '0.95': 1.96, '0.99': 2.5758 };

function standardError(estimate: EstimateValue): number {
  if (estimate.lower === undefined || estimate.upper === undefined) return 0;
  return (estimate.upper - estimate.lower) / 2 / (Z_BY_CONFIDENCE[String(estimate.confidence)] ?? 1.96);
}

/** For example `0.4147 (0.4133 to 0.4161, n=104,120)`. */
function told({ value, lower, upper, n }: EstimateValue): string {
  const interval =
    lower === undefined || upper === undefined ? 'no interval' : `${lower.toFixed(4)} to ${upper.toFixed(4)}`;
  return `${value.toFixed(4)} (${interval}, n=${n.toLocaleString('en-US')})`;
}

/**
 * Picks one candidate by its validation metric. With `oneStandardError` the simplest candidate whose metric lies within one
 * standard error of the best wins (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).
 * Candidates without the metric cannot be selected; `undefined` when none can.
 */
export function select(candidates: readonly SelectableCandidate[], rule: SelectionRule): Selection | undefined {
  const sign = HIGHER_IS_BETTER.has(rule.metric) ? -1 : 1;
  const ranked = candidates
    .flatMap((candidate) => {
      const estimate = candidate.validation.find((item) => item.name === rule.metric);
      return estimate && Number.isFinite(estimate.value) ? [{ candidate, estimate, loss: sign * estimate.value }] : [];
    })
    .sort(
      (a, b) =>
        a.loss - b.loss ||
        a.candidate.complexity - b.candidate.complexity ||
        (a.candidate.name < b.candidate.name ? -1 : 1),
    );
  const best = ranked[0];
  if (!best) return undefined;
  if (!rule.oneStandardError) {
    return {
      candidate: best.candidate.name,
      rule: `best ${rule.metric}`,
      explanation: `${best.candidate.name} has the best validation ${rule.metric}, ${told(best.estimate)}`,
    };
  }
  const bound = best.loss + standardError(best.estimate);
  const simplest =
    ranked.filter((item) => item.loss <= bound).sort((a, b) => a.candidate.complexity - b.candidate.complexity)[0] ??
    best;
  return {
    candidate: simplest.candidate.name,
    rule: `simplest within one standard error of the best ${rule.metric}`,
    explanation:
      simplest === best
        ? `${best.candidate.name} has the best validation ${rule.metric}, ${told(best.estimate)}, and no simpler candidate is within one standard error (${(sign * bound).toFixed(4)})`
        : `${simplest.candidate.name}, ${told(simplest.estimate)}, is the simplest within one standard error of ${best.candidate.name}, ${told(best.estimate)}: up to ${(sign * bound).toFixed(4)}`,
  };
}
