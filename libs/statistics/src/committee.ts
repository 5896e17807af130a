import { checkCount, invalid, type Numbers } from './checks.js';
import { entropyScore } from './active-learning.js';

/** Probabilities of several models for the same rows: member m, row i, class k at `(m * rows + i) * classes + k`. */
export interface CommitteeProbabilities {
  readonly probabilities: Numbers;
  readonly members: number;
  readonly classes: number;
}

/**
 * How much the members of a committee disagree on each row: the mean Kullback-Leibler divergence of a member from the
 * committee's average, in nats; 0 when all say the same, ln(min(members, classes)) at most. Unlike the entropy of the average it is
 * 0 for a row that all members find equally undecidable, where another label would teach nothing.
 * Source: McCallum & Nigam (1998), ICML; Lin (1991), IEEE Trans. Inf. Theory 37:145.
 * @example Array.from(committeeDisagreement({ probabilities: [1, 0, 0, 1], members: 2, classes: 2 })) // => [0.693147]
 */
export function committeeDisagreement(committee: CommitteeProbabilities): Float64Array {
  const { probabilities, members, classes } = committee;
  checkCount('members', members, 2);
  checkCount('classes', classes, 2);
  if (probabilities.length % (members * classes) !== 0) {
    throw invalid(
      'probabilities',
      probabilities.length,
      `must have a multiple of members · classes (${members * classes}) values`,
    );
  }
  const rows = probabilities.length / (members * classes);
  const own = entropyScore({ probabilities, classes });
  const average = new Float64Array(rows * classes);
  for (let m = 0; m < members; m++) {
    for (let i = 0; i < average.length; i++) average[i]! += probabilities[m * average.length + i]! / members;
  }
  return entropyScore({ probabilities: average, classes }).map((entropy, i) => {
    let mean = 0;
    for (let m = 0; m < members; m++) mean += own[m * rows + i]! / members;
    return Math.max(0, entropy - mean);
  });
}
