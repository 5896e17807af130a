export { SqliteBus, type SqliteBusOptions } from './sqlite-bus.js';
export { SqliteDatabase } from './sqlite-database.js';
export { rowOf as logRowOf, type LogRow } from './message-log.js';
export { GroupCommitter } from './group-committer.js';
