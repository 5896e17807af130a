import { PerformanceEvaluatedSchema } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { idFrom, TransientError } from '@rondo/kernel';
import type { DurableJobs, JobFailure, JobResult, JobRun, Platform, PolicyGenerations } from '@rondo/service';
import { performanceTo } from '../contract-map.js';
import {
  FEATURE_LOSSES,
  loadPerformance,
  loadReference,
  PERFORMANCE_EVALUATION,
  PERFORMANCE_RECORD,
  requestsIn,
} from '../documents.js';
import {
  attributeToSegments,
  earlierFeatures,
  withFeatures,
  type FeatureLosses,
  type FeatureSums,
} from '../domain/feature-losses.js';
import {
  attributeLoss,
  bandSums,
  earlierBands,
  type BandSums,
  type LossAttribution,
} from '../domain/loss-attribution.js';
import type { EstimateValue } from '../domain/model-reference.js';
import {
  bandsIn,
  judgedBy,
  labelCoverageOf,
  logLossExcess,
  logLossExcessEstimate,
  sameWindow,
  withEvaluatedWindow,
  withFailedWindow,
  withOpenedWindow,
  withStatedMetrics,
  type PerformanceEvaluation,
  type PerformanceRecord,
  type Window,
  type WindowRecord,
} from '../domain/performance.js';
import type { Reference } from '../domain/reference.js';
import { windowRows, type WindowRows } from '../domain/served-request.js';
import type { ForecastRule } from '../domain/watched-series.js';
import type { Calculate } from '../ports/calculator.js';
import { forgetBefore } from './forget-served.js';
import type { IssueForecasts } from './issue-forecasts.js';
import type { SumFeatureLosses } from './sum-feature-losses.js';

/** Kind of the durable job. */
export const PERFORMANCE_JOB = 'evaluate-performance';

/** What the job carries. */
export type PerformanceRequest = {
  readonly pipeline: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly modelDigest: string;
  readonly revision: number;
};

/** Queues the evaluation of a window or its restatement. */
export async function enqueuePerformance(
  unit: Unit,
  jobs: DurableJobs,
  pipeline: string,
  window: WindowRecord,
): Promise<void> {
  const { startMs, endMs, modelDigest, revision } = window;
  const input: PerformanceRequest = {
    pipeline,
    startMs,
    endMs,
    modelDigest,
    revision,
  };
  await jobs.enqueue(unit, {
    kind: PERFORMANCE_JOB,
    id: evaluationId(input),
    pipeline,
    input,
  });
}

interface Measured {
  readonly request: PerformanceRequest;
  readonly reference: Reference;
  /** The window as it was before its rows were read. */
  readonly before: WindowRecord;
  readonly rows: { readonly predictions: number; readonly labelled: number };
  readonly coverage: EstimateValue | undefined;
  readonly by: 'labels' | 'scores' | 'nothing';
  readonly metrics: readonly EstimateValue[];
  readonly bands: BandSums | undefined;
  readonly features: readonly FeatureSums[] | undefined;
  readonly forecast: ForecastRule | undefined;
  readonly rowsNeeded: number;
}

/** Measures what the champion achieved on live traffic, window by window. */
export class EvaluatePerformance {
  constructor(
    private readonly platform: Pick<Platform, 'journal' | 'log' | 'clock'>,
    private readonly policies: PolicyGenerations,
    private readonly jobs: DurableJobs,
    private readonly calculate: Calculate,
    private readonly featureLosses: SumFeatureLosses,
    private readonly forecasts: IssueForecasts,
  ) {}

  /** A batch closed the window of its interval. */
  async begin(unit: Unit, pipeline: string, window: Window & { readonly featuresDigest: string }): Promise<void> {
    const opened = withOpenedWindow(await loadPerformance(unit, pipeline), window);
    const added = opened?.windows.find((known) => sameWindow(known, window));
    if (!opened || !added) return;
    unit.save<PerformanceRecord>({
      kind: PERFORMANCE_RECORD,
      id: pipeline,
      state: opened,
    });
    await enqueuePerformance(unit, this.jobs, pipeline, added);
  }

