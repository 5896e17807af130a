export { SqliteBus, type SqliteBusOptions } from './sqlite-bus.js';
export { SqliteDatabase } from './sqlite-database.js';
export { GroupCommitter } from './group-committer.js';
