import { AdditiveRidge } from './additive-ridge.js';
import {
  checkAtLeast,
  checkBetween,
  checkCount,
  checkFinite,
  checkSameLength,
  invalid,
  type Numbers,
} from './checks.js';
import { normalQuantile } from './distributions.js';
import type { ExpectedMetric } from './performance-estimate.js';
import { binCounts, quantileEdges } from './quantile-bins.js';

/** How large a model's loss is, by what is known of a row before its label; plain JSON. */
export interface LossModel {
  /** Inner bin edges of every column. */
  readonly edges: readonly (readonly number[])[];
  /** Mean loss of the reference, and what each bin of each column adds to it. */
  readonly mean: number;
  readonly effects: readonly (readonly number[])[];
  /** What the prior evidence is estimated to have taken from each effect. */
  readonly shrinkage: readonly (readonly number[])[];
  /** Covariance of the mean (first) and of the effects, column by column, as the reference's rows leave it. */
  readonly covariance: readonly (readonly number[])[];
  /** Variance of a row's loss around what the model expects of it, and what each bin of each column adds to it. */
  readonly residualVariance: number;
  readonly varianceEffects: readonly (readonly number[])[];
  readonly rows: number;
}

/** An expected loss, or why it cannot be given. */
export type LossEstimate =
  | ({ readonly kind: 'estimated'; readonly rows: number } & ExpectedMetric)
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' };

const MIN_ROWS = 30;
const PARAMETERS_MAX = 600;

/**
 * Learns the loss of a regression model (absolute or squared error, any loss >= 0) on labelled reference rows that the model
 * was not trained on, from columns known without the label: its predictions, and features that drive the error. Additive
 * over quantile bins, fitted by ridge regression; no interactions.
 * Idea: NannyML's direct loss estimation. Here additive instead of boosted, so that the fit is exact and explainable.
 * @param columns one array per column, row by row with `losses`
 * @param options.bins per column, default 10; `options.ridge` rows of prior evidence that a bin is like all, default 1
 * @example fitLossModel([[1, 1, 2, 2]], [0, 0, 4, 4], { bins: 2, ridge: 0 }) // => { mean: 2, effects: [[-2, 2]], rows: 4 }
 */
export function fitLossModel(
  columns: readonly Numbers[],
  losses: Numbers,
  options: { readonly bins?: number; readonly ridge?: number } = {},
): LossModel {
  const { bins = 10, ridge = 1 } = options;
  checkCount('bins', bins, 2);
  checkAtLeast('ridge', ridge, 0);
  checkLosses(losses);
  if (columns.length === 0) throw invalid('columns', 0, 'needs at least 1 column');
  if (columns.length * bins > PARAMETERS_MAX)
    throw invalid('bins', bins, `times columns must be at most ${PARAMETERS_MAX}`);
  columns.forEach((column, c) => {
    checkSameLength(`columns[${c}]`, column, 'losses', losses);
    checkFinite(`columns[${c}]`, column);
  });
  const edges = columns.map((column) => Array.from(quantileEdges(column, bins)));
  const codes = columns.map((column, c) => binCodes(column, edges[c]!));
  const starts = startsOf(edges);
  const ridged = new AdditiveRidge({ codes, starts }, ridge);
  const fit = ridged.fit(losses);
  const residuals = ridged.leftOutResiduals(losses, fit);
  const spread = ridged.fit(residuals.map((value) => value * value));
  const byColumn = (weights: Float64Array): number[][] =>
    edges.map((_, c) => Array.from(weights.subarray(starts[c], starts[c + 1])));
  return {
    edges,
    mean: fit.mean,
    effects: byColumn(fit.weights),
    shrinkage: byColumn(ridged.shrinkage(fit.weights)),
    covariance: ridged.covariance(residuals),
    residualVariance: spread.mean,
    varianceEffects: byColumn(spread.weights),
    rows: losses.length,
  };
}

/**
 * The mean loss to expect on rows without labels. Sees a change of the inputs, not a change of the relation between inputs
 * and loss. The interval is of the mean loss that labels will show: it holds the sampling of these rows, whose loss varies as
 * it does in their bins; that of the reference's rows in those bins; and what the prior evidence takes from their effects.
 * Below 30 rows on either side it is insufficient.
 * @example estimateLoss(fitLossModel([[1, 2]], [0, 4], { bins: 2 }), [[1, 2, 2]]) // => { kind: 'insufficient', reason: 'too-few-rows' }
 */
export function estimateLoss(
  model: LossModel,
  columns: readonly Numbers[],
  options: { readonly confidence?: number } = {},
): LossEstimate {
  const { confidence = 0.95 } = options;
  checkBetween('confidence', confidence, 0, 1);
  if (columns.length !== model.edges.length)
    throw invalid('columns', columns.length, `must be the ${model.edges.length} of the model`);
  const rows = columns[0]!.length;
  columns.forEach((column, c) => {
    checkSameLength(`columns[${c}]`, column, 'columns[0]', columns[0]!);
    checkFinite(`columns[${c}]`, column, 0);
  });
  if (rows < MIN_ROWS || model.rows < MIN_ROWS) return { kind: 'insufficient', reason: 'too-few-rows' };
  const shares = columns.flatMap((column, c) =>
    Array.from(binCounts(column, model.edges[c]!), (count) => count / rows),
  );
  const summed = (effects: readonly (readonly number[])[]): number => {
    let [sum, at] = [0, 0];
    for (const ofColumn of effects) for (const effect of ofColumn) sum += shares[at++]! * effect;
    return sum;
  };
  const value = Math.max(0, model.mean + summed(model.effects));
  const ofRows = Math.max(0, model.residualVariance + summed(model.varianceEffects)) / rows;
  const standardError = Math.sqrt(ofRows + quadratic(model.covariance, [1, ...shares]) + summed(model.shrinkage) ** 2);
  const reach = normalQuantile((1 + confidence) / 2) * standardError;
  return { kind: 'estimated', value, standardError, lower: Math.max(0, value - reach), upper: value + reach, rows };
}

function checkLosses(losses: Numbers): void {
  checkFinite('losses', losses);
  for (let row = 0; row < losses.length; row++) checkAtLeast(`losses[${row}]`, losses[row]!, 0);
}

function binCodes(column: Numbers, edges: readonly number[]): Uint16Array {
  const codes = new Uint16Array(column.length);
  for (let row = 0; row < codes.length; row++) {
    let bin = 0;
    while (bin < edges.length && edges[bin]! < column[row]!) bin++;
    codes[row] = bin;
  }
  return codes;
}

/** Where each column's bins start, and the end. */
function startsOf(edges: readonly (readonly number[])[]): number[] {
  const starts = [0];
  for (const inner of edges) starts.push(starts[starts.length - 1]! + inner.length + 1);
  return starts;
}

/** v'Mv, >= 0. */
function quadratic(matrix: readonly (readonly number[])[], vector: readonly number[]): number {
  let sum = 0;
  vector.forEach((left, i) => {
    if (left !== 0) vector.forEach((right, j) => (sum += left * right * matrix[i]![j]!));
  });
  return Math.max(0, sum);
}
