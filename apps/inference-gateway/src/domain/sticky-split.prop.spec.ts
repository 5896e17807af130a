import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BUCKETS, bucketOf, isCandidates, saltOf } from './sticky-split.js';

describe('the sticky split', () => {
  it('gives the same key the same answer every time', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (rollout, key) => {
        const bucket = bucketOf(saltOf(rollout), key);
        expect(bucketOf(saltOf(rollout), key)).toBe(bucket);
        expect(bucket).toBeGreaterThanOrEqual(0);
        expect(bucket).toBeLessThan(BUCKETS);
      }),
    );
  });

  it('never takes a key out of the canary while the weight rises', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        (rollout, key, a, b) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          const bucket = bucketOf(saltOf(rollout), key);
          if (isCandidates(bucket, low)) expect(isCandidates(bucket, high)).toBe(true);
        },
      ),
    );
  });

  it('gives nobody to the candidate at 0 % and everybody at 100 %', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        const bucket = bucketOf(saltOf('r'), key);
        expect(isCandidates(bucket, 0)).toBe(false);
        expect(isCandidates(bucket, 100)).toBe(true);
      }),
    );
  });

  it.each(['flight-%d', '%d', 'user:%d@example.org', '00000000-0000-4000-8000-%d'])(
    'splits keys such as %s as asked for, and anew for each salt',
    (form) => {
      const keys = Array.from({ length: 20_000 }, (_, i) => form.replace('%d', String(i).padStart(6, '0')));
      const z = (hits: number, share: number): number =>
        (hits - keys.length * share) / Math.sqrt(keys.length * share * (1 - share));
      const inFirst = keys.map((key) => isCandidates(bucketOf(saltOf('first'), key), 5));
      const inSecond = keys.map((key) => isCandidates(bucketOf(saltOf('second'), key), 5));
      expect(Math.abs(z(inFirst.filter(Boolean).length, 0.05))).toBeLessThan(4);
      expect(Math.abs(z(inSecond.filter(Boolean).length, 0.05))).toBeLessThan(4);
      expect(Math.abs(z(inFirst.filter((first, i) => first && inSecond[i]).length, 0.0025))).toBeLessThan(4);
    },
  );
});
