import type { ContextName } from '../expression/contexts.js';
import { compileExpression, expressionProblem } from '../expression/compile.js';
import type { Path } from './path.js';
import type { Duration } from './fields.js';
import type { ReadSpec } from './schema.js';

/** A broken rule that spans several fields. */
export interface RuleBreach {
  readonly path: Path;
  readonly message: string;
  readonly rule: string;
}

/** The blocks that have the right shape; rules about an ill-shaped block wait until it is right. */
export type ShapedSpec = Partial<ReadSpec>;

type Refuse = (path: Path, rule: string, message: string) => void;

/** Every rule that one field alone cannot break. */
export function ruleBreaches(spec: ShapedSpec): RuleBreach[] {
  const breaches: RuleBreach[] = [];
  const refuse: Refuse = (path, rule, message) => breaches.push({ path: ['spec', ...path], rule, message });
  if (spec.data) dataRules(spec.data, refuse);
  if (spec.labeling) labelingRules(spec.labeling, spec.data, refuse);
  if (spec.triggers) triggerRules(spec.triggers, spec.monitoring, refuse);
  if (spec.training) unique(spec.training.candidates, ['training', 'candidates'], refuse);
  if (spec.evaluation) {
    evaluationRules(spec.evaluation, spec.data, refuse);
    clusterRules(spec.evaluation.clusters, spec, refuse);
  }
  if (spec.approvals) approvalRules(spec.approvals, refuse);
  if (spec.rollout) rolloutRules(spec.rollout, refuse);
  if (spec.monitoring) monitoringRules(spec.monitoring, refuse);
  return breaches;
}

const DAYS = 86_400_000;
const days = (duration: Duration): string => `${duration.ms / DAYS} d`;

function unique(items: readonly { readonly name: string }[], path: Path, refuse: Refuse): void {
  const seen = new Set<string>();
  items.forEach(({ name }, index) => {
    if (seen.has(name)) refuse([...path, index, 'name'], 'unique-name', `the name ${name} is given twice`);
    seen.add(name);
  });
}

function check(source: string | undefined, context: ContextName, path: Path, refuse: Refuse): void {
  const problem = source === undefined ? undefined : expressionProblem(source, context);
  if (problem) refuse(path, 'cel-type', `column ${problem.column}: ${problem.message}`);
}

function dataRules(data: ReadSpec['data'], refuse: Refuse): void {
  const { split, window, features } = data;
  const heldOutMs = split.validation.ms + split.test.ms + 2 * split.embargo.ms;
  if (heldOutMs >= window.ms)
    refuse(
      ['data', 'split'],
      'split-fits-window',
      `validation, test and embargoes leave nothing of the window of ${days(window)} for training`,
    );
  unique(features.tables, ['data', 'features', 'tables'], refuse);
  for (const [index, { name }] of features.tables.entries())
    if (name === 'batch' || name === 'context')
      refuse(
        ['data', 'features', 'tables', index, 'name'],
        'reserved-name',
        `${name} is the name of a view of Rondo's own`,
      );
  const used = new Set<string>();
  const columns: [string, Path][] = [
    [features.key, ['key']],
    [features.eventTime, ['eventTime']],
    ...(features.reviewReason === undefined ? [] : [[features.reviewReason, ['reviewReason']] as [string, Path]]),
    ...features.columns.map((column, index): [string, Path] => [column, ['columns', index]]),
  ];
  for (const [column, path] of columns) {
    if (used.has(column)) refuse(['data', 'features', ...path], 'unique-column', `the column ${column} has two roles`);
    used.add(column);
  }
}

function labelingRules(labeling: NonNullable<ReadSpec['labeling']>, data: ShapedSpec['data'], refuse: Refuse): void {
  const [a, b] = labeling.classes;
  if (a && b && a.value === b.value)
    refuse(['labeling', 'classes', 1, 'value'], 'unique-class', `the class ${b.value} is given twice`);
  if (a && b && a.title === b.title)
    refuse(['labeling', 'classes', 1, 'title'], 'unique-class', `the title ${b.title} is given twice`);
  if (labeling.quality.minAgreement !== undefined && labeling.annotatorsPerTask < 2)
    refuse(
      ['labeling', 'quality', 'minAgreement'],
      'agreement-needs-two',
      'agreement needs annotatorsPerTask of 2 or more',
    );
  if (labeling.gold && data && rolesOf(data).includes(labeling.gold.column))
    refuse(['labeling', 'gold', 'column'], 'unique-column', `the column ${labeling.gold.column} has two roles`);
  if (data && data.features.reviewReason === undefined)
    refuse(['labeling'], 'review-reason', 'labeling needs data.features.reviewReason, the column that picks the rows');
}

