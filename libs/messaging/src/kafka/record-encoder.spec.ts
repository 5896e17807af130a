import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { encodeRecord, type RecordFields } from './record-encoder.js';

const ofKafkajs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0') as (
  record: RecordFields,
) => {
  readonly buffer: Buffer;
};

const TEXTS = ['', 'a', 'x'.repeat(63), 'x'.repeat(64), 'ü€😀', 'y'.repeat(9000)];
const NUMBERS = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, 2 ** 40, -(2 ** 40)];

describe('a record', () => {
  it('has the bytes that kafkajs gives it', () => {
    const random = seededRandom(20260101);
    const one = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
    const bytes = (): Buffer | string | null =>
      one([one(TEXTS), Buffer.from(one(TEXTS)), Buffer.from([0, 255, 128]), null]);
    for (let round = 0; round < 500; round++) {
      const record = {
        offsetDelta: one(NUMBERS.slice(0, 10)),
        timestampDelta: one(NUMBERS),
        key: bytes(),
        value: bytes(),
        headers: Object.fromEntries(
          Array.from({ length: round % 12 }, (_, i) => [
            `${one(TEXTS)}${i}`,
            i % 5 === 4 ? [one(TEXTS), Buffer.from('b')] : one(TEXTS),
          ]),
        ),
      };
      expect(encodeRecord(record).buffer.toString('hex')).toBe(ofKafkajs(record).buffer.toString('hex'));
    }
    expect(encodeRecord({}).buffer.toString('hex')).toBe(ofKafkajs({}).buffer.toString('hex'));
  });
});
