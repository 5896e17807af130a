import { describe, expect, it } from '@jest/globals';
import { ConflictError, Defect, PermanentError, TransientError } from '@rondo/kernel';
import { encodeDetail, errorFromWire, failureOf, httpStatusOf, STATUS } from './wire-error.js';

describe('errors on the wire', () => {
  it('come back as they were sent', () => {
    const sent = new PermanentError('conflict', 'stale', {
      reason: 'ETAG_MISMATCH',
      field: 'etag',
      value: 'übel',
      rule: 'the present etag',
    });
    const failure = failureOf(sent);
    const header = encodeDetail(failure.detail);
    expect(header).toMatch(/^[\x20-\x7e]+$/);
    expect(errorFromWire(failure.status, failure.message, header)).toEqual(sent);
  });

  it('hide what is inside defects and unknown errors', () => {
    for (const error of [
      new Error('secret'),
      new Defect('secret'),
      'secret',
      new PermanentError('internal', 'secret'),
    ]) {
      const failure = failureOf(error, 'ab');
      expect([failure.code, failure.isFault]).toEqual(['internal', true]);
      expect(JSON.stringify([failure.message, failure.detail])).not.toContain('secret');
    }
  });

  it('tell what is worth another attempt', () => {
    expect(failureOf(new TransientError('later', { afterMs: 5 })).detail).toEqual({
      code: 'unavailable',
      retryAfterMs: 5,
    });
    expect(failureOf(new ConflictError('again'))).toMatchObject({ code: 'conflict', isFault: false });
  });

  it('survive headers that are missing, damaged or hostile', () => {
    expect(errorFromWire(5, 'm', undefined)).toMatchObject({ code: 'not-found' });
    expect(errorFromWire(12, 'm', '{')).toMatchObject({ code: 'not-found' });
    expect(errorFromWire(2, 'm', '[]')).toMatchObject({ code: 'internal' });
    expect(errorFromWire(3, 'm', '{"code":"__proto__","field":7}')).toMatchObject({ code: 'invalid', detail: {} });
    expect(errorFromWire(14, 'm', '{"retryAfterMs":"soon"}')).toBeInstanceOf(TransientError);
  });

  it('cut long values and have one number and one HTTP status per code', () => {
    const failure = failureOf(new PermanentError('invalid', 'x', { value: { big: 'y'.repeat(5000), n: 1n } }));
    expect(failure.detail.value!.length).toBeLessThanOrEqual(201);
    expect(new Set(Object.values(STATUS)).size).toBe(Object.keys(STATUS).length);
    expect(Object.keys(STATUS).every((code) => httpStatusOf(code as keyof typeof STATUS) >= 400)).toBe(true);
  });
});