  async run(request: PerformanceRequest, run: JobRun): Promise<JobResult | void> {
    const { journal } = this.platform;
    const { pipeline, modelDigest } = request;
    // Before the rows: what comes in between is then counted as late, never forgotten.
    const before = windowOf(await loadPerformance(journal, pipeline), request);
    const reference = (await loadReference(journal, pipeline))?.state;
    if (!before || reference?.model.digest !== modelDigest) return undefined;
    const policy = await this.policies.latest(journal, pipeline);
    if (!policy) throw new TransientError(`no policy of ${pipeline} is known here yet`, { afterMs: 50 });
    const requests = await requestsIn(journal, pipeline, request);
    const rows = windowRows(requests.filter((served) => served.modelDigest === modelDigest));
    const counted = {
      predictions: rows.scores.length,
      labelled: rows.labels.length,
    };
    const { monitoring, data } = policy.spec;
    const { performance, forecast } = monitoring;
    const by = judgedBy(counted, performance.minRows);
    const bands = by === 'labels' ? bandSums(rows.labelledScores, rows.labels) : undefined;
    const batch = { reference, keyColumn: data.features.key, featuresDigest: before.featuresDigest };
    const [features, metrics] = await Promise.all([
      by === 'labels' ? this.featureLosses.of(batch, rows, run) : undefined,
      this.metricsOf(rows, by, run.signal),
    ]);
    const rowsNeeded = performance.minRows;
    const coverage = labelCoverageOf(rows.perRequest);
    const measured = { request, reference, before, by, metrics, bands, features, forecast, rowsNeeded, coverage };
    return (unit) => this.record(unit, { ...measured, rows: counted });
  }

  async failed(unit: Unit, request: PerformanceRequest, failure: JobFailure): Promise<void> {
    const { pipeline } = request;
    const fields = { 'rondo.pipeline.name': pipeline };
    this.platform.log.error(
      `performance of ${pipeline} could not be evaluated (${failure.code})`,
      fields,
      failure.error,
    );
    const record = await loadPerformance(unit, pipeline);
    if (!windowOf(record, request)) return;
    const state = withFailedWindow(record, request);
    unit.save<PerformanceRecord>({ kind: PERFORMANCE_RECORD, id: pipeline, state });
  }

  private metricsOf(
    { scores, labelledScores, labels }: WindowRows,
    by: Measured['by'],
    signal: AbortSignal,
  ): Promise<readonly EstimateValue[]> {
    if (by === 'labels') {
      // The arrays of a calculation are taken over; these are read beside it.
      const measured = { scores: labelledScores.slice(), labels: labels.slice() };
      return this.calculate({ kind: 'measure', ...measured }, signal);
    }
    return by === 'scores' ? this.calculate({ kind: 'expect', scores }, signal) : Promise.resolve([]);
  }

