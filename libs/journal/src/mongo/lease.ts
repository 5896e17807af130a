import { randomUUID } from 'node:crypto';
import type { ServiceCollections } from './collections.js';

/** Part of a lease's life that its holder does not use: time for what is on its way when it ends. */
const MARGIN = 0.1;

/** A lease as its holder knows it. */
export interface HeldLease {
  readonly token: number;
  /** All entries up to here were published by those who held it before. */
  readonly cursor: number;
}

/**
 * The right to publish for a service. It ends by itself on the server's clock, so no clock of a process matters; the holder
 * counts from the moment it asked, by a clock that runs on while it is frozen. Every write carries the fencing token.
 */
export class Lease {
  readonly #collections: ServiceCollections;
  readonly #leaseMs: number;
  readonly #holder = randomUUID();
  #token = 0;
  #usableUntil = 0;

  constructor(collections: ServiceCollections, leaseMs: number) {
    this.#collections = collections;
    this.#leaseMs = leaseMs;
  }

  /** Whether the holder may still publish. */
  get isUsable(): boolean {
    return performance.now() < this.#usableUntil;
  }

  /** Takes the lease when nobody has it. */
  async tryAcquire(): Promise<HeldLease | undefined> {
    const { lease, service } = this.#collections;
    const askedAt = performance.now();
    const taken = await lease.findOneAndUpdate(
      // Its own holder takes it anew, under a new token: the answer to an earlier request may have been lost.
      { _id: service, $or: [{ $expr: { $lt: ['$expiresAt', '$$NOW'] } }, { holder: this.#holder }] },
      [
        {
          $set: {
            holder: this.#holder,
            token: { $add: ['$token', 1] },
            expiresAt: { $add: ['$$NOW', this.#leaseMs] },
          },
        },
      ],
      { returnDocument: 'after' },
    );
    if (!taken) return undefined;
    this.#token = taken.token;
    this.#usableUntil = askedAt + this.#leaseMs * (1 - MARGIN);
    return { token: taken.token, cursor: taken.cursor };
  }

  /** Prolongs the lease and notes how far the publishing has come; false (and no longer usable) when somebody else has it. */
  async prolong(cursor: number): Promise<boolean> {
    const askedAt = performance.now();
    const kept = await this.#update([
      { $set: { cursor: { $max: ['$cursor', cursor] }, expiresAt: { $add: ['$$NOW', this.#leaseMs] } } },
    ]);
    this.#usableUntil = kept ? askedAt + this.#leaseMs * (1 - MARGIN) : 0;
    return kept;
  }

  /** Notes how far the publishing has come and lets the next one in at once. */
  async release(cursor: number): Promise<void> {
    this.#usableUntil = 0;
    const { news, service } = this.#collections;
    const given = await this.#update([
      { $set: { cursor: { $max: ['$cursor', cursor] }, holder: null, expiresAt: new Date(0) } },
    ]);
    // For those who stand by.
    if (given) await news.updateOne({ _id: service }, { $inc: { handovers: 1 } });
  }

  async #update(change: object[]): Promise<boolean> {
    const { lease, service } = this.#collections;
    const result = await lease.updateOne({ _id: service, holder: this.#holder, token: this.#token }, change as never);
    return result.matchedCount === 1;
  }
}
