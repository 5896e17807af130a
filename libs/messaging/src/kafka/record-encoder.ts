import { exchangeModule } from './exchange-module.js';

type Bytes = Buffer | string | null | undefined;

/** A record as kafkajs hands it over; deltas are against the first record of its batch. */
export interface RecordFields {
  readonly offsetDelta?: number;
  /** Milliseconds; a timestamp may be given as text. */
  readonly timestampDelta?: number;
  readonly key?: Bytes;
  readonly value?: Bytes;
  readonly headers?: Readonly<Record<string, Bytes | readonly Bytes[]>>;
}

/** What kafkajs takes for an encoder that is done: the bytes, under both of the names it looks for. */
export interface EncodedRecord {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

const PATH = 'kafkajs/src/protocol/recordBatch/record/v0';
/** No records have attributes. */
const ATTRIBUTES = 0;

/** Bytes of a number, at most. */
const NUMBER_BYTES_MAX = 8;
/** Texts up to here have a length of one byte. */
const SHORT_MAX = 63;

/** Where records are put together; one that needs more room gets its own. */
const workspace = Buffer.allocUnsafe(64 * 1024);

/**
 * One record of a batch (Kafka protocol, record batch v2) in one buffer. kafkajs 2.2.4 makes a zeroed buffer of 512 bytes for the
 * record and for each header, and an array and a buffer for each number in it, which was a quarter of what a message costs.
 */
export function encodeRecord({
  offsetDelta = 0,
  timestampDelta = 0,
  key,
  value,
  headers = {},
}: RecordFields): EncodedRecord {
  const pairs: Bytes[] = [];
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    if (Array.isArray(given)) for (const each of given as readonly Bytes[]) pairs.push(name, each);
    else pairs.push(name, given as Bytes);
  }
  let most = 5 * NUMBER_BYTES_MAX + bytesAtMost(key) + bytesAtMost(value);
  for (const content of pairs) most += bytesAtMost(content);
  const writer = new Writer(most <= workspace.length ? workspace : Buffer.allocUnsafe(most), NUMBER_BYTES_MAX);
  writer.varint(ATTRIBUTES);
  writer.varint(timestampDelta);
  writer.varint(offsetDelta);
  writer.bytes(key);
  writer.bytes(value);
  writer.varint(pairs.length / 2);
  for (const content of pairs) writer.bytes(content);
  const buffer = writer.finish();
  return { buf: buffer, buffer };
}

/** Lets every producer of this process encode its records by {@link encodeRecord}. kafkajs loads its own when it first sends. */
export function encodeRecordsOnce(): void {
  exchangeModule(PATH, encodeRecord);
}

/** Writes what follows the size, which goes before it at the end. */
class Writer {
  #at: number;

  constructor(
    readonly buffer: Buffer,
    readonly from: number,
  ) {
    this.#at = from;
  }

  varint(value: number): void {
    let rest = zigzag(value);
    while (rest > 127) {
      this.buffer[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.#at++] = rest;
  }

  bytes(content: Bytes): void {
    if (content === null || content === undefined) return this.varint(-1);
    if (typeof content === 'string') return this.#text(content);
    this.varint(content.length);
    this.buffer.set(content, this.#at);
    this.#at += content.length;
  }

  /** A copy of the record with its size. */
  finish(): Buffer {
    const end = this.#at;
    const size = end - this.from;
    const begin = this.from - varintSize(size);
    this.#at = begin;
    this.varint(size);
    const copy = Buffer.allocUnsafe(end - begin);
    this.buffer.copy(copy, 0, begin, end);
    return copy;
  }

  /** Nearly all texts are short and ASCII, and cost less letter by letter than a call out of JavaScript. */
  #text(text: string): void {
    if (text.length <= SHORT_MAX && this.#ascii(text)) return;
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.#at += this.buffer.write(text, this.#at);
  }

  #ascii(text: string): boolean {
    const { buffer } = this;
    let at = this.#at;
    buffer[at++] = zigzag(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      buffer[at++] = code;
    }
    this.#at = at;
    return true;
  }
}

/** Small numbers of either sign become small ones without. Exact for whole numbers up to 2^52. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** With its length; a character takes up to three. */
function bytesAtMost(content: Bytes): number {
  if (content === null || content === undefined) return 1;
  return NUMBER_BYTES_MAX + (typeof content === 'string' ? 3 * content.length : content.length);
}
