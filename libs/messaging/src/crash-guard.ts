/** Beginnings without an end after which a message is taken for the killer. */
const STARTS_MAX = 5;
/** From this many on a message is handled with no other suspect beside it, so that bystanders are cleared. */
const STARTS_ALONE = 2;

/** Where beginnings and ends are put on record; `P` names a message in the reading of a group. */
export interface AttemptLog<P> {
  /** How often handling began without an end, in processes that died. */
  startsOf(place: P): number;
  /** Durable when it resolves. */
  begin(place: P): Promise<void>;
  end(place: P): Promise<void>;
}

/**
 * Finds the message that kills the process. After an unclean end, messages that were in the log by then are suspects: the
 * beginning of their handling is made durable first, and erased when it ends. Messages that came later pay nothing.
 */
export class CrashGuard<P> {
  readonly #attempts: AttemptLog<P>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(attempts: AttemptLog<P>) {
    this.#attempts = attempts;
  }

  /** Runs `handle` on record; returns without running it when the message has used up its chances. */
  async watch(place: P, handle: () => Promise<void>): Promise<'handled' | 'kills the process'> {
    const starts = this.#attempts.startsOf(place);
    if (starts >= STARTS_MAX) {
      await this.#attempts.end(place);
      return 'kills the process';
    }
    if (starts < STARTS_ALONE) return this.#onRecord(place, handle);
    const mine = this.#turn.then(() => this.#onRecord(place, handle));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #onRecord(place: P, handle: () => Promise<void>): Promise<'handled'> {
    await this.#attempts.begin(place);
    try {
      await handle();
      return 'handled';
    } finally {
      await this.#attempts.end(place);
    }
  }
}
