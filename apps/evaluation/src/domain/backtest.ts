import {
  scoreModel,
  trainGradientBoostedTrees,
  trainLogisticRegression,
  type GradientBoostingParams,
  type LogisticRegressionParams,
} from '@rondo/learners';
import { bayesianComparison, logLossPerRow, pairedMeanDifference, type BayesianComparison } from '@rondo/statistics';
import type { PipelineSpec } from '@rondo/policy';
import { isOneCluster } from './cluster-shortage.js';
import type { FoldPlan } from './fold-rows.js';
import type { BacktestFold } from './measurement.js';

/** Of the differences of all folds together, and of each mean on its own. */
const CONFIDENCE = 0.95;

/** A built-in recipe that can be trained again. */
export type BuiltinRecipe =
  | { readonly trainer: 'builtin/gradient-boosted-trees'; readonly params: GradientBoostingParams }
  | { readonly trainer: 'builtin/logistic-regression'; readonly params: LogisticRegressionParams };

/** The candidate's recipe when it can be trained in this process; null for programs of the user's own. */
export function builtinRecipe(spec: PipelineSpec, candidate: string): BuiltinRecipe | null {
  const recipe = spec.training.candidates.find(({ name }) => name === candidate);
  return recipe === undefined || recipe.trainer === 'command' ? null : (recipe as BuiltinRecipe);
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
  /** Clusters of the rows to test on; null where rows are independent. */
  readonly clusters: Float64Array | null;
  /** Folds that are compared, whose intervals hold together. */
  readonly folds: number;
}

/** Trains and compares one origin; null where its training rows are all of one class, or its test rows of one cluster. Heavy: call it from a worker. */
export function runFold(request: FoldRequest): BacktestFold | null {
  const { fold, target, clusters, folds } = request;
  if (clusters && isOneCluster(clusters)) return null;
  const trainTarget = Uint8Array.from(fold.train, (row) => target[row]!);
  const challenger = fold.challenger ?? retrained(request, trainTarget);
  if (!challenger) return null;
  const labels = Float32Array.from(fold.test, (row) => target[row]!);
  return compareFold(fold, { labels, challenger, clusters, folds, baseRate: rateOf(trainTarget) });
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
    clusters,
    folds,
    baseRate,
  }: {
    readonly labels: Float32Array;
    readonly challenger: Float32Array;
    readonly clusters: Float64Array | null;
    readonly folds: number;
    readonly baseRate: number;
  },
): BacktestFold {
  const ofChallenger = logLossPerRow(labels, challenger);
  const ofOpponent = logLossPerRow(labels, champion ?? new Float32Array(labels.length).fill(baseRate));
  const {
    difference: value,
    lower,
    upper,
  } = pairedMeanDifference(
    ofChallenger.map((loss, row) => loss - ofOpponent[row]!),
    { confidence: 1 - (1 - CONFIDENCE) / folds, clusters: clusters ?? undefined },
  );
  const meanOf = (losses: Float64Array) => {
    const { difference: mean, ...spread } = pairedMeanDifference(losses, {
      confidence: CONFIDENCE,
      clusters: clusters ?? undefined,
    });
    return { mean, interval: { lower: spread.lower, upper: spread.upper } };
  };
  const [opponentMean, challengerMean] = [meanOf(ofOpponent), meanOf(ofChallenger)];
  const [from, to] = [new Date(fromMs).toISOString(), new Date(untilMs).toISOString()];
  return {
    name: `${from.slice(0, 10)} to ${new Date(untilMs - 1).toISOString().slice(0, 10)}`,
    from,
    to,
    trainRows: train.length,
    n: labels.length,
    champion: opponentMean.mean,
    challenger: challengerMean.mean,
    championInterval: opponentMean.interval,
    challengerInterval: challengerMean.interval,
    difference: { value, lower, upper },
  };
}

/**
 * How probable it is that the recipe is better in windows like these: the correlated t-test over the folds' differences, whose
 * correlation is the share of rows that is tested, because folds train on rows in common. Its mean is the one number over all
 * folds, with the interval of that test: wide, because folds are few; windows that differ in kind it takes for chance. Null with
 * fewer than two folds.
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
