const IN_FLIGHT_MAX = 2;
const KEYS_PER_READ_MAX = 1000;

interface Waiting<V> {
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Turns look-ups by key that come at the same time into one read of many keys. */
export class KeyBatcher<V> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;
  #waiting = new Map<string, Waiting<V>[]>();
  #inFlight = 0;
  #scheduled = false;

  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>) {
    this.#read = read;
  }

  /** What there is under a key, read after this call. */
  get(key: string): Promise<V | undefined> {
    return new Promise((resolve, reject) => {
      const others = this.#waiting.get(key);
      if (others) others.push({ resolve, reject });
      else this.#waiting.set(key, [{ resolve, reject }]);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= IN_FLIGHT_MAX || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const taken = this.#take();
    this.#inFlight++;
    try {
      const found = await this.#read([...taken.keys()]);
      taken.forEach((waiting, key) => {
        const value = found.get(key);
        for (const { resolve } of waiting) resolve(value);
      });
    } catch (error) {
      for (const waiting of taken.values()) for (const { reject } of waiting) reject(error);
    } finally {
      this.#inFlight--;
      this.#schedule();
    }
  }

  #take(): ReadonlyMap<string, Waiting<V>[]> {
    const waiting = this.#waiting;
    if (waiting.size <= KEYS_PER_READ_MAX) {
      this.#waiting = new Map();
      return waiting;
    }
    const taken = new Map([...waiting].slice(0, KEYS_PER_READ_MAX));
    for (const key of taken.keys()) waiting.delete(key);
    return taken;
  }
}
