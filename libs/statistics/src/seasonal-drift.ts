import {
  checkBetween,
  checkCount,
  checkCounts,
  checkNumber,
  checkSameLength,
  invalid,
  type Numbers,
} from './checks.js';
import { normalQuantile } from './distributions.js';
import { quantileOfSorted } from './order.js';
import { psi } from './psi.js';

/** A past window: its counts in the bins of the present one. */
export interface PastWindow {
  /** Middle of the window, ms since the epoch. */
  readonly atMs: number;
  readonly counts: Numbers;
}

/** Which past windows are of the same season. */
export interface SeasonRule {
  /** Length of the season, ms: a week, a year. */
  readonly periodMs: number;
  /** How far from the same phase a window may be, ms; below half of the period. */
  readonly withinMs: number;
  /** Fewer past windows of the season are no reference, 2 or more; default 2. */
  readonly minWindows?: number;
}

/** How the present window compares with its season, or why it cannot. */
export type SeasonalDrift =
  | {
      readonly kind: 'compared';
      /** PSI against all windows of the season together, less what sampling alone adds; >= 0. */
      readonly effect: number;
      /** Sampling error of the effect. */
      readonly standardError: number;
      /** As large as an effect gets among windows of the season: mean + z · deviation of each against the others. */
      readonly usual: number;
      /** The effect is larger than usual and cannot be had by sampling alone: not explained by the season. */
      readonly unusual: boolean;
      readonly windows: number;
      readonly rows: number;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-windows' | 'too-few-rows' };

/**
 * Compares a window with past windows of the same season instead of with the training data: what comes back every year (or
 * week) is no drift. How much seasons differ from one another is learned from the past windows themselves, because weather
 * and holidays move more than sampling does.
 * Assumes that bins are the same everywhere and that a lasting change is not already in most of the past windows.
 * @param options.level chance that a usual window is called unusual, 0..1; default 0.01
 * @example seasonalDrift({ atMs: 730, counts: [90, 10] }, [{ atMs: 0, counts: [88, 12] }, { atMs: 365, counts: [91, 9] }], { periodMs: 365, withinMs: 10 }) // => { kind: 'compared', effect: 0, unusual: false, windows: 2 }
 */
export function seasonalDrift(
  present: PastWindow,
  past: readonly PastWindow[],
  season: SeasonRule,
  options: { readonly level?: number } = {},
): SeasonalDrift {
  const { periodMs, withinMs, minWindows = 2 } = season;
  const { level = 0.01 } = options;
  checkBetween('level', level, 0, 1);
  checkBetween('periodMs', periodMs, 0, Infinity);
  checkBetween('withinMs', withinMs, 0, periodMs / 2);
  checkCount('minWindows', minWindows, 2);
  checkWindow('present', present, present);
  past.forEach((window, i) => checkWindow(`past[${i}]`, window, present));
  const peers = past.filter((window) => inSeason(window.atMs, present.atMs, periodMs, withinMs));
  if (peers.length < minWindows) return { kind: 'insufficient', reason: 'too-few-windows' };
  const compared = psi(pooled(peers), present.counts, { level: 1 - level });
  if (!compared.sufficient) return { kind: 'insufficient', reason: 'too-few-rows' };
  const effects = peers.map((window, i) => {
    const { value, noise } = psi(pooled(peers.filter((_, j) => j !== i)), window.counts);
    return Math.max(0, value - noise);
  });
  const mean = effects.reduce((sum, effect) => sum + effect, 0) / effects.length;
  const deviation = Math.sqrt(effects.reduce((sum, effect) => sum + (effect - mean) ** 2, 0) / (effects.length - 1));
  // Few windows tell little of their spread: their largest effect counts at least.
  const usual = Math.max(
    mean + normalQuantile(1 - level) * deviation,
    quantileOfSorted(
      effects.toSorted((a, b) => a - b),
      1,
    ),
  );
  const effect = Math.max(0, compared.value - compared.noise);
  return {
    kind: 'compared',
    effect,
    standardError: compared.standardError,
    usual,
    unusual: compared.significant && effect > usual,
    windows: peers.length,
    rows: peers.reduce((sum, { counts }) => sum + totalOf(counts), 0),
  };
}

function inSeason(atMs: number, presentMs: number, periodMs: number, withinMs: number): boolean {
  const distance = presentMs - atMs;
  const phase = distance - Math.round(distance / periodMs) * periodMs;
  // Windows just before the present one are its trend, not its season.
  return Math.round(distance / periodMs) >= 1 && Math.abs(phase) <= withinMs;
}

function pooled(windows: readonly PastWindow[]): Float64Array {
  const sum = Float64Array.from(windows[0]!.counts);
  for (const { counts } of windows.slice(1)) for (let bin = 0; bin < sum.length; bin++) sum[bin]! += counts[bin]!;
  return sum;
}

function totalOf(counts: Numbers): number {
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) total += counts[bin]!;
  return total;
}

function checkWindow(field: string, window: PastWindow, present: PastWindow): void {
  checkNumber(`${field}.atMs`, window.atMs);
  checkSameLength(`${field}.counts`, window.counts, 'present.counts', present.counts);
  if (checkCounts(`${field}.counts`, window.counts, 2) === 0)
    throw invalid(`${field}.counts`, 0, 'needs at least one row');
}
