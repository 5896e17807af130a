import { backoffMs, ConflictError, Defect, type Clock, type Random } from '@rondo/kernel';
import type { MongoClient } from 'mongodb';
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
import { BufferedUnit } from '../units/buffered-unit.js';
import { limitOf, pageOf, placeOf, storedOf, type DocumentSource } from '../units/document-row.js';
import { inboxKeyOf } from '../units/inbox-key.js';
import { findByIds, type ServiceCollections } from './collections.js';
import type { DocumentReader, MongoRow } from './document-reader.js';
import { entriesOf, historyOf } from './entry-reader.js';
import { KeyBatcher } from './key-batcher.js';
import type { FreshReads } from './fresh-reads.js';
import { pause } from './pause.js';
import type { UnitCommitter } from './unit-committer.js';
import { verifyCollections } from './verify-collections.js';

const RUNS_MAX = 64;
/** Runs beside others; later ones of contended work take turns, so that each turn has a winner in this process. */
const RUNS_BESIDE_OTHERS = 2;
/** Other processes take no turns with this one. */
const RETRY = { initialMs: 1, factor: 1.5, maxMs: 200 };

/** The cause of a unit was carried out before. */
class CarriedOut extends Error {}

/** Lets contended work of one service run one after the other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** What one journal shares with the store it belongs to. */
export interface MongoJournalContext {
  readonly client: MongoClient;
  readonly collections: ServiceCollections;
  readonly documents: DocumentReader;
  readonly reads: FreshReads;
  readonly clock: Clock;
  readonly random: Random;
  /** Absent in a journal that is only read. */
  readonly writing: { readonly committer: UnitCommitter; readonly turns: Turns } | undefined;
  /** Resolves when the collections are there. */
  readonly ready: () => Promise<void>;
  /** traceparent of the active span, when there is one. */
  readonly currentTraceparent: () => string | undefined;
}

/** State of one service in its collections. */
export class MongoJournal implements Journal {
  readonly #context: MongoJournalContext;
  readonly #inbox: KeyBatcher<true>;

  constructor(context: MongoJournalContext) {
    this.#context = context;
    this.#inbox = new KeyBatcher(async (keys) => {
      const found = await context.reads.read(() =>
        findByIds(context.collections.inbox, keys, { projection: { _id: 1 } }).toArray(),
      );
      return new Map(found.map(({ _id }) => [_id, true as const]));
    });
  }

  async once<T>(cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T>> {
    const { writing, random, collections } = this.#context;
    if (!writing) throw new Defect(`the journal of ${collections.service} was opened to be read`);
    const { committer, turns } = writing;
    await this.#context.ready();
    for (let run = 1; run <= RUNS_MAX; run++) {
      const result =
        run <= RUNS_BESIDE_OTHERS
          ? await this.#run(committer, cause, work)
          : await turns.take(() => this.#run(committer, cause, work));
      if (result.outcome !== 'conflict') return result;
      if (run > RUNS_BESIDE_OTHERS) await pause(backoffMs(RETRY, run - RUNS_BESIDE_OTHERS, random.next()));
    }
    throw new ConflictError(`the work caused by ${cause.messageId} lost ${RUNS_MAX} times against other changes`);
  }

  async load<S>(kind: string, id: string): Promise<Stored<S> | undefined> {
    await this.#context.ready();
    const row = await this.#context.documents.get(kind, id);
    return row && row.state !== null ? storedOf<S>(kind, row) : undefined;
  }

  async list<S>(kind: string, query: ListQuery = {}): Promise<Page<S>> {
    const limit = limitOf(query);
    const place = placeOf(query);
    await this.#context.ready();
    return pageOf<S>(kind, await this.#context.documents.select(kind, query, limit + 1, place), query, limit);
  }

  async count(kind: string, where: IndexValues = {}): Promise<number> {
    await this.#context.ready();
    return this.#context.documents.count(kind, where);
  }

  async history(kind: string, id: string): Promise<JournalEntry[]> {
    await this.#context.ready();
    return historyOf(this.#context, kind, id);
  }

  async entries(query: EntryQuery): Promise<JournalEntry[]> {
    await this.#context.ready();
    return entriesOf(this.#context, query);
  }

  async verify(): Promise<ChainReport> {
    await this.#context.ready();
    return this.#context.reads.read(() => verifyCollections(this.#context.client, this.#context.collections));
  }

  async #run<T>(
    committer: UnitCommitter,
    cause: Cause,
    work: (unit: Unit) => Promise<T> | T,
  ): Promise<Once<T> | { outcome: 'conflict' }> {
    const { collections, clock, currentTraceparent } = this.#context;
    const inboxKey = inboxKeyOf(collections.service, cause).toString('base64url');
    const admission = this.#admit(inboxKey);
    const unit = new BufferedUnit<MongoRow>(this.#documentsAfter(admission), {
      service: collections.service,
      cause,
      traceparent: currentTraceparent() ?? cause.traceparent,
      nowMs: clock.now(),
    });
    let value: T;
    try {
      value = await work(unit);
      await admission;
    } catch (error) {
      // Whatever the work made of it: it was not to run.
      const isDuplicate = await admission.then(
        () => false,
        (reason: unknown) => reason instanceof CarriedOut,
      );
      if (isDuplicate) return { outcome: 'duplicate' };
      throw error;
    } finally {
      unit.close();
    }
    const outcome = await committer.submit({ cause, inboxKey, unit });
    return outcome === 'done' ? { outcome, value } : { outcome };
  }

  /** Rejects with CarriedOut when the inbox has the cause. */
  #admit(inboxKey: string): Promise<void> {
    const admission = this.#inbox.get(inboxKey).then((found) => {
      if (found) throw new CarriedOut();
    });
    // Work that ends before it is answered looks at it afterwards.
    admission.catch(() => undefined);
    return admission;
  }

  /** Reads that go out together with the question whether the cause is new, and answer only when it is. */
  #documentsAfter(admission: Promise<void>): DocumentSource<MongoRow> {
    const { documents } = this.#context;
    return {
      get: async (kind, id) => {
        const row = await documents.get(kind, id);
        await admission;
        return row;
      },
      select: async (...query) => (await Promise.all([documents.select(...query), admission]))[0],
    };
  }
}
