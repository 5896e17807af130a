import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  ActorKind,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  BatchQuarantinedSchema,
  BatchReadySchema,
  BatchRejectedSchema,
  type BatchSchema,
  BatchState as WireState,
  DeterminismViolatedSchema,
  Severity,
  SnapshotPreparedSchema,
  StepFailedSchema,
  type AnnounceArrival,
  type FindingSchema,
} from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import type { Principal } from '@rondo/security';
import { etagOf } from '@rondo/service';
import type { Snapshot } from './adapters/snapshot-writer.js';
import type { Announcement } from './domain/announcement.js';
import type { ActorReference, ArtifactReference, Batch } from './domain/batch.js';
import type { Finding } from './domain/finding.js';

const time = (ms: number): Timestamp => timestampFromMs(ms);
const range = ({ startMs, endMs }: { startMs: number; endMs: number }) => ({ start: time(startMs), end: time(endMs) });
const artifact = ({ digest, mediaType, sizeBytes }: ArtifactReference) => ({
  digest,
  mediaType,
  sizeBytes: BigInt(sizeBytes),
});

function findingTo(value: Finding): MessageInitShape<typeof FindingSchema> {
  const { code, message, field, rule, count, samplesJson } = value;
  const severity = value.severity === 'blocking' ? Severity.BLOCKING : Severity.ADVISORY;
  return { code, message, field, rule, severity, count: BigInt(count), samplesJson: [...samplesJson] };
}

function actorTo({ id, kind, roles }: ActorReference) {
  return { id, kind: kind === 'human' ? ActorKind.HUMAN : ActorKind.SERVICE, roles: [...roles] };
}

/** Who acts, as the journal and documents name them. */
export function actorOf({ id, roles }: Principal): ActorReference {
  return { id, kind: id.startsWith('service:') ? 'service' : 'human', roles: [...roles] };
}

/** The domain's view of an announcement that has passed the shape rules. */
export function announcementFrom(message: AnnounceArrival): Announcement {
  const { pipeline, eventId, eventSource, uri, dataInterval, announcedAt, contentDigest, dedupeKey } = message;
  return {
    pipeline,
    eventId,
    eventSource,
    uri,
    startMs: msOf(dataInterval?.start),
    endMs: msOf(dataInterval?.end),
    announcedAtMs: msOf(announcedAt),
    ...(contentDigest !== '' && { contentDigest }),
    ...(dedupeKey !== '' && { dedupeKey }),
  };
}

/** Milliseconds since the epoch; NaN when absent. */
export function msOf(timestamp: Timestamp | undefined): number {
  return timestamp ? timestampMs(timestamp) : NaN;
}

export function arrivalAccepted(batch: Batch): Outgoing {
  const { pipeline, eventId, eventSource, batchId, uri, dedupeKey } = batch;
  const message = create(ArrivalAcceptedSchema, {
    pipeline,
    eventId,
    eventSource,
    batchId,
    uri,
    dedupeKey,
    announcedAt: time(batch.announcedAtMs),
    dataInterval: range(batch),
  });
  return { schema: ArrivalAcceptedSchema, message, key: pipeline };
}

export function arrivalMerged(batch: Batch, { eventId, eventSource, announcedAtMs }: Announcement): Outgoing {
  const { pipeline, batchId } = batch;
  const message = create(ArrivalMergedSchema, {
    pipeline,
    eventId,
    eventSource,
    batchId,
    announcedAt: time(announcedAtMs),
  });
  return { schema: ArrivalMergedSchema, message, key: pipeline };
}

export function arrivalFailed(batch: Batch): Outgoing {
  const { pipeline, eventId, eventSource, batchId } = batch;
  const message = create(ArrivalFailedSchema, {
    pipeline,
    eventId,
    eventSource,
    batchId,
    finding: findingTo(batch.findings[0]!),
    announcedAt: time(batch.announcedAtMs),
  });
  return { schema: ArrivalFailedSchema, message, key: pipeline };
}

export function batchReady(batch: Batch, readyRowsTotal: number): Outgoing {
  const { pipeline, batchId, eventId, accepted, features, decidedBy } = batch;
  const message = create(BatchReadySchema, {
    pipeline,
    batchId,
    eventId,
    dataInterval: range(batch),
    ...(accepted && { rowsArtifact: artifact(accepted.artifact) }),
    ...(features && {
      featuresArtifact: artifact(features.artifact),
      rows: BigInt(features.rows),
      labeledRows: BigInt(features.labeledRows),
    }),
    warnings: batch.findings.map(findingTo),
    ...(decidedBy && { releasedBy: actorTo(decidedBy) }),
    policyGeneration: BigInt(batch.policyGeneration),
    readyRowsTotal: BigInt(readyRowsTotal),
  });
  return { schema: BatchReadySchema, message, key: pipeline };
}

