import { checkBetween, checkCount, checkNumber, invalid } from './checks.js';

/** Running sums of one sample: enough for a mean and a variance, and plain JSON. */
export interface RunningSums {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

/** An interval that holds at all times at once, so it may be read after every row. */
export interface SequentialInterval {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
  readonly halfWidth: number;
  /** Anytime-valid, of the hypothesis that the true value is 0. */
  readonly pValue: number;
}

/** An interval, or why there is none yet. */
export type SequentialResult =
  | ({ readonly kind: 'estimated' } & SequentialInterval)
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' | 'constant' | 'baseline-mean-zero' };

/** Level and the sample size at which the interval is tightest. */
export interface SequenceOptions {
  readonly alpha?: number;
  /** Rows at which the interval is tightest, 5,000 by default; fix it before looking at data. */
  readonly tunedForRows?: number;
}

/**
 * Asymptotic confidence sequence for a mean of independent values with finite variance: half-width
 * s·√(2(nρ² + 1)·ln(√(nρ² + 1)/α))/(nρ), ρ² = (-2 ln α + ln(-2 ln α + 1))/N*. Covers at all n together with
 * probability 1 - α, asymptotically; `insufficient` below 2 rows and for a sample without variance.
 * Source: Waudby-Smith et al. (2024), Annals of Statistics 52:2613, equation 9.
 * @example meanConfidenceSequence({ n: 1000, sum: 500, sumSquares: 1250 }, { alpha: 0.05 }) // => { kind: 'estimated', estimate: 0.5, halfWidth: 0.106429 }
 */
export function meanConfidenceSequence(sample: RunningSums, options: SequenceOptions = {}): SequentialResult {
  checkSums('sample', sample);
  if (sample.n < 2) return { kind: 'insufficient', reason: 'too-few-rows' };
  const variance = varianceOf(sample);
  return sequenceAround(sample.sum / sample.n, variance, sample.n, options);
}

/**
 * The same for the difference canary - baseline of two independent samples: absolute, or `relative` as a fraction of the
 * baseline's mean by the delta method. `insufficient` also when a relative difference meets a baseline mean of 0.
 * Source: Waudby-Smith et al. (2024), as applied by GrowthBook's sequential tests.
 * @example differenceConfidenceSequence({ n: 3000, sum: 1396.87, sumSquares: 52377.9767 }, { n: 3461, sum: 2422.7, sumSquares: 134698.29 }, { scale: 'relative', tunedForRows: 1000 }) // => { kind: 'estimated', estimate: 0.503361, lower: -0.558441, upper: 1.565163, pValue: 1 }
 */
export function differenceConfidenceSequence(
  baseline: RunningSums,
  canary: RunningSums,
  options: SequenceOptions & { readonly scale?: 'absolute' | 'relative' } = {},
): SequentialResult {
  checkSums('baseline', baseline);
  checkSums('canary', canary);
  if (baseline.n < 2 || canary.n < 2) return { kind: 'insufficient', reason: 'too-few-rows' };
  const baselineMean = baseline.sum / baseline.n;
  const canaryMean = canary.sum / canary.n;
  const baselineVariance = varianceOf(baseline) / baseline.n;
  const canaryVariance = varianceOf(canary) / canary.n;
  const n = baseline.n + canary.n;
  if (options.scale !== 'relative') {
    return sequenceAround(canaryMean - baselineMean, (baselineVariance + canaryVariance) * n, n, options);
  }
  if (baselineMean === 0) return { kind: 'insufficient', reason: 'baseline-mean-zero' };
  const variance = canaryVariance / baselineMean ** 2 + (baselineVariance * canaryMean ** 2) / baselineMean ** 4;
  return sequenceAround((canaryMean - baselineMean) / Math.abs(baselineMean), variance * n, n, options);
}

function sequenceAround(estimate: number, variance: number, n: number, options: SequenceOptions): SequentialResult {
  const { alpha = 0.05, tunedForRows = 5_000 } = options;
  checkBetween('alpha', alpha, 0, 1);
  checkBetween('tunedForRows', tunedForRows, 0, Infinity);
  if (variance <= 0) return { kind: 'insufficient', reason: 'constant' };
  const spread = -2 * Math.log(alpha);
  const rho2 = (spread + Math.log(spread + 1)) / tunedForRows;
  const scale = n * rho2 + 1;
  const halfWidth = Math.sqrt((2 * variance * scale * Math.log(Math.sqrt(scale) / alpha)) / rho2) / n;
  const logEValue = (rho2 * n * n * estimate * estimate) / (2 * variance * scale) - Math.log(scale) / 2;
  return {
    kind: 'estimated',
    estimate,
    lower: estimate - halfWidth,
    upper: estimate + halfWidth,
    halfWidth,
    pValue: Math.min(1, Math.exp(-logEValue)),
  };
}

function varianceOf({ n, sum, sumSquares }: RunningSums): number {
  return Math.max(0, sumSquares - (sum * sum) / n) / (n - 1);
}

/** Refuses sums that no values have. */
export function checkSums(field: string, sums: RunningSums): void {
  checkCount(`${field}.n`, sums.n);
  checkNumber(`${field}.sum`, sums.sum);
  checkNumber(`${field}.sumSquares`, sums.sumSquares);
  // A square sum below (Σx)²/n cannot come from real values; the slack is for rounding in the sums.
  if (sums.sumSquares * sums.n < sums.sum * sums.sum * (1 - 1e-9)) {
    throw invalid(`${field}.sumSquares`, sums.sumSquares, 'must be at least sum² / n');
  }
}
