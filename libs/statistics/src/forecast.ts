import { checkBetween, checkCount, checkFinite, checkNumber, type Numbers } from './checks.js';
import { continuations, type ForecastMethod } from './forecast-methods.js';

/** One step ahead; the interval holds the future value with the asked confidence if the series goes on as it was. */
export interface ForecastPoint {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** A forecast that shows how well its kind did before, or how many points are missing for one. */
export type Forecast =
  | {
      readonly kind: 'forecast';
      readonly method: ForecastMethod;
      readonly points: readonly ForecastPoint[];
      /** Mean absolute error of every method in the backtest, in the unit of the series. */
      readonly backtestError: Readonly<Partial<Record<ForecastMethod, number>>>;
      /** 1 - error of the chosen method / error of the naive one (seasonal if there is a season); above 0 is a gain. */
      readonly skillScore: number;
      /** Past moments from which the backtest forecast. */
      readonly origins: number;
    }
  | { readonly kind: 'insufficient'; readonly pointsNeeded: number };

const MAX_ORIGINS = 50;
const MIN_TRAINING_POINTS = 8;

/**
 * Forecasts an evenly spaced series by the method (naive, seasonal naive, exponential smoothing, damped trend,
 * Theil-Sen line) that had the least mean absolute error over up to 50 rolling origins. Intervals are split-conformal:
 * the backtest's absolute errors at each step, at the rank that makes coverage at least `confidence` for exchangeable
 * errors. `insufficient` when the series is too short for that rank.
 * Source: Tashman (2000), Int. J. Forecasting 16:437; Lei et al. (2018), JASA 113:1094.
 * @example forecast(Array.from({ length: 30 }, (_, i) => 2 * i), { horizon: 2 }).points[1] // => { value: 62, lower: 62, upper: 62 }
 */
export function forecast(
  series: Numbers,
  options: { readonly horizon: number; readonly seasonLength?: number; readonly confidence?: number },
): Forecast {
  const { horizon, seasonLength, confidence = 0.8 } = options;
  checkCount('horizon', horizon, 1);
  if (seasonLength !== undefined) checkCount('seasonLength', seasonLength, 2);
  checkBetween('confidence', confidence, 0, 1);
  checkFinite('series', series, 0);
  const minTraining = Math.max(MIN_TRAINING_POINTS, 2 * (seasonLength ?? 0));
  const minOrigins = Math.ceil(confidence / (1 - confidence) - 1e-9);
  const pointsNeeded = minTraining + horizon + minOrigins - 1;
  if (series.length < pointsNeeded) return { kind: 'insufficient', pointsNeeded };
  const origins = Math.min(Math.max(MAX_ORIGINS, minOrigins), series.length - horizon - minTraining + 1);
  const values = Float64Array.from(series);
  const tried = continuations(seasonLength).map(([method, run]) => {
    const errors = backtest(values, run, horizon, origins);
    return { method, run, errors, mean: errors.reduce((sum, error) => sum + error, 0) / errors.length };
  });
  const best = tried.reduce((least, other) => (other.mean < least.mean * (1 - 1e-9) ? other : least));
  const reference = tried.find(({ method }) => method === (seasonLength === undefined ? 'naive' : 'seasonal-naive'))!;
  const rank = Math.min(origins, Math.ceil(confidence * (origins + 1) - 1e-9));
  const points = Array.from(best.run(values, horizon), (value, h) => {
    const atStep = Float64Array.from({ length: origins }, (_, origin) => best.errors[origin * horizon + h]!).sort();
    return { value, lower: value - atStep[rank - 1]!, upper: value + atStep[rank - 1]! };
  });
  return {
    kind: 'forecast',
    method: best.method,
    points,
    backtestError: Object.fromEntries(tried.map(({ method, mean }) => [method, mean])),
    skillScore: reference.mean === 0 ? 0 : 1 - best.mean / reference.mean,
    origins,
  };
}

/** Absolute errors, `horizon` per origin, oldest origin first. */
function backtest(
  series: Float64Array,
  run: (series: Numbers, horizon: number) => Float64Array,
  horizon: number,
  origins: number,
): Float64Array {
  const errors = new Float64Array(origins * horizon);
  for (let i = 0; i < origins; i++) {
    const origin = series.length - horizon - origins + 1 + i;
    const predicted = run(series.subarray(0, origin), horizon);
    for (let h = 0; h < horizon; h++) errors[i * horizon + h] = Math.abs(series[origin + h]! - predicted[h]!);
  }
  return errors;
}

/** Steps ahead (1 is the next point) at which a threshold is reached; null within the horizon never. */
export interface BreachSteps {
  /** By the interval's near bound: not before this step, at the forecast's confidence. */
  readonly earliest: number | null;
  readonly expected: number | null;
  /** By the far bound. */
  readonly latest: number | null;
}

/**
 * When a forecast reaches `threshold`, coming from below (`above`) or from above (`below`), with an interval.
 * @example breachSteps([{ value: 1, lower: 0, upper: 3 }, { value: 3, lower: 1, upper: 5 }], { threshold: 3, side: 'above' }) // => { earliest: 1, expected: 2, latest: null }
 */
export function breachSteps(
  points: readonly ForecastPoint[],
  limit: { readonly threshold: number; readonly side: 'above' | 'below' },
): BreachSteps {
  const { threshold, side } = limit;
  checkNumber('threshold', threshold);
  const firstStep = (pick: (point: ForecastPoint) => number): number | null => {
    const at = points.findIndex((point) => (side === 'above' ? pick(point) >= threshold : pick(point) <= threshold));
    return at === -1 ? null : at + 1;
  };
  return {
    earliest: firstStep((point) => (side === 'above' ? point.upper : point.lower)),
    expected: firstStep((point) => point.value),
    latest: firstStep((point) => (side === 'above' ? point.lower : point.upper)),
  };
}