export function batchQuarantined(batch: Batch): Outgoing {
  const { pipeline, batchId, eventId, uri, findings, accepted } = batch;
  const message = create(BatchQuarantinedSchema, {
    pipeline,
    batchId,
    eventId,
    uri,
    dataInterval: range(batch),
    findings: findings.map(findingTo),
    rows: BigInt(accepted?.rows ?? 0),
  });
  return { schema: BatchQuarantinedSchema, message, key: pipeline };
}

export function batchRejected(batch: Batch): Outgoing {
  const { pipeline, batchId, eventId, decidedBy, reason } = batch;
  const message = create(BatchRejectedSchema, {
    pipeline,
    batchId,
    eventId,
    reason: reason ?? '',
    ...(decidedBy && { actor: actorTo(decidedBy) }),
  });
  return { schema: BatchRejectedSchema, message, key: pipeline };
}

const STATES = {
  checking: WireState.CHECKING,
  ready: WireState.READY,
  quarantined: WireState.QUARANTINED,
  rejected: WireState.REJECTED,
  failed: WireState.FAILED,
} as const satisfies Record<Batch['state'], WireState>;

/** The stored word of a state asked for over the API; undefined for all. */
export function stateFrom(state: WireState): Batch['state'] | undefined {
  return (Object.keys(STATES) as Batch['state'][]).find((name) => STATES[name] === state);
}

/** A batch as callers see it; one that is being released shows as being checked. */
export function batchTo(batch: Batch, version: number): MessageInitShape<typeof BatchSchema> {
  const {
    pipeline,
    batchId,
    uri,
    findings,
    eventIds,
    accepted,
    features,
    decidedAtMs,
    decidedBy,
    reason,
    supersededBy,
  } = batch;
  return {
    pipeline,
    batchId,
    state: batch.releasing ? WireState.CHECKING : STATES[batch.state],
    uri,
    dataInterval: range(batch),
    rows: BigInt(features?.rows ?? accepted?.rows ?? 0),
    labeledRows: BigInt(features?.labeledRows ?? 0),
    findings: findings.map(findingTo),
    eventIds: [...eventIds],
    rowsDigest: accepted?.artifact.digest ?? '',
    featuresDigest: features?.artifact.digest ?? '',
    announcedAt: time(batch.announcedAtMs),
    ...(decidedAtMs !== undefined && { decidedAt: time(decidedAtMs) }),
    ...(decidedBy && { decidedBy: actorTo(decidedBy) }),
    reason: supersededBy === undefined ? (reason ?? '') : `superseded by ${supersededBy}`,
    etag: etagOf(version),
  };
}

/** What identifies a step command, for its answers. */
export interface StepReference {
  readonly pipeline: string;
  readonly cycleId: string;
  readonly idempotencyKey: string;
}

export function snapshotPrepared(
  step: StepReference,
  snapshot: Snapshot,
  how: { readonly cacheHit: boolean; readonly durationMs: number },
): Outgoing {
  const message = create(SnapshotPreparedSchema, {
    pipeline: step.pipeline,
    cycleId: step.cycleId,
    snapshotDigest: snapshot.digest,
    splits: snapshot.splits.map((split) => ({
      name: split.name,
      artifact: artifact(split.artifact),
      rows: BigInt(split.rows),
      dataInterval: range(split),
    })),
    batchIds: [...snapshot.batchIds],
    featureViewDigest: snapshot.viewDigest,
    cacheHit: how.cacheHit,
    ...(snapshot.review && { reviewArtifact: artifact(snapshot.review) }),
    reviewRows: BigInt(snapshot.reviewRows),
    manifest: artifact(snapshot.manifest),
    durationMs: BigInt(how.durationMs),
  });
  return { schema: SnapshotPreparedSchema, message, key: step.pipeline, headers: { cycleid: step.cycleId } };
}

export function stepFailed(
  step: StepReference,
  failure: {
    readonly code: string;
    readonly message: string;
    readonly attempts: number;
    readonly findings: readonly Finding[];
  },
): Outgoing {
  const { pipeline, cycleId, idempotencyKey } = step;
  const message = create(StepFailedSchema, {
    pipeline,
    cycleId,
    idempotencyKey,
    step: 'prepare',
    ...failure,
    findings: failure.findings.map(findingTo),
  });
  return { schema: StepFailedSchema, message, key: pipeline, headers: { cycleid: cycleId } };
}

export function determinismViolated(
  step: StepReference,
  cacheKey: string,
  digests: { readonly expectedDigest: string; readonly actualDigest: string },
): Outgoing {
  const message = create(DeterminismViolatedSchema, {
    pipeline: step.pipeline,
    cycleId: step.cycleId,
    cacheKey,
    ...digests,
  });
  return { schema: DeterminismViolatedSchema, message, key: step.pipeline, headers: { cycleid: step.cycleId } };
}
