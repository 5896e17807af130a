import type { Journal, Stored, Unit } from '@rondo/journal';
import { idFrom, PermanentError } from '@rondo/kernel';
import { checkEtag, type JobDefinition, type JobFailure, type JobResult, type JobRun } from '@rondo/service';
import { batchQuarantined, batchRejected } from '../contract-map.js';
import { holdBatch, rejectBatch, releaseBatch, type Batch, type BatchDecision } from '../domain/batch.js';
import { finding } from '../domain/finding.js';
import { FinishBatch } from './finish-batch.js';
import { BATCH, batchIndex, type Tools } from './tools.js';

/** Kind of the job that computes the features of a released batch. */
export const RELEASE = 'release';

/** Input of the job. */
export type ReleaseInput = { readonly batchId: string };

/** Which batch, and what the caller saw of it. */
export interface BatchReference {
  /** May be empty: the id alone is unique. */
  readonly pipeline: string;
  readonly batchId: string;
  readonly etag: string;
}

/** A person lets a quarantined batch through or shuts it out. */
export class DecideBatch {
  readonly #finish: FinishBatch;

  constructor(private readonly tools: Tools) {
    this.#finish = new FinishBatch(tools);
  }

  definition(): JobDefinition<ReleaseInput> {
    return {
      kind: RELEASE,
      concurrency: 1,
      lane: RELEASE,
      run: (input, run) => this.#run(input, run),
      failed: (unit, input, failure) => this.#failed(unit, input, failure),
    };
  }

  /** @throws PermanentError when the batch moved, is not quarantined or cannot be used */
  async release(
    unit: Unit,
    reference: BatchReference,
    decision: BatchDecision,
  ): Promise<{ batch: Batch; version: number }> {
    const stored = await loadBatch(unit, reference);
    checkEtag(reference.etag, stored.version, { what: `batch ${reference.batchId}` });
    const batch = releaseBatch(stored.state, decision);
    unit.save<Batch>({ kind: BATCH, id: batch.batchId, state: batch, index: batchIndex(batch) });
    const id = idFrom('job', RELEASE, batch.batchId, String(stored.version));
    await this.tools.jobs.enqueue(unit, {
      kind: RELEASE,
      id,
      pipeline: batch.pipeline,
      input: { batchId: batch.batchId },
    });
    return { batch, version: stored.version + 1 };
  }

  /** @throws PermanentError when the batch moved or is not quarantined */
  async reject(
    unit: Unit,
    reference: BatchReference,
    decision: BatchDecision,
  ): Promise<{ batch: Batch; version: number }> {
    const stored = await loadBatch(unit, reference);
    checkEtag(reference.etag, stored.version, { what: `batch ${reference.batchId}` });
    const batch = rejectBatch(stored.state, decision);
    unit.save<Batch>({
      kind: BATCH,
      id: batch.batchId,
      state: batch,
      index: batchIndex(batch),
      outgoing: [batchRejected(batch)],
    });
    return { batch, version: stored.version + 1 };
  }

  async #run({ batchId }: ReleaseInput, run: JobRun): Promise<JobResult> {
    const { state: batch } = await loadBatch(this.tools.journal, { pipeline: '', batchId });
    if (!batch.releasing) return () => undefined;
    const spec = await this.tools.policies.spec(this.tools.journal, batch.pipeline, batch.policyGeneration);
    return this.#finish.prepare(batch, spec, run);
  }

  async #failed(unit: Unit, { batchId }: ReleaseInput, failure: JobFailure): Promise<void> {
    const { state } = await loadBatch(unit, { pipeline: '', batchId });
    if (!state.releasing) return;
    const held = holdBatch(state, [
      finding('FEATURES', '', `features could not be computed: ${failure.message}`, 'features for every row'),
    ]);
    unit.save<Batch>({
      kind: BATCH,
      id: batchId,
      state: held,
      index: batchIndex(held),
      outgoing: [batchQuarantined(held)],
    });
  }
}

/** @throws PermanentError `not-found` for a batch that is not there, or belongs to another pipeline */
export async function loadBatch(
  source: Pick<Unit | Journal, 'load'>,
  { pipeline, batchId }: Omit<BatchReference, 'etag'>,
): Promise<Stored<Batch>> {
  const stored = await source.load<Batch>(BATCH, batchId);
  if (stored && (pipeline === '' || stored.state.pipeline === pipeline)) return stored;
  throw new PermanentError(
    'not-found',
    `there is no batch ${batchId.slice(0, 80)}${pipeline && ` in pipeline ${pipeline.slice(0, 80)}`}`,
    {
      field: 'batch_id',
      value: batchId.slice(0, 80),
      rule: 'the id of a batch',
      reason: 'BATCH_UNKNOWN',
    },
  );
}
