import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { decodeRecord, type DecodedRecord } from './record-decoder.js';
import { encodeRecord } from './record-encoder.js';

type Batch = Parameters<typeof decodeRecord>[1];

type HeaderOfKafkajs = Buffer | null | HeaderOfKafkajs[];

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => {
  readonly buffer: Buffer;
  readVarIntBytes(): Buffer;
};
const ofKafkajs = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  decoder: object,
  batch: Batch,
) => Omit<DecodedRecord, 'headers'> & { readonly headers: Record<string, HeaderOfKafkajs> };

const TEXTS = ['', 'a', 'x'.repeat(63), 'x'.repeat(64), 'ü€😀', 'y'.repeat(9000)];
const OFFSET_DELTAS = [0, 1, 63, 64, 8191, 8192, 2 ** 30];
const TIMESTAMP_DELTAS = [...OFFSET_DELTAS, -1, -64, -65, 2 ** 40, -(2 ** 40)];
const BATCH: Batch = {
  firstOffset: '4503599627370496',
  firstTimestamp: '1795936498582',
  maxTimestamp: '1795936499999',
  timestampType: 0,
  magicByte: 2,
};

/** The record without its length, as kafkajs gives it to what decodes it. */
const bytesOf = (record: Parameters<typeof encodeRecord>[0]): Buffer =>
  new Decoder(encodeRecord(record).buffer).readVarIntBytes();

function textOf(value: HeaderOfKafkajs): unknown {
  return Array.isArray(value) ? value.map(textOf) : (value?.toString() ?? null);
}

describe('a record', () => {
  it('is read as kafkajs reads it, with text for the values of headers', () => {
    const random = seededRandom(20260101);
    const one = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
    const bytes = (): Buffer | string | null => one([one(TEXTS), Buffer.from([0, 255, 128]), null]);
    for (let round = 0; round < 500; round++) {
      const record = bytesOf({
        offsetDelta: one(OFFSET_DELTAS),
        timestampDelta: one(TIMESTAMP_DELTAS),
        key: bytes(),
        value: bytes(),
        headers: Object.fromEntries(
          Array.from({ length: round % 12 }, (_, i) => [
            `${one(TEXTS)}${i}`,
            i % 5 === 4 ? [one(TEXTS), Buffer.from('b'), 'c'].slice(0, 1 + (round % 3)) : one(TEXTS),
          ]),
        ),
      });
      const batch = { ...BATCH, timestampType: round % 2, isControlBatch: round % 7 === 0 };
      const read = decodeRecord({ buffer: record }, batch);
      const expected = ofKafkajs(new Decoder(record), batch);
      expect({ ...read, headers: Object.entries(read.headers) }).toEqual({
        ...expected,
        headers: Object.entries(expected.headers).map(([name, value]) => [name, textOf(value)]),
      });
    }
  });

  it('may name a header like a property that every object has', () => {
    const { headers } = decodeRecord({ buffer: bytesOf({ headers: { ['__proto__']: 'v', constructor: 'w' } }) }, BATCH);
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'v'],
      ['constructor', 'w'],
    ]);
  });

  it('without headers has none', () => {
    expect(Object.keys(decodeRecord({ buffer: bytesOf({ value: 'v' }) }, BATCH).headers)).toEqual([]);
  });
});
