import { AnalysisMeasuredSchema, StartRolloutSchema, Verdict, type AnalysisResult } from '@rondo/contracts';
import type { PipelineSpec } from '@rondo/policy';
import { sequentialVerdict } from '@rondo/statistics';
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
      const verdict = judgedAgain(rule, rule.alpha / used.size, result);
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

function boundsOf(
  difference: AnalysisResult['difference'],
): { readonly lower: number; readonly upper: number } | undefined {
  const { lower, upper } = difference ?? {};
  return lower === undefined || upper === undefined ? undefined : { lower, upper };
}
