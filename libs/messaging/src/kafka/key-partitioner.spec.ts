import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { keyPartitioner } from './key-partitioner.js';

it('chooses the partitions that the default partitioner of kafkajs chooses', () => {
  const [ours, theirs] = [keyPartitioner(), kafkajs.Partitioners.DefaultPartitioner()];
  const keys = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 64 }), (key, partitions) => {
      const partitionMetadata = Array.from(
        { length: partitions },
        (_, partitionId) => ({ partitionId, leader: 1 }) as never,
      );
      const message = { topic: 't', partitionMetadata, message: { key, value: null } };
      expect(ours(message)).toBe(theirs(message));
    }),
  );
});
