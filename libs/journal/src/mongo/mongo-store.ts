import { Defect, type Clock } from '@rondo/kernel';
import type { Bus } from '@rondo/messaging';
import type { MongoClient } from 'mongodb';
import type { Journal } from '../ports.js';
import { connect } from './connect.js';

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
  /** How long a relay that died keeps others waiting, in ms; 5000 when left out. */
  readonly leaseMs?: number;
  /** How long to look for a primary before giving up, in ms; 10000 when left out. */
  readonly serverSelectionMs?: number;
  /** Told of what went wrong in the background and is being tried again: a relay that cannot publish, a lost connection. */
  readonly onTrouble?: (trouble: MongoTrouble) => void;
}

/** Something that went wrong in the background and is being tried again. */
export interface MongoTrouble {
  readonly service: string;
  readonly activity: 'publish' | 'lease' | 'timers' | 'watch';
  readonly error: unknown;
}

/** Settings of one service's journal. */
export interface MongoJournalOptions {
  /** traceparent of the active span, written to the headers of what is published. */
  readonly currentTraceparent?: () => string | undefined;
  /** For reading another service's journal (the audit): `once` is refused, and nothing is relayed on its behalf. */
  readonly readOnly?: boolean;
}

/** The journals of an installation in a MongoDB replica set, and the relays of the services that run in this process. */
export class MongoStore {
  readonly #client: MongoClient;

  private constructor(client: MongoClient) {
    this.#client = client;
  }

  /**
   * Connects, migrates the database when it is older than this code.
   * @throws PermanentError saying what to do: see `connect`; `failed-precondition` also when a newer release no longer works with this one
   */
  static async open(options: MongoStoreOptions): Promise<MongoStore> {
    const { url, database, serverSelectionMs = 10_000 } = options;
    return new MongoStore(await connect({ url, database, serverSelectionMs }));
  }

  /**
   * The state of one service. Unless it is read only, this process takes part in publishing what the service journals and in
   * firing its timers: one process at a time does, the others stand by.
   */
  journal(service: string, _options: MongoJournalOptions = {}): Journal {
    throw new Defect(`the journal of ${service} cannot be opened yet`);
  }

  /** Commits what is queued, publishes what is committed, gives back the leases, disconnects. */
  async close(): Promise<void> {
    await this.#client.close();
  }
}
