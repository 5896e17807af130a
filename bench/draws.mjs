/** Counts drawn at the cost of their bins, not of their rows, so that benches can simulate batches of a million rows. */
import { logGamma } from '@rondo/statistics';

let logFactorials = new Float64Array(0);
function logFactorialsTo(n) {
  if (logFactorials.length <= n) logFactorials = Float64Array.from({ length: n + 1 }, (_, i) => logGamma(i + 1));
  return logFactorials;
}

/** Exact: probabilities are summed from the mode outwards, or from 0 where few are expected, until they reach a uniform draw. */
export function binomial(random, n, p) {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const odds = p / (1 - p);
  const mode = n * p < 10 ? 0 : Math.min(n, Math.floor((n + 1) * p));
  let logMode = n * Math.log1p(-p);
  if (mode > 0) {
    const factorials = logFactorialsTo(n);
    logMode += factorials[n] - factorials[mode] - factorials[n - mode] + mode * Math.log(odds);
  }
  const atMode = Math.exp(logMode);
  let left = random.next() - atMode;
  let [below, above, lower, upper] = [mode, mode, atMode, atMode];
  while (left > 0 && (below > 0 || above < n)) {
    if (above < n) left -= upper *= (odds * (n - above)) / ++above;
    if (left <= 0) return above;
    if (below > 0) left -= lower *= below / (odds * (n - --below));
    if (left <= 0) return below;
    // What rounding leaves of the sum is out of reach once both tails have underflowed.
    if (upper === 0 && (below === 0 || lower === 0)) break;
  }
  return mode;
}

/** Rows per bin of n rows; shares sum to 1. */
export function multinomial(random, n, shares) {
  let [rows, mass] = [n, 1];
  return shares.map((share, i) => {
    const count = i === shares.length - 1 ? rows : binomial(random, rows, Math.min(1, share / mass));
    rows -= count;
    mass -= share;
    return count;
  });
}

/** Shares 1, 1/2, 1/3, … of so many categories. */
export function zipf(categories) {
  const weights = Array.from({ length: categories }, (_, i) => 1 / (i + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** A gamma variate of the shape, scale 1. Source: Marsaglia & Tsang (2000), ACM TOMS 26:363. */
export function gamma(random, shape) {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
