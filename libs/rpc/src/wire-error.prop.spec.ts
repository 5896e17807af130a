import { describe, expect, it } from '@jest/globals';
import { PermanentError, type ErrorCode } from '@rondo/kernel';
import * as fc from 'fast-check';
import { encodeDetail, ERROR_HEADER, errorFromWire, failureOf, STATUS } from './wire-error.js';

const codes = (Object.keys(STATUS) as (ErrorCode | 'canceled')[]).filter(
  (code): code is ErrorCode => !['internal', 'canceled', 'unavailable'].includes(code),
);
const text = fc.string({ unit: 'grapheme', maxLength: 60 });

describe('errors on the wire, whatever they say', () => {
  it('are a legal header and come back as they were sent', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        text,
        fc.record({ reason: text, field: text, value: text, rule: text }),
        (code, message, detail) => {
          const sent = new PermanentError(code, message, detail);
          const failure = failureOf(sent);
          const header = encodeDetail(failure.detail);
          expect(() => new Headers({ [ERROR_HEADER]: header })).not.toThrow();
          expect(errorFromWire(failure.status, failure.message, header)).toEqual(sent);
        },
      ),
    );
  });

  it('are read without harm from any header', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.oneof(fc.string(), fc.json()), (status, header) => {
        expect(errorFromWire(status, 'm', header)).toBeInstanceOf(Error);
      }),
    );
  });
});
