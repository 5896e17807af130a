import { join } from 'node:path';
import { digestOfJson, withScratch, type ArtifactStore } from '@rondo/artifacts';
import { ENGINE_VERSION, type Engine, identifier, literal, scanOf, timestampLiteral } from '@rondo/datasets';
import { canonicalJson, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { ArtifactReference, ComputedFeatures } from '../domain/batch.js';
import { finding, type Finding } from '../domain/finding.js';
import type { SnapshotPlan, TimeRange } from '../domain/snapshot-plan.js';
import { storeParquet } from './feature-view.js';
import { withFiles } from './with-files.js';

/** One part of a snapshot. */
export interface SnapshotSplit {
  readonly name: 'train' | 'validation' | 'test';
  readonly artifact: ArtifactReference;
  readonly rows: number;
  readonly positives: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** A finished training set. */
export interface Snapshot {
  readonly digest: string;
  readonly manifest: ArtifactReference;
  readonly splits: readonly SnapshotSplit[];
  readonly batchIds: readonly string[];
  readonly viewDigest: string;
  readonly review?: ArtifactReference;
  readonly reviewRows: number;
}

/** Everything that decides the bytes of a snapshot. */
export interface SnapshotInput {
  readonly spec: PipelineSpec;
  readonly plan: SnapshotPlan;
  /** Features of the plan's batches, in its order. */
  readonly features: readonly ComputedFeatures[];
  readonly viewDigest: string;
  /** Labels people gave to rows for review, by key, with the digest of their artifact. */
  readonly labels?: { readonly digest: string; readonly byKey: ReadonlyMap<string, 0 | 1> };
}

const SMALLEST_TRAIN_ROWS = 100;
const SMALLEST_PART_ROWS = 10;

/** Cache key: equal keys promise equal bytes. */
export function snapshotKey(input: SnapshotInput): string {
  return digestOfJson(inputsOf(input));
}

function inputsOf({ spec, plan, features, viewDigest, labels }: SnapshotInput): Record<string, unknown> {
  return {
    kind: 'rondo.snapshot/v1',
    engine: ENGINE_VERSION,
    pipeline: spec.name,
    viewDigest,
    window: plan.window,
    splits: plan.splits,
    maxTrainRows: spec.data.maxTrainRows,
    sample: 'train rows in order of md5(key), then key, up to maxTrainRows',
    labelSet: labels?.digest,
    batches: plan.batches.map((batch, index) => ({
      startMs: batch.startMs,
      endMs: batch.endMs,
      rows: batch.accepted?.artifact.digest,
      features: features[index]!.artifact.digest,
      review: features[index]!.review?.digest,
    })),
  };
}

/**
 * Writes the parts of a snapshot as Parquet and its manifest as JSON. Rows without a target are left out, and so are rows for
 * review unless people labeled them.
 * @returns the snapshot, or findings when it would be of no use (too few rows, one class)
 */
export async function writeSnapshot(
  tools: { readonly engine: Engine; readonly artifacts: ArtifactStore },
  input: SnapshotInput,
  signal: AbortSignal,
): Promise<Snapshot | { readonly findings: readonly Finding[] }> {
  return withScratch('data-prep', async (folder) => {
    const labelsPath = await writeLabels(tools.engine, input, folder, signal);
    const splits = await withFiles(
      tools.artifacts,
      input.features.map(({ artifact }) => artifact.digest),
      async (paths) => {
        const out: SnapshotSplit[] = [];
        for (const { name, range } of input.plan.splits) {
          const select = splitSelect(
            input,
            paths,
            labelsPath,
            range,
            name === 'train' ? input.spec.data.maxTrainRows : undefined,
          );
          out.push(
            await writeSplit(tools, {
              name,
              range,
              select,
              outPath: join(folder, `${name}.parquet`),
              target: input.spec.model.target.column,
              signal,
            }),
          );
        }
        return out;
      },
    );
    const findings = splits.flatMap(splitFindings);
    if (findings.length > 0) return { findings };
    const review = await writeReview(tools, input, folder, signal);
    const content = { ...inputsOf(input), outputs: { splits, review: review.review, reviewRows: review.reviewRows } };
    const digest = digestOfJson(content);
    // Names of batches are lineage, not content: the same rows announced under another name are the same snapshot.
    const manifest = { ...content, snapshotDigest: digest, batchIds: input.plan.batches.map(({ batchId }) => batchId) };
    const stored = await tools.artifacts.put(Buffer.from(canonicalJson(manifest), 'utf8'));
    return {
      digest,
      manifest: { ...stored, mediaType: 'application/json' },
      splits,
      batchIds: input.plan.batches.map(({ batchId }) => batchId),
      viewDigest: input.viewDigest,
      ...review,
    };
  });
}

async function writeLabels(
  engine: Engine,
  input: SnapshotInput,
  folder: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!input.labels || input.labels.byKey.size === 0) return undefined;
  const rows = [...input.labels.byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, label]) => `(${literal(key)}, ${label}::FLOAT)`);
  const outPath = join(folder, 'labels.parquet');
  await engine.writeParquet({
    select: `SELECT * FROM (VALUES ${rows.join(', ')}) AS labels (label_key, label) ORDER BY label_key`,
    outPath,
    signal,
  });
  return outPath;
}

