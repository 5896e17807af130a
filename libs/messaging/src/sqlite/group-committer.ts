import type { DatabaseSync } from 'node:sqlite';
import { messageOf, TransientError } from '@rondo/kernel';

interface Submission {
  readonly apply: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

const SUBMISSIONS_PER_TRANSACTION_MAX = 1024;

/** Brings what is committed to the disk. */
export interface DurableLog {
  /** Resolves when it survives a power cut; one call at a time. */
  sync(): Promise<void>;
  /** The same, holding up this thread. */
  syncNow(): void;
  close(): void;
}

/** A transaction that is committed and not yet known to be on the disk. */
interface Unsynced {
  readonly batch: readonly Submission[];
  readonly outcomes: readonly Outcome[];
}

/**
 * Group commit: everything submitted in one turn of the event loop, or while the transaction before it goes to the disk, shares
 * one transaction, so one fsync pays for all of it.
 * A submission that throws is taken out alone: the transaction is run again with a savepoint for each. (Savepoints from the
 * start would cost a copy of every page each submission touches.) Nothing is acknowledged before it is on the disk.
 */
export class GroupCommitter {
  readonly #db: DatabaseSync;
  readonly #log: DurableLog | undefined;
  readonly #queue: Submission[] = [];
  readonly #riders = new Set<() => void>();
  readonly #commitListeners = new Set<() => void>();
  readonly #rollbackListeners = new Set<() => void>();
  readonly #statements;
  readonly #settledWaiters = new Set<() => void>();
  #scheduled = false;
  #unsynced: Unsynced | undefined;
  #closed = false;

  /** @param log left out where nothing is kept beyond the process */
  constructor(db: DatabaseSync, log?: DurableLog) {
    this.#db = db;
    this.#log = log;
    const savepoint = 'one_submission';
    this.#statements = {
      begin: db.prepare('BEGIN IMMEDIATE'),
      commit: db.prepare('COMMIT'),
      savepoint: db.prepare(`SAVEPOINT ${savepoint}`),
      release: db.prepare(`RELEASE ${savepoint}`),
      rollbackTo: db.prepare(`ROLLBACK TO ${savepoint}`),
    };
  }

  /**
   * Runs `apply` (synchronously, inside the next transaction, perhaps twice) and resolves with its value once that is durable. Rejects with
   * what `apply` threw, or with a TransientError when the transaction as a whole could not be committed.
   */
  submit<T>(apply: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new TransientError('the store is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ apply, resolve, reject });
      this.#schedule();
    });
  }

  /** `ride` runs inside every transaction that something else asked for: work that may wait but then costs nothing. */
  addRider(ride: () => void): () => void {
    this.#riders.add(ride);
    return () => this.#riders.delete(ride);
  }

  /** Called when a commit is on the disk, before its submissions resolve. */
  onCommit(listener: () => void): void {
    this.#commitListeners.add(listener);
  }

  /** Called whenever something was undone, so that counters kept in memory can be read again. */
  onRollback(listener: () => void): void {
    this.#rollbackListeners.add(listener);
  }

  get idle(): boolean {
    return this.#queue.length === 0 && !this.#unsynced;
  }

  /** Resolves when everything that can be read by now is on the disk. */
  async durable(): Promise<void> {
    if (this.#unsynced) await new Promise<void>((resolve) => this.#settledWaiters.add(resolve));
  }

  /** Commits what is queued and refuses what comes later. */
  close(): void {
    this.#closed = true;
    this.#finishSync();
    while (this.#queue.length > 0) this.#flush();
    this.#log?.close();
  }

  #schedule(): void {
    if (this.#scheduled || this.#unsynced || this.#queue.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#unsynced) this.#flush();
      this.#schedule();
    });
  }

  #flush(): void {
    const batch = this.#queue.splice(0, SUBMISSIONS_PER_TRANSACTION_MAX);
    if (batch.length === 0) return;
    let outcomes: Outcome[];
    try {
      outcomes = this.#transact(batch) ?? this.#transactOneByOne(batch);
    } catch (error) {
      this.#abandon(batch, error);
      return;
    }
    if (!this.#log) return this.#settle(batch, outcomes);
    const unsynced = { batch, outcomes };
    this.#unsynced = unsynced;
    if (this.#closed) return this.#finishSync();
    this.#log.sync().then(
      () => this.#afterSync(unsynced),
      (error: unknown) => this.#afterSync(unsynced, error),
    );
  }

  #afterSync(unsynced: Unsynced, error?: unknown): void {
    if (this.#unsynced !== unsynced) return;
    this.#unsynced = undefined;
    if (error === undefined) this.#settle(unsynced.batch, unsynced.outcomes);
    else this.#break(unsynced.batch, error);
    for (const waiter of this.#settledWaiters) waiter();
    this.#settledWaiters.clear();
    this.#schedule();
  }

  /** Does here and now what the log is being asked for. */
  #finishSync(): void {
    const unsynced = this.#unsynced;
    if (!unsynced) return;
    try {
      this.#log?.syncNow();
    } catch (error) {
      return this.#afterSync(unsynced, error);
    }
    this.#afterSync(unsynced);
  }

  /** What the disk refused once it may have forgotten: only whoever opens the file anew knows what is in it. */
  #break(batch: readonly Submission[], error: unknown): void {
    this.#closed = true;
    const failure = new TransientError(`the transaction may not have reached the disk: ${messageOf(error)}`, {
      cause: error,
    });
    for (const submission of [...batch, ...this.#queue.splice(0)]) submission.reject(failure);
  }

  #settle(batch: readonly Submission[], outcomes: readonly Outcome[]): void {
    for (const listener of this.#commitListeners) listener();
    batch.forEach((submission, at) => {
      const outcome = outcomes[at]!;
      if (outcome.ok) submission.resolve(outcome.value as never);
      else submission.reject(outcome.error);
    });
  }

  /** Commits the whole batch; nothing when a submission throws: then all of it is undone. */
  #transact(batch: readonly Submission[]): Outcome[] | undefined {
    this.#statements.begin.run();
    const outcomes: Outcome[] = [];
    try {
      for (const { apply } of batch) outcomes.push({ ok: true, value: apply() });
      for (const ride of this.#riders) ride();
    } catch {
      this.#undo();
      return undefined;
    }
    this.#statements.commit.run();
    return outcomes;
  }

  #transactOneByOne(batch: readonly Submission[]): Outcome[] {
    this.#statements.begin.run();
    const outcomes = batch.map(({ apply }) => this.#attempt(apply));
    this.#statements.commit.run();
    return outcomes;
  }

  #attempt(apply: () => unknown): Outcome {
    this.#statements.savepoint.run();
    try {
      const value = apply();
      this.#statements.release.run();
      return { ok: true, value };
    } catch (error) {
      // A full disk ends the whole transaction: then there is no savepoint to return to and the batch fails as one.
      if (!this.#db.isTransaction) throw error;
      this.#statements.rollbackTo.run();
      this.#statements.release.run();
      this.#rolledBack();
      return { ok: false, error };
    }
  }

  #abandon(batch: readonly Submission[], error: unknown): void {
    this.#undo();
    const failure = new TransientError(`the transaction could not be committed: ${messageOf(error)}`, { cause: error });
    for (const submission of batch) submission.reject(failure);
  }

  #undo(): void {
    if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#rolledBack();
  }

  #rolledBack(): void {
    for (const listener of this.#rollbackListeners) listener();
  }
}
