import { checkBetween, checkCount, checkSameLength, invalid, type Numbers } from './checks.js';
import { evidence, type SequentialEvidence } from './count-e-process.js';
import { log10ChiSquaredSurvival, logGamma, pValueFromLog10 } from './distributions.js';

/** A goodness-of-fit test of the traffic split. */
export interface SampleRatioTest {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
  readonly log10PValue: number;
}

/**
 * Chi-squared test that requests fell on the arms as configured, for one look at a fixed time; for repeated looks use
 * {@link startSampleRatioEProcess}. `shares` positive, scaled to sum 1. Source: Fabijan et al. (2019), KDD.
 * @example sampleRatioMismatch([5100, 4900], [0.5, 0.5]) // => { statistic: 4, degreesOfFreedom: 1, pValue: 0.0455 }
 */
export function sampleRatioMismatch(counts: Numbers, shares: Numbers): SampleRatioTest {
  const { total, fractions } = checkArms(counts, shares);
  if (total === 0) throw invalid('counts', 0, 'needs at least one request');
  let statistic = 0;
  fractions.forEach((share, i) => (statistic += (counts[i]! - total * share) ** 2 / (total * share)));
  const degreesOfFreedom = counts.length - 1;
  const log10PValue = log10ChiSquaredSurvival(statistic, degreesOfFreedom);
  return { statistic, degreesOfFreedom, pValue: pValueFromLog10(log10PValue), log10PValue };
}

/** Plain JSON; the counts are those since the split last changed. */
export interface SampleRatioEProcess {
  readonly counts: readonly number[];
  readonly shares: readonly number[];
  /** ln of the product of the e-values of earlier splits. */
  readonly logEBefore: number;
  readonly logE: number;
  readonly maxLogE: number;
  /** 10,000 when absent. */
  readonly concentration?: number;
}

/** How strongly the prior of the tested-against splits concentrates on the configured one: tuned for tens of thousands of requests. */
const CONCENTRATION = 10_000;

/**
 * Starts a test of the traffic split that may be looked at after every request: multinomial counts against a Dirichlet
 * mixture centred on the configured shares, of that `concentration`: about as many requests as a mismatch should be found in,
 * 10,000 by default. Requests must fall on the arms independently; of a split by key count each key once.
 * Source: Lindon & Malek (2022), NeurIPS.
 * @example startSampleRatioEProcess([1, 3]).shares // => [0.25, 0.75]
 */
export function startSampleRatioEProcess(
  shares: Numbers,
  { concentration = CONCENTRATION }: { readonly concentration?: number } = {},
): SampleRatioEProcess {
  checkBetween('concentration', concentration, 0, Infinity);
  const { fractions } = checkArms(new Float64Array(shares.length), shares);
  return { counts: fractions.map(() => 0), shares: fractions, logEBefore: 0, logE: 0, maxLogE: 0, concentration };
}

/**
 * The state after more requests per arm under `shares`. When the configured split changed, the evidence so far is kept
 * as a factor and the counts start afresh.
 * @example updateSampleRatioEProcess(startSampleRatioEProcess([0.5, 0.5]), [5000, 5000], [0.5, 0.5]).counts // => [5000, 5000]
 */
export function updateSampleRatioEProcess(
  state: SampleRatioEProcess,
  counts: Numbers,
  shares: Numbers,
): SampleRatioEProcess {
  const { fractions } = checkArms(counts, shares);
  if (fractions.length !== state.shares.length) {
    throw invalid('shares', fractions.length, `must have as many arms as before (${state.shares.length})`);
  }
  const same = fractions.every((share, i) => Math.abs(share - state.shares[i]!) < 1e-12);
  const logEBefore = same ? state.logEBefore : state.logE;
  const totals = fractions.map((_, i) => (same ? state.counts[i]! : 0) + counts[i]!);
  const logE = logEBefore + logDirichletRatio(totals, fractions, state.concentration ?? CONCENTRATION);
  return { ...state, counts: totals, shares: fractions, logEBefore, logE, maxLogE: Math.max(state.maxLogE, logE) };
}

/**
 * What the test says now; a correct split is ever rejected with probability at most `alpha`.
 * @example readSampleRatioEProcess(startSampleRatioEProcess([0.5, 0.5]), 0.01) // => { logEValue: 0, pValue: 1, rejected: false }
 */
export function readSampleRatioEProcess(state: SampleRatioEProcess, alpha: number): SequentialEvidence {
  return evidence(state.logE, state.maxLogE, alpha);
}

function logDirichletRatio(counts: readonly number[], shares: readonly number[], concentration: number): number {
  let total = 0;
  let logRatio = 0;
  counts.forEach((count, i) => {
    const prior = concentration * shares[i]!;
    total += count;
    logRatio += logGamma(prior + count) - logGamma(prior) - count * Math.log(shares[i]!);
  });
  return logRatio + logGamma(concentration) - logGamma(concentration + total);
}

function checkArms(counts: Numbers, shares: Numbers): { total: number; fractions: number[] } {
  checkSameLength('counts', counts, 'shares', shares);
  if (shares.length < 2) throw invalid('shares', shares.length, 'needs at least 2 arms');
  let total = 0;
  let sum = 0;
  for (let i = 0; i < shares.length; i++) {
    checkCount(`counts[${i}]`, counts[i]!);
    checkBetween(`shares[${i}]`, shares[i]!, 0, Infinity);
    total += counts[i]!;
    sum += shares[i]!;
  }
  return { total, fractions: Array.from(shares, (share) => share / sum) };
}
