import type { LoadedModel } from '@rondo/models';
import type { PipelineSpec } from '@rondo/policy';
import type { JobRun } from '@rondo/service';
import { builtinRecipe, rowMajor, type FoldData } from '../domain/backtest.js';
import type { EvaluationJobInput } from '../domain/evaluation-job.js';
import type { FoldRows } from '../domain/fold-rows.js';
import type { BacktestFold } from '../domain/measurement.js';
import type { BacktestNote } from '../domain/report.js';
import type { Calculate } from '../ports/calculator.js';
import { readEarlier, type PartReader, type Parts } from './read-parts.js';

/** What a backtest needs. */
export interface BacktestTools extends PartReader {
  readonly calculate: Calculate;
  score(digest: string, rows: Float32Array, n: number): Promise<Float32Array>;
}

/** Whose recipe is tested against whom. */
export interface Backtested {
  readonly input: EvaluationJobInput;
  readonly spec: PipelineSpec;
  readonly parts: Parts;
  readonly run: JobRun;
  readonly champion: LoadedModel | undefined;
}

/** Compares the candidate's recipe on earlier origins; undefined where the policy asks for no backtest. */
export async function backtestCandidate(
  tools: BacktestTools,
  { input, spec, parts, run, champion }: Backtested,
): Promise<{ folds: readonly BacktestFold[]; note: BacktestNote } | undefined> {
  const { backtest } = spec.evaluation;
  if (!backtest) return undefined;
  const { signal } = run;
  const recipe = builtinRecipe(spec, input.candidate);
  const compare = async ({ plan, columns, clusters }: FoldRows, folds: number): Promise<BacktestFold | null> => {
    const features = columns.slice(0, -1);
    const testRows = rowMajor(features, plan.test);
    const fold: FoldData = {
      ...plan,
      champion: champion ? await tools.score(champion.digest, testRows, plan.test.length) : null,
      challenger: recipe ? null : await tools.score(input.model.digest, testRows, plan.test.length),
    };
    const featureNames = spec.data.features.columns;
    const request = { recipe, featureNames, columns: features, target: columns.at(-1)!, fold, clusters, folds };
    return tools.calculate({ kind: 'fold', request }, signal);
  };
  const request = await readEarlier(tools, parts, { spec, folds: backtest.folds, signal });
  const picked = await tools.calculate({ kind: 'pickFolds', request }, signal);
  const folds = (await Promise.all(picked.map((rows) => compare(rows, picked.length)))).filter((fold) => fold !== null);
  const note: BacktestNote = { mode: recipe ? 'retrained' : 'as-is', against: champion ? 'champion' : 'baseline' };
  return { folds, note };
}
