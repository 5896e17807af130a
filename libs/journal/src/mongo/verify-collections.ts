import type { AbstractCursor, ClientSession, MongoClient } from 'mongodb';
import { chainFault, type StreamHead } from '../chain-fault.js';
import type { ChainReport, JournalEntry } from '../ports.js';
import type { DocumentDoc, EntryDoc, ServiceCollections } from './collections.js';
import { entryOf } from './entry-reader.js';

const BATCH = 1000;

type Broken = NonNullable<ChainReport['broken']>;
type Head = Pick<DocumentDoc, '_id' | 'streamVersion' | 'streamHash'>;

/**
 * Checks the whole journal of a service: stream after stream beside the documents that name their ends, then the positions.
 * Memory does not grow with the journal. What is appended meanwhile is not taken for a fault: what looks like one between a
 * document and its stream is looked at again at one moment of the database.
 */
export async function verifyCollections(client: MongoClient, collections: ServiceCollections): Promise<ChainReport> {
  const newest = (await collections.head.findOne({ _id: collections.service }))?.position ?? 0;
  const walk = new StreamWalk(client, collections);
  const broken = (await walk.run()) ?? (await missingPosition(collections, newest));
  return { intact: !broken, entries: walk.entries, streams: walk.streams, ...(broken && { broken }) };
}

/** Merges entries in order of stream and version with documents in order of their streams. */
class StreamWalk {
  entries = 0;
  streams = 0;
  readonly #client: MongoClient;
  readonly #collections: ServiceCollections;

  constructor(client: MongoClient, collections: ServiceCollections) {
    this.#client = client;
    this.#collections = collections;
  }

  async run(): Promise<Broken | undefined> {
    const { entries, documents } = this.#collections;
    const heads = new Peeked<Head>(
      documents
        .find({ streamVersion: { $gt: 0 } }, { projection: { streamVersion: 1, streamHash: 1 } })
        .sort({ _id: 1 }),
    );
    const all = entries.find({}, { batchSize: BATCH }).sort({ stream: 1, version: 1 });
    let stream: string | undefined;
    let head: StreamHead | undefined;
    try {
      for await (const document of all) {
        if (document.stream !== stream) {
          const fault = await this.#endOf(stream, head, heads, document.stream);
          if (fault) return fault;
          stream = document.stream;
          head = undefined;
          this.streams++;
        }
        const fault = faultOf(this.#collections.service, document, head);
        if (fault) return fault;
        head = { version: document.version, hash: document.hash };
        this.entries++;
      }
      return await this.#endOf(stream, head, heads, undefined);
    } finally {
      await all.close();
      await heads.close();
    }
  }

  /** Compares the end of a stream with its document, and finds documents before `next` that have no stream. */
  async #endOf(
    stream: string | undefined,
    head: StreamHead | undefined,
    heads: Peeked<Head>,
    next: string | undefined,
  ): Promise<Broken | undefined> {
    let found: Head | undefined;
    for (;;) {
      const document = await heads.peek();
      if (!document || (next !== undefined && compareTexts(document._id, next) >= 0)) break;
      await heads.take();
      if (document._id === stream) found = document;
      else if (disagreement(document._id, undefined, document)) {
        const fault = await this.#confirm(document._id);
        if (fault) return fault;
      }
    }
    if (stream === undefined || !disagreement(stream, head, found)) return undefined;
    return this.#confirm(stream);
  }

  /** Looks at one stream and its document at one moment. */
  async #confirm(stream: string): Promise<Broken | undefined> {
    return this.#client.withSession({ snapshot: true }, async (session: ClientSession) => {
      const { entries, documents, service } = this.#collections;
      // A snapshot names its moment itself; the level of the handle would contradict it.
      const options = { session, readConcern: { level: 'snapshot' as const } };
      let head: StreamHead | undefined;
      for await (const document of entries.find({ stream }, options).sort({ version: 1 })) {
        const fault = faultOf(service, document, head);
        if (fault) return fault;
        head = { version: document.version, hash: document.hash };
      }
      const document = await documents.findOne({ _id: stream, streamVersion: { $gt: 0 } }, options);
      return disagreement(stream, head, document ?? undefined);
    });
  }
}

function faultOf(service: string, document: EntryDoc, head: StreamHead | undefined): Broken | undefined {
  const place = { stream: document.stream, version: document.version };
  let entry: JournalEntry;
  try {
    entry = entryOf(service, document);
  } catch {
    return { ...place, explanation: 'its headers cannot be read' };
  }
  const explanation = chainFault(entry, head, document.cycleId ?? null);
  return explanation === undefined ? undefined : { ...place, explanation };
}

function disagreement(stream: string, head: StreamHead | undefined, document: Head | undefined): Broken | undefined {
  const version = head?.version ?? 0;
  if (!document) return head && { stream, version, explanation: 'the document that names it as the newest is gone' };
  if (version < document.streamVersion) {
    return {
      stream,
      version: version + 1,
      explanation: `the stream ends before version ${document.streamVersion}, which its document names`,
    };
  }
  if (version === document.streamVersion && head!.hash === document.streamHash) return undefined;
  return {
    stream,
    version,
    explanation: `its document names version ${document.streamVersion} with another hash as the newest`,
  };
}

/** The first hole in the positions, and an end before `newest`, which the head of the journal named at the beginning. */
async function missingPosition({ entries }: ServiceCollections, newest: number): Promise<Broken | undefined> {
  let before = 0;
  const positions = entries.find({}, { projection: { _id: 1 }, batchSize: 10 * BATCH }).sort({ _id: 1 });
  for await (const { _id } of positions) {
    if (_id !== before + 1) {
      const after = await entries.findOne({ _id });
      return {
        stream: after?.stream ?? '',
        version: after?.version ?? 0,
        explanation: `entries ${before + 1} to ${_id - 1}, just before it, are missing`,
      };
    }
    before = _id;
  }
  if (before >= newest) return undefined;
  const last = await entries.findOne({ _id: before });
  return {
    stream: last?.stream ?? '',
    version: last?.version ?? 0,
    explanation: `entries ${before + 1} to ${newest}, just after it, are missing`,
  };
}

/** MongoDB's order of texts. */
function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A cursor whose next item can be looked at before it is taken. */
class Peeked<T> {
  readonly #cursor: AbstractCursor<T>;
  #next: T | null | undefined;

  constructor(cursor: AbstractCursor<T>) {
    this.#cursor = cursor;
  }

  async peek(): Promise<T | undefined> {
    if (this.#next === undefined) this.#next = await this.#cursor.next();
    return this.#next ?? undefined;
  }

  async take(): Promise<void> {
    await this.peek();
    this.#next = this.#next === null ? null : undefined;
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}
