import { compileExpression, expressionProblem } from '../expression/compile.js';
import type { Path } from './path.js';
import { rolesOf, unique, type Refuse, type ShapedSpec } from './rule-breach.js';
import type { ReadSpec } from './schema.js';

/** Values of `eval` that exist only when the block that measures them does. */
const MEASURED_BY = {
  backtest: /^eval\.backtest/,
  latency: /^eval\.p(50|99)Ms$/,
  slices: /^eval\.(slices|worstSlice)/,
} as const;

/** Rules of `spec.evaluation`. */
export function evaluationRules(evaluation: ReadSpec['evaluation'], data: ShapedSpec['data'], refuse: Refuse): void {
  unique(evaluation.gates, ['evaluation', 'gates'], refuse);
  evaluation.gates.forEach((gate, index) => {
    const path = ['evaluation', 'gates', index];
    if ([gate.compare, gate.expr, gate.fairness].filter((kind) => kind !== undefined).length !== 1)
      refuse(path, 'one-kind-of-gate', `the gate ${gate.name} needs one of compare, fairness and expr`);
    if (gate.compare) {
      comparisonRules(gate.compare, [...path, 'compare'], refuse);
      cohortMarginRules(gate.compare, evaluation, [...path, 'compare', 'cohortMargin'], refuse);
    }
    if (gate.fairness && data && !data.features.columns.includes(gate.fairness.by))
      refuse([...path, 'fairness', 'by'], 'known-column', `${gate.fairness.by} is not in data.features.columns`);
    if (gate.expr !== undefined) gateExpression(gate.expr, evaluation, [...path, 'expr'], refuse);
  });
  if (evaluation.lifetimeAlpha !== undefined) lifetimeRules(evaluation.gates, refuse);
  const seen = new Set<string>();
  evaluation.cohorts.forEach(({ by }, index) => {
    const path = ['evaluation', 'cohorts', index, 'by'];
    if (seen.has(by)) refuse(path, 'unique-name', `cohorts by ${by} are given twice`);
    seen.add(by);
    if (data && !data.features.columns.includes(by))
      refuse(path, 'known-column', `${by} is not in data.features.columns`);
  });
}

/** The clusters' column must mean nothing else. */
export function clusterRules(clusters: string | undefined, { data, model }: ShapedSpec, refuse: Refuse): void {
  if (clusters === undefined) return;
  const taken = [...(data ? rolesOf(data) : []), ...(model ? [model.target.column] : [])];
  if (taken.includes(clusters))
    refuse(['evaluation', 'clusters'], 'unique-column', `the column ${clusters} has two roles`);
}

function gateExpression(source: string, evaluation: ReadSpec['evaluation'], path: Path, refuse: Refuse): void {
  const problem = expressionProblem(source, 'gate');
  if (problem) return refuse(path, 'cel-type', `column ${problem.column}: ${problem.message}`);
  const { paths } = compileExpression(source, 'gate');
  for (const block of ['backtest', 'latency', 'slices'] as const) {
    const read = paths.find((name) => MEASURED_BY[block].test(name));
    if (read && !evaluation[block]) refuse(path, 'measured', `${read} is measured only with evaluation.${block}`);
  }
}

type Comparison = NonNullable<ReadSpec['evaluation']['gates'][number]['compare']>;

function comparisonRules({ metric, test, rule, margin }: Comparison, path: Path, refuse: Refuse): void {
  if (metric === 'rocAuc' && test === 'PairedMean')
    refuse([...path, 'test'], 'test-fits-metric', 'rocAuc is no mean over rows: use DeLong or PairedBootstrap');
  if (metric !== 'rocAuc' && test === 'DeLong')
    refuse([...path, 'test'], 'test-fits-metric', `DeLong compares rocAuc, not ${metric}`);
  if (rule === 'NonInferior' && margin === 0)
    refuse([...path, 'margin'], 'margin', 'NonInferior needs a margin above 0; without one it would be Superior');
}

/** Cohorts are compared with the champion, by log loss. */
function cohortMarginRules(compare: Comparison, { cohorts }: ReadSpec['evaluation'], path: Path, refuse: Refuse): void {
  if (compare.cohortMargin === undefined) return;
  if (compare.to !== 'champion' || compare.metric !== 'logLoss')
    refuse(path, 'cohort-comparison', 'cohorts are compared with the champion, by logLoss');
  if (compare.rule !== 'NonInferior' || compare.cohortMargin === 0)
    refuse(path, 'cohort-comparison', 'cohorts are held to NonInferior, with a margin above 0');
  if (cohorts.length === 0) refuse(path, 'measured', 'cohorts are measured only with evaluation.cohorts');
}

/** The ledger's levels are one in ten thousand and less, which two thousand resamples cannot tell apart. */
function lifetimeRules(gates: ReadSpec['evaluation']['gates'], refuse: Refuse): void {
  const paying = gates.flatMap(({ compare }, index) =>
    compare?.to === 'champion' && compare.rule === 'Superior' ? [{ index, test: compare.test }] : [],
  );
  if (paying.length === 0)
    refuse(
      ['evaluation', 'lifetimeAlpha'],
      'spent-alpha',
      'no gate asks for Superior to the champion, so nothing spends it',
    );
  for (const { index, test } of paying)
    if (test === 'PairedBootstrap')
      refuse(
        ['evaluation', 'gates', index, 'compare', 'test'],
        'test-fits-alpha',
        'with lifetimeAlpha the interval must reach levels that resampling cannot: use PairedMean or DeLong',
      );
}
