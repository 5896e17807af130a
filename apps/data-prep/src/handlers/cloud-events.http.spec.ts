import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArrivalAcceptedSchema, ArrivalMergedSchema } from '@rondo/contracts';
import { DAY_MS, FIRST_MS, openFixture, PIPELINE, PRODUCER, type Fixture } from '../testing/fixture.js';

let fixture: Fixture;
let server: Server;
let address: string;
beforeAll(async () => {
  fixture = await openFixture();
  server = createServer(fixture.service.service.http);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  await fixture.drop('w0.parquet', { startMs: FIRST_MS });
  await fixture.drop('w20.parquet', { startMs: FIRST_MS + 140 * DAY_MS });
  await fixture.announce('w20.parquet', FIRST_MS + 140 * DAY_MS);
  await writeFile(join(fixture.outside, 'secret.parquet'), 'x');
  await symlink(fixture.outside, join(fixture.inbox, 'out'));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await fixture.close();
});

const iso = (ms: number): string => new Date(ms).toISOString();
const START_MS = FIRST_MS + 133 * DAY_MS;
const data = (more: object = {}) => ({
  pipeline: PIPELINE,
  uri: 'w0.parquet',
  dataInterval: { start: iso(START_MS), end: iso(START_MS + 7 * DAY_MS) },
  ...more,
});
let count = 0;
const event = (more: object = {}) => ({
  specversion: '1.0',
  id: `e${++count}`,
  source: 'urn:upstream',
  type: 'dev.rondo.data.arrived.v1',
  time: iso(START_MS),
  data: data(),
  ...more,
});
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Record<string, unknown> & { readonly rejected?: Record<string, unknown>[] };
}
const post = async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(address, {
    method: 'POST',
    body: text,
    headers: { authorization: PRODUCER, 'content-type': 'application/cloudevents+json', ...headers },
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    body: (await response.json()) as Answer['body'],
  };
};

