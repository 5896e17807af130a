import type { Numbers } from './checks.js';

const HARMONICS_MAX = 3;
/** Weight of the squared coefficients against the mean squared error, per point. */
const PENALTY = 0.01;

/**
 * Continues a series by a line plus up to three sine and cosine pairs of the season, fitted by ridge regression (the level is
 * not penalised) and moved by the mean of the last season's errors halved, so that it neither ignores where the series is
 * now nor chases noise. Source: Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 7.4, 10.5.
 */
export function harmonicRidge(seasonLength: number): (series: Numbers, horizon: number) => Float64Array {
  const harmonics = Math.min(HARMONICS_MAX, Math.floor(seasonLength / 2));
  return (series, horizon) => {
    const points = series.length;
    const rowAt = (t: number): Float64Array => regressors(t, points, seasonLength, harmonics);
    const width = rowAt(0).length;
    const gram = new Float64Array(width * width);
    const moments = new Float64Array(width);
    for (let t = 0; t < points; t++) {
      const row = rowAt(t);
      for (let i = 0; i < width; i++) {
        moments[i]! += row[i]! * series[t]!;
        for (let j = 0; j <= i; j++) gram[i * width + j]! += row[i]! * row[j]!;
      }
    }
    for (let i = 0; i < width; i++) gram[i * width + i]! += i === 0 ? 0 : PENALTY * points;
    const coefficients = solveSymmetric(gram, moments);
    const fitted = (t: number): number => rowAt(t).reduce((sum, value, i) => sum + value * coefficients[i]!, 0);
    let lately = 0;
    for (let t = points - seasonLength; t < points; t++) lately += (series[t]! - fitted(t)) / seasonLength;
    return Float64Array.from({ length: horizon }, (_, h) => fitted(points + h) + lately / 2);
  };
}

function regressors(t: number, points: number, seasonLength: number, harmonics: number): Float64Array {
  const row = [1, (2 * t) / points - 1];
  for (let k = 1; k <= harmonics; k++) {
    const angle = (2 * Math.PI * k * t) / seasonLength;
    row.push(Math.cos(angle));
    // At half the season's frequency the sine is 0 on every whole step.
    if (2 * k < seasonLength) row.push(Math.sin(angle));
  }
  return Float64Array.from(row);
}

/** Cholesky factorisation of a positive definite matrix given by its lower triangle, row by row; overwrites it. */
function solveSymmetric(lower: Float64Array, right: Float64Array): Float64Array {
  const width = right.length;
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i * width + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * width + k]! * lower[j * width + k]!;
      lower[i * width + j] = i === j ? Math.sqrt(sum) : sum / lower[j * width + j]!;
    }
  }
  const solution = right.slice();
  for (let i = 0; i < width; i++) {
    for (let k = 0; k < i; k++) solution[i]! -= lower[i * width + k]! * solution[k]!;
    solution[i]! /= lower[i * width + i]!;
  }
  for (let i = width - 1; i >= 0; i--) {
    for (let k = i + 1; k < width; k++) solution[i]! -= lower[k * width + i]! * solution[k]!;
    solution[i]! /= lower[i * width + i]!;
  }
  return solution;
}
