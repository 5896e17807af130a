import { checkFinite, invalid, type Numbers } from './checks.js';
import { log10KolmogorovSurvival, pValueFromLog10 } from './distributions.js';
import { sorted } from './order.js';

/** A two-sample Kolmogorov-Smirnov test. */
export interface KsResult {
  /** Largest vertical distance of the two empirical distribution functions, 0..1. */
  readonly statistic: number;
  readonly pValue: number;
  readonly log10PValue: number;
  readonly method: 'exact' | 'asymptotic';
}

/** How the p-value is computed; `auto` counts exactly while n·m <= 250,000. */
export interface KsOptions {
  readonly method?: 'auto' | 'exact' | 'asymptotic';
}

/** Up to this many cells of the lattice the exact distribution is counted unasked, and at all. */
const MAX_AUTO_CELLS = 250_000;
const MAX_EXACT_CELLS = 100_000_000;
/** Below this a share has lost digits, and it is counted by logarithms. */
const UNDERFLOW = 1e-290;

/**
 * Two-sample Kolmogorov-Smirnov test, two-sided. The p-value is exact (lattice paths) while n·m <= 250,000, or on
 * request up to 10⁸, else the asymptotic Q(D·√(nm/(n + m))). With ties both are conservative. Rows must be independent.
 * Source: Hodges (1958), Arkiv för Matematik 3:469; Kolmogorov (1933).
 * @example ksTwoSample([1, 2, 3, 4], [3, 4, 5, 6]) // => { statistic: 0.5, pValue: 0.771429, method: 'exact' }
 */
export function ksTwoSample(a: Numbers, b: Numbers, options: KsOptions = {}): KsResult {
  checkFinite('a', a);
  checkFinite('b', b);
  return ksTest(sorted(a), sorted(b), options);
}

/**
 * {@link ksTwoSample} for samples that are ascending already: O(n + m).
 * @example ksTwoSampleSorted([1, 2, 3, 4], [3, 4, 5, 6]) // => { statistic: 0.5, pValue: 0.771429 }
 */
export function ksTwoSampleSorted(a: Numbers, b: Numbers, options: KsOptions = {}): KsResult {
  checkAscending('a', a);
  checkAscending('b', b);
  return ksTest(a, b, options);
}

/** Refuses a sample that is empty, not finite or not ascending. */
export function checkAscending(field: string, values: Numbers): void {
  checkFinite(field, values);
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[i - 1]!) throw invalid(`${field}[${i}]`, values[i], 'must not be below the value before');
  }
}

function ksTest(a: Numbers, b: Numbers, options: KsOptions): KsResult {
  return ksFromSteps(a.length, b.length, largestStep(a, b), options);
}

/** The test of two whole samples whose largest distance is `steps` / (n·m). */
export function ksFromSteps(n: number, m: number, steps: number, { method = 'auto' }: KsOptions): KsResult {
  const statistic = steps / (n * m);
  if (method === 'exact' && n * m > MAX_EXACT_CELLS) {
    throw invalid('method', method, `counts at most ${MAX_EXACT_CELLS} cells; the samples have ${n * m}`);
  }
  if (method === 'exact' || (method === 'auto' && n * m <= MAX_AUTO_CELLS)) {
    const pValue = exactSurvival(n, m, steps);
    const log10PValue = pValue > UNDERFLOW ? Math.log10(pValue) : log10ExactSurvival(n, m, steps);
    return { statistic, pValue, log10PValue, method: 'exact' };
  }
  return { statistic, ...ksAsymptotic(statistic, n, m) };
}

/** The limit's p-value of a distance between samples of n and m rows. */
export function ksAsymptotic(distance: number, n: number, m: number): Omit<KsResult, 'statistic'> {
  const log10PValue = log10KolmogorovSurvival(distance * Math.sqrt((n * m) / (n + m)));
  return { pValue: pValueFromLog10(log10PValue), log10PValue, method: 'asymptotic' };
}

/** Largest distance of the distribution functions in units of 1/(n·m), so that equal distances compare equal. */
function largestStep(a: Numbers, b: Numbers): number {
  const n = a.length;
  const m = b.length;
  let i = 0;
  let j = 0;
  let distance = 0;
  while (i < n && j < m) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < n && a[i] === value) i++;
    while (j < m && b[j] === value) j++;
    distance = Math.max(distance, Math.abs(i * m - j * n));
  }
  return distance;
}

/** Share of the lattice paths from (0, 0) to (n, m) that touch a point as far off the diagonal as the one observed. */
function exactSurvival(n: number, m: number, distance: number): number {
  if (distance === 0) return 1;
  const touched = new Float64Array(m + 1);
  for (let j = 1; j <= m; j++) touched[j] = j * n >= distance ? 1 : 0;
  for (let i = 1; i <= n; i++) {
    if (i * m >= distance) touched[0] = 1;
    for (let j = 1; j <= m; j++) {
      const far = Math.abs(i * m - j * n) >= distance;
      touched[j] = far ? 1 : (i * touched[j]! + j * touched[j - 1]!) / (i + j);
    }
  }
  return touched[m]!;
}

/** log10 of {@link exactSurvival}, finite where that underflows; several times as slow. */
function log10ExactSurvival(n: number, m: number, distance: number): number {
  const logs = Float64Array.from({ length: n + m + 1 }, (_, count) => Math.log(count));
  const touched = new Float64Array(m + 1);
  for (let j = 0; j <= m; j++) touched[j] = j * n >= distance ? 0 : -Infinity;
  for (let i = 1; i <= n; i++) {
    if (i * m >= distance) touched[0] = 0;
    for (let j = 1; j <= m; j++) {
      if (Math.abs(i * m - j * n) >= distance) touched[j] = 0;
      else {
        const [before, beside] = [logs[i]! + touched[j]!, logs[j]! + touched[j - 1]!];
        const larger = Math.max(before, beside);
        touched[j] =
          larger === -Infinity
            ? larger
            : larger + Math.log1p(Math.exp(Math.min(before, beside) - larger)) - logs[i + j]!;
      }
    }
  }
  return touched[m]! / Math.LN10;
}