describe('POST /v1/events', () => {
  it('takes structured, batch and binary mode and says what became of each', async () => {
    expect(await post(event({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }))).toMatchObject(
      { status: 202, body: { accepted: 1, duplicate: 0, rejected: [] } },
    );
    const batch = await post([event(), event({ data: data({ uri: 'other.parquet' }) }), event({ type: 'x' })], {
      'content-type': 'application/cloudevents-batch+json',
    });
    expect(batch).toMatchObject({
      status: 202,
      body: { accepted: 1, duplicate: 1, rejected: [{ index: 2, pointer: '/2/type' }] },
    });
    const binary = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'bin',
      'ce-source': 'urn:upstream',
      'ce-type': 'dev.rondo.data.arrived.v1',
      'ce-time': iso(START_MS),
    };
    expect(await post(data({ uri: 'third.parquet' }), binary)).toMatchObject({ status: 202, body: { accepted: 1 } });
    expect(await post(data({ uri: 'third.parquet' }), binary)).toMatchObject({ status: 202, body: { duplicate: 1 } });
    expect(fixture.platform.recorded(ArrivalMergedSchema)).toHaveLength(2);
  });

  const BAD: [what: string, body: () => unknown, status: number, expected: object][] = [
    ['no JSON', () => '{"specversion":', 400, { reason: 'EVENT_MALFORMED' }],
    [
      'deep nesting',
      () => JSON.stringify(event()).replace(/"data":.*/, `"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
      400,
      { pointer: '/data' },
    ],
    ['no object', () => [1], 400, { reason: 'EVENT_MALFORMED' }],
    ['another version', () => event({ specversion: '0.3' }), 400, { pointer: '/specversion' }],
    ['no id', () => event({ id: undefined }), 400, { pointer: '/id' }],
    ['an endless id', () => event({ id: 'x'.repeat(201) }), 400, { pointer: '/id' }],
    ['no source', () => event({ source: '' }), 400, { pointer: '/source' }],
    ['another type', () => event({ type: 'com.example.deleted' }), 400, { pointer: '/type' }],
    ['no time', () => event({ time: undefined }), 400, { pointer: '/time' }],
    ['a time without zone', () => event({ time: '2001-01-01T00:00:00' }), 400, { pointer: '/time' }],
    [
      'an operator for a pipeline',
      () => event({ data: data({ pipeline: { $gt: '' } }) }),
      400,
      { pointer: '/data/pipeline' },
    ],
    ['an unknown field', () => event({ data: data({ extra: 1 }) }), 400, { pointer: '/data/extra' }],
    [
      'a prototype',
      () => JSON.stringify(event()).replace('"uri"', '"__proto__":{"x":1},"uri"'),
      400,
      { reason: 'EVENT_MALFORMED' },
    ],
    ['an extension that is an object', () => event({ ext: {} }), 400, { pointer: '/ext' }],
    [
      'an unknown pipeline',
      () => event({ data: data({ pipeline: 'nope' }) }),
      404,
      { pointer: '/data/pipeline', reason: 'PIPELINE_UNKNOWN' },
    ],
    [
      'another contract',
      () => event({ dataschema: 'urn:other' }),
      400,
      { pointer: '/dataschema', reason: 'OTHER_CONTRACT' },
    ],
    [
      'a digest of another kind',
      () => event({ data: data({ contentDigest: 'md5:1' }) }),
      400,
      { pointer: '/data/contentDigest' },
    ],
    [
      'an interval upside down',
      () => event({ data: data({ dataInterval: { start: iso(START_MS), end: iso(START_MS) } }) }),
      400,
      { pointer: '/data/dataInterval/end', reason: 'INTERVAL_EMPTY' },
    ],
    [
      'an endless interval',
      () => event({ data: data({ dataInterval: { start: iso(0), end: iso(START_MS) } }) }),
      400,
      { reason: 'INTERVAL_TOO_LONG' },
    ],
    [
      'a date beyond reason',
      () => event({ data: data({ dataInterval: { start: iso(START_MS), end: '9999-01-01T00:00:00Z' } }) }),
      400,
      { reason: 'TIME_OUT_OF_RANGE' },
    ],
    [
      'data too old to be used',
      () => event({ data: data({ dataInterval: { start: iso(FIRST_MS), end: iso(FIRST_MS + 7 * DAY_MS) } }) }),
      400,
      { pointer: '/data/dataInterval/end', reason: 'TOO_LATE' },
    ],
    [
      'a file outside',
      () => event({ data: data({ uri: '/etc/passwd' }) }),
      400,
      { pointer: '/data/uri', reason: 'URI_OUTSIDE_ROOTS' },
    ],
    [
      'a path that climbs',
      () => event({ data: data({ uri: '../outside/secret.parquet' }) }),
      400,
      { reason: 'URI_OUTSIDE_ROOTS' },
    ],
    [
      'a link that leads outside',
      () => event({ data: data({ uri: 'out/secret.parquet' }) }),
      400,
      { reason: 'URI_OUTSIDE_ROOTS' },
    ],
    [
      'an encoded climb',
      () => event({ data: data({ uri: '%2e%2e/outside/secret.parquet' }) }),
      400,
      { reason: 'URI_MALFORMED' },
    ],
    [
      'the process file system',
      () => event({ data: data({ uri: '//proc/self/root/etc/passwd' }) }),
      400,
      { reason: 'URI_MALFORMED' },
    ],
    [
      'a web address',
      () => event({ data: data({ uri: 'http://169.254.169.254/latest' }) }),
      400,
      { reason: 'URI_SCHEME' },
    ],
    ['a bucket', () => event({ data: data({ uri: 's3://bucket/key' }) }), 400, { reason: 'URI_SCHEME' }],
    [
      'a file on another host',
      () => event({ data: data({ uri: 'file://host/etc/passwd' }) }),
      400,
      { reason: 'URI_MALFORMED' },
    ],
    [
      'a NUL in the path',
      () => event({ data: data({ uri: 'w0.parquet\u0000.csv' }) }),
      400,
      { reason: 'URI_MALFORMED' },
    ],
    ['a body above the limit', () => event({ subject: 'x'.repeat(300_000) }), 413, { reason: 'BODY_TOO_LARGE' }],
    ['a body far above the limit', () => event({ subject: 'x'.repeat(1_500_000) }), 413, { reason: 'BODY_TOO_LARGE' }],
  ];

  it.each(BAD)('refuses %s and records nothing', async (_what, body, status, expected) => {
    const before =
      fixture.platform.recorded(ArrivalAcceptedSchema).length + fixture.platform.recorded(ArrivalMergedSchema).length;
    const answer = await post(body());
    expect(answer).toMatchObject({
      status,
      type: expect.stringContaining('application/problem+json'),
      body: { status, detail: expect.any(String), ...expected },
    });
    expect(
      fixture.platform.recorded(ArrivalAcceptedSchema).length + fixture.platform.recorded(ArrivalMergedSchema).length,
    ).toBe(before);
  });

  it('refuses other formats, empty and oversized batches', async () => {
    expect(await post(event(), { 'content-type': 'application/json' })).toMatchObject({ status: 415 });
    expect(await post('x', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    const batch = { 'content-type': 'application/cloudevents-batch+json' };
    expect(await post([], batch)).toMatchObject({ status: 400 });
    expect(
      await post(
        Array.from({ length: 101 }, () => event()),
        batch,
      ),
    ).toMatchObject({ status: 400 });
    expect(await post([event({ data: data({ uri: '/etc/passwd' }) })], batch)).toMatchObject({
      status: 202,
      body: { rejected: [{ pointer: '/0/data/uri', reason: 'URI_OUTSIDE_ROOTS' }] },
    });
  });

  it('refuses a body of unknown length', async () => {
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.from(JSON.stringify(event())));
        controller.close();
      },
    });
    const headers = { authorization: PRODUCER, 'content-type': 'application/cloudevents+json' };
    const response = await fetch(address, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
    expect([response.status, ((await response.json()) as { reason: string }).reason]).toEqual([411, 'LENGTH_REQUIRED']);
  });

  it('asks for the token of a producer', async () => {
    expect(await post(event(), { authorization: '' })).toMatchObject({ status: 401 });
    expect(await post(event(), { authorization: 'Bearer wrong', cookie: 'rondo_session=x' })).toMatchObject({
      status: 401,
    });
    expect(await post(event(), { authorization: 'Bearer viewer' })).toMatchObject({
      status: 403,
      body: { reason: 'ROLE_REQUIRED' },
    });
  });

  it('refuses the future when the pipeline lives by the clock on the wall', async () => {
    await fixture.apply((document) => document.replace('time: EventTime', 'time: WallClock'));
    const nowMs = fixture.platform.clock.now();
    const inFuture = { dataInterval: { start: iso(nowMs), end: iso(nowMs + 3 * DAY_MS) } };
    expect(await post(event({ data: data(inFuture) }))).toMatchObject({
      status: 400,
      body: { pointer: '/data/dataInterval/end', reason: 'FUTURE_DATED' },
    });
    const past = { dataInterval: { start: iso(nowMs - 7 * DAY_MS), end: iso(nowMs) } };
    expect(await post(event({ time: iso(nowMs + 2 * DAY_MS), data: data(past) }))).toMatchObject({
      status: 400,
      body: { pointer: '/time', reason: 'FUTURE_DATED' },
    });
    expect(await post(event({ data: data({ ...past, uri: 'fresh.parquet' }) }))).toMatchObject({ status: 202 });
  });
});
