import { checkBetween, checkProbabilities, invalid, type Numbers } from './checks.js';

/**
 * Benjamini-Hochberg adjusted p-values: rejecting those at or below q keeps the expected share of false rejections at q
 * when the tests are independent or positively dependent. Source: Benjamini & Hochberg (1995), JRSS B 57:289.
 * @example Array.from(benjaminiHochberg([0.01, 0.04, 0.03])) // => [0.03, 0.04, 0.04]
 */
export function benjaminiHochberg(pValues: Numbers): Float64Array {
  return stepUp(pValues, 1);
}

/**
 * Benjamini-Yekutieli adjusted p-values: the same promise under any dependence, paid with the factor Σ 1/i.
 * Source: Benjamini & Yekutieli (2001), Annals of Statistics 29:1165.
 * @example Array.from(benjaminiYekutieli([0.01, 0.04, 0.03])) // => [0.055, 0.073333, 0.073333]
 */
export function benjaminiYekutieli(pValues: Numbers): Float64Array {
  return stepUp(pValues, harmonic(pValues.length));
}

/**
 * Holm's adjusted p-values: rejecting those at or below α keeps the chance of any false rejection at α, under any
 * dependence. Source: Holm (1979), Scandinavian Journal of Statistics 6:65.
 * @example Array.from(holm([0.01, 0.04, 0.03])) // => [0.03, 0.06, 0.06]
 */
export function holm(pValues: Numbers): Float64Array {
  const order = ascendingIndices(pValues);
  const adjusted = new Float64Array(pValues.length);
  let highest = 0;
  order.forEach((test, rank) => {
    highest = Math.max(highest, Math.min(1, pValues[test]! * (order.length - rank)));
    adjusted[test] = highest;
  });
  return adjusted;
}

function stepUp(pValues: Numbers, factor: number): Float64Array {
  const order = ascendingIndices(pValues);
  const adjusted = new Float64Array(pValues.length);
  let lowest = 1;
  for (let rank = order.length; rank >= 1; rank--) {
    const test = order[rank - 1]!;
    lowest = Math.min(lowest, (pValues[test]! * order.length * factor) / rank);
    adjusted[test] = lowest;
  }
  return adjusted;
}

function ascendingIndices(pValues: Numbers): number[] {
  checkProbabilities('pValues', pValues);
  return Array.from({ length: pValues.length }, (_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
}

/**
 * {@link benjaminiHochberg} in log10, for p-values that underflow a double: adjusted log10 p, at most 0.
 * @example benjaminiHochbergLog10([-2, -400]) // => [-2, -399.69897]
 */
export function benjaminiHochbergLog10(log10PValues: Numbers): Float64Array {
  return stepUpLog10(log10PValues, 1);
}

/**
 * {@link benjaminiYekutieli} in log10, for p-values that underflow a double: adjusted log10 p, at most 0.
 * @example benjaminiYekutieliLog10([-2, -400]) // => [-1.823909, -399.522879]
 */
export function benjaminiYekutieliLog10(log10PValues: Numbers): Float64Array {
  return stepUpLog10(log10PValues, harmonic(log10PValues.length));
}

/**
 * {@link holm} in log10, for p-values that underflow a double: adjusted log10 p, at most 0.
 * @example holmLog10([-2, -400]) // => [-2, -399.69897]
 */
export function holmLog10(log10PValues: Numbers): Float64Array {
  const order = ascendingLog10(log10PValues);
  const adjusted = new Float64Array(order.length);
  let highest = -Infinity;
  order.forEach((test, rank) => {
    highest = Math.max(highest, Math.min(0, log10PValues[test]! + Math.log10(order.length - rank)));
    adjusted[test] = highest;
  });
  return adjusted;
}

function stepUpLog10(log10PValues: Numbers, factor: number): Float64Array {
  const order = ascendingLog10(log10PValues);
  const adjusted = new Float64Array(order.length);
  let lowest = 0;
  for (let rank = order.length; rank >= 1; rank--) {
    const test = order[rank - 1]!;
    lowest = Math.min(lowest, log10PValues[test]! + Math.log10((order.length * factor) / rank));
    adjusted[test] = lowest;
  }
  return adjusted;
}

/** 1 + 1/2 + … + 1/n: what any dependence between n tests costs. */
export function harmonic(n: number): number {
  let sum = 0;
  for (let i = 1; i <= n; i++) sum += 1 / i;
  return sum;
}

function ascendingLog10(log10PValues: Numbers): number[] {
  for (let i = 0; i < log10PValues.length; i++) {
    const value = log10PValues[i]!;
    if (!(value <= 0)) throw invalid(`log10PValues[${i}]`, value, 'must be a number of at most 0');
  }
  return Array.from({ length: log10PValues.length }, (_, i) => i).sort((a, b) => log10PValues[a]! - log10PValues[b]!);
}

/**
 * e-BH: which hypotheses to reject so that the expected share of false rejections stays at or below `alpha` under any
 * dependence and any stopping rule. Takes natural logarithms of e-values, which themselves overflow.
 * Source: Wang & Ramdas (2022), JRSS B 84:822.
 * @example eBenjaminiHochberg([Math.log(100), Math.log(25), Math.log(2)], 0.1) // => [true, true, false]
 */
export function eBenjaminiHochberg(logEValues: Numbers, alpha: number): boolean[] {
  checkBetween('alpha', alpha, 0, 1);
  const tests = logEValues.length;
  for (let i = 0; i < tests; i++) {
    const value = logEValues[i]!;
    // -Infinity is the logarithm of an e-value of 0, which is legitimate.
    if (Number.isNaN(value) || value === Infinity) throw invalid(`logEValues[${i}]`, value, 'must be below infinity');
  }
  const descending = Array.from(logEValues).sort((a, b) => b - a);
  let threshold = Infinity;
  descending.forEach((value, i) => {
    if (value >= Math.log(tests / (alpha * (i + 1)))) threshold = value;
  });
  return Array.from(logEValues, (value) => value >= threshold);
}
