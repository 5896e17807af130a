import { describe, expect, it } from '@jest/globals';
import { message } from '../../testing/index.js';
import { readRecord, recordOf, type ReceivedRecord } from './cloud-event-record.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const received = (more: Partial<ReceivedRecord>): ReceivedRecord => ({
  topic: 'rondo.arrivals.v1',
  partition: 3,
  offset: 41,
  key: bytes('flight-delay'),
  value: bytes('{}'),
  headers: {},
  timestampMs: 1000,
  ...more,
});
/** What a broker gives back of what was sent. */
const sent = (envelope: ReturnType<typeof message>): ReceivedRecord => {
  const { key, value, headers } = recordOf(envelope);
  const buffers = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
  return received({ topic: envelope.topic, key: bytes(key), value, headers: Object.fromEntries(buffers) });
};

const EVENT = {
  specversion: '1.0',
  id: 'e1',
  source: 'urn:upstream',
  type: 'dev.rondo.data.arrived.v1',
  time: '2026-01-01T00:00:00Z',
  data: { pipeline: 'flight-delay' },
};
const BINARY = {
  ce_specversion: Buffer.from('1.0'),
  ce_id: Buffer.from('e1'),
  ce_source: Buffer.from('urn:upstream'),
  ce_type: Buffer.from('dev.rondo.data.arrived.v1'),
  ce_time: Buffer.from('2026-01-01T00:00:00Z'),
  'content-type': Buffer.from('application/json; charset=utf-8'),
};

describe('our own messages as records', () => {
  it('are CloudEvents in binary mode, with the trace context under its own name', () => {
    const { key, headers } = recordOf(
      message('flight-delay', 'x', {
        id: 'm',
        timeMs: Date.UTC(2026, 0, 1, 1, 2, 3, 4),
        headers: { traceparent: '00-a', cycleid: 'c' },
      }),
    );
    expect(key).toBe('flight-delay');
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'm',
      ce_type: 'rondo.test.v1.Said',
      ce_source: 'rondo/test',
      ce_time: '2026-01-01T01:02:03.004Z',
      'content-type': 'application/protobuf',
      traceparent: '00-a',
      ce_cycleid: 'c',
    });
  });

  it.each([
    message('k', 'hello', { headers: { traceparent: '00-1', tracestate: 'v=1', cycleid: 'c' } }),
    message('Zürich / 東京', '', { timeMs: -1, headers: {} }),
    message('k', 'x', { timeMs: 8.64e15, headers: { 'odd.name': 'ü' } }),
  ])('come back as they were', (envelope) => {
    const read = readRecord(sent(envelope));
    expect(read.unreadable).toBeUndefined();
    expect({ ...read.envelope, payload: [...read.envelope.payload] }).toEqual({
      ...envelope,
      payload: [...envelope.payload],
    });
  });
});

describe('events of other producers', () => {
  it('are read in structured mode', () => {
    const value = bytes(JSON.stringify({ ...EVENT, traceparent: '00-b' }));
    const { envelope, unreadable } = readRecord(
      received({ value, headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' } }),
    );
    expect(unreadable).toBeUndefined();
    expect(envelope).toMatchObject({
      id: 'e1',
      type: 'dev.rondo.data.arrived.v1',
      source: 'urn:upstream',
      key: 'flight-delay',
      timeMs: Date.UTC(2026, 0, 1),
      headers: { 'content-type': 'application/cloudevents+json', traceparent: '00-b' },
    });
    expect(JSON.parse(new TextDecoder().decode(envelope.payload))).toEqual({ ...EVENT, traceparent: '00-b' });
  });

  it('are read in binary mode and brought to the same form', () => {
    const value = bytes(JSON.stringify(EVENT.data));
    const { envelope, unreadable } = readRecord(
      received({ value, headers: { ...BINARY, traceparent: Buffer.from('00-c') } }),
    );
    expect(unreadable).toBeUndefined();
    expect(envelope).toMatchObject({ id: 'e1', timeMs: Date.UTC(2026, 0, 1), headers: { traceparent: '00-c' } });
    expect(JSON.parse(new TextDecoder().decode(envelope.payload))).toEqual({
      ...EVENT,
      datacontenttype: 'application/json',
    });
  });

  it('may leave out key and time: then the id, or the partition key, and the moment of arrival serve', () => {
    const { time: _time, ...timeless } = EVENT;
    const read = (event: object): ReturnType<typeof readRecord> =>
      readRecord(
        received({
          key: null,
          value: bytes(JSON.stringify(event)),
          headers: { 'content-type': 'application/cloudevents+json' },
        }),
      );
    expect(read(timeless).envelope).toMatchObject({ key: 'e1', timeMs: 1000 });
    expect(read({ ...EVENT, partitionkey: 'p' }).envelope.key).toBe('p');
  });
});

describe('records nobody can read', () => {
  const structured = { 'content-type': 'application/cloudevents+json' };
  it.each<[what: string, record: Partial<ReceivedRecord>, reason: RegExp]>([
    ['no value', { value: null }, /no value/],
    ['no CloudEvent', { value: Buffer.from([0xff, 0x00]) }, /no CloudEvent/],
    ['no JSON', { value: bytes('{"a":'), headers: structured }, /no JSON/],
    ['bytes that are no text', { value: Buffer.from([0x22, 0xff, 0x22]), headers: structured }, /no JSON/],
    ['a list', { value: bytes('[]'), headers: structured }, /not an event/],
    ['no id', { value: bytes(JSON.stringify({ ...EVENT, id: '' })), headers: structured }, /id is missing/],
    [
      'a number for an id',
      { value: bytes(JSON.stringify({ ...EVENT, id: 1 })), headers: structured },
      /id is missing or no text/,
    ],
    [
      'a time that is none',
      { value: bytes(JSON.stringify({ ...EVENT, time: 'noon' })), headers: structured },
      /"noon" is no timestamp/,
    ],
    ['another format', { headers: { ...BINARY, 'content-type': 'application/avro' } }, /neither protobuf nor JSON/],
    [
      'protobuf without a key',
      { key: null, headers: { ...BINARY, 'content-type': 'application/protobuf' } },
      /a key is missing/,
    ],
    [
      'protobuf without a type',
      { headers: { ...BINARY, ce_type: undefined, 'content-type': 'application/protobuf' } },
      /ce_type is missing/,
    ],
  ])('%s: keeps place, bytes and headers, and says why', (_what, more, reason) => {
    const record = received(more);
    const { envelope, unreadable } = readRecord(record);
    expect(unreadable).toMatch(reason);
    expect(envelope).toMatchObject({
      id: 'rondo.arrivals.v1/3/41/1000',
      type: 'unreadable',
      topic: 'rondo.arrivals.v1',
      timeMs: 1000,
    });
    expect([...envelope.payload]).toEqual([...(record.value ?? [])]);
  });

  it('keeps no more headers than a message may have', () => {
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`h${i}`, Buffer.from('x'.repeat(5000))]));
    const kept = Object.values(readRecord(received({ headers })).envelope.headers);
    expect(kept).toHaveLength(32);
    expect(Math.max(...kept.map((value) => value.length))).toBe(1000);
  });
});
