import type { Engine, runFeatureSql } from '@rondo/datasets';
import type { DurableJobs, Platform, PolicyGenerations } from '@rondo/service';
import type { Locations } from '../adapters/locations.js';
import type { Batch } from '../domain/batch.js';

/** What the use cases work with. */
export interface Tools extends Pick<Platform, 'journal' | 'artifacts' | 'clock' | 'ids' | 'log'> {
  readonly engine: Engine;
  readonly runFeatureSql: typeof runFeatureSql;
  readonly locations: Locations;
  readonly policies: PolicyGenerations;
  readonly jobs: DurableJobs;
  /** Batches that are read at once. */
  readonly parallelism: number;
}

/** Kinds of documents. */
export const BATCH = 'batch';
export const ANNOUNCEMENT = 'announcement';
export const BATCH_KEY = 'batch-key';
export const READY_ROWS = 'ready-rows';
export const FEATURE_CACHE = 'feature-cache';
export const SNAPSHOT_CACHE = 'snapshot-cache';
export const SNAPSHOT_ANSWER = 'snapshot-answer';

/** Values a batch is found by. */
export function batchIndex(batch: Batch): Record<string, string | number> {
  return {
    pipeline: batch.pipeline,
    state: batch.state,
    startMs: batch.startMs,
    endMs: batch.endMs,
    announcedAtMs: batch.announcedAtMs,
  };
}
