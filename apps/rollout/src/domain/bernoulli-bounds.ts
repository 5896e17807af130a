import { logGamma } from '@rondo/statistics';

/** Bounds of a chance that hold at all times at once. */
export interface ChanceBounds {
  readonly lower: number;
  readonly upper: number;
}

const BISECTIONS = 60;

/**
 * Confidence sequence of a Bernoulli chance from `events` in `n` trials: the chances whose likelihood is at least alpha times
 * its average over a uniform prior. Exact at every n, also for 0 events, and covers all looks together with 1 - alpha (Ville).
 * Source: Robbins (1970), Annals of Mathematical Statistics 41:1397.
 * @example bernoulliBounds(0, 2000, 0.05).upper // 0.0053: 1 - (alpha / (n + 1))^(1/n)
 */
export function bernoulliBounds(events: number, n: number, alpha: number): ChanceBounds {
  if (n === 0) return { lower: 0, upper: 1 };
  const others = n - events;
  const logAverage = logGamma(events + 1) + logGamma(others + 1) - logGamma(n + 2);
  const threshold = logAverage + Math.log(alpha);
  const logLikelihood = (p: number): number =>
    (events === 0 ? 0 : events * Math.log(p)) + (others === 0 ? 0 : others * Math.log1p(-p));
  const mode = events / n;
  return {
    lower: events === 0 ? 0 : boundary((p) => logLikelihood(p) < threshold, 0, mode),
    upper: others === 0 ? 1 : boundary((p) => logLikelihood(p) < threshold, 1, mode),
  };
}

/** Where `excluded` changes between a chance that is excluded and one that is not. */
function boundary(excluded: (p: number) => boolean, outside: number, inside: number): number {
  let out = outside;
  let within = inside;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (out + within) / 2;
    if (excluded(middle)) out = middle;
    else within = middle;
  }
  return out;
}
