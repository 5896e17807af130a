import type { Batch, ComputedFeatures } from '../domain/batch.js';
import type { Outgoing, Unit } from '@rondo/journal';
import { elapsedMs, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { JobDefinition, JobFailure, JobResult, JobRun } from '@rondo/service';
import { openFeatureView } from '../adapters/feature-view.js';
import { snapshotKey, writeSnapshot, type Snapshot, type SnapshotInput } from '../adapters/snapshot-writer.js';
import { determinismViolated, snapshotPrepared, stepFailed, type StepReference } from '../contract-map.js';
import type { Finding } from '../domain/finding.js';
import { planSnapshot } from '../domain/snapshot-plan.js';
import { FinishBatch, type FeatureOutcome } from './finish-batch.js';
import { readyWithin } from './ready-batches.js';
import { FEATURE_CACHE, SNAPSHOT_ANSWER, SNAPSHOT_CACHE, type Tools } from './tools.js';

/** Kind of the job that builds a training set. */
export const PREPARE_SNAPSHOT = 'prepare-snapshot';

/** Input of the job. */
export type PrepareSnapshotInput = {
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
  readonly policyGeneration: number;
  readonly asOfMs: number;
  /** Digest of the labels people gave; empty without. */
  readonly labelSetDigest: string;
  /** Compute again even when the cache knows the answer, and compare. */
  readonly verify: boolean;
};

/** Two computations of the same thing that gave different bytes. */
interface Difference {
  readonly key: string;
  readonly expectedDigest: string;
  readonly actualDigest: string;
}

interface Collected {
  readonly input: SnapshotInput;
  /** By cache key. */
  readonly fresh: ReadonlyMap<string, ComputedFeatures>;
  readonly differences: Difference[];
}

const LARGEST_LABEL_SET_BYTES = 16 * 2 ** 20;

/** Builds a deterministic training set from the ready batches of a window. */
export class PrepareSnapshot {
  readonly #finish: FinishBatch;

  constructor(private readonly tools: Tools) {
    this.#finish = new FinishBatch(tools);
  }

  definition(): JobDefinition<PrepareSnapshotInput> {
    return {
      kind: PREPARE_SNAPSHOT,
      concurrency: 1,
      run: (input, run) => this.#run(input, run),
      failed: (unit, input, failure) => this.#failed(unit, input, failure),
    };
  }

  async #run(step: PrepareSnapshotInput, run: JobRun): Promise<JobResult> {
    const beganMs = this.tools.clock.now();
    const collected = await this.#collect(step, run);
    if ('findings' in collected)
      return fail(step, run.attempt, 'features of a batch cannot be computed', collected.findings);
    const { input, fresh, differences } = collected;
    const key = snapshotKey(input);
    const cached = await this.#cached(key);
    if (cached && !step.verify) {
      const durationMs = elapsedMs(beganMs, this.tools.clock.now());
      return (unit) => saveAnswer(unit, step, cached, [snapshotPrepared(step, cached, { cacheHit: true, durationMs })]);
    }
    run.heartbeat(0.3);
    const written = await writeSnapshot(this.tools, input, run.signal);
    if ('findings' in written)
      return fail(step, run.attempt, written.findings.map(({ message }) => message).join('; '), written.findings);
    if (cached && cached.digest !== written.digest)
      differences.push({ key, expectedDigest: cached.digest, actualDigest: written.digest });
    const violations = differences.map((difference) => determinismViolated(step, difference.key, difference));
    const durationMs = elapsedMs(beganMs, this.tools.clock.now());
    return (unit) => {
      for (const [id, features] of fresh) unit.save<ComputedFeatures>({ kind: FEATURE_CACHE, id, state: features });
      if (violations.length === 0) unit.save<Snapshot>({ kind: SNAPSHOT_CACHE, id: key, state: written });
      saveAnswer(unit, step, written, [
        ...violations,
        snapshotPrepared(step, written, { cacheHit: false, durationMs }),
      ]);
    };
  }

  /** Features of every batch as they are today: one that arrived late has changed the context of its successors. */
  async #collect(
    step: PrepareSnapshotInput,
    run: JobRun,
  ): Promise<Collected | { readonly findings: readonly Finding[] }> {
    const { journal, policies } = this.tools;
    const spec = await policies.spec(journal, step.pipeline, step.policyGeneration);
    const { windowMs, split } = spec.data;
    const ready = await this.#readyFor(spec, step);
    const plan = planSnapshot(
      step.asOfMs,
      { windowMs, validationMs: split.validationMs, testMs: split.testMs, embargoMs: split.embargoMs },
      ready,
    );
    const view = await openFeatureView(this.tools, spec);
    const fresh = new Map<string, ComputedFeatures>();
    const features: ComputedFeatures[] = [];
    const differences: Difference[] = [];
    for (const batch of plan.batches) {
      const outcome = await this.#finish.featuresOf(batch, view, ready, { signal: run.signal });
      if ('findings' in outcome) return outcome;
      fresh.set(outcome.key, outcome.features);
      features.push(outcome.features);
      if (step.verify)
        differences.push(
          ...(await this.#again(outcome.key, outcome.features, () =>
            this.#finish.featuresOf(batch, view, ready, { signal: run.signal, recompute: true }),
          )),
        );
      run.heartbeat();
    }
    const labels =
      step.labelSetDigest === ''
        ? undefined
        : { digest: step.labelSetDigest, byKey: await this.#labels(step.labelSetDigest) };
    return { input: { spec, plan, features, viewDigest: view.digest, ...(labels && { labels }) }, fresh, differences };
  }

  /**
   * The batches of the window, which may end with a batch of the window before `asOf` instead of there, and those that the first
   * of them may see as context.
   */
  async #readyFor({ data }: PipelineSpec, { pipeline, asOfMs }: PrepareSnapshotInput): Promise<Batch[]> {
    const { journal } = this.tools;
    const inWindow = await readyWithin(journal, pipeline, { startMs: asOfMs - 2 * data.windowMs, endMs: asOfMs });
    const firstMs = inWindow[0]?.startMs ?? asOfMs;
    const before = { startMs: firstMs - data.source.lookbackMs, endMs: firstMs };
    return [...(await readyWithin(journal, pipeline, before)), ...inWindow];
  }

  async #again(key: string, known: ComputedFeatures, compute: () => Promise<FeatureOutcome>): Promise<Difference[]> {
    const outcome = await compute();
    const actualDigest = 'findings' in outcome ? '' : outcome.features.artifact.digest;
    return actualDigest === known.artifact.digest ? [] : [{ key, expectedDigest: known.artifact.digest, actualDigest }];
  }

  /** JSON object: row key → "0" or "1". */
  async #labels(digest: string): Promise<ReadonlyMap<string, 0 | 1>> {
    const bytes = await this.tools.artifacts.get(digest, { maxBytes: LARGEST_LABEL_SET_BYTES });
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw badLabels(parsed);
    return new Map(
      Object.entries(parsed).map(([key, label]) => {
        if (String(label) !== '0' && String(label) !== '1') throw badLabels(label);
        return [key, String(label) === '1' ? 1 : 0];
      }),
    );
  }

  async #cached(key: string): Promise<Snapshot | undefined> {
    const stored = await this.tools.journal.load<Snapshot>(SNAPSHOT_CACHE, key);
    if (!stored) return undefined;
    const { splits, manifest, review } = stored.state;
    const digests = [
      ...splits.map(({ artifact }) => artifact.digest),
      manifest.digest,
      ...(review ? [review.digest] : []),
    ];
    for (const digest of digests) if (!(await this.tools.artifacts.has(digest))) return undefined;
    return stored.state;
  }

  #failed(unit: Unit, step: PrepareSnapshotInput, failure: JobFailure): void {
    saveFailure(unit, step, { ...failure, findings: [] });
  }
}

