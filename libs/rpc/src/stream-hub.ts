import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PermanentError } from '@rondo/kernel';

/** Something that changed. */
export interface StreamItem {
  /** For example `cycle`, `rollout`, `event`. */
  readonly topic: string;
  /** Id of the thing that changed. */
  readonly id?: string;
  /** A value that survives JSON. */
  readonly data: unknown;
}

export interface StreamHubOptions {
  /** Items kept for clients that come back (default 2000) … */
  readonly ringItems?: number;
  /** … and their size in characters (default 8 million). */
  readonly ringChars?: number;
  readonly clientsMax?: number;
  /** Time between signs of life, in ms. Default 15 s. */
  readonly heartbeatMs?: number;
}

interface Kept {
  readonly seq: number;
  readonly topic: string;
  readonly frame: string;
}

interface StreamClient {
  readonly response: ServerResponse;
  readonly topics: ReadonlySet<string> | undefined;
  readonly isAllowed: () => boolean;
}

/** A client that reads slower than this many waiting bytes is cut; it resumes from where it was. */
const WAITING_BYTES_MAX = 1_048_576;

/**
 * One stream of server-sent events for the console, multiplexed by topic. Each frame is `{"topic","id"?,"data"}` with an id; a client
 * that comes back with Last-Event-ID gets what it missed, or an event `reset` when that is no longer known and it has to load again.
 * On shutdown it gets an event `end`.
 */
export class StreamHub {
  readonly #options: Required<StreamHubOptions>;
  /** Ids of another run of the server must not be mistaken for ours. */
  readonly #epoch = randomBytes(6).toString('hex');
  readonly #ring: Kept[] = [];
  readonly #clients = new Set<StreamClient>();
  #ringChars = 0;
  #seq = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #onClients: (count: number) => void = () => undefined;

  constructor(options: StreamHubOptions = {}) {
    this.#options = { ringItems: 2000, ringChars: 8_000_000, clientsMax: 100, heartbeatMs: 15_000, ...options };
  }

  /** Sends to everybody who listens to the topic. Never waits and never fails for a client's sake. */
  publish(item: StreamItem): void {
    if (this.#isClosed) return;
    const seq = ++this.#seq;
    const frame = `id: ${this.#epoch}-${seq}\ndata: ${JSON.stringify(item)}\n\n`;
    this.#ring.push({ seq, topic: item.topic, frame });
    this.#ringChars += frame.length;
    while (
      this.#ring.length > this.#options.ringItems ||
      (this.#ringChars > this.#options.ringChars && this.#ring.length > 1)
    ) {
      this.#ringChars -= this.#ring.shift()!.frame.length;
    }
    for (const client of this.#clients) if (wants(client, item.topic)) this.#send(client, frame);
  }

  /** Open streams. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Is told the number of open streams whenever it changes. */
  onClients(listener: (count: number) => void): void {
    this.#onClients = listener;
  }

  /**
   * Answers a request for the stream; the caller is recognised already. `?topics=a,b` selects topics.
   * @param isAllowed asked at each sign of life; the stream ends once it says no
   * @throws `exhausted` when there are too many streams, `unavailable`-like when closing
   */
  serve(request: IncomingMessage, response: ServerResponse, isAllowed: () => boolean = () => true): void {
    if (this.#clients.size >= this.#options.clientsMax) {
      throw new PermanentError('exhausted', `there are already ${this.#options.clientsMax} streams`, {
        reason: 'TOO_MANY_STREAMS',
        field: 'stream',
      });
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    const topics = url.searchParams
      .get('topics')
      ?.split(',')
      .filter((topic) => topic !== '');
    const client: StreamClient = {
      response,
      isAllowed,
      topics: topics && topics.length > 0 ? new Set(topics) : undefined,
    };
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.socket?.setNoDelay(true);
    response.write(`retry: 2000\n\n`);
    const last = request.headers['last-event-id'] ?? url.searchParams.get('lastEventId') ?? undefined;
    this.#resume(client, typeof last === 'string' ? last : undefined);
    this.#clients.add(client);
    this.#onClients(this.#clients.size);
    this.#timer ??= setInterval(() => this.#beat(), this.#options.heartbeatMs).unref();
    response.once('close', () => this.#forget(client));
    if (this.#isClosed) this.#end(client);
  }

  /** Tells everybody that the stream ends and closes it. */
  close(): void {
    this.#isClosed = true;
    for (const client of [...this.#clients]) this.#end(client);
    clearInterval(this.#timer);
  }

  #resume(client: StreamClient, last: string | undefined): void {
    const match = /^([0-9a-f]{12})-(\d{1,15})$/.exec(last ?? '');
    const after = match?.[1] === this.#epoch ? Number(match[2]) : undefined;
    const oldest = this.#seq - this.#ring.length;
    if (last !== undefined && (after === undefined || after < oldest || after > this.#seq)) {
      client.response.write(
        `event: reset\nid: ${this.#epoch}-${this.#seq}\ndata: {"reason":"some changes are no longer known here; load again"}\n\n`,
      );
      return;
    }
    if (after === undefined) {
      // The first id lets a client that loses the connection before any change resume as well.
      client.response.write(`event: ready\nid: ${this.#epoch}-${this.#seq}\ndata: {}\n\n`);
      return;
    }
    for (const kept of this.#ring) if (kept.seq > after && wants(client, kept.topic)) client.response.write(kept.frame);
  }

  #send(client: StreamClient, text: string): void {
    if (client.response.writableLength > WAITING_BYTES_MAX) client.response.destroy();
    else client.response.write(text);
  }

  #beat(): void {
    for (const client of [...this.#clients]) {
      if (client.isAllowed()) this.#send(client, ': alive\n\n');
      else this.#end(client);
    }
  }

  #end(client: StreamClient): void {
    client.response.end('event: end\ndata: {}\n\n');
    this.#forget(client);
  }

  #forget(client: StreamClient): void {
    if (this.#clients.delete(client)) this.#onClients(this.#clients.size);
    if (this.#clients.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

const wants = (client: StreamClient, topic: string): boolean => client.topics?.has(topic) ?? true;
