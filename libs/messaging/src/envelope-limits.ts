import { PermanentError } from '@rondo/kernel';
import type { Envelope } from './ports.js';

/** Largest payload of one message; larger things travel by digest. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;

const TEXT_MAX = { id: 300, type: 200, topic: 200, key: 300, source: 300 } as const;
/** Latest and earliest moment that has a date (ECMAScript time values). */
const TIME_MS_MAX = 8.64e15;
/** CloudEvents context attributes: fields of the envelope, never headers. */
const ATTRIBUTES = new Set(['specversion', 'id', 'type', 'source', 'time', 'datacontenttype', 'data']);
const HEADERS_MAX = 32;
const HEADER_CHARS_MAX = 4096;

function refuse(field: string, value: unknown, rule: string): never {
  throw new PermanentError('invalid', `envelope.${field} must have ${rule}`, {
    field: `envelope.${field}`,
    value,
    rule,
  });
}

/** Throws PermanentError `invalid` for an envelope that no adapter should have to carry. */
export function checkEnvelope(envelope: Envelope): void {
  for (const field of ['id', 'type', 'topic', 'key', 'source'] as const) {
    const text = envelope[field];
    if (typeof text !== 'string' || text.length === 0 || text.length > TEXT_MAX[field]) {
      refuse(field, text, `1..${TEXT_MAX[field]} characters`);
    }
  }
  if (!Number.isSafeInteger(envelope.timeMs) || Math.abs(envelope.timeMs) > TIME_MS_MAX)
    refuse('timeMs', envelope.timeMs, 'whole milliseconds of a moment that has a date');
  if (envelope.payload.byteLength > PAYLOAD_BYTES_MAX) {
    refuse('payload', `${envelope.payload.byteLength} bytes`, `at most ${PAYLOAD_BYTES_MAX} bytes`);
  }
  const headers = Object.entries(envelope.headers);
  if (headers.length > HEADERS_MAX) refuse('headers', headers.length, `at most ${HEADERS_MAX} entries`);
  for (const [name, value] of headers) {
    if (ATTRIBUTES.has(name)) refuse(`headers.${name}`, value, 'a name that is no CloudEvents context attribute');
    if (typeof value !== 'string' || name.length + value.length > HEADER_CHARS_MAX) {
      refuse(`headers.${name.slice(0, 50)}`, typeof value, `text of at most ${HEADER_CHARS_MAX} characters`);
    }
  }
}
