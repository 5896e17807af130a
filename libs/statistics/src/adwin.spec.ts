import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import { adwinWindow, startAdwin, updateAdwin, type Adwin } from './index.js';

function run(seed: number, rates: readonly number[], valuesEach: number) {
  const random = seededRandom(seed);
  let state: Adwin = startAdwin();
  let cuts = 0;
  for (const rate of rates) {
    for (let i = 0; i < valuesEach; i++) {
      state = updateAdwin(state, random.next() < rate ? 1 : 0);
      if (state.detected) cuts++;
    }
  }
  return { state, cuts };
}

describe('ADWIN', () => {
  it('keeps everything while the rate is steady, in few buckets', () => {
    let falselyCut = 0;
    for (let seed = 0; seed < 40; seed++) if (run(seed, [0.2], 2_000).cuts > 0) falselyCut++;
    expect(falselyCut).toBeLessThanOrEqual(2);
    const { state } = run(1, [0.2], 2_000);
    expect(adwinWindow(state)).toMatchObject({ rows: 2_000 });
    expect(state.buckets.length).toBeLessThan(60);
  });

  it('forgets what was before a change', () => {
    const { state, cuts } = run(3, [0.2, 0.6], 1_000);
    const window = adwinWindow(state);
    if (window.kind !== 'measured') throw new Error('empty');
    expect(cuts).toBeGreaterThan(0);
    expect(window.rows).toBeLessThan(1_300);
    expect(Math.abs(window.mean - 0.6)).toBeLessThan(0.06);
  });

  it('goes on the same after being written and read as JSON', () => {
    const { state } = run(5, [0.1, 0.5], 300);
    const revived = JSON.parse(JSON.stringify(state)) as Adwin;
    expect(updateAdwin(revived, 1)).toEqual(updateAdwin(state, 1));
  });

  it('has no mean before the first value and refuses values outside 0 and 1', () => {
    expect(adwinWindow(startAdwin())).toEqual({ kind: 'insufficient' });
    expect(() => updateAdwin(startAdwin(), 1.5)).toThrow('value must be between 0 and 1');
  });
});
