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

/**
 * One record of a batch (Kafka protocol, record batch v2) in one buffer: sizes first, then bytes. kafkajs 2.2.4 makes a zeroed buffer of
 * 512 bytes for the record and for each header, and an array and a buffer for each number in it, which was a quarter of what a
 * message costs.
 */
export function encodeRecord({
  offsetDelta = 0,
  timestampDelta = 0,
  key,
  value,
  headers = {},
}: RecordFields): EncodedRecord {
  const pairs: (readonly [string, Bytes])[] = [];
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    if (Array.isArray(given)) for (const each of given as readonly Bytes[]) pairs.push([name, each]);
    else pairs.push([name, given as Bytes]);
  }
  let size =
    1 + varintSize(timestampDelta) + varintSize(offsetDelta) + sizeOf(key) + sizeOf(value) + varintSize(pairs.length);
  for (const [name, content] of pairs) size += sizeOf(name) + sizeOf(content);
  const writer = new Writer(Buffer.allocUnsafe(varintSize(size) + size));
  writer.varint(size);
  writer.varint(ATTRIBUTES);
  writer.varint(timestampDelta);
  writer.varint(offsetDelta);
  writer.bytes(key);
  writer.bytes(value);
  writer.varint(pairs.length);
  for (const [name, content] of pairs) {
    writer.bytes(name);
    writer.bytes(content);
  }
  return { buf: writer.buffer, buffer: writer.buffer };
}

/** Lets every producer of this process encode its records by {@link encodeRecord}. kafkajs loads its own when it first sends. */
export function encodeRecordsOnce(): void {
  exchangeModule(PATH, encodeRecord);
}

class Writer {
  #at = 0;

  constructor(readonly buffer: Buffer) {}

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
    const length = lengthOf(content);
    this.varint(length);
    if (typeof content === 'string') this.buffer.write(content, this.#at);
    else content.copy(this.buffer, this.#at);
    this.#at += length;
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

function lengthOf(content: Buffer | string): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length;
}

function sizeOf(content: Bytes): number {
  if (content === null || content === undefined) return 1;
  const length = lengthOf(content);
  return varintSize(length) + length;
}
