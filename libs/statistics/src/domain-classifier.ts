import {
  featureImportance,
  scoreModel,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type Model,
  type TrainingTable,
} from '@rondo/learners';
import { checkCount, invalid } from './checks.js';
import { delongInterval } from './delong.js';
import { mannWhitney } from './mann-whitney.js';
import { drawnRows, type RowMatrix } from './mmd.js';

/** Settings of {@link domainClassifier}. */
export interface DomainClassifierOptions {
  readonly seed: number;
  /** Trees see interactions and non-linear change (default); logistic regression suits embeddings and hashed text. */
  readonly model?: 'trees' | 'logistic';
  /** Rows drawn from each sample; default 20,000. */
  readonly rowsMax?: number;
  /** One per column; default c0, c1, … */
  readonly columnNames?: readonly string[];
}

/** How well a model tells current rows from reference rows, or why none was trained. */
export type DomainClassifierResult =
  | {
      readonly kind: 'tested';
      /** On rows the model was not trained on: 0.5 when nothing tells the samples apart, 1 when everything does. */
      readonly auc: number;
      readonly lower: number;
      readonly upper: number;
      /** One-sided, of an AUC of at most 0.5. */
      readonly pValue: number;
      /** Rows the AUC was measured on. */
      readonly referenceRows: number;
      readonly currentRows: number;
      /** Share of each column in telling the samples apart, in column order; they sum to 1 unless the model uses none. */
      readonly importance: readonly number[];
    }
  | { readonly kind: 'insufficient'; readonly reason: 'too-few-rows' };

/** Half of the rows train, half measure. */
const MIN_ROWS = 40;
const TREES = { rounds: 40, learningRate: 0.2, maxLeaves: 8, minRowsInLeaf: 20 };
const LOGISTIC = { l2: 10, maxIterations: 50 };

/**
 * Classifier two-sample test of several columns at once: trains a model to tell current rows from reference rows on half of
 * them and measures its AUC on the other half, where a plain rank test holds its level exactly. Says how large a joint
 * difference is and which columns make it. Values finite; rows independent.
 * Source: Lopez-Paz & Oquab (2017), ICLR ("Revisiting classifier two-sample tests").
 * @example domainClassifier({ values: [1, 2], columns: 1 }, { values: [3, 4], columns: 1 }, { seed: 1 }) // => { kind: 'insufficient', reason: 'too-few-rows' }
 */
export function domainClassifier(
  reference: RowMatrix,
  current: RowMatrix,
  options: DomainClassifierOptions,
): DomainClassifierResult {
  const { seed, model = 'trees', rowsMax = 20_000 } = options;
  checkCount('seed', seed);
  checkCount('rowsMax', rowsMax, MIN_ROWS);
  const { columns } = reference;
  if (current.columns !== columns) throw invalid('current.columns', current.columns, `must be ${columns}`);
  const featureNames = options.columnNames ?? Array.from({ length: columns }, (_, c) => `c${c}`);
  if (featureNames.length !== columns) throw invalid('columnNames', featureNames.length, `must be ${columns} names`);
  const before = shuffledRows('reference', reference, rowsMax, seed);
  const now = shuffledRows('current', current, rowsMax, seed + 1);
  const n = before.length / columns;
  const m = now.length / columns;
  if (Math.min(n, m) < MIN_ROWS) return { kind: 'insufficient', reason: 'too-few-rows' };
  const [trainN, trainM] = [n >> 1, m >> 1];
  const table = tableOf(before.subarray(0, trainN * columns), now.subarray(0, trainM * columns), featureNames);
  const trained: Model =
    model === 'trees'
      ? trainGradientBoostedTrees({
          ...table,
          params: { ...TREES, minRowsInLeaf: Math.min(20, trainN >> 1, trainM >> 1) },
        })
      : trainLogisticRegression({ ...table, params: LOGISTIC });
  const beforeScores = scoreModel(trained, Float32Array.from(before.subarray(trainN * columns)), n - trainN);
  const nowScores = scoreModel(trained, Float32Array.from(now.subarray(trainM * columns)), m - trainM);
  const scores = new Float64Array(beforeScores.length + nowScores.length);
  scores.set(beforeScores);
  scores.set(nowScores, beforeScores.length);
  const labels = Uint8Array.from(scores, (_, i) => (i < beforeScores.length ? 0 : 1));
  const { auc, lower, upper } = delongInterval(labels, scores);
  const { pValue, probabilityHigher } = mannWhitney(beforeScores, nowScores);
  return {
    kind: 'tested',
    auc,
    lower,
    upper,
    pValue: probabilityHigher > 0.5 ? pValue / 2 : 1 - pValue / 2,
    referenceRows: beforeScores.length,
    currentRows: nowScores.length,
    importance: featureImportance(trained).map(({ share }) => share),
  };
}

/** Rows in an order of the seed's choosing, so that the halves do not follow the order of arrival. */
function shuffledRows(field: string, matrix: RowMatrix, rowsMax: number, seed: number): Float64Array {
  const values = drawnRows(field, matrix, rowsMax, seed);
  const { columns } = matrix;
  const rows = values.length / columns;
  // Drawing all but one row shuffles; the one left over is of no account.
  return drawnRows(field, { values, columns }, Math.max(1, rows - 1), seed + 7);
}

function tableOf(before: Float64Array, now: Float64Array, featureNames: readonly string[]): TrainingTable {
  const width = featureNames.length;
  const [n, m] = [before.length / width, now.length / width];
  return {
    featureNames,
    target: Uint8Array.from({ length: n + m }, (_, row) => (row < n ? 0 : 1)),
    columns: featureNames.map((_, c) =>
      Float32Array.from({ length: n + m }, (_, row) =>
        row < n ? before[row * width + c]! : now[(row - n) * width + c]!,
      ),
    ),
  };
}
