import { describe, expect, it } from '@jest/globals';
import { patiently } from './readiness.js';

describe('a readiness check', () => {
  const subject = (answers: boolean[]) => {
    const time = { now: 0 };
    let asked = 0;
    const check = patiently(
      () => (answers[Math.min(asked++, answers.length - 1)] ? Promise.resolve() : Promise.reject(new Error('away'))),
      () => time.now,
    );
    return { time, check, asked: () => asked };
  };

  it('asks no more often than every five seconds', async () => {
    const { check, asked, time } = subject([true]);
    await Promise.all([check(), check(), check()]);
    await check();
    expect(asked()).toBe(1);
    time.now += 5_000;
    await check();
    expect(asked()).toBe(2);
  });

  it('fails after three failures in a row and recovers with the first success', async () => {
    const { check, time } = subject([true, false, false, true, false, false, false, true]);
    const told: boolean[] = [];
    for (let look = 0; look < 8; look++) {
      told.push((await check()) as boolean);
      time.now += 5_000;
    }
    expect(told).toEqual([true, true, true, true, true, true, false, true]);
  });
});
