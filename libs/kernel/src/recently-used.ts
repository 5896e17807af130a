/** Keeps the values that were used last, up to a number of them. */
export class RecentlyUsed<K, V> {
  readonly #max: number;
  readonly #values = new Map<K, V>();

  /** @param max values kept, at least 1 */
  constructor(max: number) {
    this.#max = max;
  }

  get(key: K): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) this.#values.delete(this.#values.keys().next().value!);
  }
}
