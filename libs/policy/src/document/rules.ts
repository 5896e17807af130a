import type { ContextName } from '../expression/contexts.js';
import { expressionProblem } from '../expression/compile.js';
import type { Path } from './path.js';
import { days, rolesOf, unique, type Refuse, type RuleBreach, type ShapedSpec } from './rule-breach.js';
import { clusterRules, evaluationRules } from './rules-evaluation.js';
import { rolloutRules } from './rules-rollout.js';
import type { ReadSpec } from './schema.js';

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
  if (spec.rollout) rolloutRules(spec.rollout, spec.data, refuse);
  if (spec.monitoring) monitoringRules(spec.monitoring, refuse);
  return breaches;
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

function approvalRules(approvals: ReadSpec['approvals'], refuse: Refuse): void {
  check(approvals.requiredWhen, 'approval', ['approvals', 'requiredWhen'], refuse);
  check(approvals.autoApprove?.when, 'approval', ['approvals', 'autoApprove', 'when'], refuse);
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
