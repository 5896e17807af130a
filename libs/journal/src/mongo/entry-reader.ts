import { PermanentError } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import type { Filter } from 'mongodb';
import type { EntryQuery, JournalEntry } from '../ports.js';
import { documentKey, limitOf } from '../units/document-row.js';
import type { EntryDoc, ServiceCollections } from './collections.js';
import type { FreshReads } from './fresh-reads.js';

interface Source {
  readonly collections: ServiceCollections;
  readonly reads: FreshReads;
}

/** Entries of one stream, oldest first. Throws PermanentError `data-loss` when one is missing. */
export async function historyOf({ collections, reads }: Source, kind: string, id: string): Promise<JournalEntry[]> {
  const { service, entries } = collections;
  const found = await reads.read(() =>
    entries
      .find({ stream: documentKey(kind, id) })
      .sort({ version: 1 })
      .toArray(),
  );
  if (found.some(({ version }, at) => version !== at + 1)) {
    throw new PermanentError('data-loss', `an entry of the journal of ${service} is missing; verify names it`);
  }
  return found.map((document) => entryOf(service, document));
}

/** Entries of the whole service. */
export async function entriesOf({ collections, reads }: Source, query: EntryQuery): Promise<JournalEntry[]> {
  const { afterPosition, beforePosition, key, cycleId, actor } = query;
  const limit = limitOf(query);
  const filter: Filter<EntryDoc> = {
    _id: { $gt: afterPosition ?? 0, ...(beforePosition !== undefined && { $lt: beforePosition }) },
    ...(key !== undefined && { key: { $eq: key } }),
    ...(cycleId !== undefined && { cycleId: { $eq: cycleId } }),
    ...(actor !== undefined && { actor: { $eq: actor } }),
  };
  const found = await reads.read(() =>
    collections.entries
      .find(filter)
      .sort({ _id: query.newestFirst ? -1 : 1 })
      .limit(limit)
      .toArray(),
  );
  return found.map((document) => entryOf(collections.service, document));
}

/** A stored entry as callers see it. Throws a SyntaxError when its headers are not JSON. */
export function entryOf(service: string, document: EntryDoc): JournalEntry {
  const { _id, stream, version, messageId, type, payload, key, headers, actor, atMs, hash } = document;
  return {
    position: _id,
    service,
    stream,
    version,
    messageId,
    type,
    payload,
    key,
    headers: JSON.parse(headers) as Record<string, string>,
    actor,
    atMs,
    hash,
  };
}

/** The message that a stored entry is on the bus. */
export function envelopeOf(service: string, document: EntryDoc): Envelope {
  const { messageId, type, topic, key, timeMs, payload, headers } = document;
  return {
    id: messageId,
    type,
    topic,
    key,
    source: `rondo/${service}`,
    timeMs,
    payload,
    headers: JSON.parse(headers) as Record<string, string>,
  };
}
