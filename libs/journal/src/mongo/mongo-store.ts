import { messageOf, seededRandom, systemClock, TransientError, type Clock, type Random } from '@rondo/kernel';
import type { Bus } from '@rondo/messaging';
import type { Db, MongoClient } from 'mongodb';
import type { Journal } from '../ports.js';
import { serviceCollections, sharedCollections, type ServiceCollections } from './collections.js';
import { caughtUp, connect, MAJORITY } from './connect.js';
import { DocumentReader } from './document-reader.js';
import { FreshReads } from './fresh-reads.js';
import { isPassing } from './mongo-errors.js';
import { MongoJournal, Turns } from './mongo-journal.js';
import { NewsWatch } from './news-watch.js';
import { pause } from './pause.js';
import { Relay, type MongoTrouble } from './relay.js';
import { migrate, prepareService } from './schema.js';
import { UnitCommitter } from './unit-committer.js';

const LEASE_MS = 5000;
const SERVER_SELECTION_MS = 10_000;
const COMMIT_RETRY_MS = 30_000;
const FLUSH_WITHIN_MS = 10_000;
const PREPARE_AGAIN_MS = 1000;

/** Settings of the store. */
export interface MongoStoreOptions {
  /** Connection string of a replica set. */
  readonly url: string;
  /** Database of this installation: every service has its own collections in it. */
  readonly database: string;
  /** Where the relays publish; closed by whoever opened it, after the store. */
  readonly bus: Bus;
  /** Gives entries and timers their time; the machine's clock when left out. */
  readonly clock?: Clock;
  /** Spreads retries. */
  readonly random?: Random;
  /** How long a relay that died keeps others waiting, in ms; 5000 when left out. */
  readonly leaseMs?: number;
  /** How long to look for a primary before giving up, in ms; 10000 when left out. */
  readonly serverSelectionMs?: number;
  /** Told of what went wrong in the background and is being tried again: a relay that cannot publish, a lost connection. */
  readonly onTrouble?: (trouble: MongoTrouble) => void;
}

/** Settings of one service's journal. */
export interface MongoJournalOptions {
  /** traceparent of the active span, written to the headers of what is published. */
  readonly currentTraceparent?: () => string | undefined;
  /** For reading another service's journal (the audit): `once` is refused, and nothing is relayed on its behalf. */
  readonly readOnly?: boolean;
}

/** What a service that writes has in this process, however often its journal is asked for. */
interface Writing {
  readonly committer: UnitCommitter;
  readonly turns: Turns;
  readonly relay: Relay;
  readonly ready: () => Promise<void>;
}

/** The journals of an installation in a MongoDB replica set, and the relays of the services that run in this process. */
export class MongoStore {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #options: MongoStoreOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #relays = new Map<string, Relay>();
  readonly #writing = new Map<string, Writing>();
  readonly #reads: FreshReads;
  readonly #watch: NewsWatch;
  #closed = false;

