import { PermanentError } from '@rondo/kernel';
import type { Collection, Db, Filter, FindCursor, FindOptions, ObjectId, WithId } from 'mongodb';
import type { IndexValues } from '../ports.js';
import { MAJORITY } from './connect.js';

/** Current state of an aggregate; a removed one whose stream must be continued has neither `kind` nor state. */
export interface DocumentDoc {
  /** `<kind>/<id>`, the name of its stream. */
  readonly _id: string;
  readonly kind?: string;
  readonly id: string;
  /** The transaction that wrote it; no two writes of a document have the same. */
  readonly etag: ObjectId;
  readonly version: number;
  readonly updatedAtMs: number;
  /** JSON text. */
  readonly state: string | null;
  readonly index: IndexValues;
  readonly streamVersion: number;
  readonly streamHash: string;
}

/** One entry of the journal, with what else its message needs. */
export interface EntryDoc {
  /** Position in the journal of the service. */
  readonly _id: number;
  readonly stream: string;
  readonly version: number;
  readonly messageId: string;
  readonly type: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly key: string;
  /** JSON text. */
  readonly headers: string;
  readonly cycleId?: string;
  readonly actor: string;
  /** Time of the message. */
  readonly timeMs: number;
  /** Time of the commit. */
  readonly atMs: number;
  readonly hash: string;
}

/** A cause that was carried out. */
export interface InboxDoc {
  readonly _id: string;
  /** The transaction that carried it out. */
  readonly attempt: ObjectId;
}

/** A message to be published at its time. */
export interface TimerDoc {
  readonly _id: string;
  readonly dueAtMs: number;
  readonly messageId: string;
  readonly type: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly key: string;
  /** JSON text. */
  readonly headers: string;
}

/** One per service; whoever appends to the journal or changes timers writes it, so that such transactions queue up. */
export interface HeadDoc {
  readonly _id: string;
  /** Newest position. */
  readonly position: number;
  /** Rises with each change of timers. */
  readonly timers: number;
}

/**
 * One per service: what the process that publishes cannot know by itself. Not part of any transaction, because a change stream takes
 * whole transactions apart to find what it is to tell of.
 */
export interface NewsDoc {
  readonly _id: string;
  /** Newest position that was committed by a process that does not publish. */
  readonly position: number;
  /** Rises when such a process has changed timers, or does not know what it has committed. */
  readonly looks: number;
  /** Rises when a relay gives its lease back. */
  readonly handovers: number;
}

/** Who may publish for a service. */
export interface LeaseDoc {
  readonly _id: string;
  readonly holder: string | null;
  /** Fencing token: rises with every change of holder. */
  readonly token: number;
  /** On the server's clock. */
  readonly expiresAt: Date;
  /** All entries up to here are published. */
  readonly cursor: number;
}

/** Version of the database, so that processes of different releases can share it. */
export interface MetaDoc {
  readonly _id: string;
  readonly version: number;
  /** Oldest version whose code still works with this database. */
  readonly compatibleFrom: number;
}

/** Collections that the services share. */
export interface SharedCollections {
  readonly head: Collection<HeadDoc>;
  readonly lease: Collection<LeaseDoc>;
  readonly news: Collection<NewsDoc>;
  readonly meta: Collection<MetaDoc>;
}

/** Collections of one service. */
export interface ServiceCollections extends SharedCollections {
  readonly service: string;
  readonly documents: Collection<DocumentDoc>;
  readonly entries: Collection<EntryDoc>;
  readonly inbox: Collection<InboxDoc>;
  readonly timers: Collection<TimerDoc>;
}

/** Handles of the shared collections; nothing is created. */
export function sharedCollections(db: Db): SharedCollections {
  return {
    head: db.collection('head', MAJORITY),
    lease: db.collection('lease', MAJORITY),
    news: db.collection('news', MAJORITY),
    meta: db.collection('meta', MAJORITY),
  };
}

/**
 * Handles of a service's collections; nothing is created.
 * @throws PermanentError `invalid` for a name that cannot be part of a collection's name
 */
export function serviceCollections(db: Db, service: string): ServiceCollections {
  if (!/^[a-z][a-z0-9-]{0,59}$/.test(service)) {
    throw new PermanentError('invalid', `${service} cannot be the name of a service`, {
      field: 'service',
      value: service,
      rule: 'a lower-case letter, then up to 59 of a-z, 0-9 and -',
    });
  }
  return {
    ...sharedCollections(db),
    service,
    documents: db.collection(`${service}.document`, MAJORITY),
    entries: db.collection(`${service}.entry`, MAJORITY),
    inbox: db.collection(`${service}.inbox`, MAJORITY),
    timers: db.collection(`${service}.timer`, MAJORITY),
  };
}

/** Documents with these ids, in one answer: the server's own first batch is of 101 documents. */
export function findByIds<D extends { readonly _id: string }>(
  collection: Collection<D>,
  ids: readonly string[],
  options: FindOptions = {},
): FindCursor<WithId<D>> {
  const filter = { _id: ids.length === 1 ? ids[0] : { $in: ids } } as Filter<D>;
  // With room for one more, a batch that holds all is known to be the last.
  return collection.find(filter, { ...options, batchSize: ids.length + 1 });
}
