import { checkBetween, checkFinite, checkSameLength, type Numbers } from './checks.js';
import { meanConfidenceSequence, type RunningSums, type SequentialInterval } from './confidence-sequence.js';
import { normalCdf, tQuantile } from './distributions.js';
import { independentBlocks } from './even-series.js';

/** The difference of two series with an interval that holds at all looks, or what is missing. */
export type SeriesDifference =
  | ({
      readonly kind: 'estimated';
      /** Blocks of neighbouring points that the interval takes for independent, and how long each is. */
      readonly blocks: number;
      readonly blockLength: number;
    } & Omit<SequentialInterval, 'pValue'>)
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-blocks'; readonly pointsNeeded: number }
  | { readonly kind: 'insufficient'; readonly reason: 'constant'; readonly pointsNeeded: null };

/** Fewer blocks tell too little of their own variance; with 10 the false alarms exceed 5 %. */
const BLOCKS_MIN = 24;
/** Blocks at which the interval is tightest. */
const TUNED_BLOCKS = 50;

/**
 * Confidence sequence of mean(canary - baseline) for two evenly spaced series of the same moments (latency per minute), which are
 * autocorrelated: the differences are averaged over blocks of three autocorrelation times, and only blocks count as independent.
 * In units of the series, so a change of unit changes nothing else. Says how many points it needs while blocks are too few: an
 * hour of minutes with autocorrelation 0.8 is too little. Aggregate by user first when one user makes many rows.
 * Source: batch means as in Flegal & Jones (2010), Annals of Statistics 38:1034; {@link meanConfidenceSequence}.
 * @example seriesDifference(Array.from({ length: 90 }, () => 1), Array.from({ length: 90 }, (_, i) => 2 + (i % 2))).blocks // => 30
 */
export function seriesDifference(
  baseline: Numbers,
  canary: Numbers,
  options: { readonly alpha?: number } = {},
): SeriesDifference {
  const { alpha = 0.05 } = options;
  checkFinite('baseline', baseline, 1);
  checkFinite('canary', canary, 1);
  checkSameLength('canary', canary, 'baseline', baseline);
  checkBetween('alpha', alpha, 0, 1);
  const differences = Float64Array.from(canary, (value, i) => value - baseline[i]!);
  const found = independentBlocks(differences, BLOCKS_MIN);
  if (found.kind === 'insufficient') return { ...found, reason: 'too-few-blocks' };
  const sums = sumsOf(found.means);
  const interval = meanConfidenceSequence(sums, { alpha, tunedForRows: TUNED_BLOCKS });
  if (interval.kind === 'insufficient') return { kind: 'insufficient', reason: 'constant', pointsNeeded: null };
  const { estimate } = interval;
  const halfWidth = scarceHalfWidth(sums, interval.halfWidth);
  return {
    kind: 'estimated',
    estimate,
    lower: estimate - halfWidth,
    upper: estimate + halfWidth,
    halfWidth,
    blocks: found.means.length,
    blockLength: found.blockLength,
  };
}

function sumsOf(means: Float64Array): RunningSums {
  let sum = 0;
  let sumSquares = 0;
  for (const mean of means) {
    sum += mean;
    sumSquares += mean * mean;
  }
  return { n: means.length, sum, sumSquares };
}

/** The sequence takes the variance for known; with few blocks Student's quantile of the same tail takes the normal one's place. */
function scarceHalfWidth({ n, sum, sumSquares }: RunningSums, halfWidth: number): number {
  const standardError = Math.sqrt((sumSquares - (sum * sum) / n) / (n * (n - 1)));
  const tail = normalCdf(-halfWidth / standardError);
  return tail > 0 ? -tQuantile(tail, n - 1) * standardError : Infinity;
}
