import { MongoServerError, ObjectId, type ClientSession, type Db, type Document } from 'mongodb';

/** A command is itself a document of at most 16 MiB; the rest is left to what is around the items. */
const BYTES_PER_COMMAND_MAX = 15.5 * 1024 * 1024;
/** The server takes 100,000. */
const ITEMS_PER_COMMAND_MAX = 10_000;

/** One statement of an `update` command. */
export interface UpdateStatement {
  readonly q: Document;
  readonly u: Document | Document[];
}

/**
 * Writes of one transaction, many documents by one command. The command is serialized in one go; the driver's own bulk writes
 * serialize every document by itself, which costs a quarter more. Throws MongoServerError for the first document that is refused.
 */
export class WriteCommands {
  readonly #db: Db;
  readonly #session: ClientSession;

  constructor(db: Db, session: ClientSession) {
    this.#db = db;
    this.#session = session;
  }

  async insert(collection: string, documents: readonly Document[]): Promise<void> {
    await this.#run({ insert: collection }, 'documents', documents);
  }

  /** Resolves to how many documents were modified. */
  async update(collection: string, updates: readonly UpdateStatement[]): Promise<number> {
    return sum(await this.#run({ update: collection }, 'updates', updates), 'nModified');
  }

  /** Deletes one document per filter; resolves to how many were there. */
  async delete(collection: string, filters: readonly Document[]): Promise<number> {
    const deletes = filters.map((q) => ({ q, limit: 1 }));
    return sum(await this.#run({ delete: collection }, 'deletes', deletes), 'n');
  }

  async #run(command: Document, field: string, items: readonly Document[]): Promise<Document[]> {
    const replies: Document[] = [];
    for (const part of parts(items)) {
      const options = { session: this.#session, ignoreUndefined: true };
      const reply = await this.#db.command({ ...command, [field]: part }, options);
      const [refused] = (reply['writeErrors'] as Document[] | undefined) ?? [];
      if (refused) throw new MongoServerError(refused);
      replies.push(reply);
    }
    return replies;
  }
}

function sum(replies: readonly Document[], field: string): number {
  return replies.reduce((total, reply) => total + Number(reply[field]), 0);
}

/** Items in order, as many together as a command takes; one that is too large by this estimate goes alone. */
function* parts(items: readonly Document[]): Generator<readonly Document[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, item] of items.entries()) {
    const more = bytesAtMost(item);
    if (at > from && (bytes + more > BYTES_PER_COMMAND_MAX || at - from === ITEMS_PER_COMMAND_MAX)) {
      yield items.slice(from, at);
      [from, bytes] = [at, 0];
    }
    bytes += more;
  }
  if (from < items.length) yield items.slice(from);
}

/** Bytes that a value takes as BSON, or more: each character counts as three. */
function bytesAtMost(value: unknown): number {
  if (typeof value === 'string') return 3 * value.length + 5;
  if (value instanceof Uint8Array) return value.byteLength + 5;
  if (typeof value !== 'object' || value === null || value instanceof ObjectId) return 12;
  let bytes = 5;
  for (const name of Object.keys(value)) bytes += 3 * name.length + 2 + bytesAtMost((value as Document)[name]);
  return bytes;
}
