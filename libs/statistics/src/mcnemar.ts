import { checkCount } from './checks.js';
import { binomialCdf, log10ChiSquaredSurvival, logGamma, pValueFromLog10 } from './distributions.js';

/** McNemar's test of two classifiers on the same rows. */
export interface McnemarResult {
  /** Exact two-sided binomial p-value: valid at any number of discordant rows. */
  readonly pValue: number;
  /**
   * Twice the smaller one-sided mid-p-value, which counts half of the observed outcome: keeps close to its level where the
   * exact test is far below it. Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.
   */
  readonly midPValue: number;
  /** Edwards' continuity-corrected statistic, (|b - c| - 1)² / (b + c); 0 without discordant rows. */
  readonly statistic: number;
  /** Of `statistic`, chi-squared with one degree of freedom. */
  readonly chiSquaredPValue: number;
  readonly discordantRows: number;
}

/**
 * Tests whether two classifiers err equally often on the same rows, from the rows where exactly one of them is right.
 * Rows must be independent. Without discordant rows the p-value is 1. Source: McNemar (1947), Psychometrika 12:153.
 * @example mcnemar({ onlyChampionRight: 10, onlyChallengerRight: 22 }) // => { pValue: 0.050102, midPValue: 0.035081, statistic: 3.78125 }
 */
export function mcnemar(rows: {
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
}): McnemarResult {
  const { onlyChampionRight: b, onlyChallengerRight: c } = rows;
  checkCount('onlyChampionRight', b);
  checkCount('onlyChallengerRight', c);
  const discordantRows = b + c;
  if (discordantRows === 0) return { pValue: 1, midPValue: 1, statistic: 0, chiSquaredPValue: 1, discordantRows };
  // |b - c| of 0 would be "corrected" to a distance of 1.
  const statistic = Math.max(0, Math.abs(b - c) - 1) ** 2 / discordantRows;
  const fewer = Math.min(b, c);
  const twice = 2 * binomialCdf(fewer, discordantRows, 0.5);
  return {
    pValue: Math.min(1, twice),
    midPValue: Math.max(0, Math.min(1, twice - fairCoinProbability(fewer, discordantRows))),
    statistic,
    chiSquaredPValue: pValueFromLog10(log10ChiSquaredSurvival(statistic, 1)),
    discordantRows,
  };
}

/** P(X = successes) of a fair coin. */
function fairCoinProbability(successes: number, trials: number): number {
  const ways = logGamma(trials + 1) - logGamma(successes + 1) - logGamma(trials - successes + 1);
  return Math.exp(ways - trials * Math.LN2);
}
