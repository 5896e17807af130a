import type { Unit } from '@rondo/journal';
import { assert, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { JobResult, JobRun } from '@rondo/service';
import { computeFeatures, featureKey, openFeatureView, type FeatureView } from '../adapters/feature-view.js';
import { batchQuarantined, batchReady } from '../contract-map.js';
import { holdBatch, overlapFinding, readyBatch, type Batch, type ComputedFeatures } from '../domain/batch.js';
import { finding, type Finding } from '../domain/finding.js';
import { contextOf } from '../domain/snapshot-plan.js';
import { addReadyRows, readyWithin } from './ready-batches.js';
import { BATCH, batchIndex, FEATURE_CACHE, type Tools } from './tools.js';

/** Features found in the cache or computed, or why not. */
export type FeatureOutcome =
  { readonly key: string; readonly features: ComputedFeatures } | { readonly findings: readonly Finding[] };

/** The last step of a batch, checked or released: features, and then it is ready. */
export class FinishBatch {
  constructor(private readonly tools: Tools) {}

  /** Computes features outside any unit of work; the result commits them. */
  async prepare(batch: Batch, spec: PipelineSpec, run: JobRun): Promise<JobResult> {
    const { lookbackMs } = spec.data.source;
    const before = { startMs: batch.startMs - lookbackMs, endMs: batch.startMs };
    const ready = await readyWithin(this.tools.journal, batch.pipeline, before);
    const view = await this.#openView(spec);
    if ('findings' in view) return (unit) => this.#hold(unit, batch, view.findings);
    const outcome = await this.featuresOf(batch, view, ready, { signal: run.signal });
    if ('findings' in outcome) return (unit) => this.#hold(unit, batch, outcome.findings);
    return (unit) => this.#commit(unit, batch, outcome.key, outcome.features);
  }

  /** A reference table that is missing is no fault of the batch: it waits until somebody puts the table there and releases it. */
  async #openView(spec: PipelineSpec): Promise<FeatureView | { readonly findings: readonly Finding[] }> {
    try {
      return await openFeatureView(this.tools, spec);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      return {
        findings: [
          finding(
            'FEATURES',
            'features.tables',
            `a reference table cannot be read: ${error.message}`,
            error.detail.rule ?? 'a readable table',
          ),
        ],
      };
    }
  }

  /**
   * Features of a batch; by the cache when rows, context and view were seen before.
   * With `recompute` the cache is not asked.
   */
  async featuresOf(
    batch: Batch,
    view: FeatureView,
    ready: readonly Batch[],
    options: { readonly signal: AbortSignal; readonly recompute?: boolean },
  ): Promise<FeatureOutcome> {
    assert(batch.accepted, `batch ${batch.batchId} has no rows`);
    const context = contextOf(batch, ready, view.spec.data.source.lookbackMs);
    const contextDigests = context.flatMap(({ accepted }) => (accepted ? [accepted.artifact.digest] : []));
    const input = { startMs: batch.startMs, rowsDigest: batch.accepted.artifact.digest, contextDigests };
    const key = featureKey(view, input);
    const cached = options.recompute ? undefined : await this.tools.journal.load<ComputedFeatures>(FEATURE_CACHE, key);
    if (cached && (await this.#isStored(cached.state))) return { key, features: cached.state };
    const computed = await computeFeatures(this.tools, view, input, options.signal);
    return 'findings' in computed ? computed : { key, features: computed };
  }

  /** A cache entry is worth something only while its artifacts exist. */
  async #isStored({ artifact, review }: ComputedFeatures): Promise<boolean> {
    return (
      (await this.tools.artifacts.has(artifact.digest)) && (!review || (await this.tools.artifacts.has(review.digest)))
    );
  }

  async #commit(unit: Unit, prepared: Batch, key: string, features: ComputedFeatures): Promise<void> {
    const batch = await this.#open(unit, prepared);
    if (!batch) return;
    const touching = await readyWithin(unit, batch.pipeline, batch);
    const overlap = overlapFinding(batch, touching);
    if (overlap) return this.#hold(unit, prepared, [overlap]);
    const done = readyBatch(batch, features, this.tools.clock.now());
    for (const old of touching) {
      const superseded: Batch = { ...old, supersededBy: batch.batchId };
      unit.save<Batch>({ kind: BATCH, id: old.batchId, state: superseded, index: batchIndex(superseded) });
    }
    const replaced = touching.reduce((sum, old) => sum + (old.features?.rows ?? 0), 0);
    const total = await addReadyRows(unit, batch.pipeline, features.rows - replaced);
    unit.save<ComputedFeatures>({ kind: FEATURE_CACHE, id: key, state: features });
    unit.save<Batch>({
      kind: BATCH,
      id: batch.batchId,
      state: done,
      index: batchIndex(done),
      outgoing: [batchReady(done, total)],
    });
  }

  async #hold(unit: Unit, prepared: Batch, findings: readonly Finding[]): Promise<void> {
    const batch = await this.#open(unit, prepared);
    if (!batch) return;
    const held = holdBatch(batch, findings);
    unit.save<Batch>({
      kind: BATCH,
      id: held.batchId,
      state: held,
      index: batchIndex(held),
      outgoing: [batchQuarantined(held)],
    });
  }

  /** The batch as it is now (announcements may have been merged meanwhile) with what the job found out. */
  async #open(unit: Unit, prepared: Batch): Promise<Batch | undefined> {
    const stored = await unit.load<Batch>(BATCH, prepared.batchId);
    const { state } = stored ?? {};
    if (!state || !(state.state === 'checking' || state.releasing === true)) return undefined;
    return { ...state, findings: prepared.findings, ...(prepared.accepted && { accepted: prepared.accepted }) };
  }
}
