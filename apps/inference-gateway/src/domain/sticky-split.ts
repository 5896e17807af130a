import { mixBits } from '@rondo/kernel';

/** Buckets of the split: a share is told apart to a hundredth of a percent. */
export const BUCKETS = 10_000;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** State of the hash after the salt, so that each key costs only its own length. */
export function saltOf(rolloutId: string): number {
  return absorb(FNV_OFFSET, `${rolloutId}\u0000`);
}

/**
 * Bucket of a key in [0, 10,000): FNV-1a over its UTF-16 code units, finished with murmur3's mixer. The same key and salt always
 * give the same bucket; different salts give independent ones.
 */
export function bucketOf(salt: number, key: string): number {
  return mixBits(absorb(salt, key)) % BUCKETS;
}

/** Whether the candidate answers the bucket. A rising weight only adds buckets, so nobody leaves the canary while it grows. */
export function isCandidates(bucket: number, weightPercent: number): boolean {
  return bucket < weightPercent * (BUCKETS / 100);
}

function absorb(state: number, text: string): number {
  let hash = state;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), FNV_PRIME);
    hash = Math.imul(hash ^ (unit >>> 8), FNV_PRIME);
  }
  return hash;
}
