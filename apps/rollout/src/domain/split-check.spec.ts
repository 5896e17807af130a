import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import type { ServedBatch } from './observations.js';
import { firstSeen, noKeys } from './seen-keys.js';
import { emptySplit, observeSplit, splitMismatch, type SplitState } from './split-check.js';

const TENTH = { weightPercent: 10 };
const rowsOf = (keys: readonly string[], arms: readonly boolean[]): ServedBatch => ({
  requestId: 'r',
  eventTimeMs: 0,
  epoch: 1,
  keys,
  assignedToCandidate: arms,
  servedByCandidate: arms,
  championScores: keys.map(() => 0.5),
  candidateScores: keys.map(() => 0.5),
  championLatencyMs: 1,
  candidateLatencyMs: 1,
  champion: { requests: 1, failed: 0 },
  candidate: { requests: 1, failed: 0 },
});

/** Traffic of `users` keys that come again and again; `share` of the keys are the candidate's. */
function busyUsers(seed: number, users: number, share: number): SplitState {
  const random = seededRandom(seed);
  const arms = Array.from({ length: users }, () => random.next() < share);
  let split = emptySplit;
  for (let message = 0; message < 40; message++) {
    const drawn = Array.from({ length: 200 }, () => random.int(users));
    const keys = drawn.map((user) => `user-${user}`);
    split = observeSplit(
      split,
      rowsOf(
        keys,
        drawn.map((user) => arms[user]!),
      ),
      TENTH,
    );
  }
  return split;
}

describe('the split of keys that come often', () => {
  it('counts each key once and is not taken for a mismatch', () => {
    for (let seed = 0; seed < 5; seed++) {
      const split = busyUsers(seed, 400, 0.1);
      expect(split.keys).toBeLessThanOrEqual(400);
      expect(split.keys).toBeGreaterThan(380);
      expect(splitMismatch(split, 10)).toBeUndefined();
    }
  });

  it('is a mismatch when the share is wrong', () => {
    expect(splitMismatch(busyUsers(1, 4_000, 0.2), 10)).toMatch(
      /^sample-ratio mismatch: the candidate was given (19|2\d)\.\d % of \d{4} keys, 10 % was asked for$/,
    );
  });

  it('counts rows without a key one by one', () => {
    const keys = Array.from({ length: 50 }, () => '');
    const split = observeSplit(
      emptySplit,
      rowsOf(
        keys,
        keys.map((_, i) => i < 5),
      ),
      TENTH,
    );
    expect(split).toMatchObject({ keys: 50, candidateKeys: 5 });
  });

  it('goes by whom the split chose, not by who answered', () => {
    const keys = Array.from({ length: 3_000 }, (_, i) => `k${i}`);
    const given = rowsOf(
      keys,
      keys.map((_, i) => i % 10 === 0),
    );
    const failing = { ...given, servedByCandidate: keys.map(() => false), candidate: { requests: 1, failed: 1 } };
    expect(splitMismatch(observeSplit(emptySplit, failing, TENTH), 10)).toBeUndefined();
    expect(observeSplit(emptySplit, failing, TENTH)).toEqual(observeSplit(emptySplit, given, TENTH));
  });

  it('is looked at anew in a rollout that counted rows', () => {
    const old = { rows: 100, candidateRows: 90 } as unknown as SplitState;
    expect(splitMismatch(old, 100)).toBeUndefined();
    expect(observeSplit(old, rowsOf(['a'], [true]), TENTH)).toMatchObject({ keys: 1, candidateKeys: 1 });
  });
});

describe('keys seen', () => {
  it('are new once, stay within their room, and are hardly passed over while there are few', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `flight-${i}`);
    const few = firstSeen(noKeys, keys.slice(0, 1_000));
    expect(few.isNew.filter(Boolean).length).toBeGreaterThan(940);
    expect(firstSeen(few.seen, keys.slice(0, 1_000)).isNew).not.toContain(true);
    const many = firstSeen(few.seen, keys);
    expect(many.seen.length).toBe(noKeys.length);
    expect(many.isNew.filter(Boolean).length).toBeLessThan(16_384);
  });
});
