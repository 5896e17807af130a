import {
  scoreModel,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type GradientBoostingParams,
  type LogisticRegressionParams,
} from '@rondo/learners';
import { logLossPerRow, pairedMeanDifference, rollingOrigin } from '@rondo/statistics';
import type { BacktestFold } from './measurement.js';

/** A built-in recipe that can be trained again. */
export type BuiltinRecipe =
  | { readonly trainer: 'builtin/gradient-boosted-trees'; readonly params: GradientBoostingParams }
  | { readonly trainer: 'builtin/logistic-regression'; readonly params: LogisticRegressionParams };

/** Rows of one origin, by their position in the concatenated training and validation parts. */
export interface FoldPlan {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** One origin with its data, ready to be computed. */
export interface FoldData {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly trainColumns: readonly Float32Array[];
  readonly trainTarget: Uint8Array;
  /** Row-major. */
  readonly testRows: Float32Array;
  readonly testLabels: Float32Array;
  /** Champion's probabilities; null compares with the base rate of the rows trained on. */
  readonly champion: Float32Array | null;
  /** Probabilities of the challenger as it is, for a recipe that cannot be trained here; else null. */
  readonly challenger: Float32Array | null;
}

/** What the backtest computes. */
export interface BacktestRequest {
  readonly recipe: BuiltinRecipe | null;
  readonly featureNames: readonly string[];
  readonly folds: readonly FoldData[];
}

/**
 * Rolling origins: the stretch of time is cut into `folds` + 1 equal slices; slice k is predicted from all slices before it.
 * Rows above the limits are thinned evenly (every k-th), the same ones every time. Oldest first; origins without rows to
 * train or to test on are left out.
 */
export function planFolds(
  times: Float64Array,
  plan: {
    readonly folds: number;
    readonly embargoMs: number;
    readonly trainRowsMax: number;
    readonly testRowsMax: number;
  },
): FoldPlan[] {
  if (times.length === 0) return [];
  let [fromMs, lastMs] = [Infinity, -Infinity];
  for (const time of times) {
    fromMs = Math.min(fromMs, time);
    lastMs = Math.max(lastMs, time);
  }
  const untilMs = lastMs + 1;
  const testMs = Math.floor((untilMs - fromMs) / (plan.folds + 1));
  if (testMs < 1) return [];
  const origins = rollingOrigin({ fromMs, untilMs, testMs, embargoMs: plan.embargoMs }).slice(-plan.folds);
  return origins
    .map(({ train, test }) => ({
      fromMs: test.fromMs,
      untilMs: test.untilMs,
      train: thinned(rowsWithin(times, train.fromMs, train.untilMs), plan.trainRowsMax),
      test: thinned(rowsWithin(times, test.fromMs, test.untilMs), plan.testRowsMax),
    }))
    .filter(({ train, test }) => train.length > 0 && test.length > 1);
}

function rowsWithin(times: Float64Array, fromMs: number, untilMs: number): Uint32Array {
  const rows = new Uint32Array(times.length);
  let n = 0;
  times.forEach((time, row) => {
    if (time >= fromMs && time < untilMs) rows[n++] = row;
  });
  return rows.slice(0, n);
}

function thinned(rows: Uint32Array, most: number): Uint32Array {
  if (rows.length <= most) return rows;
  return Uint32Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]!);
}

/** Trains and compares every origin; origins whose training rows are all of one class are left out. Heavy: call it from a worker. */
export function runBacktest({ recipe, featureNames, folds }: BacktestRequest): BacktestFold[] {
  return folds.flatMap((fold) => {
    const challenger = fold.challenger ?? (recipe && retrained(recipe, featureNames, fold));
    return challenger ? [compareFold(fold, challenger)] : [];
  });
}

function retrained(recipe: BuiltinRecipe, featureNames: readonly string[], fold: FoldData): Float32Array | undefined {
  const rate = baseRate(fold.trainTarget);
  if (rate === 0 || rate === 1) return undefined;
  const table = { columns: fold.trainColumns, target: fold.trainTarget, featureNames };
  const model =
    recipe.trainer === 'builtin/logistic-regression'
      ? trainLogisticRegression({ ...table, params: recipe.params })
      : trainGradientBoostedTrees({ ...table, params: recipe.params });
  return scoreModel(model, fold.testRows, fold.testLabels.length);
}

function compareFold(fold: FoldData, challenger: Float32Array): BacktestFold {
  const { testLabels: labels, fromMs, untilMs } = fold;
  const opponent = fold.champion ?? new Float32Array(labels.length).fill(baseRate(fold.trainTarget));
  const ofChallenger = logLossPerRow(labels, challenger);
  const ofOpponent = logLossPerRow(labels, opponent);
  const {
    difference: value,
    lower,
    upper,
  } = pairedMeanDifference(ofChallenger.map((loss, row) => loss - ofOpponent[row]!));
  const [from, to] = [new Date(fromMs).toISOString(), new Date(untilMs).toISOString()];
  return {
    name: `${from.slice(0, 10)} to ${new Date(untilMs - 1).toISOString().slice(0, 10)}`,
    from,
    to,
    trainRows: fold.trainTarget.length,
    n: labels.length,
    champion: mean(ofOpponent),
    challenger: mean(ofChallenger),
    difference: { value, lower, upper },
  };
}

function baseRate(target: Uint8Array): number {
  return target.reduce((sum, label) => sum + label, 0) / target.length;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
