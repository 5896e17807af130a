export type {
  Cause,
  ChainReport,
  EntryQuery,
  IndexValues,
  Journal,
  JournalEntry,
  ListQuery,
  Once,
  Outgoing,
  Page,
  Stored,
  Unit,
} from './ports.js';
export { entryHash, FIRST_PREVIOUS_HASH } from './entry-hash.js';
export { examineMongo, type MongoReport } from './mongo/examine-mongo.js';
export { SqliteStore, type JournalOptions, type SqliteStoreOptions } from './sqlite/sqlite-store.js';
export { MongoStore, type MongoJournalOptions, type MongoStoreOptions } from './mongo/mongo-store.js';
export type { MongoTrouble } from './mongo/relay.js';
