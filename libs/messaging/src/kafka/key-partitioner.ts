import type kafkajs from 'kafkajs';

const M = 0x5bd1e995;
const SEED = 0x9747b28c;

/** MurmurHash2 (Appleby 2008) of the bytes as the Java client of Kafka computes it, as a signed 32-bit integer. */
function murmur2(data: Uint8Array): number {
  const { length } = data;
  const whole = length & ~3;
  let h = SEED ^ length;
  for (let i = 0; i < whole; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length - whole;
  if (rest === 3) h ^= data[whole + 2]! << 16;
  if (rest >= 2) h ^= data[whole + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ data[whole]!, M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

/**
 * The partition of a message by its key: the same as that of kafkajs's default partitioner and the Java client, without the big
 * integers that kafkajs takes for it.
 */
export const keyPartitioner: kafkajs.ICustomPartitioner = () => {
  return ({ message: { key }, partitionMetadata }) =>
    (murmur2(Buffer.from(key ?? '')) & 0x7fffffff) % partitionMetadata.length;
};
