import type { Engine } from '@rondo/datasets';
import type { Unit } from '@rondo/journal';
import { PermanentError, idFrom } from '@rondo/kernel';
import type { DurableJobs, JobFailure, JobResult, JobRun, Platform } from '@rondo/service';
import { eachFeature } from '../adapters/feature-columns.js';
import { profiledOutgoing } from '../contract-map.js';
import { loadPerformance, loadReference, PAST_REFERENCE, PERFORMANCE_RECORD, REFERENCE } from '../documents.js';
import { withChampion, type PerformanceRecord } from '../domain/performance.js';
import type { FeatureProfile, ReferenceProfile } from '../domain/reference-profile.js';
import type { Reference } from '../domain/reference.js';
import type { Calculate } from '../ports/calculator.js';
import { enqueueDrift } from './evaluate-drift.js';

/** Kind of the durable job. */
export const PROFILE_JOB = 'profile-reference';

/** What the job carries. */
export type ProfileInput = {
  readonly pipeline: string;
  readonly modelDigest: string;
  readonly rowsDigest: string;
};

/** Makes the profile of what a new champion was trained on. */
export class ProfileReference {
  constructor(
    private readonly platform: Pick<Platform, 'journal' | 'artifacts' | 'log'>,
    private readonly engine: Engine,
    private readonly jobs: DurableJobs,
    private readonly calculate: Calculate,
  ) {}

  /** The champion changed: everything is held against it from now on, drift as soon as its profile is there. */
  async begin(unit: Unit, reference: Reference, causeId: string): Promise<void> {
    const { pipeline, model, rowsDigest } = reference;
    const before = await loadReference(unit, pipeline);
    if (before) {
      const { state } = before;
      unit.save<Reference>({
        kind: PAST_REFERENCE,
        id: `${pipeline}/${state.model.version}`,
        state,
        index: { pipeline },
      });
    }
    unit.save<Reference>({ kind: REFERENCE, id: pipeline, state: reference });
    const record = withChampion(await loadPerformance(unit, pipeline), model.digest);
    unit.save<PerformanceRecord>({
      kind: PERFORMANCE_RECORD,
      id: pipeline,
      state: record,
    });
    const input: ProfileInput = {
      pipeline,
      modelDigest: model.digest,
      rowsDigest,
    };
    // The same champion may come back after a rollback: that is another job.
    await this.jobs.enqueue(unit, {
      kind: PROFILE_JOB,
      id: idFrom(PROFILE_JOB, pipeline, causeId),
      pipeline,
      input,
    });
  }

  async run(input: ProfileInput, run: JobRun): Promise<JobResult | void> {
    const { journal, artifacts } = this.platform;
    const reference = (await loadReference(journal, input.pipeline))?.state;
    if (!reference || !awaits(reference, input)) return undefined;
    const { model, pipeline, snapshotDigest, featureNames } = reference;
    const features: FeatureProfile[] = [];
    const rows = await artifacts.withFile(input.rowsDigest, (path) =>
      eachFeature(this.engine, { path, features: featureNames, signal: run.signal }, async (column, index) => {
        const feature = featureNames[index]!;
        features[index] = await this.calculate({ kind: 'profile', feature, column }, run.signal);
      }),
    );
    if (rows === 0) {
      const rule = 'at least one row';
      throw new PermanentError('invalid', `the champion of ${pipeline} was trained on no rows`, {
        field: 'reference_rows',
        value: rows,
        rule,
      });
    }
    const profile: ReferenceProfile = {
      pipeline,
      model,
      snapshotDigest,
      rows,
      features,
    };
    const { digest, sizeBytes } = await artifacts.put(new TextEncoder().encode(JSON.stringify(profile)));
    return async (unit) => {
      const current = (await loadReference(unit, pipeline))?.state;
      if (!current || !awaits(current, input)) return;
      const state: Reference = {
        ...current,
        status: 'ready',
        profileDigest: digest,
        waiting: [],
      };
      unit.save<Reference>({
        kind: REFERENCE,
        id: pipeline,
        state,
        outgoing: [profiledOutgoing(state, sizeBytes)],
      });
      for (const request of current.waiting) await enqueueDrift(unit, this.jobs, request);
    };
  }

  async failed(unit: Unit, input: ProfileInput, failure: JobFailure): Promise<void> {
    const reference = (await loadReference(unit, input.pipeline))?.state;
    if (!reference || !awaits(reference, input)) return;
    const { pipeline, waiting } = reference;
    this.platform.log.error(
      `drift of ${pipeline} cannot be measured: the champion's reference could not be profiled (${failure.code})`,
      { 'rondo.pipeline.name': pipeline, batches: waiting.length },
      failure.error,
    );
    unit.save<Reference>({
      kind: REFERENCE,
      id: pipeline,
      state: { ...reference, status: 'failed', waiting: [] },
    });
  }
}

function awaits(reference: Reference, input: ProfileInput): boolean {
  return reference.status === 'profiling' && reference.model.digest === input.modelDigest;
}
