import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  EvaluationCompletedSchema,
  Severity,
  Verdict,
  type EvaluateCandidate,
  type EvaluationCompleted,
  type SplitFile,
} from '@rondo/contracts';
import { canonicalJson } from '@rondo/kernel';
import type { EvaluationJobInput, SplitReference } from './domain/evaluation-job.js';
import type { EstimateValue, GateOutcome } from './domain/gates.js';
import { knownBounds, type OpenInterval } from './domain/measurement.js';
import type { EvaluationReport } from './domain/report.js';

/** The job that a command asks for. */
export function jobInputFrom(command: EvaluateCandidate): EvaluationJobInput {
  const { model, champion } = command;
  return {
    cycleId: command.cycleId,
    pipeline: command.pipeline,
    generation: Number(command.policyGeneration),
    candidate: command.candidate,
    idempotencyKey: command.idempotencyKey,
    model: {
      digest: model?.digest ?? '',
      mediaType: model?.mediaType ?? '',
      sizeBytes: Number(model?.sizeBytes ?? 0n),
    },
    champion:
      champion && champion.digest !== ''
        ? { name: champion.name, version: champion.version, digest: champion.digest }
        : null,
    snapshotDigest: command.snapshotDigest,
    splits: Object.fromEntries(command.splits.map((split) => [split.name, splitFrom(split)])),
  };
}

function splitFrom({ artifact, rows, dataInterval }: SplitFile): SplitReference {
  return {
    digest: artifact?.digest ?? '',
    rows: Number(rows),
    startMs: dataInterval?.start ? timestampMs(dataInterval.start) : 0,
    endMs: dataInterval?.end ? timestampMs(dataInterval.end) : 0,
  };
}

const SEVERITY = {
  Blocking: Severity.BLOCKING,
  RequiresReview: Severity.REQUIRES_REVIEW,
  Advisory: Severity.ADVISORY,
} as const;
const VERDICT = {
  Pass: Verdict.PASS,
  Fail: Verdict.FAIL,
  Inconclusive: Verdict.INCONCLUSIVE,
  Error: Verdict.ERROR,
} as const;

const estimateTo = (estimate: EstimateValue): Omit<EstimateValue, 'n'> & { n: bigint } => ({
  ...estimate,
  n: BigInt(estimate.n),
});

function gateTo({
  gate,
  severity,
  verdict,
  difference,
  champion,
  challenger,
  expression,
  values,
  explanation,
  needsRows,
  needsSlice,
  alphaLook,
}: GateOutcome) {
  return {
    gate,
    severity: SEVERITY[severity],
    verdict: VERDICT[verdict],
    expression,
    valuesJson: expression === '' ? '' : canonicalJson(values),
    explanation,
    needsRows: BigInt(needsRows),
    needsSlice,
    ...(difference && { difference: estimateTo(difference) }),
    ...(champion && { champion: estimateTo(champion) }),
    ...(challenger && { challenger: estimateTo(challenger) }),
    ...(alphaLook && { alphaLook: { ...alphaLook, look: BigInt(alphaLook.look) } }),
  };
}

/** A stored file as messages refer to it. */
export interface FileReference {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** The answer to the command. */
export function completedTo(
  input: EvaluationJobInput,
  done: {
    readonly report: EvaluationReport;
    readonly reportFile: FileReference;
    readonly cardFile: FileReference;
    readonly durationMs: number;
  },
): EvaluationCompleted {
  const { report, reportFile, cardFile, durationMs } = done;
  const { latency } = report;
  const timed = (name: string, value: number, interval: OpenInterval): EstimateValue => ({
    name,
    value,
    ...knownBounds(interval),
    confidence: 0.95,
    n: latency.requests,
    slice: `${latency.rows} rows per request`,
    method: 'quantile of measured times, order statistics',
  });
  const metrics = [
    ...report.metrics,
    timed('p50Ms', latency.p50Ms, latency.p50Interval),
    timed('p99Ms', latency.p99Ms, latency.p99Interval),
  ];
  return create(EvaluationCompletedSchema, {
    pipeline: input.pipeline,
    cycleId: input.cycleId,
    candidate: input.candidate,
    model: { ...input.model, sizeBytes: BigInt(input.model.sizeBytes) },
    verdict: VERDICT[report.verdict],
    gates: report.gates.map(gateTo),
    report: { digest: reportFile.digest, mediaType: 'application/json', sizeBytes: BigInt(reportFile.sizeBytes) },
    modelCard: { digest: cardFile.digest, mediaType: 'text/markdown', sizeBytes: BigInt(cardFile.sizeBytes) },
    metrics: metrics.map(estimateTo),
    requiresReview: report.requiresReview,
    durationMs: BigInt(durationMs),
  });
}