  private constructor(client: MongoClient, options: MongoStoreOptions) {
    this.#client = client;
    this.#db = client.db(options.database, MAJORITY);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? seededRandom(Date.now() >>> 0);
    this.#reads = new FreshReads(client, () => caughtUp(this.#db));
    this.#watch = new NewsWatch(sharedCollections(this.#db), this.#relays, (error) =>
      this.#trouble({ service: [...this.#relays.keys()].join(', '), activity: 'watch', error }),
    );
  }

  /**
   * Connects, and migrates the database when it is older than this code.
   * @throws PermanentError saying what to do: `invalid` (connection string), `unavailable` (address), `unauthenticated`, `denied`,
   *   `failed-precondition` (no replica set, too old, clocks apart, weaker concerns asked for, migrated by a newer release)
   */
  static async open(options: MongoStoreOptions): Promise<MongoStore> {
    const { url, database, serverSelectionMs = SERVER_SELECTION_MS } = options;
    const client = await connect({ url, database, serverSelectionMs });
    try {
      await migrate(client.db(database, MAJORITY));
      return new MongoStore(client, options);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /**
   * The state of one service. Unless it is read only, this process takes part in publishing what the service journals and in
   * firing its timers: one process at a time does, the others stand by.
   */
  journal(service: string, options: MongoJournalOptions = {}): Journal {
    const collections = serviceCollections(this.#db, service);
    const documents = new DocumentReader(collections, this.#reads, !options.readOnly);
    const writing = options.readOnly ? undefined : this.#writingOf(collections);
    return new MongoJournal({
      client: this.#client,
      collections,
      documents,
      reads: this.#reads,
      clock: this.#clock,
      random: this.#random,
      writing,
      ready: writing?.ready ?? (() => Promise.resolve()),
      currentTraceparent: options.currentTraceparent ?? (() => undefined),
    });
  }

  /** Resolves when the primary answers. Throws TransientError when it does not. */
  async ping(): Promise<void> {
    try {
      await this.#db.command({ ping: 1 });
    } catch (error) {
      throw new TransientError(`MongoDB does not answer: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Commits what is queued, publishes what is committed, gives back the leases, disconnects. */
  async close(): Promise<void> {
    this.#closed = true;
    const writing = [...this.#writing.values()];
    await Promise.all(writing.map(({ committer }) => committer.close()));
    await Promise.all(writing.map(({ relay }) => relay.stop(FLUSH_WITHIN_MS)));
    await this.#watch.close();
    await this.#client.close();
  }

  /** Ends as a killed process does: finishes nothing, publishes nothing more, keeps its leases until they end. */
  async abandon(): Promise<void> {
    this.#closed = true;
    const writing = [...this.#writing.values()];
    for (const { committer, relay } of writing) {
      committer.abandon();
      relay.abandon();
    }
    await this.#watch.close();
    await this.#client.close();
    await Promise.all(writing.flatMap(({ committer, relay }) => [committer.ended(), relay.ended()]));
    // Whatever was under way when the connections were cut may have opened new ones.
    await this.#client.close();
  }

  #writingOf(collections: ServiceCollections): Writing {
    const known = this.#writing.get(collections.service);
    if (known) return known;
    const { bus, leaseMs = LEASE_MS } = this.#options;
    const [clock, random] = [this.#clock, this.#random];
    const relay = new Relay({
      collections,
      bus,
      clock,
      random,
      leaseMs,
      onTrouble: (trouble) => this.#trouble(trouble),
    });
    const committer = new UnitCommitter({
      client: this.#client,
      collections,
      documents: new DocumentReader(collections, this.#reads, false),
      reads: this.#reads,
      clock,
      random,
      listener: relay,
      onError: (error) => this.#trouble({ service: collections.service, activity: 'commit', error }),
      retryMs: COMMIT_RETRY_MS,
    });
    const writing = { committer, turns: new Turns(), relay, ready: untilDone(() => this.#prepare(collections, relay)) };
    this.#writing.set(collections.service, writing);
    // A service that only waits for its timers still has to publish.
    void this.#keepTrying(collections.service, writing.ready);
    return writing;
  }

  async #prepare(collections: ServiceCollections, relay: Relay): Promise<void> {
    try {
      await prepareService(this.#db, collections);
    } catch (error) {
      throw isPassing(error) ? new TransientError('MongoDB did not answer', { cause: error }) : error;
    }
    this.#relays.set(collections.service, relay);
    relay.start();
    this.#watch.start();
  }

  async #keepTrying(service: string, ready: () => Promise<void>): Promise<void> {
    while (!this.#closed) {
      try {
        await ready();
        return;
      } catch (error) {
        if (this.#closed) return;
        this.#trouble({ service, activity: 'lease', error });
        await pause(PREPARE_AGAIN_MS);
      }
    }
  }

  #trouble(trouble: MongoTrouble): void {
    this.#options.onTrouble?.(trouble);
  }
}

/** Does `work` once, however often it is asked for; after a failure the next one who asks tries again. */
function untilDone(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