function splitSelect(
  input: SnapshotInput,
  paths: readonly string[],
  labelsPath: string | undefined,
  range: TimeRange,
  maxRows: number | undefined,
): string {
  const { features } = input.spec.data;
  const [key, time, target] = [features.key, features.eventTime, input.spec.model.target.column].map(identifier);
  const reason = features.reviewReason === undefined ? 'NULL' : identifier(features.reviewReason);
  const label = labelsPath === undefined ? 'NULL::FLOAT' : 'label';
  const value = `CASE WHEN ${reason} IS NULL THEN ${target} ELSE ${label} END`;
  const joined = labelsPath === undefined ? '' : ` LEFT JOIN ${scanOf(labelsPath, 'parquet')} ON label_key = ${key}`;
  const source = `(${paths.map((path) => `SELECT * FROM ${scanOf(path, 'parquet')}`).join(' UNION ALL ')})`;
  const { clusters } = input.spec.evaluation;
  const carried = [...features.columns, ...(clusters === undefined ? [] : [clusters])].map(identifier).join(', ');
  const rows = `SELECT ${key}, ${time}, ${carried}, (${value})::FLOAT AS ${target} FROM ${source}${joined}
    WHERE ${time} >= ${timestampLiteral(range.startMs)} AND ${time} < ${timestampLiteral(range.endMs)} AND (${value}) IS NOT NULL`;
  const sampled =
    maxRows === undefined ? rows : `SELECT * FROM (${rows}) ORDER BY md5(${key}), ${key} LIMIT ${maxRows}`;
  return `SELECT * FROM (${sampled}) ORDER BY ${time}, ${key}`;
}

async function writeSplit(
  tools: { readonly engine: Engine; readonly artifacts: ArtifactStore },
  part: {
    name: SnapshotSplit['name'];
    range: TimeRange;
    select: string;
    outPath: string;
    target: string;
    signal: AbortSignal;
  },
): Promise<SnapshotSplit> {
  const { rows } = await tools.engine.writeParquet({ select: part.select, outPath: part.outPath, signal: part.signal });
  const { columns } = await tools.engine.readColumns(part.outPath, [part.target], { signal: part.signal });
  let positives = 0;
  for (const value of columns[0]!) {
    if (value !== 0 && value !== 1) {
      throw new PermanentError('invalid', `target ${part.target} holds ${value}`, {
        field: part.target,
        value,
        rule: '0, 1 or NULL',
        reason: 'TARGET_NOT_BINARY',
      });
    }
    positives += value;
  }
  return {
    name: part.name,
    artifact: await storeParquet(tools.artifacts, part.outPath),
    rows,
    positives,
    ...part.range,
  };
}

function splitFindings({ name, rows, positives }: SnapshotSplit): Finding[] {
  const least = name === 'train' ? SMALLEST_TRAIN_ROWS : SMALLEST_PART_ROWS;
  if (rows < least)
    return [
      finding('TOO_FEW_ROWS', name, `the ${name} part has ${rows} labeled rows`, `at least ${least}`, { count: rows }),
    ];
  if (positives > 0 && positives < rows) return [];
  return [
    finding(
      'ONE_CLASS',
      name,
      `all ${rows} rows of the ${name} part are of class ${positives > 0 ? 1 : 0}`,
      'both classes',
      { count: rows },
    ),
  ];
}

/** Rows for people, out of the window, with every column the feature SQL returned. */
async function writeReview(
  tools: { readonly engine: Engine; readonly artifacts: ArtifactStore },
  input: SnapshotInput,
  folder: string,
  signal: AbortSignal,
): Promise<{ readonly review?: ArtifactReference; readonly reviewRows: number }> {
  const digests = input.features.flatMap(({ review }) => (review ? [review.digest] : []));
  if (digests.length === 0) return { reviewRows: 0 };
  const { key, eventTime } = input.spec.data.features;
  const [time, { window }] = [identifier(eventTime), input.plan];
  const outPath = join(folder, 'review.parquet');
  const { rows } = await withFiles(tools.artifacts, digests, (paths) => {
    const source = paths.map((path) => `SELECT * FROM ${scanOf(path, 'parquet')}`).join(' UNION ALL BY NAME ');
    const select = `SELECT * FROM (${source}) WHERE ${time} >= ${timestampLiteral(window.startMs)} AND ${time} < ${timestampLiteral(window.endMs)} ORDER BY ${time}, ${identifier(key)}`;
    return tools.engine.writeParquet({ select, outPath, signal });
  });
  return rows === 0 ? { reviewRows: 0 } : { review: await storeParquet(tools.artifacts, outPath), reviewRows: rows };
}
