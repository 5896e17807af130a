import type { DescMessage, MessageShape } from '@bufbuild/protobuf';

/** What set a unit of work off. `consumer` + `messageId` is the inbox key: the same cause is carried out once. */
export interface Cause {
  readonly consumer: string;
  readonly messageId: string;
  /** W3C trace context of the cause. */
  readonly traceparent?: string;
  /** Who acts, for the audit: a principal, or `service:<name>`. */
  readonly actor?: string;
}

/** A fact or a command to be recorded in a stream and published from there. */
export interface Outgoing<D extends DescMessage = DescMessage> {
  readonly schema: D;
  readonly message: MessageShape<D>;
  /** Ordering key on the bus: the pipeline, or the endpoint for serving messages. */
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Values a document can be found by. */
export type IndexValues = Readonly<Record<string, string | number>>;

/** Current state of an aggregate. */
export interface Stored<S> {
  readonly kind: string;
  readonly id: string;
  readonly state: S;
  /** Number of saves so far; the etag of the thing. */
  readonly version: number;
  readonly updatedAtMs: number;
}

/** Which documents of a kind, in which order. */
export interface ListQuery {
  /** Equality on indexed values. */
  readonly where?: IndexValues;
  /**
   * By an indexed value, ties by id; ascending by id when left out. Numbers come before text. Documents without that value
   * are left out; so are, when `from` is given, those whose value is below it.
   */
  readonly orderBy?:
    | { readonly index: string; readonly direction: 'asc'; readonly from?: string | number }
    | { readonly index: string; readonly direction: 'desc' };
  /** 1..10000, default 100. */
  readonly limit?: number;
  readonly pageToken?: string;
}

/** One page of documents. */
export interface Page<S> {
  readonly items: Stored<S>[];
  readonly nextPageToken?: string;
}

/** One entry of the hash-chained journal. */
export interface JournalEntry {
  /** Rises by one over the whole journal of one service, from 1. */
  readonly position: number;
  readonly service: string;
  /** `<kind>/<id>`. */
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly version: number;
  readonly messageId: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly actor: string;
  readonly atMs: number;
  /** sha-256 over the previous entry's hash of the same stream and this entry's content, hex; see the README for the bytes. */
  readonly hash: string;
}

/** What a unit of work may read and change. Reads see its own changes. Nothing is visible outside before the commit. */
export interface Unit {
  /** The document as the unit first saw it: read once, however often it is loaded. */
  load<S>(kind: string, id: string): Promise<Stored<S> | undefined>;
  list<S>(kind: string, query?: ListQuery): Promise<Page<S>>;
  /**
   * Replaces the state of an aggregate and appends to its stream, both or nothing. The commit fails with ConflictError,
   * and the work is run again, when somebody else saved since `load` (or created it, when it was absent). Without a load
   * or list before it, the save replaces whatever is there. The state must be plain JSON: no Date, BigInt, NaN, class, Map.
   */
  save<S>(change: {
    readonly kind: string;
    readonly id: string;
    readonly state: S;
    readonly index?: IndexValues;
    /** Facts and commands, published after the commit, in the order in which the unit saved them, whatever the document. */
    readonly outgoing?: readonly Outgoing[];
  }): void;
  /** Removes a document (consumed predictions, for example); its stream stays. Same conflict rule as `save`. */
  remove(kind: string, id: string): void;
  /** Delivers `outgoing` at `atMs` or later, once; a later call with the same id replaces it. */
  schedule(timer: { readonly id: string; readonly atMs: number; readonly outgoing: Outgoing }): void;
  cancelTimer(id: string): void;
}

/** Which entries; bounds are exclusive, filters are combined. */
export interface EntryQuery {
  readonly afterPosition?: number;
  readonly beforePosition?: number;
  readonly newestFirst?: boolean;
  /** 1..10000, default 100. */
  readonly limit?: number;
  readonly key?: string;
  /** Value of the header `cycleid`. */
  readonly cycleId?: string;
  readonly actor?: string;
}

/** Result of {@link Journal.once}. */
export type Once<T> = { readonly outcome: 'done'; readonly value: T } | { readonly outcome: 'duplicate' };

/** What `verify` found. */
export interface ChainReport {
  readonly intact: boolean;
  readonly entries: number;
  readonly streams: number;
  /** The first broken entry and what is wrong with it. */
  readonly broken?: { readonly stream: string; readonly version: number; readonly explanation: string };
}

/**
 * The state of one service: documents, their journal, inbox, timers. The journal is also the outbox: what `save` appends
 * reaches the bus in stream order, at least once, even after a crash.
 */
export interface Journal {
  /**
   * Runs `work` and commits what it changed together with the inbox key of `cause`. A cause already carried out does
   * nothing. `work` may run several times (after a conflict), so it must have no effect but through the unit.
   * Units of work committed at the same time share one transaction; one that fails is taken out and does not disturb others.
   */
  once<T>(cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T>>;
  load<S>(kind: string, id: string): Promise<Stored<S> | undefined>;
  list<S>(kind: string, query?: ListQuery): Promise<Page<S>>;
  /** How many documents of a kind have these indexed values; all of the kind when none are given. Reads no document. */
  count(kind: string, where?: IndexValues): Promise<number>;
  /** Entries of one stream, oldest first. */
  history(kind: string, id: string): Promise<JournalEntry[]>;
  /** Entries of the whole service, oldest first unless asked otherwise. */
  entries(query: EntryQuery): Promise<JournalEntry[]>;
  /**
   * Recomputes every hash and checks that positions and versions have no gaps and that no stream ends before the version
   * its document names. Reads the whole journal of the service.
   */
  verify(): Promise<ChainReport>;
}
