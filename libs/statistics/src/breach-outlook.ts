import { checkBetween, checkNumber } from './checks.js';
import type { BreachSteps, Forecast } from './forecast.js';
import { betaPosterior, type Interval } from './proportions.js';

/** How likely a limit is reached within the horizon, and when. */
export interface BreachOutlook extends Interval {
  /** Share of the possible futures that reach the limit. */
  readonly probability: number;
  /** Independent futures it rests on: origins of the backtest that do not overlap. */
  readonly n: number;
  /** Step by which a tenth, half and nine tenths of all futures have reached the limit; null when they do not within the horizon. */
  readonly steps: BreachSteps;
  /** Whether something may act on it; an advisory forecast is only shown. */
  readonly actionable: boolean;
}

/**
 * Probability and step of reaching `threshold` within the forecast's horizon: the errors the method made from each past origin,
 * added to the forecast, are the possible futures, so the dependence between steps is kept. The interval (Beta posterior, prior
 * 1/2) counts only origins that do not overlap, since neighbours share most of their future.
 * Source: the ensemble of past forecast errors as in Lee & Scholtes (2014), Int. J. Forecasting 30:217.
 * @example breachOutlook(forecast(Array.from({ length: 30 }, (_, i) => 2 * i), { horizon: 5 }), { threshold: 64, side: 'above' }).steps // => { earliest: 3, expected: 3, latest: 3 }
 */
export function breachOutlook(
  made: Extract<Forecast, { readonly kind: 'forecast' }>,
  limit: { readonly threshold: number; readonly side: 'above' | 'below' },
  options: { readonly confidence?: number } = {},
): BreachOutlook {
  const { threshold, side } = limit;
  const { confidence = 0.8 } = options;
  checkNumber('threshold', threshold);
  checkBetween('confidence', confidence, 0, 1);
  const { points, errorPaths, origins, advisory } = made;
  const horizon = points.length;
  const first = Float64Array.from({ length: origins }, (_, o) => {
    for (let h = 0; h < horizon; h++) {
      const value = points[h]!.value + errorPaths[o * horizon + h]!;
      if (side === 'above' ? value >= threshold : value <= threshold) return h + 1;
    }
    return Infinity;
  }).sort();
  const reached = first.filter((step) => step < Infinity).length;
  const probability = reached / origins;
  const n = Math.max(1, Math.floor(origins / horizon));
  const prior = { priorSuccesses: 0.5, priorFailures: 0.5, confidence };
  const { lower, upper } = betaPosterior(n * probability, n * (1 - probability), prior);
  const by = (share: number): number | null => {
    const step = first[Math.ceil(share * origins) - 1]!;
    return step === Infinity ? null : step;
  };
  const steps = { earliest: by(0.1), expected: by(0.5), latest: by(0.9) };
  return {
    probability,
    lower: Math.min(lower, probability),
    upper: Math.max(upper, probability),
    n,
    steps,
    actionable: advisory === null,
  };
}
