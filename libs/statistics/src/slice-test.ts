/** Count and sums of the first three powers of some values. */
export interface Moments {
  readonly n: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
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
  /** Variance and third central moment of the mean. */
  readonly variance: number;
  readonly third: number;
  readonly constant: boolean;
}

/**
 * t-test of a part's mean against a number, or (Welch) against the rows of `total` outside the part, with the skewness of
 * the mean taken out by Hall's monotone cubic: T + κ(2T² + 1)/6 + κ²T³/27, κ the skewness of the difference of means.
 * Where a part does not vary at all, the variance of all rows stands in for its own: ten equal values are no certainty.
 */
export function meanTest(part: Moments, total: Moments, against: number | 'rest'): MeanTest {
  const pooled = sampleOf(total).variance * total.n;
  const own = withVariance(sampleOf(part), pooled / part.n);
  if (against === 'rest') {
    const other = { n: total.n - part.n, s1: total.s1 - part.s1, s2: total.s2 - part.s2, s3: total.s3 - part.s3 };
    const rest = withVariance(sampleOf(other), pooled / other.n);
    const parts = { difference: own.mean - rest.mean, variance: own.variance + rest.variance };
    return test(part.n, { ...parts, third: own.third - rest.third }, Math.min(part.n, other.n) - 1);
  }
  return test(part.n, { difference: own.mean - against, variance: own.variance, third: own.third }, part.n - 1);
}

function sampleOf({ n, s1, s2, s3 }: Moments): Sample {
  const mean = s1 / n;
  const squares = Math.max(0, s2 - n * mean * mean);
  const cubes = s3 - 3 * mean * s2 + 2 * n * mean * mean * mean;
  // What rounding leaves of values that are all equal.
  const constant = squares <= 1e-12 * s2;
  return { mean, variance: squares / ((n - 1) * n), third: cubes / (n * n * n), constant };
}

function withVariance(sample: Sample, variance: number): Sample {
  return sample.constant ? { ...sample, variance, third: 0 } : sample;
}

function test(
  rows: number,
  { difference, variance, third }: { difference: number; variance: number; third: number },
  degreesOfFreedom: number,
): MeanTest {
  const standardError = Math.sqrt(variance);
  if (standardError === 0) {
    const statistic = difference === 0 ? 0 : difference * Infinity;
    return { rows, difference, standardError, statistic, degreesOfFreedom };
  }
  const t = difference / standardError;
  const skewness = third / (variance * standardError);
  const statistic = t + (skewness * (2 * t * t + 1)) / 6 + (skewness * skewness * t * t * t) / 27;
  return { rows, difference, standardError, statistic, degreesOfFreedom };
}
