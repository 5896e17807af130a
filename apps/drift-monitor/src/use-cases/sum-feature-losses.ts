import type { Engine } from '@rondo/datasets';
import { TransientError } from '@rondo/kernel';
import type { JobRun, Platform } from '@rondo/service';
import { logLossPerRow } from '@rondo/statistics';
import { eachFeature } from '../adapters/feature-columns.js';
import { standsForAll, type FeatureSums } from '../domain/feature-losses.js';
import type { ReferenceProfile } from '../domain/reference-profile.js';
import type { Reference } from '../domain/reference.js';
import { joinRows, NO_KEY, NO_ROW, rowKey } from '../domain/row-key.js';
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
    { labelledScores, labels, labelledKeys }: WindowRows,
    { signal, attempt }: Pick<JobRun, 'signal' | 'attempt'>,
  ): Promise<readonly FeatureSums[] | undefined> {
    const batchRows = await this.rowsOf(path, keyColumn, labelledKeys, signal);
    if (!batchRows) return undefined;
    if (reference.status === 'profiling' && attempt < ATTEMPTS_FOR_PROFILE)
      throw new TransientError(`the reference of ${reference.pipeline} is still being profiled`, { afterMs: 1000 });
    if (reference.status !== 'ready') return undefined;
    const every = logLossPerRow(labels, labelledScores);
    const losses = every.filter((_, row) => batchRows[row] !== NO_ROW);
    const rows = batchRows.filter((row) => row !== NO_ROW);
    const profiles = await this.profilesOf(reference);
    const features = profiles.map(({ feature }) => feature);
    const sums: FeatureSums[] = [];
    await eachFeature(this.engine, { path, features, signal }, async (column, index) => {
      const profile = profiles[index]!;
      sums[index] = await this.calculate({ kind: 'segment', profile, column, rows, losses }, signal);
    });
    return sums.length > 0 ? sums : undefined;
  }

  /** The batch row of each labelled row; undefined when too few have one. */
  private async rowsOf(
    path: string,
    keyColumn: string,
    labelledKeys: Uint32Array,
    signal: AbortSignal,
  ): Promise<Int32Array | undefined> {
    const { rows, columns } = await this.engine.inspect(path);
    if (rows > BATCH_ROWS_MAX || !columns.some(({ name }) => name === keyColumn)) return undefined;
    const keys = Uint32Array.from(await this.engine.readKeys(path, keyColumn, { signal }), rowKey);
    const joined = joinRows(labelledKeys, keys);
    const count = joined.reduce((sum, row) => sum + (row === NO_ROW ? 0 : 1), 0);
    return standsForAll(count, labelledKeys.length) ? joined : undefined;
  }

  /** Profiles of the features the champion relies on most. */
  private async profilesOf({ profileDigest, importance }: Reference) {
    const text = new TextDecoder().decode(await this.platform.artifacts.get(profileDigest));
    const { features } = JSON.parse(text) as ReferenceProfile;
    const order = features.map((_, i) => i).sort((a, b) => (importance[b] ?? 0) - (importance[a] ?? 0) || a - b);
    return order.slice(0, FEATURES_MAX).map((i) => features[i]!);
  }
}
