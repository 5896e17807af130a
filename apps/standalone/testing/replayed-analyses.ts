import { AnalysisMeasuredSchema, StartRolloutSchema, Verdict, type AnalysisResult } from '@rondo/contracts';
import type { PipelineSpec } from '@rondo/policy';
import { eBenjaminiHochberg, sequentialVerdict } from '@rondo/statistics';
import type { Recorded } from './recorded.js';
import type { PolicyOf } from './replayed-decisions.js';

type Analysis = PipelineSpec['rollout']['analyses'][number];

const VERDICTS = { 'non-inferior': Verdict.PASS, harm: Verdict.FAIL, inconclusive: Verdict.INCONCLUSIVE } as const;
/** Of these evidence of harm counts from the minimum on only. */
const ASYMPTOTIC: ReadonlySet<Analysis['metric']> = new Set(['logLoss', 'engagement']);
/** Of these more is worse. */
const LOSSES: ReadonlySet<Analysis['metric']> = new Set(['logLoss', 'errorRate', 'latencyMs']);

/**
 * Judges every recorded look of a rollout again: the interval, the evidence of harm and the n that are recorded with it, held against the
 * margin, the minimum and the level of the policy it began with.
 * @returns looks that come out differently
 */
export function replayedAnalyses(recorded: Recorded, policyOf: PolicyOf): string[] {
  const generations = new Map(
    recorded.messages(StartRolloutSchema).map(({ cycleId, policyGeneration }) => [cycleId, policyGeneration]),
  );
  return recorded.messages(AnalysisMeasuredSchema).flatMap(({ pipeline, cycleId, rolloutId, results }) => {
    const { rollout } = policyOf(pipeline, generations.get(cycleId) ?? 0n);
    const used = new Set(rollout.steps.flatMap(({ analyses }) => analyses));
    return results.flatMap((result) => {
      const rule = rollout.analyses.find(({ name }) => name === result.analysis);
      if (!rule) return [`rollout ${rolloutId} measures ${result.analysis}, which is not in its policy`];
      const slices = slicesJudgedAgain(rollout.slices, result);
      if (slices.complaint) return [`rollout ${rolloutId}: slices of ${result.analysis} ${slices.complaint}`];
      const verdict = slices.harmed ? Verdict.FAIL : judgedAgain(rule, rule.alpha / used.size, result);
      if (verdict === result.verdict) return [];
      const [before, again] = [result.verdict, verdict].map((value) => Verdict[value]);
      return [`rollout ${rolloutId}: ${result.analysis} was ${before} and is ${again} when it is judged again`];
    });
  });
}

function judgedAgain(rule: Analysis, harmAlpha: number, { difference, eValue, verdict }: AnalysisResult): Verdict {
  const { metric, minSamples, margin } = rule;
  const samples = Number(difference?.n ?? 0);
  const bounds = boundsOf(difference);
  const harm = bounds && (LOSSES.has(metric) ? bounds : { lower: -bounds.upper, upper: -bounds.lower });
  // How many rows still wait for their labels is not recorded; that some do can only hold a verdict back.
  const waits =
    metric === 'logLoss' || metric === 'accuracy' ? (rule.minLabelShare ?? 0) > 0 || rule.labelMaturity : false;
  const labelsMature = !(waits && verdict === Verdict.INCONCLUSIVE);
  const harmShown = eValue > 1 / harmAlpha && (samples >= minSamples || !ASYMPTOTIC.has(metric));
  return VERDICTS[
    sequentialVerdict({ samples, minSamples, margin, harmShown, labelsMature, ...(harm && { harm }) }).verdict
  ];
}

/**
 * e-BH over the e-values that are recorded, held against the slices, the rate and the minimum of the policy. Of many slices only those
 * with most evidence are recorded; the others have less, so while fewer are harmed than are recorded they decide nothing.
 */
function slicesJudgedAgain(
  rule: PipelineSpec['rollout']['slices'],
  { analysis, slices }: AnalysisResult,
): { readonly harmed: boolean; readonly complaint?: string } {
  if ((rule?.analysis === analysis) !== (slices !== undefined))
    return { harmed: false, complaint: slices ? 'are not in its policy' : 'are in its policy and were not looked at' };
  if (!rule || !slices) return { harmed: false };
  const total = rule.by.reduce((sum, { cuts, values }) => sum + (cuts ?? values ?? []).length + 2, 0);
  const small = slices.worst.find(({ difference }) => Number(difference?.n ?? 0) < rule.minSamples);
  if (small) return { harmed: false, complaint: `${small.difference?.slice} was judged on too few labels` };
  const recorded = slices.worst.map(({ eValue }) => Math.log(eValue));
  const others = Array.from({ length: total - recorded.length }, () => -Infinity);
  const again = eBenjaminiHochberg([...recorded, ...others], rule.falseDiscoveryRate).filter(Boolean).length;
  if (again !== slices.harmed && slices.harmed < recorded.length)
    return { harmed: false, complaint: `harmed were ${slices.harmed} and are ${again} when they are judged again` };
  return { harmed: slices.harmed > 0 };
}

function boundsOf(
  difference: AnalysisResult['difference'],
): { readonly lower: number; readonly upper: number } | undefined {
  const { lower, upper } = difference ?? {};
  return lower === undefined || upper === undefined ? undefined : { lower, upper };
}
