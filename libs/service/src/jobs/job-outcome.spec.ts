import { describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@rondo/kernel';
import { afterFailure, ATTEMPTS_OVER_TROUBLE_MIN } from './job-outcome.js';

describe('what a failed attempt leads to', () => {
  it('is the end at once when retrying cannot help', () => {
    expect(afterFailure(new PermanentError('invalid', 'no'), 1, 3).kind).toBe('final');
  });

  it('is another attempt until they are used up; what passes by itself gets more of them', () => {
    expect(afterFailure(new Error('odd'), 2, 3).kind).toBe('retry');
    expect(afterFailure(new Error('odd'), 3, 3).kind).toBe('final');
    const trouble = new TransientError('no primary');
    expect(afterFailure(trouble, 3, 3).kind).toBe('retry');
    expect(afterFailure(trouble, ATTEMPTS_OVER_TROUBLE_MIN, 3).kind).toBe('final');
    expect(afterFailure(trouble, ATTEMPTS_OVER_TROUBLE_MIN, 20).kind).toBe('retry');
  });

  it('waits longer each time, and never less than the error asks', () => {
    const waits = [1, 2, 3, 4].map((attempt) => afterFailure(new TransientError('away'), attempt, 3));
    expect(waits).toEqual([750, 1500, 3000, 6000].map((afterMs) => ({ kind: 'retry', afterMs })));
    expect(afterFailure(new TransientError('away', { afterMs: 9000 }), 1, 3)).toMatchObject({ afterMs: 9000 });
  });
});
