/** Counts drawn at the cost of their bins, not of their rows, so that benches can simulate batches of a million rows. */
import { logGamma } from '@rondo/statistics';

/** Exact: the sum of probabilities from the mode outwards until it reaches a uniform draw; O(√(n·p)). */
export function binomial(random, n, p) {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const odds = p / (1 - p);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const atMode = Math.exp(
    logGamma(n + 1) - logGamma(mode + 1) - logGamma(n - mode + 1) + mode * Math.log(p) + (n - mode) * Math.log1p(-p),
  );
  let left = random.next() - atMode;
  let [below, above, lower, upper] = [mode, mode, atMode, atMode];
  while (left > 0 && (below > 0 || above < n)) {
    if (above < n) left -= upper *= (odds * (n - above)) / ++above;
    if (left <= 0) return above;
    if (below > 0) left -= lower *= below / (odds * (n - --below));
    if (left <= 0) return below;
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
