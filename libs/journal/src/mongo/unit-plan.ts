import { assert, PermanentError } from '@rondo/kernel';
import { checkEnvelope, type Envelope } from '@rondo/messaging';
import type { ObjectId } from 'mongodb';
import { entryHash, FIRST_PREVIOUS_HASH } from '../entry-hash.js';
import type { Cause, IndexValues } from '../ports.js';
import type { BufferedUnit, TimerChange } from '../units/buffered-unit.js';
import { documentKey } from '../units/document-row.js';
import type { DocumentDoc, EntryDoc, TimerDoc } from './collections.js';
import type { MongoRow } from './document-reader.js';

/** Largest state of one document; MongoDB keeps at most 16 MiB with everything around it. */
export const STATE_BYTES_MAX = 15 * 1024 * 1024;

/** A unit of work that ran and is to be committed. */
export interface RunUnit {
  readonly cause: Cause;
  readonly inboxKey: string;
  readonly unit: BufferedUnit<MongoRow>;
}

/** One entry to be appended; its position is still open. */
export interface PlannedEntry {
  readonly stream: string;
  readonly version: number;
  readonly actor: string;
  readonly envelope: Envelope;
}

/** What becomes of one document: what it was (absent: it is new) and what it shall be. */
export interface PlannedDocument {
  readonly before: MongoRow | undefined;
  readonly kind: string;
  readonly id: string;
  readonly state: string | null;
  readonly index: IndexValues;
  readonly version: number;
  /** Of the last entry in the stream of the document. */
  streamVersion: number;
}

/** What one transaction shall do for many units. */
export interface Plan<U extends RunUnit> {
  readonly units: readonly U[];
  /** Units that lost against one before them in the same plan. */
  readonly conflicting: readonly U[];
  /** By key, in the order of the first change. */
  readonly documents: ReadonlyMap<string, PlannedDocument>;
  readonly entries: readonly PlannedEntry[];
  readonly timers: ReadonlyMap<string, TimerChange>;
}

/** A planned transaction with positions and hashes: what is written. */
export interface PlacedPlan {
  readonly documents: readonly {
    readonly before: MongoRow | undefined;
    readonly after: DocumentDoc | undefined;
    readonly key: string;
  }[];
  readonly entries: readonly EntryDoc[];
}

/**
 * Throws PermanentError `invalid` for a unit that the store or the bus could never take, so that it fails alone and before
 * anything is written.
 */
export function checkUnit(unit: BufferedUnit<MongoRow>): void {
  for (const [key, { state }] of unit.changes) {
    const bytes = state === null ? 0 : Buffer.byteLength(state);
    if (bytes > STATE_BYTES_MAX) {
      throw new PermanentError('invalid', `the state of ${key} takes ${bytes} bytes; keep large things as artifacts`, {
        field: key,
        value: bytes,
        rule: `at most ${STATE_BYTES_MAX} bytes of JSON`,
      });
    }
  }
  for (const { envelope } of unit.messages) checkEnvelope(envelope);
  for (const { due } of unit.timers.values()) if (due) checkEnvelope(due.envelope);
}

/** Keys of documents that a unit changes without having looked at them; the plan needs to know how they stand. */
export function unseenKeys(units: readonly RunUnit[]): string[] {
  const keys = new Set<string>();
  for (const { unit } of units) for (const key of unit.changes.keys()) if (!unit.seen.has(key)) keys.add(key);
  return [...keys];
}

/**
 * Puts units into one transaction, in their order. A unit that looked at a document which an earlier one changes is left out:
 * it must run again.
 * @param standing documents under {@link unseenKeys}
 */
