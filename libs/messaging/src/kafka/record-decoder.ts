import { exchangeModule } from './exchange-module.js';

/** What a record takes from its batch; whole numbers as text. */
interface BatchContext {
  readonly firstOffset: string;
  /** Milliseconds. */
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly timestampType: number;
  readonly magicByte: number;
  readonly isControlBatch?: boolean;
}

/** The decoder of kafkajs, of which only the bytes of the record are used. */
interface RecordBytes {
  readonly buffer: Buffer;
}

type HeaderValue = string | null;

/** A record as kafkajs hands it on. */
export interface DecodedRecord {
  readonly magicByte: number;
  readonly attributes: number;
  /** Milliseconds. */
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** As text, which is all that is made of them. A name that comes more than once has the list of its values. */
  readonly headers: Readonly<Record<string, HeaderValue | HeaderValue[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
}

const PATH = 'kafkajs/src/protocol/recordBatch/record/v0/decoder';
const LOG_APPEND_TIME = 1;

/**
 * One record of a batch (Kafka protocol, record batch v2). kafkajs 2.2.4 copies all headers for each header, and makes objects for
 * numbers of 64 bits; here they are plain numbers, exact up to 2^53. Values of headers are text at once instead of bytes first.
 */
export function decodeRecord({ buffer }: RecordBytes, batch: BatchContext): DecodedRecord {
  const reader = new Reader(buffer);
  const attributes = reader.int8();
  const timestampDelta = reader.varint();
  const offsetDelta = reader.varint();
  const key = reader.bytes();
  const value = reader.bytes();
  const isAppendTime = batch.timestampType === LOG_APPEND_TIME;
  return {
    magicByte: batch.magicByte,
    attributes,
    timestamp: isAppendTime ? batch.maxTimestamp : String(Number(batch.firstTimestamp) + timestampDelta),
    offset: String(Number(batch.firstOffset) + offsetDelta),
    key,
    value,
    headers: headersOf(reader),
    isControlRecord: batch.isControlBatch ?? false,
    batchContext: batch,
  };
}

/** Lets every consumer of this process decode its records by {@link decodeRecord}. kafkajs loads its own when it first fetches. */
export function decodeRecordsOnce(): void {
  exchangeModule(PATH, decodeRecord);
}

function headersOf(reader: Reader): DecodedRecord['headers'] {
  // Without a prototype: a name can be anything.
  const headers = Object.create(null) as Record<string, HeaderValue | HeaderValue[]>;
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.text()!;
    const value = reader.text();
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [before, value];
  }
  return headers;
}

class Reader {
  #at = 0;

  constructor(readonly buffer: Buffer) {}

  int8(): number {
    return this.buffer.readInt8(this.#at++);
  }

  /** A whole number, which takes a byte for each 7 bits. */
  varint(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.buffer[this.#at++]!;
      if (byte < 128) return unzigzag(value + byte * weight);
      value += (byte - 128) * weight;
    }
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    this.#at += length;
    return this.buffer.subarray(this.#at - length, this.#at);
  }

  text(): string | null {
    const length = this.varint();
    if (length < 0) return null;
    this.#at += length;
    return this.buffer.toString('utf8', this.#at - length, this.#at);
  }
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
