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
  /** Variance of a row's loss around what the model expects of it. */
  readonly residualVariance: number;
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
 * @param options.bins per column, default 10; `options.ridge` rows of prior evidence that a bin is like all, default 10
 * @example fitLossModel([[1, 1, 2, 2]], [0, 0, 4, 4], { bins: 2, ridge: 0 }) // => { mean: 2, effects: [[-2, 2]], rows: 4 }
 */
export function fitLossModel(
  columns: readonly Numbers[],
  losses: Numbers,
  options: { readonly bins?: number; readonly ridge?: number } = {},
): LossModel {
  const { bins = 10, ridge = 10 } = options;
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
  const width = starts[columns.length]!;
  const rows = losses.length;
  let mean = 0;
  for (let row = 0; row < rows; row++) mean += losses[row]! / rows;
  const gram = new Float64Array(width * width);
  const right = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns.length; c++) {
      const at = starts[c]! + codes[c]![row]!;
      right[at]! += losses[row]! - mean;
      for (let d = 0; d < columns.length; d++) gram[at * width + starts[d]! + codes[d]![row]!]!++;
    }
  }
  // One-hot columns sum to one another: without a trace of ridge the system would be singular.
  for (let i = 0; i < width; i++) gram[i * width + i]! += Math.max(ridge, 1e-9 * rows);
  const weights = solved(gram, right, width);
  let squares = 0;
  for (let row = 0; row < rows; row++) {
    let expected = mean;
    for (let c = 0; c < columns.length; c++) expected += weights[starts[c]! + codes[c]![row]!]!;
    squares += (losses[row]! - expected) ** 2;
  }
  return {
    edges,
    mean,
    effects: edges.map((_, c) => Array.from(weights.subarray(starts[c], starts[c + 1]))),
    residualVariance: squares / Math.max(1, rows - width),
    rows,
  };
}

/**
 * The mean loss to expect on rows without labels. Sees a change of the inputs, not a change of the relation between inputs
 * and loss; the interval holds sampling of these rows and of the reference. Below 30 rows on either side it is insufficient.
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
  let value = model.mean;
  columns.forEach((column, c) => {
    binCounts(column, model.edges[c]!).forEach((count, bin) => (value += (count / rows) * model.effects[c]![bin]!));
  });
  value = Math.max(0, value);
  const standardError = Math.sqrt(model.residualVariance * (1 / rows + 1 / model.rows));
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

/** Solves a symmetric positive definite system by Cholesky's method, in place. */
function solved(matrix: Float64Array, right: Float64Array, width: number): Float64Array {
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * width + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * width + k]! * matrix[j * width + k]!;
      matrix[i * width + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / matrix[j * width + j]!;
    }
  }
  for (let i = 0; i < width; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= matrix[i * width + k]! * right[k]!;
    right[i] = sum / matrix[i * width + i]!;
  }
  for (let i = width - 1; i >= 0; i--) {
    let sum = right[i]!;
    for (let k = i + 1; k < width; k++) sum -= matrix[k * width + i]! * right[k]!;
    right[i] = sum / matrix[i * width + i]!;
  }
  return right;
}