export function planUnits<U extends RunUnit>(
  service: string,
  units: readonly U[],
  standing: ReadonlyMap<string, MongoRow>,
): Plan<U> {
  const documents = new Map<string, PlannedDocument>();
  const plan = {
    units: [] as U[],
    conflicting: [] as U[],
    documents,
    entries: [] as PlannedEntry[],
    timers: new Map<string, TimerChange>(),
  };
  for (const candidate of units) {
    const { unit } = candidate;
    if (isOvertaken(unit, documents)) {
      plan.conflicting.push(candidate);
      continue;
    }
    plan.units.push(candidate);
    for (const [key, change] of unit.changes) {
      const earlier = documents.get(key);
      const before = earlier ? earlier.before : unit.seen.has(key) ? unit.seen.get(key) : standing.get(key);
      const streamVersion = earlier?.streamVersion ?? before?.streamVersion ?? 0;
      const { kind, id, state, index, saves } = change;
      const version = (earlier?.version ?? before?.version ?? 0) + saves;
      documents.set(key, { before, kind, id, state, index, version, streamVersion });
    }
    const actor = candidate.cause.actor ?? `service:${service}`;
    for (const { stream, envelope } of unit.messages) {
      const document = documents.get(stream);
      assert(document, `a message belongs to ${stream}, which the unit does not change`);
      plan.entries.push({ stream, version: ++document.streamVersion, actor, envelope });
    }
    for (const [id, timer] of unit.timers) plan.timers.set(id, timer);
  }
  return plan;
}

/** Whether the unit looked at a document that one before it changes. */
function isOvertaken(unit: RunUnit['unit'], documents: ReadonlyMap<string, PlannedDocument>): boolean {
  for (const key of unit.changes.keys()) if (unit.seen.has(key) && documents.has(key)) return true;
  return false;
}

/** Gives the entries of a plan their positions, from `firstPosition`, and chains them. */
export function placePlan(
  service: string,
  plan: Plan<RunUnit>,
  at: { readonly firstPosition: number; readonly atMs: number; readonly attempt: ObjectId },
): PlacedPlan {
  const hashes = new Map<string, string>();
  const hashBefore = (key: string): string =>
    hashes.get(key) ?? plan.documents.get(key)?.before?.streamHash ?? FIRST_PREVIOUS_HASH;
  const entries = plan.entries.map(({ stream, version, actor, envelope }, order): EntryDoc => {
    const { id: messageId, type, topic, payload, key, headers, timeMs } = envelope;
    const position = at.firstPosition + order;
    const content = {
      position,
      service,
      stream,
      version,
      messageId,
      type,
      payload,
      key,
      headers,
      actor,
      atMs: at.atMs,
    };
    const hash = entryHash(hashBefore(stream), content);
    hashes.set(stream, hash);
    const cycleId = headers['cycleid'];
    return {
      _id: position,
      stream,
      version,
      messageId,
      type,
      topic,
      payload,
      key,
      headers: JSON.stringify(headers),
      ...(cycleId !== undefined && { cycleId }),
      actor,
      timeMs,
      atMs: at.atMs,
      hash,
    };
  });
  const documents = [...plan.documents].map(([key, planned]) => ({
    key,
    before: planned.before,
    after: documentAfter(planned, { streamHash: hashBefore(key), atMs: at.atMs, attempt: at.attempt }),
  }));
  return { documents, entries };
}

function documentAfter(
  { kind, id, state, index, version, streamVersion }: PlannedDocument,
  { streamHash, atMs, attempt }: { readonly streamHash: string; readonly atMs: number; readonly attempt: ObjectId },
): DocumentDoc | undefined {
  const common = {
    _id: documentKey(kind, id),
    id,
    etag: attempt,
    version,
    updatedAtMs: atMs,
    streamVersion,
    streamHash,
  };
  if (state !== null) return { ...common, kind, state, index };
  // A removed document stays only as the head of its stream.
  return streamVersion > 0 ? { ...common, state, index: {} } : undefined;
}

/** A timer as it is stored. */
export function timerDocument({ id, due }: TimerChange & { readonly due: NonNullable<TimerChange['due']> }): TimerDoc {
  const { id: messageId, type, topic, payload, key, headers } = due.envelope;
  return { _id: id, dueAtMs: due.atMs, messageId, type, topic, payload, key, headers: JSON.stringify(headers) };
}
