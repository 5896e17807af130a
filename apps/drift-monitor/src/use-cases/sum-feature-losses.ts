import type { Engine, FileShape } from '@rondo/datasets';
import { TransientError } from '@rondo/kernel';
import type { JobRun, Platform } from '@rondo/service';
import { eachFeature } from '../adapters/feature-columns.js';
import { standsForAll, type FeatureSums, type JoinedLosses } from '../domain/feature-losses.js';
import type { ReferenceProfile } from '../domain/reference-profile.js';
import type { Reference } from '../domain/reference.js';
import { NO_KEY } from '../domain/row-key.js';
import type { WindowRows } from '../domain/served-request.js';
import type { Calculate } from '../ports/calculator.js';

/** Features that are looked at: more would make each of them harder to tell from chance. */
const FEATURES_MAX = 50;
/** Keys are texts, a hundred bytes each while they are read. */
const BATCH_ROWS_MAX = 2_000_000;
/** A profile is made within seconds of a promotion; after so many attempts the window is judged without it. */
const ATTEMPTS_FOR_PROFILE = 4;

/** The batch of a window. */
export interface WindowBatch {
  readonly reference: Reference;
  /** Column of the feature view that identifies a row. */
  readonly keyColumn: string;
  readonly featuresDigest: string | undefined;
}

/** Joins labelled rows of a window by key with their features in its batch, and sums up what they lost by segment. */
export class SumFeatureLosses {
  constructor(
    private readonly platform: Pick<Platform, 'artifacts'>,
    private readonly engine: Engine,
    private readonly calculate: Calculate,
  ) {}

  /** Undefined when the callers' keys are not those of the batch, or there is no profile to take segments from. */
  async of(
    batch: WindowBatch,
    rows: WindowRows,
    run: Pick<JobRun, 'signal' | 'attempt'>,
  ): Promise<readonly FeatureSums[] | undefined> {
    const { featuresDigest } = batch;
    if (featuresDigest === undefined || rows.labelledKeys.every((key) => key === NO_KEY)) return undefined;
    return this.platform.artifacts.withFile(featuresDigest, (path) => this.sumsOf(path, batch, rows, run));
  }

  private async sumsOf(
    path: string,
    { reference, keyColumn }: WindowBatch,
    window: WindowRows,
    { signal, attempt }: Pick<JobRun, 'signal' | 'attempt'>,
  ): Promise<readonly FeatureSums[] | undefined> {
    const shape = await this.engine.inspect(path);
    const joined = await this.joined({ path, shape, keyColumn }, window, signal);
    if (!joined) return undefined;
    if (reference.status === 'profiling' && attempt < ATTEMPTS_FOR_PROFILE)
      throw new TransientError(`the reference of ${reference.pipeline} is still being profiled`, { afterMs: 1000 });
    if (reference.status !== 'ready') return undefined;
    const profiles = await this.profilesOf(reference);
    const features = profiles.map(({ feature }) => feature);
    const sums: FeatureSums[] = [];
    await eachFeature(this.engine, { path, shape, features, signal }, async (column, index) => {
      const profile = profiles[index]!;
      sums[index] = await this.calculate({ kind: 'segment', profile, column, ...joined }, signal);
    });
    return sums.length > 0 ? sums : undefined;
  }

  /** The labelled rows that are rows of the batch; undefined when they are too few. */
  private async joined(
    { path, shape, keyColumn }: { readonly path: string; readonly shape: FileShape; readonly keyColumn: string },
    { labelledScores, labels, labelledKeys }: WindowRows,
    signal: AbortSignal,
  ): Promise<JoinedLosses | undefined> {
    if (shape.rows > BATCH_ROWS_MAX || !shape.columns.some(({ name }) => name === keyColumn)) return undefined;
    const batchKeys = await this.engine.readPackedKeys(path, keyColumn, { signal });
    // The arrays of a calculation are taken over; these are read beside it.
    const rows = { labelledScores: labelledScores.slice(), labels: labels.slice(), labelledKeys: labelledKeys.slice() };
    const joined = await this.calculate({ kind: 'join', ...rows, batchKeys }, signal);
    return standsForAll(joined.rows.length, labelledKeys.length) ? joined : undefined;
  }

  /** Profiles of the features the champion relies on most. */
  private async profilesOf({ profileDigest, importance }: Reference) {
    const text = new TextDecoder().decode(await this.platform.artifacts.get(profileDigest));
    const { features } = JSON.parse(text) as ReferenceProfile;
    const order = features.map((_, i) => i).sort((a, b) => (importance[b] ?? 0) - (importance[a] ?? 0) || a - b);
    return order.slice(0, FEATURES_MAX).map((i) => features[i]!);
  }
}
