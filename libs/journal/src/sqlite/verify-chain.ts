import { chainFault } from '../chain-fault.js';
import type { ChainReport, JournalEntry } from '../ports.js';
import { documentKey } from '../units/document-row.js';
import type { DocumentTable } from './document-table.js';
import { entryOf, type EntryTable } from './entry-table.js';

const PAGE_ENTRIES = 1000;

type Broken = NonNullable<ChainReport['broken']>;

/** Walks the whole journal of a service in order of position. */
export async function verifyChain(entries: EntryTable, documents: DocumentTable): Promise<ChainReport> {
  const heads = new Map<string, { version: number; hash: string }>();
  let count = 0;
  let afterPosition = 0;
  let gap: Broken | undefined;
  const report = (broken?: Broken): ChainReport => ({
    intact: !broken,
    entries: count,
    streams: heads.size,
    ...(broken && { broken }),
  });
  for (;;) {
    const rows = entries.rows({ afterPosition, limit: PAGE_ENTRIES });
    for (const row of rows) {
      const place = { stream: row['stream'] as string, version: row['version'] as number };
      let entry: JournalEntry;
      try {
        entry = entryOf(row);
      } catch {
        return report({ ...place, explanation: 'its headers cannot be read' });
      }
      const explanation = chainFault(entry, heads.get(entry.stream), row['cycle_id']);
      if (explanation) return report({ ...place, explanation });
      // A hole in the positions does not say which stream it belonged to; the streams themselves may.
      if (entry.position !== afterPosition + 1) {
        gap ??= {
          ...place,
          explanation: `entries ${afterPosition + 1} to ${entry.position - 1}, just before it, are missing`,
        };
      }
      afterPosition = entry.position;
      heads.set(entry.stream, { version: entry.version, hash: entry.hash });
      count++;
    }
    // The documents are compared in the same turn as the last page, so nothing can be appended in between.
    if (rows.length < PAGE_ENTRIES) return report(missingTail(documents, heads) ?? gap);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function missingTail(
  documents: DocumentTable,
  heads: Map<string, { version: number; hash: string }>,
): Broken | undefined {
  for (const document of documents.heads()) {
    const stream = documentKey(document.kind, document.id);
    const head = heads.get(stream);
    const version = head?.version ?? 0;
    if (version < document.stream_version) {
      return {
        stream,
        version: version + 1,
        explanation: `the stream ends before version ${document.stream_version}, which its document names`,
      };
    }
    if (version > document.stream_version || head!.hash !== document.stream_hash) {
      return {
        stream,
        version,
        explanation: `its document names version ${document.stream_version} with another hash as the newest`,
      };
    }
  }
  return undefined;
}
