import { backoffMs, messageOf, TransientError, type BackoffPolicy, type Clock, type Random } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import { ObjectId, type AnyBulkWriteOperation, type ClientSession, type Document, type MongoClient } from 'mongodb';
import { findByIds, type DocumentDoc, type ServiceCollections, type TimerDoc } from './collections.js';
import type { DocumentReader, MongoRow } from './document-reader.js';
import type { FreshReads } from './fresh-reads.js';
import { forCaller, isDuplicateKey, isPassing, isUnknownCommit, isWriteConflict } from './mongo-errors.js';
import { pause } from './pause.js';
import { endStaleTransactions } from './stale-transactions.js';
import {
  checkUnit,
  placePlan,
  planUnits,
  timerDocument,
  unseenKeys,
  type PlacedPlan,
  type Plan,
  type RunUnit,
} from './unit-plan.js';
import { WriteCommands, type Replacement } from './write-commands.js';

/** More save nothing more per unit, and keep what follows from the first of them waiting for the last. */
const UNITS_PER_TRANSACTION_MAX = 256;
const BYTES_PER_TRANSACTION_MAX = 16 * 1024 * 1024;
const COMMIT_TRIES = 3;
/** When the server is away. */
const RETRY = { initialMs: 20, factor: 2, maxMs: 500 };
/** When another process commits to the same journal: its transaction lasts a few milliseconds. */
const RETRY_RIVAL = { initialMs: 2, factor: 1.5, maxMs: 20 };
const RETRY_GROWTH_MAX = 20;
/** A rival that does nothing for so long, with a transaction open, was killed or is frozen. */
const STALE_AFTER_MS = 5000;
/** How long a process with rivals lets them go first. */
const COURTESY = { initialMs: 4, factor: 1, maxMs: 4 };

/** What became of a unit: committed, its cause was carried out before, or it lost and must run again. */
export type UnitOutcome = 'done' | 'duplicate' | 'conflict';

/** Told of what a transaction added, as soon as it is committed. */
export interface CommitListener {
  /** Entries from `firstPosition` on, in order, and whether timers changed. */
  committed(firstPosition: number, envelopes: readonly Envelope[], timersChanged: boolean): void;
  /** Something was committed; what exactly is to be read. */
  committedUnseen(): void;
}

/** What the committer works with. */
export interface CommitterContext {
  readonly client: MongoClient;
  readonly collections: ServiceCollections;
  readonly documents: DocumentReader;
  readonly reads: FreshReads;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: CommitListener;
  /** Told of what went wrong and is done without. */
  readonly onError: (error: unknown) => void;
  /** How long a transaction is tried again before its units are refused, in ms. */
  readonly retryMs: number;
}