function saveAnswer(unit: Unit, step: PrepareSnapshotInput, { digest }: Snapshot, outgoing: readonly Outgoing[]): void {
  unit.save({ kind: SNAPSHOT_ANSWER, id: step.idempotencyKey, state: { digest }, outgoing });
}

function fail(step: PrepareSnapshotInput, attempts: number, message: string, findings: readonly Finding[]): JobResult {
  return (unit) => saveFailure(unit, step, { code: 'failed-precondition', message, attempts, findings });
}

function saveFailure(
  unit: Unit,
  step: PrepareSnapshotInput,
  failure: { code: string; message: string; attempts: number; findings: readonly Finding[] },
): void {
  const { code, message, attempts, findings } = failure;
  const reference: StepReference = step;
  unit.save({
    kind: SNAPSHOT_ANSWER,
    id: step.idempotencyKey,
    state: { code, message },
    outgoing: [stepFailed(reference, { code, message, attempts, findings })],
  });
}

function badLabels(value: unknown): PermanentError {
  return new PermanentError('invalid', 'label_set: not a JSON object of row key to "0" or "1"', {
    field: 'label_set',
    value: String(value).slice(0, 80),
    rule: '{"<row key>": "0" | "1"}',
    reason: 'LABEL_SET_MALFORMED',
  });
}
