import type { MongoClient, ServerDescription } from 'mongodb';
import { reading } from './mongo-errors.js';

/**
 * Reads of what a majority has that miss nothing acknowledged. A primary that was just elected holds every acknowledged write, but
 * does not know for a moment which of them a majority has, and answers majority reads without the newest. So at each new primary
 * the first reads wait until it has caught up, and one that was under way at the change is repeated.
 */
export class FreshReads {
  readonly #catchUp: () => Promise<unknown>;
  /** The election that made the primary; changes when there is another. */
  #election: string | undefined;
  #caughtUp: Promise<unknown> | undefined;

  /** @param catchUp resolves when the primary knows that a majority has all that was acknowledged */
  constructor(client: Pick<MongoClient, 'on'>, catchUp: () => Promise<unknown>) {
    this.#catchUp = catchUp;
    client.on('serverDescriptionChanged', ({ newDescription }) => this.#onServer(newDescription));
  }

  /** Throws TransientError when MongoDB does not answer. */
  read<T>(read: () => Promise<T>): Promise<T> {
    return reading(async () => {
      for (;;) {
        const caughtUp = (this.#caughtUp ??= this.#catchUp());
        try {
          await caughtUp;
        } catch (error) {
          if (this.#caughtUp === caughtUp) this.#caughtUp = undefined;
          throw error;
        }
        const result = await read();
        if (this.#caughtUp === caughtUp) return result;
      }
    });
  }

  #onServer({ type, address, electionId }: Pick<ServerDescription, 'type' | 'address' | 'electionId'>): void {
    if (type !== 'RSPrimary') return;
    const election = `${address} ${electionId?.toHexString()}`;
    if (election === this.#election) return;
    this.#election = election;
    this.#caughtUp = undefined;
  }
}