interface Submission extends RunUnit {
  /** Transactions that tried to carry it out; one whose outcome is unknown is recognised by it. */
  readonly attempts: Set<string>;
  readonly resolve: (outcome: UnitOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** A document was not what the plan took it for; which one, the database is asked afterwards. */
class PlanOutdated extends Error {}

/**
 * Group commit for one service: units submitted while a transaction runs share the next one. One that is a duplicate, lost
 * against others or cannot be written is taken out, and does not disturb the rest.
 */
export class UnitCommitter {
  readonly #context: CommitterContext;
  readonly #queue: Submission[] = [];
  /** One session for all: a new transaction on it ends one that was left open by a lost connection. */
  readonly #session: ClientSession;
  readonly #commands: WriteCommands;
  #running: Promise<void> | undefined;
  /** Others have committed to this journal since this process last did. */
  #hasRivals = false;
  #nextPosition = 0;
  #conflictingSince: number | undefined;
  #closed = false;
  #abandoned = false;

  constructor(context: CommitterContext) {
    this.#context = context;
    const { client, collections } = context;
    this.#session = client.startSession({ causalConsistency: false });
    this.#commands = new WriteCommands(client.db(collections.documents.dbName), this.#session);
  }

  /**
   * Resolves when the outcome is certain; with `done`, a majority of the replica set has it.
   * Rejects with PermanentError for a unit that can never be written, with TransientError when MongoDB did not answer in time.
   */
  submit(run: RunUnit): Promise<UnitOutcome> {
    if (this.#closed) return Promise.reject(new TransientError('the store is closed'));
    return new Promise((resolve, reject) => {
      try {
        checkUnit(run.unit);
      } catch (error) {
        reject(error as Error);
        return;
      }
      this.#queue.push({ ...run, attempts: new Set(), resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Commits what is queued and refuses what comes later. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#session.endSession();
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Refuses what is queued, what comes later, and what is not committed at the next try. */
  abandon(): void {
    this.#closed = true;
    this.#abandoned = true;
    for (const submission of this.#queue.splice(0)) submission.reject(new TransientError('the store is closed'));
  }

  async #drain(): Promise<void> {
    // Whatever is submitted in the same turn goes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      await this.#commit(this.#take());
      // Whoever just committed would nearly always be first again.
      if (this.#hasRivals) await this.#pause(COURTESY, 1);
    }
    this.#running = undefined;
  }

  async #pause(policy: BackoffPolicy, tries: number): Promise<void> {
    await pause(backoffMs(policy, Math.min(tries, RETRY_GROWTH_MAX), this.#context.random.next()));
  }

  /** The next units in order; one per cause, so that its outcome is that of one unit. */
  #take(): Submission[] {
    const taken: Submission[] = [];
    const causes = new Set<string>();
    let bytes = 0;
    while (taken.length < UNITS_PER_TRANSACTION_MAX && this.#queue.length > 0) {
      const next = this.#queue[0]!;
      if (causes.has(next.inboxKey)) break;
      bytes += bytesOf(next);
      if (taken.length > 0 && bytes > BYTES_PER_TRANSACTION_MAX) break;
      causes.add(next.inboxKey);
      taken.push(this.#queue.shift()!);
    }
    return taken;
  }

  /** Tries until every unit has its outcome; never throws. */
  async #commit(batch: readonly Submission[]): Promise<void> {
    const untilMs = performance.now() + this.#context.retryMs;
    let open = batch;
    for (let tries = 1; open.length > 0; tries++) {
      try {
        const plan = await this.#plan(open);
        open = plan.units;
        if (open.length > 0) await this.#carryOut(plan);
        return;
      } catch (error) {
        if (!isWorthAnotherTry(error)) {
          await this.#refuse(open, error);
          return;
        }
        if (performance.now() > untilMs || this.#abandoned) {
          for (const { reject } of open) reject(unanswered(error));
          return;
        }
        const policy = isWriteConflict(error) ? RETRY_RIVAL : RETRY;
        if (isWriteConflict(error)) await this.#afterConflict();
        else this.#conflictingSince = undefined;
        if (isPassing(error) || isUnknownCommit(error)) await this.#pause(policy, tries);
        // When the database cannot say now, the next try finds out.
        open = await this.#settleCertain(open).catch(() => open);
      }
    }
  }

  /** A healthy rival lets go within milliseconds. */
  async #afterConflict(): Promise<void> {
    this.#hasRivals = true;
    const now = performance.now();
    this.#conflictingSince ??= now;
    if (now - this.#conflictingSince < STALE_AFTER_MS) return;
    this.#conflictingSince = now;
    // Where this fails the server ends them, only later.
    await endStaleTransactions(this.#context.client, STALE_AFTER_MS).catch(this.#context.onError);
  }

  /** An error that will not pass: with several units, each is tried alone, so that only the one that causes it fails. */
  async #refuse(open: readonly Submission[], error: unknown): Promise<void> {
    if (open.length === 1) open[0]!.reject(forCaller(error));
    else for (const submission of open) await this.#commit([submission]);
  }

  async #plan(open: readonly Submission[]): Promise<Plan<Submission>> {
    const { collections, documents } = this.#context;
    const plan = planUnits(collections.service, open, await documents.readAll(unseenKeys(open)));
    for (const { resolve } of plan.conflicting) resolve('conflict');
    return plan;
  }

  /** One transaction for a plan, and the news of it. */
  async #carryOut(plan: Plan<Submission>): Promise<void> {
    const attempt = new ObjectId();
    for (const { attempts } of plan.units) attempts.add(attempt.toHexString());
    const firstPosition = await this.#transact(plan, attempt);
    this.#conflictingSince = undefined;
    const envelopes = plan.entries.map(({ envelope }) => envelope);
    this.#context.listener.committed(firstPosition, envelopes, plan.timers.size > 0);
    for (const { resolve } of plan.units) resolve('done');
  }

  /** Settles the units whose outcome the database knows; resolves to the others. */
  async #settleCertain(open: readonly Submission[]): Promise<readonly Submission[]> {
    const { collections, documents, reads, listener } = this.#context;
    const looked = open.flatMap(({ unit }) => [...unit.changes.keys()].filter((key) => unit.seen.has(key)));
    const standing = await documents.readAll([...new Set(looked)]);
    // After the documents: a transaction of ours that turned out to be committed changed both.
    const keys = open.map(({ inboxKey }) => inboxKey);
    const carriedOut = await reads.read(() => findByIds(collections.inbox, keys).toArray());
    const attemptOf = new Map(carriedOut.map(({ _id, attempt }) => [_id, attempt.toHexString()]));
    const rest: Submission[] = [];
    for (const submission of open) {
      const attempt = attemptOf.get(submission.inboxKey);
      if (attempt !== undefined && submission.attempts.has(attempt)) {
        listener.committedUnseen();
        submission.resolve('done');
      } else if (attempt !== undefined) submission.resolve('duplicate');
      else if (isOutdated(submission, standing)) submission.resolve('conflict');
      else rest.push(submission);
    }
    return rest;
  }

  /** Writes and commits a plan; resolves to the position of its first entry. */
  async #transact(plan: Plan<Submission>, attempt: ObjectId): Promise<number> {
    const session = this.#session;
    if (session.inTransaction()) await this.#abort();
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', wtimeoutMS: this.#context.retryMs },
      readPreference: 'primary',
    });
    let firstPosition: number;
    try {
      firstPosition = await this.#write(plan, attempt);
    } catch (error) {
      await this.#abort();
      throw error;
    }
    for (let tries = 1; ; tries++) {
      try {
        await session.commitTransaction();
        return firstPosition;
      } catch (error) {
        if (!isUnknownCommit(error) || tries === COMMIT_TRIES) throw error;
        await this.#pause(RETRY, tries);
      }
    }
  }

