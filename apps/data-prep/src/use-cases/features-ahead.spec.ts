import { describe, expect, it } from '@jest/globals';
import { FeaturesAhead } from './features-ahead.js';
import type { FeatureOutcome } from './finish-batch.js';

const refused: FeatureOutcome = { findings: [] };

/** Ends with an error once it is told to stop. */
const untilStopped = (signal: AbortSignal): Promise<FeatureOutcome> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));

describe('features computed ahead', () => {
  it('are there when they are asked for, and letting go of them afterwards changes nothing', async () => {
    const ahead = new FeaturesAhead(new AbortController().signal);
    ahead.begin(() => Promise.resolve(refused));
    expect(await ahead.outcome()).toBe(refused);
    await ahead.discard();
    expect(await ahead.outcome()).toBe(refused);
  });

  it('fail only whoever asks for them', async () => {
    const ahead = new FeaturesAhead(new AbortController().signal);
    ahead.begin(() => Promise.reject(new Error('no memory')));
    await ahead.discard();
    await expect(ahead.outcome()).rejects.toThrow('no memory');
  });

  it('are stopped when nobody wants them, and have ended then', async () => {
    const ahead = new FeaturesAhead(new AbortController().signal);
    let ended = false;
    ahead.begin(async (signal) => {
      try {
        return await untilStopped(signal);
      } finally {
        ended = true;
      }
    });
    await ahead.discard();
    expect(ended).toBe(true);
  });

  it('are stopped with their job', async () => {
    const job = new AbortController();
    const ahead = new FeaturesAhead(job.signal);
    ahead.begin(untilStopped);
    job.abort();
    await expect(ahead.outcome()).rejects.toThrow('stopped');
  });

  it('may never have been begun', async () => {
    const ahead = new FeaturesAhead(new AbortController().signal);
    await ahead.discard();
    expect(() => ahead.outcome()).toThrow('nobody began');
  });
});
