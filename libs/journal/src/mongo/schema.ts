import { PermanentError } from '@rondo/kernel';
import { MongoServerError, type Db, type Document } from 'mongodb';
import { sharedCollections, type ServiceCollections } from './collections.js';
import { isDuplicateKey } from './mongo-errors.js';

const NAMESPACE_EXISTS = 48;
const INDEX_NOT_FOUND = 27;

/**
 * One change of the database. `run` must be safe to run twice, by several processes at once, and while processes of the
 * previous release work: add first, and remove in a later release.
 */
export interface Migration {
  readonly version: number;
  /** Oldest version whose code still works after it. */
  readonly compatibleFrom: number;
  run(db: Db): Promise<void>;
}

/** All changes so far, in order. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    compatibleFrom: 1,
    run: async (db) => {
      for (const name of ['head', 'lease']) await createCollection(db, name);
    },
  },
  {
    version: 2,
    compatibleFrom: 1,
    run: async (db) => {
      await createCollection(db, 'news');
      const entries = await db.listCollections({ name: /\.entry$/ }, { nameOnly: true }).toArray();
      // Each service makes a smaller one in its place.
      for (const { name } of entries) await dropIndex(db, name, 'actor_1__id_1');
    },
  },
];

/**
 * Brings a database up to the newest of `migrations`.
 * @throws PermanentError `failed-precondition` when a newer release has changed it in a way this one does not understand
 */
export async function migrate(db: Db, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const { meta } = sharedCollections(db);
  const found = await meta.findOne({ _id: 'schema' });
  const newest = migrations.at(-1)!.version;
  if (found && found.compatibleFrom > newest) {
    throw new PermanentError(
      'failed-precondition',
      `database ${db.databaseName} was migrated to version ${found.version} by a newer release, which this one (version ${newest}) cannot work with; upgrade this process`,
      { field: 'database', value: found.version, rule: `compatible with version ${newest}` },
    );
  }
  for (const { version, compatibleFrom, run } of migrations) {
    if (version <= (found?.version ?? 0)) continue;
    await run(db);
    await upserting(() => meta.updateOne({ _id: 'schema' }, { $max: { version, compatibleFrom } }, { upsert: true }));
  }
}

/** Creates what one service needs; safe to run twice and by several processes at once. */
export async function prepareService(db: Db, collections: ServiceCollections): Promise<void> {
  const { service, documents, entries, inbox, timers, head, lease, news } = collections;
  // Before the first transaction: collections made inside of one make others that run at the same time fail.
  for (const { collectionName } of [documents, entries, inbox, timers]) await createCollection(db, collectionName);
  await documents.createIndexes([{ key: { kind: 1, _id: 1 } }]);
  await entries.createIndexes([
    { key: { stream: 1, version: 1 }, unique: true },
    { key: { key: 1, _id: 1 } },
    { key: { cycleId: 1, _id: 1 }, partialFilterExpression: { cycleId: { $exists: true } } },
    { key: { actor: 1, _id: 1 }, name: 'actors_but_itself', partialFilterExpression: notBy(`service:${service}`) },
  ]);
  await timers.createIndexes([{ key: { dueAtMs: 1 } }]);
  await upserting(() =>
    head.updateOne({ _id: service }, { $setOnInsert: { position: 0, timers: 0 } }, { upsert: true }),
  );
  await upserting(() =>
    news.updateOne({ _id: service }, { $setOnInsert: { position: 0, looks: 0, handovers: 0 } }, { upsert: true }),
  );
  await upserting(() =>
    lease.updateOne(
      { _id: service },
      { $setOnInsert: { holder: null, token: 0, expiresAt: new Date(0), cursor: 0 } },
      { upsert: true },
    ),
  );
}

/** Nearly all entries are by the service itself: they are found without an index, and one of them would cost as much as the entry. */
function notBy(actor: string): Document {
  return { $or: [{ actor: { $lt: actor } }, { actor: { $gt: actor } }] };
}

async function createCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === NAMESPACE_EXISTS)) throw error;
  }
}

async function dropIndex(db: Db, collection: string, name: string): Promise<void> {
  try {
    await db.collection(collection).dropIndex(name);
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === INDEX_NOT_FOUND)) throw error;
  }
}

/** Two upserts of the same id at the same time: one of them may be refused, and then finds the other's. */
async function upserting(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await write();
  }
}
