import { MongoServerError, ObjectId, type ClientSession, type Db, type Document } from 'mongodb';

/** A command is itself a document of at most 16 MiB; the rest is left to what is around the items. */
const BYTES_PER_COMMAND_MAX = 15.5 * 1024 * 1024;
/** The server takes 100,000. */
const ITEMS_PER_COMMAND_MAX = 10_000;

/** Documents that one statement replaces; the server looks for each among all of the statement. */
const REPLACEMENTS_PER_STATEMENT = 64;

/** Puts a document in the place of the one with its id and the etag that was read. `ids` and `replacements` are constants, in the same order. */
const REPLACING = [
  {
    $replaceWith: {
      $let: {
        vars: { replacement: { $arrayElemAt: ['$$replacements', { $indexOfArray: ['$$ids', '$_id'] }] } },
        in: { $cond: [{ $eq: ['$etag', '$$replacement.etag'] }, '$$replacement.after', '$$ROOT'] },
      },
    },
  },
];

/** A document that takes the place of the one with its id, if that still has the etag that was read. */
export interface Replacement {
  readonly etag: ObjectId;
  readonly after: { readonly _id: string };
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
    await this.#run(documents, bytesAtMost, (part) => ({ insert: collection, documents: part }));
  }

  /** Leaves documents with another etag as they are; resolves to how many were replaced. */
  async replace(collection: string, replacements: readonly Replacement[]): Promise<number> {
    const command = (part: readonly Replacement[]) => ({ update: collection, updates: statements(part) });
    return sum(await this.#run(replacements, bytesOfReplacement, command), 'nModified');
  }

  /** Deletes one document per filter; resolves to how many were there. */
  async delete(collection: string, filters: readonly Document[]): Promise<number> {
    const command = (part: readonly Document[]) => ({
      delete: collection,
      deletes: part.map((q) => ({ q, limit: 1 })),
    });
    return sum(await this.#run(filters, bytesAtMost, command), 'n');
  }

  /** @param bytesOf what an item takes in its command, or more */
  async #run<T>(
    items: readonly T[],
    bytesOf: (item: T) => number,
    command: (part: readonly T[]) => Document,
  ): Promise<Document[]> {
    const replies: Document[] = [];
    for (const part of parts(items, bytesOf)) {
      const reply = await this.#db.command(command(part), { session: this.#session, ignoreUndefined: true });
      const [refused] = (reply['writeErrors'] as Document[] | undefined) ?? [];
      if (refused) throw new MongoServerError(refused);
      replies.push(reply);
    }
    return replies;
  }
}

/**
 * Many documents by one statement, as each costs the server about as much as a document. They are found by their ids alone: with the
 * etag in the filter it would plan the statement anew. One that is left as it is counts as not modified.
 */
function statements(replacements: readonly Replacement[]): Document[] {
  const found: Document[] = [];
  for (let from = 0; from < replacements.length; from += REPLACEMENTS_PER_STATEMENT) {
    const part = replacements.slice(from, from + REPLACEMENTS_PER_STATEMENT);
    const ids = part.map(({ after }) => after._id);
    found.push({ q: { _id: { $in: ids } }, u: REPLACING, c: { ids, replacements: part }, multi: true });
  }
  return found;
}

function bytesOfReplacement(replacement: Replacement): number {
  return bytesAtMost(replacement) + 2 * bytesAtMost(replacement.after._id);
}

function sum(replies: readonly Document[], field: string): number {
  return replies.reduce((total, reply) => total + Number(reply[field]), 0);
}

/** Items in order, as many together as a command takes; one that is too large by this estimate goes alone. */
function* parts<T>(items: readonly T[], bytesOf: (item: T) => number): Generator<readonly T[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, item] of items.entries()) {
    const more = bytesOf(item);
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
  for (const name in value) bytes += 3 * name.length + 2 + bytesAtMost((value as Document)[name]);
  return bytes;
}
