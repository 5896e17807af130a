import { join } from 'node:path';
import { digestOfJson, withScratch, type ArtifactStore } from '@rondo/artifacts';
import { ENGINE_VERSION, type runFeatureSql, type DataFinding, type Engine } from '@rondo/datasets';
import type { PipelineSpec } from '@rondo/policy';
import type { ArtifactReference, ComputedFeatures } from '../domain/batch.js';
import { finding, type Finding } from '../domain/finding.js';
import type { Locations } from './locations.js';
import { withFiles } from './with-files.js';

/** Media type of every table that is stored. */
export const PARQUET = 'application/vnd.apache.parquet';

/** The feature SQL of one policy generation with the reference tables as they are now. */
export interface FeatureView {
  readonly spec: PipelineSpec;
  /** By name; digests of the tables' bytes. */
  readonly tables: readonly { readonly name: string; readonly digest: string }[];
  /** Equal digests promise equal features for equal rows and context. */
  readonly digest: string;
}

/** Rows to compute features for. */
export interface FeatureInput {
  readonly startMs: number;
  readonly rowsDigest: string;
  /** Rows of earlier batches within the lookback, oldest first. */
  readonly contextDigests: readonly string[];
}

/** Where features come from and go to. */
export interface FeatureTools {
  readonly engine: Engine;
  readonly runFeatureSql: typeof runFeatureSql;
  readonly artifacts: ArtifactStore;
  readonly locations: Locations;
}

/**
 * Stores the reference tables and digests everything that the features depend on besides rows.
 * @throws PermanentError when a table is missing or lies outside the allowed roots
 */
export async function openFeatureView(tools: FeatureTools, spec: PipelineSpec): Promise<FeatureView> {
  const { features, source } = spec.data;
  const tables: { name: string; digest: string }[] = [];
  for (const { name, uri } of features.tables) {
    const { digest } = await tools.locations.withFile(uri, tools.engine.maxFileBytes, (path) =>
      tools.artifacts.putFile(path),
    );
    tables.push({ name, digest });
  }
  const digest = digestOfJson({
    engine: ENGINE_VERSION,
    sql: sqlOf(spec),
    tables,
    key: features.key,
    eventTime: features.eventTime,
    reviewReason: features.reviewReason,
    clusters: spec.evaluation.clusters,
    columns: features.columns,
    target: spec.model.target.column,
    rowTime: source.eventTimeColumn,
    lookbackMs: source.lookbackMs,
  });
  return { spec, tables, digest };
}

/** Cache key of the features of some rows. */
export function featureKey(view: FeatureView, input: FeatureInput): string {
  return digestOfJson({
    view: view.digest,
    startMs: input.startMs,
    rows: input.rowsDigest,
    context: input.contextDigests,
  });
}

/** Computes and stores features; what is wrong with the SQL or its result comes back as findings. */
export async function computeFeatures(
  tools: FeatureTools,
  view: FeatureView,
  input: FeatureInput,
  signal: AbortSignal,
): Promise<ComputedFeatures | { readonly findings: readonly Finding[] }> {
  const { features, source } = view.spec.data;
  const { clusters } = view.spec.evaluation;
  const digests = [input.rowsDigest, ...input.contextDigests, ...view.tables.map(({ digest }) => digest)];
  return withScratch('data-prep', (folder) =>
    withFiles(tools.artifacts, digests, async ([batchPath, ...paths]) => {
      const outPath = join(folder, 'features.parquet');
      const reviewOutPath = join(folder, 'review.parquet');
      const result = await tools.runFeatureSql(tools.engine, {
        sql: sqlOf(view.spec),
        batchPath: batchPath!,
        contextPaths: paths.slice(0, input.contextDigests.length),
        contextRange: {
          column: source.eventTimeColumn,
          startMs: input.startMs - source.lookbackMs,
          endMs: input.startMs,
        },
        tables: view.tables.map(({ name }, index) => ({ name, path: paths[input.contextDigests.length + index]! })),
        key: features.key,
        eventTime: features.eventTime,
        columns: features.columns,
        target: view.spec.model.target.column,
        outPath,
        signal,
        ...(clusters !== undefined && { clusters }),
        ...(features.reviewReason !== undefined && { reviewReason: features.reviewReason, reviewOutPath }),
      });
      if (!result.ok) return { findings: result.findings.map(asFinding) };
      const { rows, labeledRows, reviewRows } = result;
      const artifact = await storeParquet(tools.artifacts, outPath);
      const review = reviewRows > 0 ? { review: await storeParquet(tools.artifacts, reviewOutPath) } : {};
      return { artifact, rows, labeledRows, reviewRows, viewDigest: view.digest, ...review };
    }),
  );
}

/** Stores a Parquet file as an artifact. */
export async function storeParquet(artifacts: ArtifactStore, path: string): Promise<ArtifactReference> {
  return { ...(await artifacts.putFile(path)), mediaType: PARQUET };
}

function sqlOf(spec: PipelineSpec): string {
  return spec.files[spec.data.features.sql.file] ?? '';
}

function asFinding({ code, message, field, rule, count, samples }: DataFinding): Finding {
  return finding('FEATURES', field, `features cannot be computed (${code}): ${message}`, rule, {
    count,
    samplesJson: samples.map((row) => JSON.stringify(row).slice(0, 2_000)),
  });
}
