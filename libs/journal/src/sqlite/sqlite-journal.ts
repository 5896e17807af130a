import { ConflictError, type Clock } from '@rondo/kernel';
import type { SqliteBus } from '@rondo/messaging';
import { entryHash, FIRST_PREVIOUS_HASH } from '../entry-hash.js';
import type {
  Cause,
  ChainReport,
  EntryQuery,
  IndexValues,
  Journal,
  JournalEntry,
  ListQuery,
  Once,
  Page,
  Stored,
  Unit,
} from '../ports.js';
import { BufferedUnit, type Change } from '../units/buffered-unit.js';
import { limitOf, pageOf, placeOf, storedOf } from '../units/document-row.js';
import { inboxKeyOf } from '../units/inbox-key.js';
import { DocumentTable, type SqliteRow } from './document-table.js';
import { EntryTable } from './entry-table.js';
import type { TimerTable } from './timer-table.js';
import { verifyChain } from './verify-chain.js';

const RUNS_MAX = 64;
/** Runs beside others; later ones of contended work take turns, so that each turn has a winner. */
const RUNS_BESIDE_OTHERS = 2;

/** What one journal shares with the store it belongs to. */
export interface SqliteJournalContext {
  readonly bus: SqliteBus;
  readonly clock: Clock;
  readonly timers: TimerTable;
  /** traceparent of the active span, when there is one. */
  readonly currentTraceparent: () => string | undefined;
}

/** State of one service in the store's SQLite file. */
export class SqliteJournal implements Journal {
  readonly #service: string;
  readonly #context: SqliteJournalContext;
  readonly #documents: DocumentTable;
  readonly #entries: EntryTable;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(service: string, context: SqliteJournalContext) {
    this.#service = service;
    this.#context = context;
    this.#documents = new DocumentTable(context.bus.database, service);
    this.#entries = new EntryTable(context.bus.database, service);
  }

  async once<T>(cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T>> {
    for (let run = 1; run <= RUNS_MAX; run++) {
      const result =
        run <= RUNS_BESIDE_OTHERS ? await this.#run(cause, work) : await this.#inTurn(() => this.#run(cause, work));
      if (result.outcome !== 'conflict') return result;
    }
    throw new ConflictError(`the work caused by ${cause.messageId} lost ${RUNS_MAX} times against other changes`);
  }

  async load<S>(kind: string, id: string): Promise<Stored<S> | undefined> {
    const row = this.#documents.get(kind, id);
    return row && row.state !== null ? storedOf<S>(kind, row) : undefined;
  }

  async list<S>(kind: string, query: ListQuery = {}): Promise<Page<S>> {
    const limit = limitOf(query);
    return pageOf<S>(kind, this.#documents.select(kind, query, limit + 1, placeOf(query)), query, limit);
  }

  async count(kind: string, where: IndexValues = {}): Promise<number> {
    return this.#documents.count(kind, where);
  }

  async history(kind: string, id: string): Promise<JournalEntry[]> {
    return this.#entries.backFrom(this.#documents.get(kind, id)?.streamRow ?? null);
  }

  async entries(query: EntryQuery): Promise<JournalEntry[]> {
    return this.#entries.select(query);
  }

  verify(): Promise<ChainReport> {
    return verifyChain(this.#entries, this.#documents);
  }

  async #run<T>(cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T> | { outcome: 'conflict' }> {
    const inboxKey = inboxKeyOf(this.#service, cause);
    const carriedOut = this.#context.bus.database.statement('SELECT 1 FROM inbox WHERE cause = ?').get(inboxKey);
    if (carriedOut) {
      await this.#context.bus.database.committer.durable();
      return { outcome: 'duplicate' };
    }
    const unit = new BufferedUnit(this.#documents, {
      service: this.#service,
      cause,
      traceparent: this.#context.currentTraceparent() ?? cause.traceparent,
      nowMs: this.#context.clock.now(),
    });
    let value: T;
    try {
      value = await work(unit);
    } finally {
      unit.close();
    }
    const outcome = await this.#context.bus.database.committer.submit(() => this.#commit(cause, inboxKey, unit));
    if (unit.timers.size > 0) this.#context.timers.arm();
    return outcome === 'done' ? { outcome, value } : { outcome };
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Runs inside a transaction. All checks come before the first write, so that losing costs no rollback. */
  #commit(cause: Cause, inboxKey: Uint8Array, unit: BufferedUnit<SqliteRow>): 'done' | 'duplicate' | 'conflict' {
    const before = new Map<string, SqliteRow | undefined>();
    for (const [key, change] of unit.changes) {
      if (!unit.seen.has(key)) before.set(key, this.#documents.get(change.kind, change.id));
      else if (this.#documents.isUnchanged(change.kind, change.id, unit.seen.get(key)))
        before.set(key, unit.seen.get(key));
      else return 'conflict';
    }
    const atMs = this.#context.clock.now();
    const admitted = this.#context.bus.database
      .statement('INSERT INTO inbox(cause) VALUES(?) ON CONFLICT DO NOTHING')
      .run(inboxKey);
    if (admitted.changes === 0) return 'duplicate';
    const heads = this.#append(cause, unit, before, atMs);
    for (const [key, change] of unit.changes)
      this.#write(change, before.get(key), heads.get(key) ?? headOf(before.get(key)), atMs);
    this.#context.timers.apply(this.#service, unit.timers.values());
    return 'done';
  }

  /** Appends the messages to the streams of their documents, in the order in which the work saved them. Returns the new heads. */
  #append(
    cause: Cause,
    unit: BufferedUnit<SqliteRow>,
    before: ReadonlyMap<string, SqliteRow | undefined>,
    atMs: number,
  ): Map<string, StreamHead> {
    const heads = new Map<string, StreamHead>();
    for (const { stream, envelope } of unit.messages) {
      const last = heads.get(stream) ?? headOf(before.get(stream));
      const entry = {
        position: this.#entries.takePosition(),
        service: this.#service,
        stream,
        version: last.streamVersion + 1,
        messageId: envelope.id,
        type: envelope.type,
        payload: envelope.payload,
        key: envelope.key,
        headers: envelope.headers,
        actor: cause.actor ?? `service:${this.#service}`,
        atMs,
      };
      const hash = entryHash(last.streamHash, entry);
      const streamRow = this.#entries.insert({ ...entry, hash }, last.streamRow);
      heads.set(stream, { streamVersion: entry.version, streamRow, streamHash: hash });
    }
    if (unit.messages.length > 0) this.#context.bus.appendInTransaction(unit.messages.map(({ envelope }) => envelope));
    return heads;
  }

  #write(
    { kind, id, state, index, saves }: Change,
    before: SqliteRow | undefined,
    head: StreamHead,
    atMs: number,
  ): void {
    if (state === null && head.streamVersion === 0) {
      if (before) this.#documents.delete(kind, before);
      return;
    }
    const version = (before?.version ?? 0) + saves;
    this.#documents.write({ kind, id, state, index, version, atMs, ...head }, before);
  }
}

/** The last entry in the stream of a document. */
interface StreamHead {
  readonly streamVersion: number;
  readonly streamRow: number | null;
  readonly streamHash: string;
}

function headOf(row: SqliteRow | undefined): StreamHead {
  return {
    streamVersion: row?.streamVersion ?? 0,
    streamRow: row?.streamRow ?? null,
    streamHash: row?.streamHash ?? FIRST_PREVIOUS_HASH,
  };
}
