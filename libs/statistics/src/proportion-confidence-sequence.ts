import { checkBetween, checkCount, invalid } from './checks.js';
import { logGamma } from './distributions.js';
import type { Interval } from './proportions.js';

const BISECTIONS = 60;

/**
 * Confidence sequence of the chance of an event from `events` in `n` independent trials: the chances whose likelihood is
 * at least alpha times its average over a uniform prior. Exact at every n, also for 0 events, [0, 1] at n = 0, and covers
 * at all looks together with probability 1 - alpha (Ville). Source: Robbins (1970), Annals of Mathematical Statistics
 * 41:1397.
 * @example proportionConfidenceSequence(0, 2000, { alpha: 0.05 }) // => { lower: 0, upper: 0.005284 }
 */
export function proportionConfidenceSequence(
  events: number,
  n: number,
  options: { readonly alpha?: number } = {},
): Interval {
  const { alpha = 0.05 } = options;
  checkCount('n', n);
  checkCount('events', events);
  if (events > n) throw invalid('events', events, `must not exceed n (${n})`);
  checkBetween('alpha', alpha, 0, 1);
  if (n === 0) return { lower: 0, upper: 1 };
  const others = n - events;
  const logAverage = logGamma(events + 1) + logGamma(others + 1) - logGamma(n + 2);
  const threshold = logAverage + Math.log(alpha);
  const logLikelihood = (p: number): number =>
    (events === 0 ? 0 : events * Math.log(p)) + (others === 0 ? 0 : others * Math.log1p(-p));
  const excluded = (p: number): boolean => logLikelihood(p) < threshold;
  const mode = events / n;
  return {
    lower: events === 0 ? 0 : boundary(excluded, 0, mode),
    upper: others === 0 ? 1 : boundary(excluded, 1, mode),
  };
}

/** Where `excluded` changes between a chance that is excluded and one that is not; the excluded side of it. */
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
