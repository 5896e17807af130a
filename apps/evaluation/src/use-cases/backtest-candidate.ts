import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LoadedModel } from '@rondo/models';
import type { PipelineSpec } from '@rondo/policy';
import type { JobRun } from '@rondo/service';
import { builtinRecipe, pickFold, rowMajor, withinFold, type FoldData, type FoldPlan } from '../domain/backtest.js';
import type { EvaluationJobInput } from '../domain/evaluation-job.js';
import type { BacktestFold } from '../domain/measurement.js';
import type { BacktestNote } from '../domain/report.js';
import type { Calculate } from '../ports/calculator.js';
import { foldsOf, readEarlier, type PartReader, type Parts } from './read-parts.js';

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
  if (!spec.evaluation.backtest) return undefined;
  const recipe = builtinRecipe(spec, input.candidate);
  const { times, columns, target } = await readEarlier(tools, parts, spec, run.signal);
  const compare = async (plan: FoldPlan, picked: readonly Float32Array[]): Promise<BacktestFold | null> => {
    const features = picked.slice(0, -1);
    const testRows = rowMajor(features, plan.test);
    const fold: FoldData = {
      ...plan,
      champion: champion ? await tools.score(champion.digest, testRows, plan.test.length) : null,
      challenger: recipe ? null : await tools.score(input.model.digest, testRows, plan.test.length),
    };
    const featureNames = spec.data.features.columns;
    const request = { recipe, featureNames, columns: features, target: picked.at(-1)!, fold };
    return tools.calculate({ kind: 'fold', request }, run.signal);
  };
  const plans = foldsOf(times, spec);
  const picked: Float32Array[][] = [];
  for (const plan of plans) picked.push(await pickEach([...columns, target], plan));
  const compared = plans.map((plan, index) => compare(withinFold(plan), picked[index]!));
  const folds = (await Promise.all(compared)).filter((fold) => fold !== null);
  const note: BacktestNote = { mode: recipe ? 'retrained' : 'as-is', against: champion ? 'champion' : 'baseline' };
  return { folds, note };
}

/** The event loop turns between columns: there may be many, of a million rows. */
async function pickEach(columns: readonly Float32Array[], plan: FoldPlan): Promise<Float32Array[]> {
  const picked: Float32Array[] = [];
  for (const column of columns) {
    await nextTurn();
    picked.push(pickFold(plan, column));
  }
  return picked;
}
