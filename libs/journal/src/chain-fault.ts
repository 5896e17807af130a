import { entryHash, FIRST_PREVIOUS_HASH } from './entry-hash.js';
import type { JournalEntry } from './ports.js';

/** Newest entry of a stream that was found in order. */
export interface StreamHead {
  readonly version: number;
  readonly hash: string;
}

/**
 * What is wrong with an entry that follows `head` in its stream; nothing when it is as it was written.
 * @param cycleId the cycle the adapter filed it under, null for none
 */
export function chainFault(entry: JournalEntry, head: StreamHead | undefined, cycleId: unknown): string | undefined {
  const expected = (head?.version ?? 0) + 1;
  if (entry.version !== expected) return `version ${expected} of the stream is missing before it`;
  if (entryHash(head?.hash ?? FIRST_PREVIOUS_HASH, entry) !== entry.hash) {
    return 'its content, its place or the entry before it was changed after it was written';
  }
  if ((entry.headers['cycleid'] ?? null) !== cycleId)
    return 'the cycle it is filed under is not the one in its headers';
  return undefined;
}
