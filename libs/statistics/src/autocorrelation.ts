import { checkFinite, type Numbers } from './checks.js';

/** The series from -1 to 1, so that no square of it is lost or out of range. */
function scaled(series: Numbers): Float64Array {
  let largest = 0;
  for (let i = 0; i < series.length; i++) largest = Math.max(largest, Math.abs(series[i]!));
  return Float64Array.from(series, (value) => value / largest);
}

/**
 * Integrated autocorrelation time of an evenly spaced series: how many neighbouring values carry the information of one independent
 * value; 1 for independent or constant ones, (1 + ρ)/(1 - ρ) for an AR(1) series. Sum of autocorrelations by pairs of lags while
 * they are positive, made to fall. Source: Geyer (1992), Statistical Science 7:473, initial monotone sequence.
 * @example autocorrelationTime([1, 2, 3, 4, 5, 6, 7, 8]) // => 2.738095
 */
export function autocorrelationTime(series: Numbers): number {
  checkFinite('series', series);
  const n = series.length;
  // A mean that is off by a rounding error would make equal values look perfectly autocorrelated.
  if (Array.prototype.every.call(series, (value) => value === series[0])) return 1;
  const deviations = scaled(series);
  const mean = deviations.reduce((sum, value) => sum + value, 0) / n;
  for (let i = 0; i < n; i++) deviations[i]! -= mean;
  const covariance = (lag: number): number => {
    let sum = 0;
    for (let i = 0; i + lag < n; i++) sum += deviations[i]! * deviations[i + lag]!;
    return sum / n;
  };
  const variance = covariance(0);
  let time = -1;
  let lowest = Infinity;
  for (let lag = 0; lag + 1 < n; lag += 2) {
    const pair = (covariance(lag) + covariance(lag + 1)) / variance;
    if (pair <= 0) break;
    lowest = Math.min(lowest, pair);
    time += 2 * lowest;
  }
  return Math.max(1, time);
}
