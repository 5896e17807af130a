import { checkBetween, checkFinite, type Numbers } from './checks.js';
import { binomialCdf } from './distributions.js';

/** A quantile of a sample with the interval of that of its population. */
export interface QuantileEstimate {
  /** By nearest rank: the smallest value that at least this share of the sample does not exceed. */
  readonly value: number;
  /** Null where the sample is too small to have a value beyond the quantile with this confidence. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly n: number;
  /** The smallest sample with both bounds. */
  readonly rowsForBounds: number;
}

/**
 * Quantile with the exact interval of order statistics: how many of n values lie at or below the population's quantile is
 * binomial, whatever the distribution, so the bounds are values of the sample. Coverage is at least `confidence`, also with
 * ties. A 99th percentile has an upper bound from 368 values on (95 %). Values independent of each other, in any order.
 * Source: Hahn & Meeker (1991), "Statistical intervals", ch. 5.2.
 * @param values at least one, finite
 * @param probability of the quantile, strictly between 0 and 1
 * @example quantileInterval(Array.from({ length: 100 }, (_, i) => i + 1), 0.5) // => { value: 50, lower: 40, upper: 61, n: 100, rowsForBounds: 6 }
 */
export function quantileInterval(
  values: Numbers,
  probability: number,
  options: { readonly confidence?: number } = {},
): QuantileEstimate {
  const { confidence = 0.95 } = options;
  checkFinite('values', values);
  checkBetween('probability', probability, 0, 1);
  checkBetween('confidence', confidence, 0, 1);
  const n = values.length;
  const ascending = Float64Array.from(values).sort();
  const tail = (1 - confidence) / 2;
  const below = (count: number): number => (count < 0 ? 0 : binomialCdf(count, n, probability));
  // The count at or below the quantile is under `lower` with at most `tail`, and reaches `upper` with at most `tail`.
  const lower = largest(n, (rank) => below(rank - 1) <= tail);
  const upper = largest(n, (rank) => below(rank - 1) < 1 - tail) + 1;
  return {
    value: ascending[Math.ceil(probability * n) - 1]!,
    lower: lower === 0 ? null : ascending[lower - 1]!,
    upper: upper > n ? null : ascending[upper - 1]!,
    n,
    rowsForBounds: Math.ceil(Math.log(tail) / Math.log(Math.max(probability, 1 - probability))),
  };
}

/** The largest rank from 0 to n at which `holds`, which holds up to a rank and not beyond; 0 when never. */
function largest(n: number, holds: (rank: number) => boolean): number {
  let [low, high] = [0, n];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
