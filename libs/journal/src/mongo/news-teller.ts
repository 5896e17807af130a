import type { NewsDoc, ServiceCollections } from './collections.js';

/** What a process has done that another is to publish. */
export type News = Pick<NewsDoc, 'position' | 'looks'>;

/** Tells the process that publishes for a service what this one has committed; what comes while it writes goes together in the next. */
export class NewsTeller {
  readonly #collections: ServiceCollections;
  readonly #onError: (error: unknown) => void;
  #untold: News | undefined;
  #telling: Promise<void> | undefined;

  /** @param onError told of news that did not get through; the other finds it when it looks by itself */
  constructor(collections: ServiceCollections, onError: (error: unknown) => void) {
    this.#collections = collections;
    this.#onError = onError;
  }

  tell({ position, looks }: News): void {
    const before = this.#untold ?? { position: 0, looks: 0 };
    this.#untold = { position: Math.max(before.position, position), looks: before.looks + looks };
    this.#telling ??= this.#tellAll();
  }

  /** Resolves when everything is told. */
  async done(): Promise<void> {
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { news, service } = this.#collections;
    while (this.#untold) {
      const { position, looks } = this.#untold;
      this.#untold = undefined;
      const change = { $max: { position }, ...(looks > 0 && { $inc: { looks } }) };
      await news.updateOne({ _id: service }, change).catch(this.#onError);
    }
    // In the same turn as the last look: what is told from now on begins anew.
    this.#telling = undefined;
  }
}