  async #abort(): Promise<void> {
    // The server forgets a transaction that it cannot be asked to abort.
    await this.#session.abortTransaction().catch(() => undefined);
  }

  async #write(plan: Plan<Submission>, attempt: ObjectId): Promise<number> {
    const { collections, clock } = this.#context;
    const options = { session: this.#session };
    const firstPosition = await this.#takePositions(plan);
    const placed = placePlan(collections.service, plan, { firstPosition, atMs: clock.now(), attempt });
    await this.#writeDocuments(placed);
    await this.#commands.insert(collections.entries.collectionName, placed.entries);
    const carriedOut = plan.units.map(({ inboxKey }) => ({ _id: inboxKey, attempt }));
    await this.#commands.insert(collections.inbox.collectionName, carriedOut);
    const timers = [...plan.timers.values()].map(({ id, due }): AnyBulkWriteOperation<TimerDoc> => {
      if (!due) return { deleteOne: { filter: { _id: id } } };
      return { replaceOne: { filter: { _id: id }, replacement: timerDocument({ id, due }), upsert: true } };
    });
    if (timers.length > 0) await collections.timers.bulkWrite(timers, options);
    return firstPosition;
  }

  /**
   * Reserves the positions of a plan's entries. The first write of the transaction: others of the same service fail here, before
   * they have done anything, and come again.
   */
  async #takePositions(plan: Plan<Submission>): Promise<number> {
    const { head, service } = this.#context.collections;
    const count = plan.entries.length;
    if (count === 0 && plan.timers.size === 0) return 0;
    const change = { position: count, timers: plan.timers.size > 0 ? 1 : 0 };
    const after = await head.findOneAndUpdate(
      { _id: service },
      { $inc: change },
      { session: this.#session, returnDocument: 'after' },
    );
    const firstPosition = after!.position - count + 1;
    this.#hasRivals = this.#nextPosition !== 0 && firstPosition !== this.#nextPosition;
    this.#nextPosition = after!.position + 1;
    return firstPosition;
  }

  async #writeDocuments({ documents }: PlacedPlan): Promise<void> {
    const { collectionName } = this.#context.collections.documents;
    const inserts: DocumentDoc[] = [];
    const replacements: Replacement[] = [];
    const removals: Document[] = [];
    for (const { key, before, after } of documents) {
      if (!before && after) inserts.push(after);
      else if (before && after) replacements.push({ etag: before.etag, after });
      else if (before) removals.push({ _id: key, etag: before.etag });
    }
    await this.#commands.insert(collectionName, inserts);
    const replaced = await this.#commands.replace(collectionName, replacements);
    const removed = await this.#commands.delete(collectionName, removals);
    if (replaced === replacements.length && removed === removals.length) return;
    throw new PlanOutdated('a document was changed by somebody else');
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof PlanOutdated || isDuplicateKey(error) || isPassing(error) || isUnknownCommit(error);
}

/** Whether a document that the unit looked at is no longer what it was. */
function isOutdated({ unit }: RunUnit, standing: ReadonlyMap<string, MongoRow>): boolean {
  return [...unit.changes.keys()].some((key) => {
    if (!unit.seen.has(key)) return false;
    const [before, now] = [unit.seen.get(key), standing.get(key)];
    return before ? !now || !before.etag.equals(now.etag) : now !== undefined;
  });
}

function bytesOf({ unit }: RunUnit): number {
  let bytes = 0;
  for (const { state } of unit.changes.values()) bytes += state?.length ?? 0;
  for (const { envelope } of unit.messages) bytes += envelope.payload.byteLength;
  return bytes;
}

function unanswered(error: unknown): TransientError {
  return new TransientError(`MongoDB did not commit in time: ${messageOf(error)}`, { cause: error });
}
