import type { Path } from './path.js';
import { days, unique, type Refuse, type ShapedSpec } from './rule-breach.js';
import type { ReadSpec } from './schema.js';

/** Most slices of one rollout: each costs all others a little evidence. */
const SLICES_MAX = 100;
/** Difference of a row's losses at most, where scores are held to 0.001 to 0.999: no mean is beyond it. */
const LOSS_MAX = { logLoss: 6.9, accuracy: 1 } as const;

/** Rules of `spec.rollout`. */
export function rolloutRules(rollout: ReadSpec['rollout'], data: ShapedSpec['data'], refuse: Refuse): void {
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
      `the steps bake for ${days({ ms: bakeMs })}, which the deadline of ${days(rollout.deadline)} does not allow`,
    );
  if (rollout.slices) sliceRules(rollout.slices, rollout, data, refuse);
}

function sliceRules(
  { analysis, by }: NonNullable<ReadSpec['rollout']['slices']>,
  { analyses }: ReadSpec['rollout'],
  data: ShapedSpec['data'],
  refuse: Refuse,
): void {
  const path = ['rollout', 'slices'];
  const judged = analyses.find(({ name }) => name === analysis);
  if (!judged) refuse([...path, 'analysis'], 'known-analysis', `there is no analysis ${analysis} in rollout.analyses`);
  else if (judged.metric !== 'logLoss' && judged.metric !== 'accuracy')
    refuse(
      [...path, 'analysis'],
      'slices-of-labels',
      `${analysis} measures ${judged.metric}: only logLoss and accuracy are known by row`,
    );
  else if (judged.margin >= LOSS_MAX[judged.metric])
    refuse(
      [...path, 'analysis'],
      'margin',
      `the margin of ${analysis} is ${judged.margin}, which no slice exceeds: it must be below ${LOSS_MAX[judged.metric]}`,
    );
  const seen = new Set<string>();
  by.forEach(({ feature, cuts, values }, index) => {
    const at = [...path, 'by', index];
    if (seen.has(feature)) refuse([...at, 'feature'], 'unique-name', `slices by ${feature} are given twice`);
    seen.add(feature);
    if (data && !data.features.columns.includes(feature))
      refuse([...at, 'feature'], 'known-column', `${feature} is not in data.features.columns`);
    if ((cuts === undefined) === (values === undefined))
      refuse(at, 'cuts-or-values', `slices by ${feature} need either cuts or values`);
    if (cuts) ascendingCuts(cuts, [...at, 'cuts'], refuse);
    if (values) differentValues(values, [...at, 'values'], refuse);
  });
  const count = by.reduce((sum, { cuts, values }) => sum + (cuts ?? values ?? []).length + 2, 0);
  if (count > SLICES_MAX)
    refuse([...path, 'by'], 'slices-max', `these are ${count} slices, ${SLICES_MAX} are the most`);
}

/** Features are single-precision numbers: cuts that are equal there leave an empty slice. */
function ascendingCuts(cuts: readonly number[], path: Path, refuse: Refuse): void {
  cuts.forEach((cut, index) => {
    const before = cuts[index - 1];
    if (before !== undefined && Math.fround(cut) <= Math.fround(before))
      refuse([...path, index], 'cuts-ascend', `cuts must rise: ${cut} follows ${before}`);
  });
}

function differentValues(values: readonly number[], path: Path, refuse: Refuse): void {
  const seen = new Set<number>();
  values.forEach((value, index) => {
    if (seen.has(Math.fround(value))) refuse([...path, index], 'unique-value', `the value ${value} is given twice`);
    seen.add(Math.fround(value));
  });
}
