import { checkBetween, checkCount, checkFinite, checkNumber, type Numbers } from './checks.js';
import { autocorrelationTime } from './autocorrelation.js';
import { lastChangePoint } from './change-point.js';
import { continuations, type Continuation, type ForecastMethod } from './forecast-methods.js';
import { meanRatio } from './mean-ratio.js';

/** One step ahead; the interval holds the future value with the asked confidence if the series goes on as it was. */
export interface ForecastPoint {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/** How sure a skill is; both bounds are null where the origins are too few, or the naive error too uncertain to divide by. */
export interface SkillInterval {
  readonly lower: number | null;
  readonly upper: number | null;
  /** Origins that count as independent: sharing no step, and gains lasting no longer; 0 when the backtest is too short to tell. */
  readonly independent: number;
}

/** A forecast that shows how well its kind did before, or how many points are missing for one. */
export type Forecast =
  | {
      readonly kind: 'forecast';
      readonly method: ForecastMethod;
      readonly points: readonly ForecastPoint[];
      /** Mean absolute error of every method in the backtest, in the unit of the series. */
      readonly backtestError: Readonly<Partial<Record<ForecastMethod, number>>>;
      /**
       * 1 - error / error of the naive method (seasonal if there is a season), where at each past moment the method was chosen
       * by what was known then; above 0 is a gain, 0 also when the backtest is too short to tell.
       */
      readonly skillScore: number;
      /** Fieller's interval of the skill at `confidence`, over the origins it is taken from ({@link meanRatio}). */
      readonly skillInterval: SkillInterval;
      /** Past moments from which the backtest forecast. */
      readonly origins: number;
      /** Actual - predicted of the chosen method, `horizon` per origin, oldest origin first. */
      readonly errorPaths: Float64Array;
      /** Why nothing should act on it: the method has not beaten the naive one, or the series changed lately. */
      readonly advisory: 'no-skill' | 'change-point' | null;
    }
  | { readonly kind: 'insufficient'; readonly pointsNeeded: number };

const MAX_ORIGINS = 50;
const MIN_TRAINING_POINTS = 8;

/**
 * Forecasts an evenly spaced series by the method (naive, seasonal naive, exponential smoothing, damped trend,
 * Theil-Sen line, harmonic ridge regression) that had the least mean absolute error over up to 50 rolling origins; the
 * naive one stays unless it is beaten by more than a standard error. Intervals are split-conformal: the backtest's absolute
 * errors at each step, at the rank that makes coverage at least `confidence` for as many exchangeable errors as there are origins
 * that share no step. `insufficient` when the series is too short for that rank at the first step; where it is for a later one, the
 * largest error counts. After a change point the intervals are too narrow until the errors are new: `advisory`.
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
  const tried = continuations(seasonLength).map(([method, run]) => backtest(method, run, values, { horizon, origins }));
  const reference = tried.find(({ method }) => method === (seasonLength === undefined ? 'naive' : 'seasonal-naive'))!;
  const best = chosen(tried, reference, horizon);
  const points = Array.from(best.run(values, horizon), (value, h) => {
    const atStep = Float64Array.from({ length: origins }, (_, o) => Math.abs(best.errors[o * horizon + h]!)).sort();
    const reach = atStep[conformalRank(confidence, origins, h + 1) - 1]!;
    return { value, lower: value - reach, upper: value + reach };
  });
  const { score: skillScore, ...skillInterval } = honestSkill(tried, reference, { horizon, confidence });
  const { at } = lastChangePoint(Float64Array.from({ length: origins }, (_, o) => best.errors[o * horizon]!));
  const changed = at !== null && origins - at <= Math.max(minOrigins, MIN_TRAINING_POINTS);
  return {
    kind: 'forecast',
    method: best.method,
    points,
    backtestError: Object.fromEntries(tried.map(({ method, mean }) => [method, mean])),
    skillScore,
    skillInterval,
    origins,
    errorPaths: best.errors,
    advisory: changed ? 'change-point' : best === reference || skillScore <= 0 ? 'no-skill' : null,
  };
}

/**
 * Which of the errors at a step, ascending, bounds the interval. Errors of neighbouring origins share all but one of the steps they
 * look ahead, so they count as only every `step`-th of them: the quantile of k independent ones is taken at confidence·(k + 1)/k.
 */
function conformalRank(confidence: number, origins: number, step: number): number {
  const independent = origins / step;
  return Math.min(origins, Math.ceil(((confidence * (independent + 1)) / independent) * origins - 1e-9));
}

/** How a method did; `losses` are its mean absolute errors per origin. */
interface Backtest {
  readonly method: ForecastMethod;
  readonly run: Continuation;
  readonly errors: Float64Array;
  readonly losses: Float64Array;
  readonly mean: number;
}

function backtest(
  method: ForecastMethod,
  run: Continuation,
  series: Float64Array,
  { horizon, origins }: { readonly horizon: number; readonly origins: number },
): Backtest {
  const errors = new Float64Array(origins * horizon);
  const losses = new Float64Array(origins);
  for (let i = 0; i < origins; i++) {
    const origin = series.length - horizon - origins + 1 + i;
    const predicted = run(series.subarray(0, origin), horizon);
    for (let h = 0; h < horizon; h++) {
      errors[i * horizon + h] = series[origin + h]! - predicted[h]!;
      losses[i]! += Math.abs(errors[i * horizon + h]!) / horizon;
    }
  }
  return { method, run, errors, losses, mean: losses.reduce((sum, loss) => sum + loss, 0) / origins };
}

/**
 * The best, unless the naive one is within a standard error of it; equal ones in the order given. Neighbouring origins share
 * all but one of their steps, so only every `horizon`-th counts as independent.
 */
function chosen(tried: readonly Backtest[], reference: Backtest, horizon: number): Backtest {
  const best = tried.reduce((least, other) => (other.mean < least.mean * (1 - 1e-9) ? other : least));
  const gain = reference.mean - best.mean;
  const origins = best.losses.length;
  let squares = 0;
  for (let i = 0; i < origins; i++) squares += (reference.losses[i]! - best.losses[i]! - gain) ** 2;
  const standardError = origins > 1 ? Math.sqrt((horizon * squares) / (origins * (origins - 1))) : Infinity;
  return gain > standardError ? best : reference;
}

/** Each origin is forecast by the method that was best over the origins whose outcome was known by then. */
function honestSkill(
  tried: readonly Backtest[],
  reference: Backtest,
  { horizon, confidence }: { readonly horizon: number; readonly confidence: number },
): SkillInterval & { readonly score: number } {
  const naive = reference.losses.subarray(horizon);
  if (naive.every((loss) => loss === 0)) return { score: 0, lower: null, upper: null, independent: 0 };
  const known = tried.map(() => 0);
  const own = naive.map((_, i) => {
    let best = 0;
    tried.forEach(({ losses }, m) => {
      known[m]! += losses[i]!;
      if (known[m]! < known[best]! * (1 - 1e-9)) best = m;
    });
    return tried[best]!.losses[i + horizon]!;
  });
  const { ratio } = meanRatio(own, naive);
  // A method that follows a chance trend goes on doing so: gains and losses last longer than the steps that origins share.
  const lasting = Math.round(autocorrelationTime(own.map((loss, i) => loss - ratio * naive[i]!)));
  const overlap = Math.min(naive.length, Math.max(horizon, lasting));
  const { lower, upper, independent } = meanRatio(own, naive, { confidence, overlap });
  return {
    score: 1 - ratio,
    lower: upper === null ? null : 1 - upper,
    upper: lower === null ? null : 1 - lower,
    independent,
  };
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