  private async record(unit: Unit, measured: Measured): Promise<void> {
    const { request, reference, before, rows, by, coverage } = measured;
    const { pipeline, startMs, endMs } = request;
    const stored = await loadPerformance(unit, pipeline);
    // A champion that is gone meanwhile is not judged any more.
    if (stored.modelDigest !== request.modelDigest || !windowOf(stored, request)) return;
    const changed =
      before.revision === 0 || rows.labelled !== before.labelled || rows.predictions !== before.predictions;
    const after = withEvaluatedWindow(stored, before, {
      ...rows,
      ...excessOf(measured),
      ...bandsIn(measured.bands),
    });
    const stated =
      changed && by !== 'nothing'
        ? withStatedMetrics(after.record, request, by, measured.metrics)
        : { record: after.record, metrics: measured.metrics };
    const { metrics } = stated;
    const record = {
      ...stated.record,
      evaluations: stored.evaluations + (changed ? 1 : 0),
    };
    unit.save<PerformanceRecord>({
      kind: PERFORMANCE_RECORD,
      id: pipeline,
      state: record,
    });
    if (after.restate) await enqueuePerformance(unit, this.jobs, pipeline, after.restate);
    const oldest = record.windows[0];
    if (oldest && record.windows.length > 1) await forgetBefore(unit, this.jobs, pipeline, oldest.startMs);
    if (!changed) return;
    const attribution = await this.attributionOf(unit, record, measured);
    const excess = logLossExcessEstimate(record, referenceLogLoss(reference));
    const evaluation: PerformanceEvaluation = {
      pipeline,
      evaluationId: evaluationId(request),
      model: reference.model,
      window: { startMs, endMs },
      estimated: by === 'scores',
      labelCoverage: coverage?.value ?? 0,
      ...(coverage && { labelCoverageEstimate: coverage }),
      metrics,
      referenceMetrics: reference.metrics,
      logLossExcess: logLossExcess(record),
      ...(excess && { logLossExcessEstimate: excess }),
      rowsNeeded: measured.rowsNeeded,
      ...(attribution && { attribution }),
      state: by === 'nothing' ? 'insufficient' : 'sufficient',
      rows: by === 'scores' ? rows.predictions : rows.labelled,
      evaluatedAtMs: this.platform.clock.now(),
    };
    unit.save<PerformanceEvaluation>({
      kind: PERFORMANCE_EVALUATION,
      id: evaluation.evaluationId,
      state: evaluation,
      index: { pipeline, sequence: record.evaluations },
      outgoing: [
        {
          schema: PerformanceEvaluatedSchema,
          message: performanceTo(evaluation),
          key: pipeline,
        },
      ],
    });
    await this.forecasts.begin(unit, PERFORMANCE_EVALUATION, evaluation, measured.forecast);
  }

  /** Undefined before labels and for the first window of a champion. */
  private async attributionOf(
    unit: Unit,
    record: PerformanceRecord,
    { request, bands, features }: Measured,
  ): Promise<LossAttribution | undefined> {
    const { pipeline, modelDigest } = request;
    const losses = features && (await unit.load<FeatureLosses>(FEATURE_LOSSES, pipeline))?.state;
    if (features)
      unit.save<FeatureLosses>({
        kind: FEATURE_LOSSES,
        id: pipeline,
        state: withFeatures(losses, modelDigest, request, features),
      });
    const earlier = bands && earlierBands(record, request);
    if (!earlier) return undefined;
    const before = losses && earlierFeatures(losses, modelDigest, request);
    return {
      ...attributeLoss(earlier, bands),
      ...(before && features && { features: attributeToSegments(before, features) }),
    };
  }
}

function windowOf(record: PerformanceRecord, request: PerformanceRequest): WindowRecord | undefined {
  const { modelDigest, revision } = request;
  return record.windows.find(
    (known) =>
      sameWindow(known, request) && known.modelDigest === modelDigest && known.revision === revision && known.pending,
  );
}

const referenceLogLoss = ({ metrics }: Reference): EstimateValue | undefined =>
  metrics.find(({ name, slice }) => name === 'logLoss' && (slice === 'all' || slice === ''));

/** Only outcomes tell how much worse it went; an estimate from the scores adds nothing. */
function excessOf({ by, metrics, reference, rows }: Measured): {
  readonly excess: number;
  readonly excessRows: number;
} {
  const logLoss = metrics.find(({ name }) => name === 'logLoss');
  const expected = referenceLogLoss(reference);
  if (by !== 'labels' || !logLoss || !expected) return { excess: 0, excessRows: 0 };
  return {
    excess: (logLoss.value - expected.value) * rows.labelled,
    excessRows: rows.labelled,
  };
}

function evaluationId({ pipeline, startMs, endMs, modelDigest, revision }: PerformanceRequest): string {
  return idFrom('performance-evaluation', pipeline, String(startMs), String(endMs), modelDigest, String(revision));
}
