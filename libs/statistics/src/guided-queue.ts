import { checkCount } from './checks.js';
import { meanConfidenceSequence, type RunningSums, type SequentialInterval } from './confidence-sequence.js';
import { rowsUntil } from './rows-until.js';

/** Whether a guided choice of rows is worth it. */
export type QueueJudgement =
  | ({
      /** `guided`: it teaches more than random rows; `random`: it teaches less, so fall back. */
      readonly verdict: 'guided' | 'random' | 'undecided';
      /** Comparisons, and how many more until a verdict if the difference stays as it is; null when never. */
      readonly n: number;
      readonly moreNeeded: number | null;
    } & SequentialInterval)
  | { readonly verdict: 'insufficient'; readonly n: number; readonly moreNeeded: number };

/**
 * Holds a guided queue against its random control arm. `differences` are the running sums, over validation rows and
 * rounds, of loss(model trained on guided labels) - loss(model trained on as many control labels), both scored on the same
 * rows; below 0 the guided queue teaches more. For studies: it takes two models that differ in nothing but how their labels were
 * chosen, which no service trains. An anytime-valid interval, so it may be read after every round.
 * Source: {@link meanConfidenceSequence}.
 * @example judgeGuidedQueue({ n: 400, sum: 60, sumSquares: 100 }, { minRows: 100 }) // => { verdict: 'random', n: 400, estimate: 0.15, moreNeeded: 0 }
 */
export function judgeGuidedQueue(
  differences: RunningSums,
  options: { readonly minRows: number; readonly alpha?: number },
): QueueJudgement {
  const { minRows, alpha = 0.05 } = options;
  checkCount('minRows', minRows, 1);
  const read = (sums: RunningSums) => meanConfidenceSequence(sums, { alpha, tunedForRows: minRows });
  const interval = read(differences);
  const { n } = differences;
  if (n < minRows || interval.kind === 'insufficient') {
    return { verdict: 'insufficient', n, moreNeeded: Math.max(1, minRows - n) };
  }
  const { kind: _kind, ...bounds } = interval;
  if (bounds.upper < 0) return { verdict: 'guided', n, moreNeeded: 0, ...bounds };
  if (bounds.lower > 0) return { verdict: 'random', n, moreNeeded: 0, ...bounds };
  const decidedAt = rowsUntil(n, (rows) => {
    const scale = rows / n;
    const then = read({ n: rows, sum: differences.sum * scale, sumSquares: differences.sumSquares * scale });
    return then.kind === 'estimated' && (then.upper < 0 || then.lower > 0);
  });
  return { verdict: 'undecided', n, moreNeeded: decidedAt === null ? null : decidedAt - n, ...bounds };
}
