import type { Engine } from '@rondo/datasets';
import type { Unit } from '@rondo/journal';
import { idFrom } from '@rondo/kernel';
import { DriftEvaluatedSchema } from '@rondo/contracts';
import type { DurableJobs, JobFailure, JobResult, JobRun, Platform, PolicyGenerations } from '@rondo/service';
import { eachFeature } from '../adapters/feature-columns.js';
import { driftTo } from '../contract-map.js';
import { DRIFT_EVALUATION, DRIFT_RECORD, loadReference, REFERENCE, type DriftRecord } from '../documents.js';
import {
  judgeBatch,
  startFalseAlarms,
  withLook,
  withPersistence,
  type DriftEvaluation,
  type DriftRule,
} from '../domain/drift-evaluation.js';
import type { FeatureComparison } from '../domain/feature-comparison.js';
import type { FeatureProfile, ReferenceProfile } from '../domain/reference-profile.js';
import type { DriftRequest, Reference } from '../domain/reference.js';
import type { ForecastRule } from '../domain/watched-series.js';
import type { Calculate } from '../ports/calculator.js';
import type { IssueForecasts } from './issue-forecasts.js';
import type { SeasonWindows } from './season-windows.js';

/** Kind of the durable job. */
export const DRIFT_JOB = 'evaluate-drift';

/** Batches that wait for one profile; a profile takes seconds, so more are a sign that none will come. */
const WAITING_MAX = 1000;

/** Queues the comparison of a batch; the same batch against the same model is one job. */
export async function enqueueDrift(unit: Unit, jobs: DurableJobs, request: DriftRequest): Promise<void> {
  const { pipeline, batchId, modelDigest } = request;
  const id = evaluationId(pipeline, batchId, modelDigest);
  await jobs.enqueue(unit, { kind: DRIFT_JOB, id, pipeline, input: request });
}

/** Compares each batch with what the champion was trained on, and with past batches of its season. */
export class EvaluateDrift {
  constructor(
    private readonly platform: Pick<Platform, 'journal' | 'artifacts' | 'log' | 'clock'>,
    private readonly engine: Engine,
    private readonly policies: PolicyGenerations,
    private readonly jobs: DurableJobs,
    private readonly calculate: Calculate,
    private readonly seasons: SeasonWindows,
    private readonly forecasts: IssueForecasts,
  ) {}

  /** A batch is ready: compared at once, or as soon as the profile is there. */
  async begin(unit: Unit, reference: Reference, request: DriftRequest): Promise<void> {
    if (reference.status === 'ready') return enqueueDrift(unit, this.jobs, request);
    if (reference.status === 'profiling') {
      const waiting = [...reference.waiting, request].slice(-WAITING_MAX);
      unit.save<Reference>({
        kind: REFERENCE,
        id: reference.pipeline,
        state: { ...reference, waiting },
      });
    }
  }

  async run(request: DriftRequest, run: JobRun): Promise<JobResult | void> {
    const { journal, artifacts } = this.platform;
    const reference = (await loadReference(journal, request.pipeline))?.state;
    if (reference?.model.digest !== request.modelDigest || reference.status !== 'ready') return undefined;
    const { monitoring } = await this.policies.spec(journal, request.pipeline, request.generation);
    const rule = monitoring.drift;
    const profile = JSON.parse(
      new TextDecoder().decode(await artifacts.get(reference.profileDigest)),
    ) as ReferenceProfile;
    const comparisons: FeatureComparison[] = [];
    const kept: FeatureProfile[] = [];
    const features = profile.features.map(({ feature }) => feature);
    const atMs = (request.startMs + request.endMs) / 2;
    const { season } = rule;
    const past = season && (await this.seasons.past(request.pipeline, atMs, season));
    const rows = await artifacts.withFile(request.featuresDigest, (path) =>
      eachFeature(this.engine, { path, features, signal: run.signal }, async (column, index) => {
        // Of an empty batch nothing can be said, not even shares.
        if (column.length === 0) return;
        const against = { profile: profile.features[index]!, column, rule };
        if (!season || column.length < rule.minRows) {
          comparisons[index] = await this.calculate({ kind: 'compare', ...against }, run.signal);
          return;
        }
        const same = { season, atMs, past: past?.get(features[index]!) ?? [] };
        const done = await this.calculate({ kind: 'compareInSeason', ...against, ...same }, run.signal);
        comparisons[index] = done.comparison;
        kept[index] = done.kept;
      }),
    );
    const { pipeline, batchId } = request;
    const window = kept.length > 0 ? await this.seasons.put({ pipeline, batchId, atMs, rows }, kept) : undefined;
    return async (unit) => {
      if (season && window) await this.seasons.keep(unit, window, season);
      await this.record(unit, { request, reference, comparisons, rows, rule, forecast: monitoring.forecast });
    };
  }

  failed(_unit: Unit, request: DriftRequest, failure: JobFailure): void {
    const { pipeline, batchId } = request;
    const fields = {
      'rondo.pipeline.name': pipeline,
      'rondo.batch.id': batchId,
    };
    this.platform.log.error(
      `drift of batch ${batchId} of ${pipeline} could not be evaluated (${failure.code})`,
      fields,
      failure.error,
    );
  }

  private async record(
    unit: Unit,
    done: {
      readonly request: DriftRequest;
      readonly reference: Reference;
      readonly comparisons: readonly FeatureComparison[];
      readonly rows: number;
      readonly rule: DriftRule;
      readonly forecast: ForecastRule | undefined;
    },
  ): Promise<void> {
    const { request, reference, comparisons, rows, rule, forecast } = done;
    const { pipeline, batchId, startMs, endMs, modelDigest } = request;
    const record = (await unit.load<DriftRecord>(DRIFT_RECORD, pipeline))?.state;
    const remembered = record?.modelDigest === modelDigest ? record : undefined;
    const ledger = remembered?.falseAlarms ?? startFalseAlarms();
    const batch = judgeBatch(comparisons, reference.importance, rows, rule, ledger);
    const { tracker, state } = withPersistence(remembered?.tracker, batch.state, rule);
    const falseAlarms = withLook(ledger, batch.state);
    const evaluations = (record?.evaluations ?? 0) + 1;
    const evaluation: DriftEvaluation = {
      ...batch,
      pipeline,
      evaluationId: evaluationId(pipeline, batchId, modelDigest),
      model: reference.model,
      batchId,
      window: { startMs, endMs },
      state,
      referenceDigest: reference.profileDigest,
      evaluatedAtMs: this.platform.clock.now(),
    };
    unit.save<DriftRecord>({
      kind: DRIFT_RECORD,
      id: pipeline,
      state: { ...record, modelDigest, tracker, falseAlarms, evaluations },
    });
    unit.save<DriftEvaluation>({
      kind: DRIFT_EVALUATION,
      id: evaluation.evaluationId,
      state: evaluation,
      index: { pipeline, sequence: evaluations },
      outgoing: [
        {
          schema: DriftEvaluatedSchema,
          message: driftTo(evaluation),
          key: pipeline,
        },
      ],
    });
    await this.forecasts.begin(unit, DRIFT_EVALUATION, evaluation, forecast);
  }
}

/** The same batch against the same model is the same evaluation. */
function evaluationId(pipeline: string, batchId: string, modelDigest: string): string {
  return idFrom('drift-evaluation', pipeline, batchId, modelDigest);
}
