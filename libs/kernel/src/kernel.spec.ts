import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  assert,
  backoffMs,
  canonicalJson,
  ConflictError,
  Defect,
  formatDurationMs,
  idFrom,
  messageOf,
  mixBits,
  parseDurationMs,
  parseInstantMs,
  PermanentError,
  randomIds,
  RecentlyUsed,
  seededRandom,
  systemClock,
  TransientError,
} from './index.js';

describe('instants', () => {
  it.each([
    ['2001-05-07T14:00:00Z', Date.UTC(2001, 4, 7, 14)],
    ['2000-02-29T23:59:59.25+02:00', Date.UTC(2000, 1, 29, 21, 59, 59, 250)],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
  ])('reads %s', (text, ms) => {
    expect(parseInstantMs(text)).toBe(ms);
  });

  it.each([
    '',
    'noon',
    '2001-05-07',
    '2001-05-07T14:00:00',
    '2001-02-29T00:00:00Z',
    '2001-13-01T00:00:00Z',
    '2001-05-07T25:00:00Z',
  ])('refuses "%s"', (text) => {
    expect(parseInstantMs(text)).toBeNaN();
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['90m', 5_400_000],
    ['14d', 1_209_600_000],
    ['2w', 1_209_600_000],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '5', 'm', '-1d', '1.5h', '1 d', '1d2h', '1234567890s'])(
    'refuses "%s" and names field, value and rule',
    (text) => {
      expect(() => parseDurationMs(text, 'bake')).toThrow(
        expect.objectContaining({ code: 'invalid', detail: expect.objectContaining({ field: 'bake', value: text }) }),
      );
    },
  );

  it('are written so that they read as the same', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (ms) => parseDurationMs(formatDurationMs(ms)) === ms));
  });
});

describe('ids', () => {
  it('are the same for the same parts and differ when parts are cut differently', () => {
    expect(idFrom('a', 'bc')).toBe(idFrom('a', 'bc'));
    expect(idFrom('a', 'bc')).not.toBe(idFrom('ab', 'c'));
    expect(idFrom('a', '')).not.toBe(idFrom('a'));
  });

  it('rise with time when they are random', () => {
    const ids = Array.from({ length: 50 }, () => randomIds.next());
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('seeded random numbers', () => {
  it('repeat under the same seed and differ under another', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('stay in range and are even', () => {
    const random = seededRandom(1);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.int(10)]!++;
    // 5 standard deviations of a binomial(100000, 0.1) are 474.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(474);
  });
});

describe('back-off', () => {
  it('grows, stays under its bound and keeps at least half of the full delay', () => {
    const policy = { initialMs: 100, factor: 2, maxMs: 1000 };
    expect(backoffMs(policy, 1, 0)).toBe(50);
    expect(backoffMs(policy, 3, 0.5)).toBe(300);
    expect(backoffMs(policy, 20, 0.999)).toBeLessThanOrEqual(1000);
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys and leaves absent values out', () => {
    expect(canonicalJson({ b: [1, null, { d: 1, c: undefined }], a: 'x' })).toBe('{"a":"x","b":[1,null,{"d":1}]}');
  });

  it('reads back as the same value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (value) =>
          JSON.stringify(JSON.parse(canonicalJson(value))) ===
          JSON.stringify(JSON.parse(canonicalJson(JSON.parse(JSON.stringify(value))))),
      ),
    );
  });
});

describe('errors', () => {
  it('keep their cause, their code and what they are about', () => {
    const cause = new Error('disk');
    const error = new PermanentError('data-loss', 'gone', { field: 'digest', value: 'x', rule: 'present', cause });
    expect([error.code, error.cause, error.detail]).toEqual([
      'data-loss',
      cause,
      { field: 'digest', value: 'x', rule: 'present' },
    ]);
    expect(new TransientError('busy', { afterMs: 5 }).afterMs).toBe(5);
    expect(new ConflictError('moved')).toBeInstanceOf(TransientError);
    expect(messageOf('text')).toBe('text');
  });

  it('call a broken assumption our own defect', () => {
    expect(() => assert(false, 'never')).toThrow(Defect);
  });
});

describe('the system clock', () => {
  it('wakes when the moment has come, and not when cancelled', async () => {
    const cancelled: number[] = [];
    systemClock.wakeAt(systemClock.now(), () => cancelled.push(1))();
    await new Promise<void>((resolve) => {
      systemClock.wakeAt(systemClock.now() + 5, resolve);
      setTimeout(() => undefined, 50);
    });
    expect(cancelled).toEqual([]);
  });
});

describe('recently used values', () => {
  it('forgets the value that was not used for longest', () => {
    const values = new RecentlyUsed<string, number>(2);
    values.set('a', 1);
    values.set('b', 2);
    expect(values.get('a')).toBe(1);
    values.set('c', 3);
    expect([values.get('a'), values.get('b'), values.get('c')]).toEqual([1, undefined, 3]);
    values.set('a', 4);
    values.set('d', 5);
    expect([values.get('a'), values.get('c'), values.get('d')]).toEqual([4, undefined, 5]);
  });
});

describe('mixing bits', () => {
  it('gives what MurmurHash3 gives at its end', () => {
    // fmix32 of the reference code, also of negative numbers: only the 32 bits count.
    expect([0, 1, 0xffffffff, -1].map(mixBits)).toEqual([0, 1364076727, 2180083513, 2180083513]);
  });
});
