/** Work done after the answers, one piece at a time, in bounded memory. What does not fit is refused, never waited for. */
export class ShadowQueue {
  readonly #waiting: { readonly rows: number; readonly run: () => Promise<void> }[] = [];
  #rows = 0;
  #running = false;
  #idle: (() => void)[] = [];

  /** @param rowsMax rows that may wait */
  constructor(private readonly rowsMax: number) {}

  /** Queues work that must not reject; false when it does not fit. */
  offer(rows: number, run: () => Promise<void>): boolean {
    if (this.#rows + rows > this.rowsMax) return false;
    this.#rows += rows;
    this.#waiting.push({ rows, run });
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => void this.#work());
    }
    return true;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await next.run();
      this.#rows -= next.rows;
      // Requests that came in meanwhile go first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
