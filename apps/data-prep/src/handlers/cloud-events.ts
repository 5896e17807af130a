import { PermanentError } from '@rondo/kernel';
import { z } from 'zod';
import type { Announcement } from '../domain/announcement.js';

/** Type of the one event that upstream systems send. */
export const DATA_ARRIVED = 'dev.rondo.data.arrived.v1';
/** Most events in one batch. */
export const BATCH_EVENTS_MAX = 100;

/** One event of a request: understood, or refused with the place that is wrong (a JSON pointer). */
export type ReadEvent =
  | { readonly ok: true; readonly announcement: Announcement; readonly traceparent?: string }
  | { readonly ok: false; readonly error: PermanentError };

/** Events of a request, and whether they came as a batch. */
export interface ReadRequest {
  readonly batch: boolean;
  readonly events: readonly ReadEvent[];
}

const instant = z.iso.datetime({
  offset: true,
  error: 'must be a time with an offset, RFC 3339, such as 2001-01-08T00:00:00Z',
});
const text = (max: number) => z.string().min(1).max(max);
const event = z.looseObject({
  specversion: z.literal('1.0'),
  id: text(200),
  source: text(500),
  type: z.literal(DATA_ARRIVED),
  time: instant,
  subject: z.string().max(500).optional(),
  datacontenttype: z.literal('application/json').optional(),
  dataschema: text(500).optional(),
  data: z.strictObject({
    pipeline: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'the name of a pipeline'),
    uri: text(2_000),
    dataInterval: z.strictObject({ start: instant, end: instant }),
    contentDigest: text(100).optional(),
    dedupeKey: text(2_000).optional(),
  }),
});
const KNOWN = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'subject',
  'datacontenttype',
  'dataschema',
  'data',
]);
const EXTENSION = /^[a-z0-9]{1,20}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Reads CloudEvents 1.0 over HTTP in structured, batch or binary mode.
 * @param body the parsed JSON body
 * @throws PermanentError with reason UNSUPPORTED_FORMAT (another content type) or EVENT_MALFORMED
 */
export function readCloudEvents(headers: Headers, body: unknown): ReadRequest {
  const contentType = String(headers['content-type'] ?? '')
    .split(';', 1)[0]!
    .trim()
    .toLowerCase();
  if (contentType === 'application/cloudevents-batch+json') return { batch: true, events: batchOf(body) };
  if (contentType === 'application/cloudevents+json') return { batch: false, events: [readEvent(body, '')] };
  if (contentType === 'application/json' && headers['ce-specversion'] !== undefined)
    return { batch: false, events: [readEvent(binaryEvent(headers, body), '')] };
  throw new PermanentError(
    'invalid',
    `content type ${JSON.stringify(contentType.slice(0, 80))} is no CloudEvents format`,
    {
      field: 'content-type',
      value: contentType.slice(0, 80),
      rule: 'application/cloudevents+json, application/cloudevents-batch+json, or application/json with ce- headers',
      reason: 'UNSUPPORTED_FORMAT',
    },
  );
}

function batchOf(body: unknown): ReadEvent[] {
  if (!Array.isArray(body)) throw malformed('', 'not a JSON array', 'a batch is a JSON array of events');
  if (body.length === 0 || body.length > BATCH_EVENTS_MAX)
    throw malformed('', `${body.length} events`, `1 to ${BATCH_EVENTS_MAX} events`);
  return body.map((item, index) => readEvent(item, `/${index}`));
}

/** Binary mode: attributes in `ce-` headers, percent-encoded; the body is the data. */
function binaryEvent(headers: Headers, body: unknown): Record<string, unknown> {
  const attributes: [string, unknown][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-')) attributes.push([name.slice(3), typeof value === 'string' ? decoded(value) : value]);
  }
  return Object.fromEntries([...attributes, ['datacontenttype', 'application/json'], ['data', body]]);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readEvent(value: unknown, base: string): ReadEvent {
  const parsed = event.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const path = [...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])];
    return {
      ok: false,
      error: malformed(
        base + pointer(path),
        issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message,
        issue.message,
      ),
    };
  }
  const odd = Object.entries(parsed.data).find(
    ([name, extension]) => !KNOWN.has(name) && !isExtension(name, extension),
  );
  if (odd)
    return {
      ok: false,
      error: malformed(
        `${base}${pointer([odd[0].slice(0, 40)])}`,
        'no extension attribute',
        'names of a-z and 0-9, values of text, number or boolean',
      ),
    };
  const { id, source, time, dataschema, data } = parsed.data;
  const trace = parsed.data['traceparent'];
  const announcement: Announcement = {
    pipeline: data.pipeline,
    eventId: id,
    eventSource: source,
    uri: data.uri,
    startMs: Date.parse(data.dataInterval.start),
    endMs: Date.parse(data.dataInterval.end),
    announcedAtMs: Date.parse(time),
    ...(data.contentDigest !== undefined && { contentDigest: data.contentDigest }),
    ...(data.dedupeKey !== undefined && { dedupeKey: data.dedupeKey }),
    ...(dataschema !== undefined && { dataSchema: dataschema }),
  };
  return {
    ok: true,
    announcement,
    ...(typeof trace === 'string' && TRACEPARENT.test(trace) && { traceparent: trace }),
  };
}

function isExtension(name: string, value: unknown): boolean {
  return (
    EXTENSION.test(name) &&
    (typeof value === 'boolean' || Number.isFinite(value) || (typeof value === 'string' && value.length <= 1_000))
  );
}

/** JSON pointer (RFC 6901). */
function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function malformed(field: string, value: string, rule: string): PermanentError {
  return new PermanentError('invalid', `${field || '/'}: ${value}`, { field, value, rule, reason: 'EVENT_MALFORMED' });
}

const POINTERS: Readonly<Record<string, string>> = {
  pipeline: '/data/pipeline',
  uri: '/data/uri',
  path: '/data/uri',
  'data_interval.start': '/data/dataInterval/start',
  'data_interval.end': '/data/dataInterval/end',
  announced_at: '/time',
  content_digest: '/data/contentDigest',
  dataschema: '/dataschema',
};

/** Where in the event a refusal of the use case points to. */
export function pointerOf(error: PermanentError): string {
  const field = error.detail.field ?? '';
  return POINTERS[field] ?? field;
}
