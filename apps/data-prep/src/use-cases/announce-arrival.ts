import { isDigest } from '@rondo/artifacts';
import type { Cause, Unit } from '@rondo/journal';
import { idFrom, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import { readContract } from '../adapters/odcs-contract.js';
import { arrivalAccepted, arrivalMerged } from '../contract-map.js';
import { checkDataSchema, checkTimes, type Announcement } from '../domain/announcement.js';
import { mergeAnnouncement, openBatch, type Batch } from '../domain/batch.js';
import { INGEST, type IngestInput } from './ingest-batch.js';
import { ANNOUNCEMENT, BATCH, BATCH_KEY, batchIndex, type Tools } from './tools.js';

/** What became of an announcement. */
export interface AnnounceOutcome {
  readonly batchId: string;
  /** The same source and id, or the same data, was announced before. */
  readonly duplicate: boolean;
}

interface AnnouncementState {
  readonly batchId: string;
  readonly announcedAtMs: number;
}

interface KeyState {
  readonly batchId: string;
  readonly opened: number;
}

/**
 * The one way in for announcements, whichever door they came through. An announcement is refused with a reason, opens a
 * batch, or is merged into the batch that its source and id, or its data, opened before.
 */
export class AnnounceArrival {
  constructor(private readonly tools: Tools) {}

  /** @throws PermanentError `invalid` or `not-found`, naming field, value and rule; nothing is recorded then */
  async execute(announcement: Announcement, cause: Cause): Promise<AnnounceOutcome> {
    await this.tools.locations.check(announcement.uri);
    if (announcement.contentDigest !== undefined && !isDigest(announcement.contentDigest))
      throw badDigest(announcement.contentDigest);
    const dedupeKey =
      announcement.dedupeKey ??
      `${announcement.uri}#${announcement.contentDigest ?? (await this.tools.locations.version(announcement.uri))}`;
    const done = await this.tools.journal.once(cause, (unit) => this.#admit(unit, announcement, dedupeKey));
    if (done.outcome === 'done') return done.value;
    const known = await this.tools.journal.load<AnnouncementState>(ANNOUNCEMENT, announcementId(announcement));
    return { batchId: known?.state.batchId ?? '', duplicate: true };
  }

  async #admit(unit: Unit, announcement: Announcement, dedupeKey: string): Promise<AnnounceOutcome> {
    const { pipeline, announcedAtMs } = announcement;
    const id = announcementId(announcement);
    const keyId = idFrom('batch-key', pipeline, dedupeKey);
    const [policy, newest, known, key] = await Promise.all([
      this.tools.policies.latest(unit, pipeline),
      newestBatch(unit, pipeline),
      unit.load<AnnouncementState>(ANNOUNCEMENT, id),
      unit.load<KeyState>(BATCH_KEY, keyId),
    ]);
    if (!policy) throw unknownPipeline(pipeline);
    this.#checkAgainstPolicy(announcement, policy.spec, newest);
    const batchId = known?.state.batchId ?? key?.state.batchId;
    const stored = batchId === undefined ? undefined : await unit.load<Batch>(BATCH, batchId);
    if (stored && (known || stored.state.state !== 'failed')) {
      saveAnnouncement(unit, id, { ...known?.state, batchId: stored.state.batchId, announcedAtMs });
      return this.#merge(unit, stored.state, announcement);
    }
    const opened = (key?.state.opened ?? 0) + 1;
    const fresh = idFrom('batch', pipeline, dedupeKey, String(opened));
    const batch = openBatch(announcement, { batchId: fresh, dedupeKey, policyGeneration: policy.generation });
    unit.save<Batch>({
      kind: BATCH,
      id: fresh,
      state: batch,
      index: batchIndex(batch),
      outgoing: [arrivalAccepted(batch)],
    });
    unit.save<KeyState>({ kind: BATCH_KEY, id: keyId, state: { ...key?.state, batchId: fresh, opened } });
    saveAnnouncement(unit, id, { ...known?.state, batchId: fresh, announcedAtMs });
    const input: IngestInput = { batchId: fresh };
    await this.tools.jobs.enqueue(unit, {
      kind: INGEST,
      id: idFrom('job', INGEST, fresh),
      pipeline,
      input: { ...input },
    });
    return { batchId: fresh, duplicate: false };
  }

  #checkAgainstPolicy(announcement: Announcement, spec: PipelineSpec, newest: Batch | undefined): void {
    checkTimes(announcement, {
      time: spec.time,
      nowMs: this.tools.clock.now(),
      watermarkMs: newest?.endMs,
      windowMs: spec.data.windowMs,
    });
    if (announcement.dataSchema === undefined) return;
    checkDataSchema(announcement.dataSchema, readContract(spec.files[spec.data.contract.file] ?? ''));
  }

  #merge(unit: Unit, batch: Batch, announcement: Announcement): AnnounceOutcome {
    const merged = mergeAnnouncement(batch, announcement.eventId);
    unit.save<Batch>({
      kind: BATCH,
      id: batch.batchId,
      state: merged,
      index: batchIndex(merged),
      outgoing: [arrivalMerged(merged, announcement)],
    });
    return { batchId: batch.batchId, duplicate: true };
  }
}

function saveAnnouncement(unit: Unit, id: string, state: AnnouncementState): void {
  unit.save<AnnouncementState>({ kind: ANNOUNCEMENT, id, state });
}

/** The ready batch whose interval ends last. */
async function newestBatch(unit: Unit, pipeline: string): Promise<Batch | undefined> {
  const { items } = await unit.list<Batch>(BATCH, {
    where: { pipeline, state: 'ready' },
    orderBy: { index: 'endMs', direction: 'desc' },
    limit: 1,
  });
  return items[0]?.state;
}

function announcementId({ pipeline, eventSource, eventId }: Announcement): string {
  return idFrom('announcement', pipeline, eventSource, eventId);
}

function unknownPipeline(pipeline: string): PermanentError {
  return new PermanentError('not-found', `there is no pipeline ${JSON.stringify(pipeline.slice(0, 80))}`, {
    field: 'pipeline',
    value: pipeline.slice(0, 80),
    rule: 'the name of an applied pipeline',
    reason: 'PIPELINE_UNKNOWN',
  });
}

function badDigest(value: string): PermanentError {
  return new PermanentError('invalid', 'content_digest: not a sha-256 digest', {
    field: 'content_digest',
    value: value.slice(0, 100),
    rule: '"sha256:" and 64 lower-case hexadecimal digits',
    reason: 'DIGEST_MALFORMED',
  });
}
