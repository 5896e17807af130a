import type { Numbers } from './checks.js';
import { harmonicRidge } from './harmonic-ridge.js';
import { quantileOfSorted } from './order.js';

/** The methods a forecast is chosen from. */
export type ForecastMethod =
  'naive' | 'seasonal-naive' | 'exponential-smoothing' | 'damped-trend' | 'theil-sen' | 'harmonic-ridge';

/** Continues a series by `horizon` values. */
export type Continuation = (series: Numbers, horizon: number) => Float64Array;

const THEIL_SEN_POINTS = 200;
const LEVEL_WEIGHTS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const TREND_WEIGHTS = [0.02, 0.1, 0.2, 0.4];
const DAMPINGS = [0.8, 0.9, 0.98];

/** The methods that can be used, simplest first, so that a tie is won by the simpler one. */
export function continuations(seasonLength: number | undefined): [ForecastMethod, Continuation][] {
  const methods: [ForecastMethod, Continuation][] = [['naive', naive]];
  if (seasonLength !== undefined) methods.push(['seasonal-naive', seasonalNaive(seasonLength)]);
  methods.push(['exponential-smoothing', smoothed], ['damped-trend', damped], ['theil-sen', theilSen]);
  if (seasonLength !== undefined) methods.push(['harmonic-ridge', harmonicRidge(seasonLength)]);
  return methods;
}

function naive(series: Numbers, horizon: number): Float64Array {
  return new Float64Array(horizon).fill(series[series.length - 1]!);
}

function seasonalNaive(seasonLength: number): Continuation {
  return (series, horizon) =>
    Float64Array.from({ length: horizon }, (_, h) => series[series.length - seasonLength + (h % seasonLength)]!);
}

/** Simple exponential smoothing; the weight with the least one-step squared error (Brown 1959). */
function smoothed(series: Numbers, horizon: number): Float64Array {
  let best = { error: Infinity, level: 0 };
  for (const weight of LEVEL_WEIGHTS) {
    let level = series[0]!;
    let error = 0;
    for (let t = 1; t < series.length; t++) {
      const residual = series[t]! - level;
      error += residual * residual;
      level += weight * residual;
    }
    if (error < best.error) best = { error, level };
  }
  return new Float64Array(horizon).fill(best.level);
}

/** Holt's trend, damped (Gardner & McKenzie 1985); weights with the least one-step squared error. */
function damped(series: Numbers, horizon: number): Float64Array {
  let best = { error: Infinity, level: 0, trend: 0, damping: 0 };
  for (const damping of DAMPINGS) {
    for (const trendWeight of TREND_WEIGHTS) {
      for (const levelWeight of LEVEL_WEIGHTS) {
        let level = series[0]!;
        let trend = series[1]! - series[0]!;
        let error = 0;
        for (let t = 1; t < series.length; t++) {
          const residual = series[t]! - level - damping * trend;
          error += residual * residual;
          level += damping * trend + levelWeight * residual;
          trend = damping * trend + levelWeight * trendWeight * residual;
        }
        if (error < best.error) best = { error, level, trend, damping };
      }
    }
  }
  let steps = 0;
  return Float64Array.from({ length: horizon }, (_, h) => {
    steps += best.damping ** (h + 1);
    return best.level + steps * best.trend;
  });
}

/** The line with the median of all pairwise slopes and of the intercepts (Sen 1968), over the last 200 points. */
function theilSen(series: Numbers, horizon: number): Float64Array {
  const points = Math.min(THEIL_SEN_POINTS, series.length);
  const first = series.length - points;
  const slopes = new Float64Array((points * (points - 1)) / 2);
  let k = 0;
  for (let i = 0; i < points; i++) {
    for (let j = 0; j < i; j++) slopes[k++] = (series[first + i]! - series[first + j]!) / (i - j);
  }
  const slope = median(slopes);
  const intercept = median(Float64Array.from({ length: points }, (_, i) => series[first + i]! - slope * i));
  return Float64Array.from({ length: horizon }, (_, h) => intercept + slope * (points + h));
}

function median(values: Float64Array): number {
  return quantileOfSorted(values.sort(), 0.5);
}
