import { degreesOfFreedomOf } from './clusters.js';

/** Count and sums of the first two powers of some values. */
export interface Moments {
  readonly n: number;
  readonly s1: number;
  readonly s2: number;
  /** Where rows err together within clusters: variance of the difference that is tested, and effective clusters. */
  readonly clustered?: { readonly variance: number; readonly effective: number };
}

/** All rows, and how far their values (or the sums of clusters) lean: the third standardised central moment. */
export interface AllRows extends Moments {
  readonly skewness: number;
}

/** A mean held against a number or against the mean of all other rows. */
export interface MeanTest {
  readonly rows: number;
  readonly difference: number;
  readonly standardError: number;
  /** t statistic after Hall's transformation; ±Infinity where no value varies. */
  readonly statistic: number;
  readonly degreesOfFreedom: number;
}

interface Sample {
  readonly mean: number;
  /** Of the mean. */
  readonly variance: number;
}

/**
 * t-test of a part's mean against a number, or (Welch) against the rows of `all` outside the part. Where the values lean to
 * the left, a t statistic is too often large; Hall's monotone cubic T + κ(2T² + 1)/6 + κ²T³/27, κ the skewness of the
 * difference of means, takes that out. κ comes from all rows: that of a part alone is itself large where its mean is by
 * chance. Leaning to the right makes the test cautious and is left alone. Where a part does not vary, the variance of
 * all rows stands in for its own: ten equal values are no certainty.
 */
export function meanTest(part: Moments, all: AllRows, against: number | 'rest'): MeanTest {
  const pooled = sampleOf(all, 0).variance * all.n;
  const own = sampleOf(part, pooled);
  if (part.clustered) {
    const { variance, effective } = part.clustered;
    const other = against === 'rest' ? (all.s1 - part.s1) / (all.n - part.n) : against;
    const skewness = all.skewness / Math.sqrt(effective);
    return test(part.n, { difference: own.mean - other, variance, skewness }, degreesOfFreedomOf(effective));
  }
  if (against !== 'rest') {
    const skewness = all.skewness / Math.sqrt(part.n);
    return test(part.n, { difference: own.mean - against, variance: own.variance, skewness }, part.n - 1);
  }
  const n = all.n - part.n;
  const rest = sampleOf({ n, s1: all.s1 - part.s1, s2: all.s2 - part.s2 }, pooled);
  const skewness = (all.skewness * (1 / part.n ** 2 - 1 / n ** 2)) / (1 / part.n + 1 / n) ** 1.5;
  const found = { difference: own.mean - rest.mean, variance: own.variance + rest.variance, skewness };
  return test(part.n, found, Math.min(part.n, n) - 1);
}

function sampleOf({ n, s1, s2 }: Moments, pooled: number): Sample {
  const mean = s1 / n;
  const squares = s2 - n * mean * mean;
  // What rounding leaves of values that are all equal is no variance.
  return { mean, variance: squares <= 1e-12 * s2 ? pooled / n : squares / ((n - 1) * n) };
}

function test(
  rows: number,
  found: { readonly difference: number; readonly variance: number; readonly skewness: number },
  degreesOfFreedom: number,
): MeanTest {
  const { difference } = found;
  const standardError = Math.sqrt(found.variance);
  if (standardError === 0) {
    const statistic = difference === 0 ? 0 : difference * Infinity;
    return { rows, difference, standardError, statistic, degreesOfFreedom };
  }
  const t = difference / standardError;
  const skewness = Math.min(0, found.skewness);
  const statistic = t + (skewness * (2 * t * t + 1)) / 6 + (skewness * skewness * t * t * t) / 27;
  return { rows, difference, standardError, statistic, degreesOfFreedom };
}
