import { describe, expect, it } from '@jest/globals';
import { failureCodeOf, progressFilter } from './training-job.js';

describe('progress', () => {
  it('is told once per tenth of the way, however often it is said', () => {
    const worthTelling = progressFilter();
    const told = Array.from({ length: 10_001 }, (_, i) => i / 10_000).filter((progress) =>
      worthTelling({ stage: 'fit', progress, atMs: 0 }),
    );
    expect(told.length).toBeLessThanOrEqual(11);
    expect(told[0]).toBe(0);
  });

  it('is told for another stage at most once a second', () => {
    const worthTelling = progressFilter();
    const told = Array.from({ length: 500 }, (_, i) =>
      worthTelling({ stage: `stage ${i}`, progress: 0, atMs: i * 10 }),
    ).filter(Boolean);
    expect(told).toHaveLength(5);
  });

  it('is not told again after a step back', () => {
    const worthTelling = progressFilter();
    expect([0.9, 0.1, 0.5].map((progress) => worthTelling({ stage: 'fit', progress, atMs: 0 }))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('a failure outside the trainer', () => {
  it.each([
    ['deadline-exceeded', 'Deadline'],
    ['invalid', 'BadData'],
    ['data-loss', 'BadData'],
    ['internal', 'TrainerExit'],
  ])('%s is called %s', (code, called) => {
    expect(failureCodeOf(code)).toBe(called);
  });
});
