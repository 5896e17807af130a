import { solvePositive } from './cholesky.js';
import type { LinearModel } from './models.js';
import { checkBothClasses, checkNumber, checkTrainingTable, refuse, type TrainingTable } from './training-table.js';

/** Settings of logistic regression. */
export interface LogisticRegressionParams {
  /** Penalty l2/2 · Σ weights² on standardised features, from 0; scikit-learn's C is 1 / l2. The intercept is free. */
  readonly l2: number;
  /** Newton steps at most, 1 to 1,000. */
  readonly maxIterations: number;
}

/** What to train on and how. */
export interface LogisticRegressionRequest extends TrainingTable {
  readonly params: LogisticRegressionParams;
}

const columnsMax = 1000;
const stepTolerance = 1e-8;
const halvingsMax = 20;
/** Beyond this a difference of two values can overflow float32. */
const magnitudeMax = 1e30;

interface Standardised {
  readonly means: Float32Array;
  readonly scales: Float32Array;
  /** Row-major with a last column of ones for the intercept. */
  readonly rows: Float32Array;
  readonly width: number;
}

interface Objective {
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly hessian: Float64Array;
}

/**
 * Logistic regression by iteratively reweighted least squares (Newton's method with step halving) on standardised
 * features; a missing value counts as the mean of its column. Without a penalty a constant or collinear column gets
 * weight 0 and is listed in `aliased`; on separable data the iterations run out and `converged` is false.
 * @throws PermanentError `invalid` for parameters or data outside their bounds, `failed-precondition` for a single class
 */
export function trainLogisticRegression(request: LogisticRegressionRequest): LinearModel {
  const { columns, target, featureNames, params } = request;
  checkNumber('params.l2', params.l2, { min: 0 });
  checkNumber('params.maxIterations', params.maxIterations, { integer: true, min: 1, max: 1000 });
  if (columns.length > columnsMax) refuse('columns', columns.length, `at most ${columnsMax} columns`);
  checkBothClasses(checkTrainingTable(request), target.length);
  for (const [index, column] of columns.entries()) {
    const row = column.findIndex((value) => Math.abs(value) > magnitudeMax);
    if (row >= 0) refuse(`columns[${index}][${row}]`, column[row], `between −${magnitudeMax} and ${magnitudeMax}`);
  }

  const table = standardise(columns);
  const fit = minimise(table, target, params);
  const features = columns.length;
  return {
    kind: 'linear',
    featureNames: [...featureNames],
    means: table.means,
    scales: table.scales,
    weights: Float32Array.from(fit.weights.subarray(0, features)),
    intercept: Math.fround(fit.weights[features]!),
    converged: fit.converged,
    iterations: fit.iterations,
    aliased: fit.aliased.filter((column) => column < features).map((column) => featureNames[column]!),
  };
}

function standardise(columns: readonly Float32Array[]): Standardised {
  const count = columns[0]!.length;
  const width = columns.length + 1;
  const means = new Float32Array(columns.length);
  const scales = new Float32Array(columns.length);
  const rows = new Float32Array(count * width).fill(1);
  for (const [index, column] of columns.entries()) {
    const { mean, scale } = momentsOf(column);
    means[index] = mean;
    scales[index] = scale;
    for (let row = 0; row < count; row++) {
      const value = column[row]!;
      rows[row * width + index] = Number.isNaN(value) ? 0 : Math.fround(value - mean) * scale;
    }
  }
  return { means, scales, rows, width };
}

/** Mean and 1 / standard deviation of the present values, as float32 numbers. */
function momentsOf(column: Float32Array): { mean: number; scale: number } {
  let sum = 0;
  let present = 0;
  for (const value of column) {
    if (Number.isNaN(value)) continue;
    sum += value;
    present++;
  }
  if (present === 0) return { mean: 0, scale: 0 };
  const mean = sum / present;
  let squares = 0;
  for (const value of column) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / present);
  // Below float32's resolution around the mean the column is constant.
  const scale = deviation > Math.abs(mean) * 1e-7 ? Math.fround(1 / deviation) : 0;
  return { mean: Math.fround(mean), scale: Number.isFinite(scale) ? scale : 0 };
}

function minimise(table: Standardised, target: Uint8Array, params: LogisticRegressionParams) {
  let weights = new Float64Array(table.width);
  let objective = evaluate(table, target, weights, params.l2);
  let aliased: number[] = [];
  for (let iterations = 1; iterations <= params.maxIterations; iterations++) {
    const newton = solvePositive(objective.hessian, objective.gradient);
    aliased = newton.aliased;
    let size = 1;
    let next = step(weights, newton.x, size);
    let reached = evaluate(table, target, next, params.l2);
    // A full Newton step can overshoot far from the optimum; half of it, often enough, cannot.
    for (let halving = 0; halving < halvingsMax && !(reached.loss <= objective.loss * (1 + 1e-12)); halving++) {
      size /= 2;
      next = step(weights, newton.x, size);
      reached = evaluate(table, target, next, params.l2);
    }
    const moved = size * newton.x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    weights = next;
    objective = reached;
    if (moved < stepTolerance) return { weights, converged: true, iterations, aliased };
  }
  return { weights, converged: false, iterations: params.maxIterations, aliased };
}

function step(weights: Float64Array, direction: Float64Array, size: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(weights, (weight, index) => weight - size * direction[index]!);
}

/** Penalised negative log-likelihood with gradient and hessian (lower triangle). */
function evaluate(table: Standardised, target: Uint8Array, weights: Float64Array, l2: number): Objective {
  const { rows, width } = table;
  const gradient = new Float64Array(width);
  const hessian = new Float64Array(width * width);
  let loss = 0;
  for (let row = 0; row < target.length; row++) {
    const start = row * width;
    let score = 0;
    for (let a = 0; a < width; a++) score += weights[a]! * rows[start + a]!;
    const probability = 1 / (1 + Math.exp(-score));
    const margin = target[row] ? score : -score;
    loss += margin >= 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
    const residual = probability - target[row]!;
    const curvature = probability * (1 - probability);
    for (let a = 0; a < width; a++) {
      const value = rows[start + a]!;
      gradient[a] = gradient[a]! + residual * value;
      const weighted = curvature * value;
      const at = a * width;
      for (let b = 0; b <= a; b++) hessian[at + b] = hessian[at + b]! + weighted * rows[start + b]!;
    }
  }
  for (let a = 0; a + 1 < width; a++) {
    loss += (l2 / 2) * weights[a]! ** 2;
    gradient[a] = gradient[a]! + l2 * weights[a]!;
    hessian[a * width + a] = hessian[a * width + a]! + l2;
  }
  return { loss, gradient, hessian };
}
