/**
 * Tables of the journal. Every index costs each commit the pages it touches, and group commit lives on few pages: so a
 * stream is a linked list (`previous`, `document.stream_row`) instead of an index, and what must be found by text is found
 * by a short hash of it.
 * `document.state` is null when a removed document's stream must be continued.
 */
export const JOURNAL_SCHEMA = `
CREATE TABLE IF NOT EXISTS document(
  row INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  version INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL, state TEXT, index_values TEXT NOT NULL,
  stream_version INTEGER NOT NULL, stream_row INTEGER, stream_hash TEXT NOT NULL, UNIQUE(service, kind, id)) STRICT;
CREATE TABLE IF NOT EXISTS document_index(
  service TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, value ANY NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY(service, kind, name, value, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal_entry(
  row INTEGER PRIMARY KEY, service TEXT NOT NULL, position INTEGER NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL,
  previous INTEGER, message_id TEXT NOT NULL, type TEXT NOT NULL, payload BLOB NOT NULL, key TEXT NOT NULL,
  headers TEXT NOT NULL, cycle_id TEXT, actor TEXT NOT NULL, at_ms INTEGER NOT NULL, hash TEXT NOT NULL,
  key_hash INTEGER NOT NULL, cycle_hash INTEGER, UNIQUE(service, position)) STRICT;
CREATE INDEX IF NOT EXISTS journal_entry_by_key ON journal_entry(key_hash);
CREATE INDEX IF NOT EXISTS journal_entry_by_cycle ON journal_entry(cycle_hash) WHERE cycle_hash IS NOT NULL;
CREATE TABLE IF NOT EXISTS inbox(cause BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS timer(
  service TEXT NOT NULL, id TEXT NOT NULL, due_at_ms INTEGER NOT NULL, message_id TEXT NOT NULL, type TEXT NOT NULL,
  topic TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL,
  PRIMARY KEY(service, id)) STRICT;
CREATE INDEX IF NOT EXISTS timer_by_due ON timer(due_at_ms);
`;
