import { PermanentError } from '@rondo/kernel';
import type { Announcement } from './announcement.js';
import { finding, isBlocked, type Finding } from './finding.js';
import type { ColumnSummary } from './history.js';

/** Bytes by digest, as documents keep it. */
export interface ArtifactReference {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** Who decided. */
export interface ActorReference {
  readonly id: string;
  readonly kind: 'human' | 'service';
  readonly roles: readonly string[];
}

/** What is known of the rows once they were read. */
export interface AcceptedRows {
  /** Canonical Parquet: declared types, total order. */
  readonly artifact: ArtifactReference;
  readonly rows: number;
  /** Whether every contract column was there with its type, so that features can be computed. */
  readonly schemaIntact: boolean;
  /** Per column, for comparison with the batches to come. */
  readonly summaries: readonly ColumnSummary[];
}

/** Feature rows and what they depend on. */
export interface ComputedFeatures {
  readonly artifact: ArtifactReference;
  readonly rows: number;
  readonly labeledRows: number;
  /** Rows with a review reason, with all their columns. */
  readonly review?: ArtifactReference;
  readonly reviewRows: number;
  /** Digest of feature SQL, reference tables and engine version. */
  readonly viewDigest: string;
}

export type BatchState = 'checking' | 'ready' | 'quarantined' | 'rejected' | 'failed';

/** A batch and its one fate. */
export interface Batch {
  readonly pipeline: string;
  readonly batchId: string;
  readonly state: BatchState;
  readonly uri: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly announcedAtMs: number;
  readonly dedupeKey: string;
  readonly contentDigest?: string;
  readonly policyGeneration: number;
  /** The first announcement; the others are merged into it. */
  readonly eventId: string;
  readonly eventSource: string;
  /** Ids of the first hundred announcements. */
  readonly eventIds: readonly string[];
  readonly merges: number;
  readonly findings: readonly Finding[];
  readonly accepted?: AcceptedRows;
  readonly features?: ComputedFeatures;
  readonly decidedAtMs?: number;
  readonly decidedBy?: ActorReference;
  readonly reason?: string;
  /** A person let it through and its features are being computed. */
  readonly releasing?: boolean;
  /** A later batch of the same interval took its place. */
  readonly supersededBy?: string;
}

const EVENT_IDS_KEPT = 100;

/** The batch that a first announcement opens. */
export function openBatch(
  announcement: Announcement,
  identity: { readonly batchId: string; readonly dedupeKey: string; readonly policyGeneration: number },
): Batch {
  const { pipeline, uri, startMs, endMs, announcedAtMs, eventId, eventSource, contentDigest } = announcement;
  return {
    pipeline,
    uri,
    startMs,
    endMs,
    announcedAtMs,
    eventId,
    eventSource,
    ...identity,
    ...(contentDigest && { contentDigest }),
    state: 'checking',
    eventIds: [eventId],
    merges: 0,
    findings: [],
  };
}

/** The same data was announced again. */
export function mergeAnnouncement(batch: Batch, eventId: string): Batch {
  const known = batch.eventIds.includes(eventId) || batch.eventIds.length >= EVENT_IDS_KEPT;
  return { ...batch, merges: batch.merges + 1, eventIds: known ? batch.eventIds : [...batch.eventIds, eventId] };
}

/** Another ready batch, as far as it matters for a new one. */
export type Neighbour = Pick<Batch, 'batchId' | 'startMs' | 'endMs'>;

/**
 * A batch may take the place of one with the very same interval; one that overlaps another in part would count rows twice.
 */
export function overlapFinding(
  batch: Pick<Batch, 'batchId' | 'startMs' | 'endMs'>,
  ready: readonly Neighbour[],
): Finding | undefined {
  const clash = ready.find(
    (other) =>
      other.batchId !== batch.batchId &&
      other.startMs < batch.endMs &&
      batch.startMs < other.endMs &&
      (other.startMs !== batch.startMs || other.endMs !== batch.endMs),
  );
  if (!clash) return undefined;
  const words = `${new Date(clash.startMs).toISOString()} to ${new Date(clash.endMs).toISOString()}`;
  return finding(
    'OVERLAP',
    '',
    `the interval overlaps that of batch ${clash.batchId}, ${words}`,
    'equal to an accepted interval or apart from all',
  );
}

/** What checking the rows means for the batch. */
export function judgeRows(batch: Batch, accepted: AcceptedRows | undefined, findings: readonly Finding[]): Batch {
  return {
    ...batch,
    findings,
    ...(accepted && { accepted }),
    state: isBlocked(findings) ? 'quarantined' : batch.state,
  };
}

/** The file could not be turned into rows. */
export function failBatch(batch: Batch, why: Finding, atMs: number): Batch {
  return { ...batch, state: 'failed', findings: [why], decidedAtMs: atMs, releasing: false };
}

/** Features are there: the batch may be used. */
export function readyBatch(batch: Batch, features: ComputedFeatures, atMs: number): Batch {
  return { ...batch, state: 'ready', features, decidedAtMs: batch.decidedAtMs ?? atMs, releasing: false };
}

/** Features could not be computed: back to (or into) quarantine with the reasons. */
export function holdBatch(batch: Batch, findings: readonly Finding[]): Batch {
  return { ...batch, state: 'quarantined', findings: [...batch.findings, ...findings], releasing: false };
}

/** A person's verdict on a quarantined batch. */
export interface BatchDecision {
  readonly actor: ActorReference;
  readonly reason: string;
  readonly atMs: number;
}

/** Lets a quarantined batch through. @throws PermanentError `failed-precondition` when it is not quarantined or has no usable rows */
export function releaseBatch(batch: Batch, decision: BatchDecision): Batch {
  mustBeQuarantined(batch, 'released');
  if (!batch.accepted?.schemaIntact) {
    const broken = batch.findings.filter(({ code }) =>
      ['MISSING_COLUMN', 'WRONG_TYPE', 'CONTRACT_UNSUPPORTED'].includes(code),
    );
    const columns = broken.map(({ field }) => field).join(', ');
    throw new PermanentError(
      'failed-precondition',
      `batch ${batch.batchId} cannot be released: its schema is broken (${columns}), so features cannot be computed`,
      {
        field: 'batch_id',
        value: batch.batchId,
        rule: 'every column of the contract is there with its type',
        reason: 'SCHEMA_BROKEN',
      },
    );
  }
  if (batch.findings.some(({ code }) => code === 'OVERLAP')) {
    throw new PermanentError(
      'failed-precondition',
      `batch ${batch.batchId} cannot be released: it would count rows of another batch twice`,
      {
        field: 'batch_id',
        value: batch.batchId,
        rule: 'intervals of ready batches do not overlap',
        reason: 'INTERVAL_OVERLAPS',
      },
    );
  }
  return { ...batch, releasing: true, decidedAtMs: decision.atMs, decidedBy: decision.actor, reason: decision.reason };
}

/** Shuts a quarantined batch out for good. @throws PermanentError `failed-precondition` when it is not quarantined */
export function rejectBatch(batch: Batch, decision: BatchDecision): Batch {
  mustBeQuarantined(batch, 'rejected');
  return {
    ...batch,
    state: 'rejected',
    decidedAtMs: decision.atMs,
    decidedBy: decision.actor,
    reason: decision.reason,
  };
}

function mustBeQuarantined(batch: Batch, verb: string): void {
  if (batch.state === 'quarantined' && !batch.releasing) return;
  throw new PermanentError(
    'failed-precondition',
    `batch ${batch.batchId} cannot be ${verb}: it is ${batch.releasing ? 'being released' : batch.state}`,
    {
      field: 'batch_id',
      value: batch.state,
      rule: 'quarantined',
      reason: 'BATCH_NOT_QUARANTINED',
    },
  );
}
