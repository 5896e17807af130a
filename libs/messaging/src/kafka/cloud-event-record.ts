import { messageOf } from '@rondo/kernel';
import type { Envelope } from '../ports.js';

/** `type` of a delivery whose record could not be read. */
export const UNREADABLE_TYPE = 'unreadable';

const PROTOBUF = 'application/protobuf';
const STRUCTURED_JSON = 'application/cloudevents+json';
/** W3C trace context travels under its own names, where every tracer looks for it; CloudEvents allows both. */
const TRACE_CONTEXT = ['traceparent', 'tracestate'];
/** Headers of CloudEvents context attributes. */
const ATTRIBUTES = new Set(['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_time']);
const HEADERS_KEPT = 32;
const HEADER_CHARS_KEPT = 1000;

/** Header values as kafkajs sends them, and as they are received. */
export type RecordHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;

type TextHeaders = Readonly<Record<string, string>>;

/** What is read of a Kafka record, and where it lies. `topic` is the name inside the installation. */
export interface ReceivedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null | undefined;
  readonly value: Uint8Array | null | undefined;
  readonly headers: RecordHeaders;
  /** Milliseconds since the epoch, by the broker. */
  readonly timestampMs: number;
}

/** An envelope, or one that stands for a record nobody can read, with the reason. */
export type ReadRecord = { readonly envelope: Envelope; readonly unreadable?: string };

/** Writes an envelope as a CloudEvent in binary mode (CloudEvents 1.0, Kafka protocol binding). */
export function recordOf(envelope: Envelope): { key: string; value: Buffer; headers: Record<string, string> } {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: envelope.id,
    ce_type: envelope.type,
    ce_source: envelope.source,
    ce_time: new Date(envelope.timeMs).toISOString(),
    'content-type': PROTOBUF,
  };
  for (const name of Object.keys(envelope.headers))
    headers[TRACE_CONTEXT.includes(name) ? name : `ce_${name}`] = envelope.headers[name]!;
  const { buffer, byteOffset, byteLength } = envelope.payload;
  return { key: envelope.key, value: Buffer.from(buffer, byteOffset, byteLength), headers };
}

/**
 * Reads a record: our own CloudEvents with protobuf data, and those of other producers with JSON data in structured or binary
 * mode. JSON events get their structured form as payload, whatever they came in, and the header `content-type`
 * `application/cloudevents+json`.
 */
export function readRecord(record: ReceivedRecord): ReadRecord {
  try {
    return { envelope: envelopeOf(record) };
  } catch (error) {
    return { envelope: unreadable(record), unreadable: messageOf(error) };
  }
}

function envelopeOf(record: ReceivedRecord): Envelope {
  const { value, headers } = record;
  if (!value) throw new Error('the record has no value');
  const isCloudEvent = textOf(headers['ce_specversion']) !== undefined;
  const contentType = mediaType(textOf(headers['content-type']) ?? '');
  if (isCloudEvent && contentType === PROTOBUF) return ownEnvelope(record, value);
  const texts = textHeaders(headers);
  if (contentType === STRUCTURED_JSON) return foreignEnvelope(record, texts, objectIn(value, 'an event'));
  if (!isCloudEvent)
    throw new Error(`no CloudEvent: neither content type ${STRUCTURED_JSON} nor a header ce_specversion`);
  if (/^application\/([a-z0-9.-]+\+)?json$/.test(contentType))
    return foreignEnvelope(record, texts, binaryEvent(texts, parsed(value)));
  throw new Error(`content type ${JSON.stringify(contentType.slice(0, 80))} is neither protobuf nor JSON`);
}