const TRIGGER_CONTEXTS = {
  BatchReady: 'trigger.batch',
  DriftEvaluated: 'trigger.drift',
  PerformanceEvaluated: 'trigger.performance',
  ForecastIssued: 'trigger.forecast',
} as const;

function triggerRules(triggers: ReadSpec['triggers'], monitoring: ShapedSpec['monitoring'], refuse: Refuse): void {
  unique(triggers, ['triggers'], refuse);
  triggers.forEach((trigger, index) => {
    const path = ['triggers', index];
    if (trigger.name === 'manual')
      refuse([...path, 'name'], 'reserved-name', 'manual is the name of cycles started by people');
    check(trigger.when, TRIGGER_CONTEXTS[trigger.on], [...path, 'when'], refuse);
    check(trigger.clearWhen, TRIGGER_CONTEXTS[trigger.on], [...path, 'clearWhen'], refuse);
    persistenceRule(trigger.for, [...path, 'for'], refuse);
    forecastTriggerRules(trigger, monitoring, path, refuse);
  });
}

function forecastTriggerRules(
  { on, action, startBefore }: ReadSpec['triggers'][number],
  monitoring: ShapedSpec['monitoring'],
  path: Path,
  refuse: Refuse,
): void {
  if (on === 'ForecastIssued' && monitoring && !monitoring.forecast)
    refuse([...path, 'on'], 'forecast-issued', 'nothing is forecast without monitoring.forecast');
  if (action === 'Schedule' && on !== 'ForecastIssued')
    refuse([...path, 'action'], 'schedule-by-forecast', `Schedule needs the date of a forecast; ${on} has none`);
  if ((action === 'Schedule') !== (startBefore !== undefined))
    refuse(
      [...path, 'startBefore'],
      'schedule-start',
      'startBefore says how long before the expected breach a scheduled cycle starts: with action Schedule, and only then',
    );
}

function persistenceRule(
  value: { readonly breaches: number; readonly outOf: number },
  path: Path,
  refuse: Refuse,
): void {
  if (value.breaches > value.outOf)
    refuse(
      [...path, 'breaches'],
      'breaches-within',
      `${value.breaches} breaches cannot occur in ${value.outOf} evaluations`,
    );
}

/** Values of `eval` that exist only when the block that measures them does. */
const MEASURED_BY = {
  backtest: /^eval\.backtest/,
  latency: /^eval\.p(50|99)Ms$/,
  slices: /^eval\.(slices|worstSlice)/,
} as const;

