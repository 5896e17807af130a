import { isDeepStrictEqual } from 'node:util';
import {
  EvaluateCandidateSchema,
  EvaluationCompletedSchema,
  Verdict,
  type EvaluationCompleted,
} from '@rondo/contracts';
import { judge, judgeGates, type Difference, type EvaluationReport, type Evidence } from '@rondo/evaluation';
import type { Recorded } from './recorded.js';
import type { PolicyOf } from './replayed-decisions.js';

/** The bytes of a stored file. */
export type ReadArtifact = (digest: string) => Promise<Uint8Array>;

/**
 * Judges every evaluation again: the measurements of its report, held against the gates of the policy that was asked for.
 * @returns evaluations that come out differently, and reports that do not say what was announced
 */
export async function replayedEvaluations(
  recorded: Recorded,
  policyOf: PolicyOf,
  artifact: ReadArtifact,
): Promise<string[]> {
  const generations = new Map(
    recorded.messages(EvaluateCandidateSchema).map(({ cycleId, policyGeneration }) => [cycleId, policyGeneration]),
  );
  const problems = recorded.messages(EvaluationCompletedSchema).map(async (completed) => {
    const { pipeline, cycleId, report } = completed;
    const text = Buffer.from(await artifact(report?.digest ?? '')).toString('utf8');
    const { gates, onInconclusive } = policyOf(pipeline, generations.get(cycleId) ?? 0n).evaluation;
    const evidence = evidenceOf(JSON.parse(text) as EvaluationReport);
    // What a lifetime of looks left to this one is in the ledger of the pipeline and not in the report.
    if (evidence === undefined) return [];
    const outcomes = judgeGates(gates, evidence);
    const { verdict, requiresReview } = judge(outcomes, onInconclusive);
    const again = { verdict, requiresReview, gates: outcomes.map(({ gate, verdict }) => `${gate} ${verdict}`) };
    const before = announced(completed);
    return isDeepStrictEqual(again, before)
      ? []
      : [
          `evaluation of cycle ${cycleId} was ${JSON.stringify(before)} and is ${JSON.stringify(again)} when judged again`,
        ];
  });
  return (await Promise.all(problems)).flat();
}

function evidenceOf(report: EvaluationReport): Evidence | undefined {
  const { gates, models, metrics, calibration, championMetrics, championCalibration } = report;
  const { n, clusters, baseline, cohorts, smallCohorts, fairness, slices } = report;
  if (gates.some(({ alphaLook }) => alphaLook !== undefined)) return undefined;
  const differences = Object.fromEntries(
    gates.flatMap(({ gate, difference }): [string, Difference][] => {
      const { value, lower, upper, n, method } = difference ?? {};
      if (value === undefined || lower === undefined || upper === undefined) return [];
      return [[gate, { kind: 'measured', value, lower, upper, n: n ?? 0, method: method ?? '' }]];
    }),
  );
  const isCompared = championMetrics.length > 0;
  const reason = 'as it was then';
  return {
    measurements: {
      n,
      clusters,
      challenger: { metrics, calibration },
      champion: isCompared ? { metrics: championMetrics, calibration: championCalibration } : null,
      baseline,
      differences,
      cohorts,
      smallCohorts,
      fairness,
      slices,
    },
    championAbsence: isCompared ? null : models.champion ? { kind: 'incomparable', reason } : { kind: 'none' },
    alphaLook: null,
    backtest: report.backtestNote === null ? null : report.backtest,
    latency: report.latency,
    modelBytes: report.modelBytes,
  };
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  [Verdict.UNSPECIFIED]: '',
  [Verdict.PASS]: 'Pass',
  [Verdict.FAIL]: 'Fail',
  [Verdict.INCONCLUSIVE]: 'Inconclusive',
  [Verdict.ERROR]: 'Error',
};

function announced({ verdict, requiresReview, gates }: EvaluationCompleted) {
  return {
    verdict: VERDICTS[verdict],
    requiresReview,
    gates: gates.map((result) => `${result.gate} ${VERDICTS[result.verdict]}`),
  };
}
