import { spreadOfSums } from './clusters.js';
import { normalQuantile, tQuantile } from './distributions.js';
import { scoreInterval, type Interval } from './proportions.js';

/** Trials and successes of each cluster, by the cluster's place; a cluster without trials is none. */
export interface ClusteredTrials {
  readonly trials: Float64Array;
  readonly successes: Float64Array;
}

/** A share whose trials are worth as many independent ones. */
export interface EffectiveShare {
  readonly share: number;
  readonly trials: number;
  /** The quantile of its distribution. */
  quantile(probability: number): number;
  /** How far each cluster moves the share. */
  readonly influence: Float64Array;
}

/**
 * A share of trials that succeed together within clusters, as one of n / d independent trials, d ≥ 1 being how much larger the
 * variance over clusters is than that of independent trials. Where all trials ended alike nothing is seen of d, and each
 * cluster counts as one trial. Quantiles are those of t with effective clusters - 1 degrees of freedom.
 * Needs two clusters. Source: Rao & Scott (1992), Biometrics 48:577.
 */
export function effectiveShare({ trials, successes }: ClusteredTrials): EffectiveShare {
  const n = sumOf(trials);
  const share = sumOf(successes) / n;
  const influence = trials.map((size, cluster) => (successes[cluster]! - size * share) / n);
  const { standardError, degreesOfFreedom } = spreadOfSums(influence, trials);
  const ofIndependent = (share * (1 - share)) / n;
  const clusters = trials.reduce((count, size) => count + (size > 0 ? 1 : 0), 0);
  return {
    share,
    trials: ofIndependent === 0 ? clusters : n / Math.max(1, standardError ** 2 / ofIndependent),
    quantile: (probability) => tQuantile(probability, degreesOfFreedom),
    influence,
  };
}

/** The score interval of such a share. */
export function effectiveInterval({ share, trials, quantile }: EffectiveShare, confidence: number): Interval {
  return scoreInterval(share, trials, quantile((1 + confidence) / 2));
}

/** Independent trials in the same form. */
export function plainShare(successes: number, trials: number): EffectiveShare {
  return { share: successes / trials, trials, quantile: normalQuantile, influence: new Float64Array() };
}

/**
 * Difference of two shares from the score interval of each (Newcombe's hybrid), with the correlation that clusters which hold
 * trials of both give them; 0 for independent trials. Source: Newcombe (1998), Statistics in Medicine 17:873; Zou (2008),
 * Statistics in Medicine 27:1350 (correlated estimates).
 */
export function shareDifference(first: EffectiveShare, second: EffectiveShare, confidence: number): Interval {
  const [a, b] = [effectiveInterval(first, confidence), effectiveInterval(second, confidence)];
  const [p, q] = [first.share, second.share];
  const r = correlationOf(first.influence, second.influence);
  const reach = (x: number, y: number): number => Math.sqrt(Math.max(0, x * x - 2 * r * x * y + y * y));
  return {
    lower: Math.max(-1, p - q - reach(p - a.lower, b.upper - q)),
    upper: Math.min(1, p - q + reach(a.upper - p, q - b.lower)),
  };
}

function correlationOf(a: Float64Array, b: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let cluster = 0; cluster < a.length; cluster++) {
    ab += a[cluster]! * b[cluster]!;
    aa += a[cluster]! ** 2;
    bb += b[cluster]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/** Over all clusters. */
export const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
