import { hash } from 'node:crypto';
import { canonicalJson } from '@rondo/kernel';
import type { JournalEntry } from './ports.js';

/** Hash "before" the first entry of a stream. */
export const FIRST_PREVIOUS_HASH = '0'.repeat(64);

/**
 * Hash of an entry: sha-256, in hex, over three lines: the previous hash of the stream; a JSON array of service, position,
 * stream, version, message id, type, key, actor, time in ms and the hex sha-256 of the payload; the headers as JSON with
 * sorted keys.
 */
export function entryHash(previousHash: string, entry: Omit<JournalEntry, 'hash'>): string {
  const payload = hash('sha256', entry.payload, 'hex');
  const content = JSON.stringify([
    entry.service,
    entry.position,
    entry.stream,
    entry.version,
    entry.messageId,
    entry.type,
    entry.key,
    entry.actor,
    entry.atMs,
    payload,
  ]);
  return hash('sha256', `${previousHash}\n${content}\n${canonicalJson(entry.headers)}`, 'hex');
}