/** A content type without its parameters. */
function mediaType(contentType: string): string {
  // As nearly all are, and as our own are written.
  if (contentType === PROTOBUF) return contentType;
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/** Nearly every message is one of our own, so its headers are read where they are, without a copy. */
function ownEnvelope(record: ReceivedRecord, payload: Uint8Array): Envelope {
  const { headers } = record;
  const others: Record<string, string> = {};
  for (const name in headers) {
    if (ATTRIBUTES.has(name)) continue;
    const kept = name.startsWith('ce_') ? name.slice(3) : TRACE_CONTEXT.includes(name) ? name : undefined;
    const text = kept === undefined ? undefined : textOf(headers[name]);
    if (text !== undefined) others[kept!] = text;
  }
  return {
    id: required(textOf(headers['ce_id']), 'ce_id'),
    type: required(textOf(headers['ce_type']), 'ce_type'),
    topic: record.topic,
    key: required(textOfBytes(record.key), 'a key'),
    source: required(textOf(headers['ce_source']), 'ce_source'),
    timeMs: momentOf(required(textOf(headers['ce_time']), 'ce_time')),
    payload,
    headers: others,
  };
}

function foreignEnvelope(
  record: ReceivedRecord,
  headers: TextHeaders,
  event: Readonly<Record<string, unknown>>,
): Envelope {
  const attribute = (name: string): string => required(event[name], name);
  const id = attribute('id');
  const carried: Record<string, string> = { 'content-type': STRUCTURED_JSON };
  for (const name of TRACE_CONTEXT) {
    const value = headers[name] ?? event[name];
    if (typeof value === 'string') carried[name] = value;
  }
  return {
    id,
    type: attribute('type'),
    topic: record.topic,
    key: textOfBytes(record.key) || (typeof event['partitionkey'] === 'string' && event['partitionkey']) || id,
    source: attribute('source'),
    timeMs: event['time'] === undefined ? record.timestampMs : momentOf(attribute('time')),
    payload: new TextEncoder().encode(JSON.stringify(event)),
    headers: carried,
  };
}

/** The structured form of an event in binary mode: attributes in `ce_` headers, the value is its data. */
function binaryEvent(headers: TextHeaders, data: unknown): Record<string, unknown> {
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce_'))
    .map(([name, value]) => [name.slice(3), value]);
  return { ...Object.fromEntries(attributes), datacontenttype: 'application/json', data };
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch (cause) {
    throw new Error(`the value is no JSON: ${messageOf(cause).slice(0, 200)}`, { cause });
  }
}

function objectIn(value: Uint8Array, what: string): Record<string, unknown> {
  const json = parsed(value);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error(`the JSON is not ${what}`);
  return json as Record<string, unknown>;
}

function required(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${name} is missing or no text`);
  return value;
}

function momentOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`time ${JSON.stringify(text.slice(0, 60))} is no timestamp (RFC 3339)`);
  return ms;
}

function textOfBytes(bytes: Uint8Array | null | undefined): string {
  if (!bytes) return '';
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString();
}

/** The first value of a header; undefined when there is none. */
function textOf(value: RecordHeaders[string]): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || typeof first === 'string' ? first : textOfBytes(first);
}

function textHeaders(headers: RecordHeaders): TextHeaders {
  // Without a prototype: a name can be anything.
  const texts = Object.create(null) as Record<string, string>;
  for (const name in headers) {
    const text = textOf(headers[name]);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

/** Id of a message that has none which could be read: its place, and when the log took it, as a topic that is made again has the same places. */
export const unreadableId = ({ topic, partition, offset, timestampMs }: ReceivedRecord): string =>
  `${topic}/${partition}/${offset}/${timestampMs}`;

/** Keeps the bytes and the headers, within bounds, so that a person can see what came and it can be read again later. */
function unreadable(record: ReceivedRecord): Envelope {
  const id = unreadableId(record);
  const headers = Object.entries(textHeaders(record.headers)).slice(0, HEADERS_KEPT);
  return {
    id,
    type: UNREADABLE_TYPE,
    topic: record.topic,
    key: textOfBytes(record.key) || id,
    source: UNREADABLE_TYPE,
    timeMs: record.timestampMs,
    payload: record.value ?? new Uint8Array(0),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, value.slice(0, HEADER_CHARS_KEPT)])),
  };
}
