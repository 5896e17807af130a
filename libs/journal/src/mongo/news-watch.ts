import type { ChangeStream, ChangeStreamUpdateDocument } from 'mongodb';
import type { NewsDoc, SharedCollections } from './collections.js';
import { pause } from './pause.js';
import type { Relay } from './relay.js';

const REOPEN_AFTER_MS = 500;

type NewsChange = ChangeStreamUpdateDocument<NewsDoc>;

/** Tells the relays of this process, by change stream, what other processes commit to the journals of their services. */
export class NewsWatch {
  readonly #collections: SharedCollections;
  readonly #relays: ReadonlyMap<string, Relay>;
  readonly #onError: (error: unknown) => void;
  #stream: ChangeStream<NewsDoc, NewsChange> | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  #refreshing = false;

  constructor(collections: SharedCollections, relays: ReadonlyMap<string, Relay>, onError: (error: unknown) => void) {
    this.#collections = collections;
    this.#relays = relays;
    this.#onError = onError;
  }

  /** Begins, and takes in the relays that were added since. */
  start(): void {
    if (!this.#running) this.#running = this.#run();
    else this.#refresh();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stream?.close().catch(() => undefined);
    await this.#running;
  }

  #refresh(): void {
    this.#refreshing = true;
    this.#stream?.close().catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#follow();
      } catch (error) {
        if (this.#closed) return;
        if (this.#refreshing) continue;
        this.#onError(error);
        await pause(REOPEN_AFTER_MS);
      }
    }
  }

  /** The driver resumes after what passes; whatever was missed before that, the relays look for themselves. */
  async #follow(): Promise<void> {
    this.#refreshing = false;
    const services = [...this.#relays.keys()];
    const wanted = [{ $match: { operationType: 'update', 'documentKey._id': { $in: services } } }];
    const stream = this.#collections.news.watch<NewsDoc, NewsChange>(wanted);
    this.#stream = stream;
    stream.once('resumeTokenChanged', () => this.#relays.forEach((relay) => relay.lookAgain()));
    for await (const { documentKey, updateDescription } of stream) {
      this.#relays.get(documentKey._id)?.hear(updateDescription.updatedFields ?? {});
    }
  }
}
