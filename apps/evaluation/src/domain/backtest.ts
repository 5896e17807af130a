import {
  scoreModel,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type GradientBoostingParams,
  type LogisticRegressionParams,
} from '@rondo/learners';
import {
  bayesianComparison,
  logLossPerRow,
  pairedMeanDifference,
  rollingOrigin,
  type BayesianComparison,
} from '@rondo/statistics';
import type { PipelineSpec } from '@rondo/policy';
import type { BacktestFold } from './measurement.js';

/** A built-in recipe that can be trained again. */
export type BuiltinRecipe =
  | { readonly trainer: 'builtin/gradient-boosted-trees'; readonly params: GradientBoostingParams }
  | { readonly trainer: 'builtin/logistic-regression'; readonly params: LogisticRegressionParams };

/** The candidate's recipe when it can be trained in this process; null for programs of the user's own. */
export function builtinRecipe(spec: PipelineSpec, candidate: string): BuiltinRecipe | null {
  const recipe = spec.training.candidates.find(({ name }) => name === candidate);
  return recipe === undefined || recipe.trainer === 'command' ? null : (recipe as BuiltinRecipe);
}

/** Rows of one origin, by their position in the concatenated training and validation parts. */
export interface FoldPlan {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/** One origin with the scores of the models that are not trained here. */
export interface FoldData extends FoldPlan {
  /** Champion's probabilities on the test rows; null compares with the base rate of the rows trained on. */
  readonly champion: Float32Array | null;
  /** Probabilities of the challenger as it is, for a recipe that cannot be trained here; else null. */
  readonly challenger: Float32Array | null;
}

/** One origin to be computed. */
export interface FoldRequest {
  readonly recipe: BuiltinRecipe | null;
  readonly featureNames: readonly string[];
  /** Features, column by column; the fold says which of the rows it uses. */
  readonly columns: readonly Float32Array[];
  /** 0 or 1. */
  readonly target: Float32Array;
  readonly fold: FoldData;
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
      train: rowsWithin(times, train, plan.trainRowsMax),
      test: rowsWithin(times, test, plan.testRowsMax),
    }))
    .filter(({ train, test }) => train.length > 0 && test.length > 1);
}

/** Rows of a stretch of time, at most `most` of them: evenly every k-th, the same ones every time. */
function rowsWithin(
  times: Float64Array,
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
  most: number,
): Uint32Array {
  // Plain loops: this runs on the main thread, over all rows, four times per origin.
  let found = 0;
  for (let row = 0; row < times.length; row++) if (times[row]! >= fromMs && times[row]! < untilMs) found++;
  const rows = new Uint32Array(Math.min(found, most));
  let [seen, taken] = [0, 0];
  for (let row = 0; row < times.length && taken < rows.length; row++) {
    if (!(times[row]! >= fromMs && times[row]! < untilMs)) continue;
    if (seen === Math.floor((taken * found) / rows.length)) rows[taken++] = row;
    seen++;
  }
  return rows;
}

/** Trains and compares one origin; null where its training rows are all of one class. Heavy: call it from a worker. */
export function runFold(request: FoldRequest): BacktestFold | null {
  const { fold, target } = request;
  const trainTarget = Uint8Array.from(fold.train, (row) => target[row]!);
  const challenger = fold.challenger ?? retrained(request, trainTarget);
  if (!challenger) return null;
  const labels = Float32Array.from(fold.test, (row) => target[row]!);
  return compareFold(fold, { labels, challenger, baseRate: rateOf(trainTarget) });
}

function retrained(
  { recipe, featureNames, columns, fold: { train, test } }: FoldRequest,
  target: Uint8Array,
): Float32Array | undefined {
  const rate = rateOf(target);
  if (recipe === null || rate === 0 || rate === 1) return undefined;
  const table = {
    columns: columns.map((column) => Float32Array.from(train, (row) => column[row]!)),
    target,
    featureNames,
  };
  const model =
    recipe.trainer === 'builtin/logistic-regression'
      ? trainLogisticRegression({ ...table, params: recipe.params })
      : trainGradientBoostedTrees({ ...table, params: recipe.params });
  return scoreModel(model, rowMajor(columns, test), test.length);
}

/** The values of a fold's training rows, then of its test rows: a thread is sent no more than that. See {@link withinFold}. */
export function pickFold({ train, test }: FoldPlan, values: Float32Array): Float32Array {
  const picked = new Float32Array(train.length + test.length);
  for (let at = 0; at < train.length; at++) picked[at] = values[train[at]!]!;
  for (let at = 0; at < test.length; at++) picked[train.length + at] = values[test[at]!]!;
  return picked;
}

/** The fold by positions in what {@link pickFold} gives. */
export function withinFold(plan: FoldPlan): FoldPlan {
  const positions = Uint32Array.from({ length: plan.train.length + plan.test.length }, (_, at) => at);
  return { ...plan, train: positions.slice(0, plan.train.length), test: positions.slice(plan.train.length) };
}

/** The values of some rows, row by row: the layout of a model's input. */
export function rowMajor(columns: readonly Float32Array[], rows: Uint32Array): Float32Array {
  const width = columns.length;
  const values = new Float32Array(rows.length * width);
  for (const [index, column] of columns.entries()) {
    for (let at = 0; at < rows.length; at++) values[at * width + index] = column[rows[at]!]!;
  }
  return values;
}

function compareFold(
  { fromMs, untilMs, train, champion }: FoldData,
  {
    labels,
    challenger,
    baseRate,
  }: { readonly labels: Float32Array; readonly challenger: Float32Array; readonly baseRate: number },
): BacktestFold {
  const ofChallenger = logLossPerRow(labels, challenger);
  const ofOpponent = logLossPerRow(labels, champion ?? new Float32Array(labels.length).fill(baseRate));
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
    trainRows: train.length,
    n: labels.length,
    champion: mean(ofOpponent),
    challenger: mean(ofChallenger),
    difference: { value, lower, upper },
  };
}

/**
 * How probable it is that the recipe is better in windows like these: the correlated t-test over the folds' differences, whose
 * correlation is the share of rows that is tested, because folds train on rows in common. Null with fewer than two folds.
 */
export function beliefOf(folds: readonly BacktestFold[]): BayesianComparison | null {
  if (folds.length < 2) return null;
  const share = folds.reduce((sum, { n, trainRows }) => sum + n / (n + trainRows), 0) / folds.length;
  return bayesianComparison(
    folds.map(({ difference }) => difference.value),
    { correlation: share },
  );
}

function rateOf(target: Uint8Array): number {
  return target.reduce((sum, label) => sum + label, 0) / target.length;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
