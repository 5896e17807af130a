import { describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@rondo/kernel';
import { untilKnown } from './until-known.js';

const refused = (reason: string) => () => Promise.reject(new PermanentError('not-found', 'no', { reason }));

describe('an announcement over the bus', () => {
  it('that is here before its pipeline is tried again for a while, then refused', async () => {
    const unknown = refused('PIPELINE_UNKNOWN');
    await expect(untilKnown({ attempt: 1 }, unknown)).rejects.toThrow(TransientError);
    await expect(untilKnown({ attempt: 11 }, unknown)).rejects.toThrow(TransientError);
    await expect(untilKnown({ attempt: 12 }, unknown)).rejects.toThrow(PermanentError);
  });

  it('that is wrong in another way is refused at once, and a right one is taken', async () => {
    await expect(untilKnown({ attempt: 1 }, refused('DIGEST_MALFORMED'))).rejects.toThrow(PermanentError);
    expect(await untilKnown({ attempt: 1 }, () => Promise.resolve('batch'))).toBe('batch');
  });
});