function evaluationRules(evaluation: ReadSpec['evaluation'], data: ShapedSpec['data'], refuse: Refuse): void {
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

function clusterRules(clusters: string | undefined, { data, model }: ShapedSpec, refuse: Refuse): void {
  if (clusters === undefined) return;
  const taken = [...(data ? rolesOf(data) : []), ...(model ? [model.target.column] : [])];
  if (taken.includes(clusters))
    refuse(['evaluation', 'clusters'], 'unique-column', `the column ${clusters} has two roles`);
}

/** Columns of the feature rows that already mean something. */
function rolesOf({ features: { key, eventTime, reviewReason, columns } }: ReadSpec['data']): (string | undefined)[] {
  return [key, eventTime, reviewReason, ...columns];
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

function approvalRules(approvals: ReadSpec['approvals'], refuse: Refuse): void {
  check(approvals.requiredWhen, 'approval', ['approvals', 'requiredWhen'], refuse);
  check(approvals.autoApprove?.when, 'approval', ['approvals', 'autoApprove', 'when'], refuse);
}

function rolloutRules(rollout: ReadSpec['rollout'], refuse: Refuse): void {
  unique(rollout.steps, ['rollout', 'steps'], refuse);
  unique(rollout.analyses, ['rollout', 'analyses'], refuse);
  let weight = 0;
  rollout.steps.forEach((step, index) => {
    const path = ['rollout', 'steps', index];
    if ((step.shadow === undefined) === (step.weight === undefined))
      refuse(path, 'shadow-or-weight', `the step ${step.name} needs either shadow: true or weight`);
    if (step.shadow && weight > 0)
      refuse([...path, 'shadow'], 'shadow-first', 'a shadow step cannot follow one with traffic');
    if (step.weight !== undefined && step.weight <= weight)
      refuse([...path, 'weight'], 'weights-ascend', `weights must rise: ${step.weight} follows ${weight}`);
    weight = Math.max(weight, step.weight ?? 0);
    step.analyses.forEach((analysis, position) => {
      const repeated = step.analyses.indexOf(analysis) < position;
      const known = rollout.analyses.some(({ name }) => name === analysis);
      if (!known)
        refuse(
          [...path, 'analyses', position],
          'known-analysis',
          `there is no analysis ${analysis} in rollout.analyses`,
        );
      else if (repeated)
        refuse([...path, 'analyses', position], 'unique-name', `the analysis ${analysis} is named twice`);
    });
  });
  rollout.analyses.forEach((analysis, index) => {
    const path = ['rollout', 'analyses', index];
    if ((analysis.metric === 'engagement') !== (analysis.feedback !== undefined))
      refuse([...path, 'feedback'], 'engagement-feedback', 'feedback names what engagement counts: both or neither');
    if (analysis.minLabelShare !== undefined && analysis.metric !== 'logLoss' && analysis.metric !== 'accuracy')
      refuse([...path, 'minLabelShare'], 'label-share', 'minLabelShare is for analyses that rest on labels');
    if (analysis.labelMaturity !== undefined && analysis.metric !== 'logLoss' && analysis.metric !== 'accuracy')
      refuse([...path, 'labelMaturity'], 'label-maturity', 'labelMaturity is for analyses that rest on labels');
    else if (analysis.labelMaturity !== undefined && analysis.minLabelShare !== undefined)
      refuse([...path, 'labelMaturity'], 'label-maturity', 'give labelMaturity or minLabelShare, not both');
    if (!rollout.steps.some((step) => step.analyses.includes(analysis.name)))
      refuse([...path, 'name'], 'used-analysis', `no step uses the analysis ${analysis.name}`);
  });
  for (const [index, { labelMaturity }] of rollout.analyses.entries())
    if (labelMaturity && labelMaturity.age.ms >= rollout.deadline.ms)
      refuse(
        ['rollout', 'analyses', index, 'labelMaturity', 'age'],
        'deadline',
        `no request is ${days(labelMaturity.age)} old before the deadline of ${days(rollout.deadline)}`,
      );
  const bakeMs = rollout.steps.reduce((sum, step) => sum + step.bake.ms, 0);
  if (bakeMs >= rollout.deadline.ms)
    refuse(
      ['rollout', 'deadline'],
      'deadline',
      `the steps bake for ${bakeMs / DAYS} d, which the deadline of ${days(rollout.deadline)} does not allow`,
    );
}

function monitoringRules({ drift, forecast }: ReadSpec['monitoring'], refuse: Refuse): void {
  if (drift.suspectedPsi > drift.detectedPsi)
    refuse(['monitoring', 'drift', 'suspectedPsi'], 'psi-order', 'suspectedPsi must not be above detectedPsi');
  persistenceRule(drift.persistence, ['monitoring', 'drift', 'persistence'], refuse);
  if (drift.season && 2 * drift.season.within.ms >= drift.season.period.ms)
    refuse(
      ['monitoring', 'drift', 'season', 'within'],
      'season-within',
      'within must be less than half of the period, or every batch would be of the season',
    );
  if (!forecast) return;
  unique(forecast.series, ['monitoring', 'forecast', 'series'], refuse);
  forecast.series.forEach(({ name, limit }, index) => {
    const path = ['monitoring', 'forecast', 'series', index, 'limit'];
    if (limit > 1 && (name === 'perf.rocAuc' || name === 'perf.brier'))
      refuse(path, 'limit-in-range', `${name} lies between 0 and 1, so it never reaches ${limit}`);
  });
}
