import { checkBetween, checkCounts, checkSameLength, invalid, type Numbers } from './checks.js';
import { spreadOfSums } from './clusters.js';
import { filled } from './filled.js';
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

/** A share of trials in clusters, with its interval. */
export interface ClusteredShare extends Interval {
  readonly share: number;
  /** Clusters with trials. */
  readonly clusters: number;
  /** Independent trials that tell as much. */
  readonly effectiveTrials: number;
}

/**
 * Wilson's interval of a share whose trials succeed or fail together within clusters, such as the rows of a request whose labels come
 * at once. The trials count as n / d independent ones, d >= 1 being how much larger the variance over clusters is (jackknife) than
 * that of independent trials; where all ended alike each cluster counts as one. Quantiles are those of t with effective clusters - 1
 * degrees of freedom.
 * Source: Rao & Scott (1992), Biometrics 48:577; Wilson (1927), JASA 22:209.
 * @param successes per cluster, no more than its trials
 * @param trials per cluster; two clusters with trials are needed
 * @example clusteredShare([9, 4, 10, 0], [10, 10, 10, 5]) // => { share: 0.657143, lower: 0.157301, upper: 0.951645, clusters: 4 }
 */
export function clusteredShare(
  successes: Numbers,
  trials: Numbers,
  options: { readonly confidence?: number } = {},
): ClusteredShare {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  checkCounts('successes', successes);
  checkSameLength('trials', trials, 'successes', successes);
  checkCounts('trials', trials);
  let clusters = 0;
  for (let i = 0; i < trials.length; i++) {
    if (successes[i]! > trials[i]!)
      throw invalid(`successes[${i}]`, successes[i], `must not exceed trials (${trials[i]})`);
    if (trials[i]! > 0) clusters++;
  }
  if (clusters < 2) throw invalid('trials', clusters, 'needs at least 2 clusters with trials');
  const copied = (values: Numbers): Float64Array => filled(new Float64Array(values.length), (i) => values[i]!);
  const effective = effectiveShare({ trials: copied(trials), successes: copied(successes) });
  const { share, trials: effectiveTrials } = effective;
  return { share, ...effectiveInterval(effective, confidence), clusters, effectiveTrials };
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
