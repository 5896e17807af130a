import { describe, expect, it } from '@jest/globals';
import { eventually, FakeClock, given } from './index.js';

describe('FakeClock', () => {
  it('fires wakes in order of time and registration, including those armed on the way', async () => {
    const clock = new FakeClock(1000);
    const seen: string[] = [];
    clock.wakeAt(1030, () => seen.push('c'));
    clock.wakeAt(1010, () => {
      seen.push(`a@${clock.now()}`);
      clock.wakeAt(1020, () => seen.push('b'));
    });
    clock.wakeAt(1030, () => seen.push('d'));
    await clock.advance(29);
    expect(seen).toEqual(['a@1010', 'b']);
    expect(clock.nextWakeAtMs()).toBe(1030);
    await clock.advance(1);
    expect(seen).toEqual(['a@1010', 'b', 'c', 'd']);
    expect(clock.now()).toBe(1030);
  });

  it('never calls synchronously and never after a cancel', async () => {
    const clock = new FakeClock(0);
    const seen: number[] = [];
    clock.wakeAt(0, () => seen.push(1));
    const cancel = clock.wakeAt(0, () => seen.push(2));
    cancel();
    expect(seen).toEqual([]);
    await eventually(() => seen.length === 1);
    await clock.advance(10);
    expect(seen).toEqual([1]);
  });
});

describe('eventually', () => {
  it('throws when the condition never holds', async () => {
    await expect(eventually(() => false, 5)).rejects.toThrow('not within 5 ms');
  });
});

describe('given', () => {
  it('folds the history before the command and the new events after it', () => {
    const counter = {
      initial: 0,
      decide: (state: number, add: number) => (state + add > 3 ? [] : [add]),
      evolve: (state: number, event: number) => state + event,
    };
    expect(given(counter, 1, 1).when(1)).toEqual({ events: [1], state: 3 });
    expect(given(counter, 1, 1).when(2)).toEqual({ events: [], state: 2 });
  });
});
