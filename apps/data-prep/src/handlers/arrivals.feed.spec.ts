import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ArrivalAcceptedSchema, ArrivalMergedSchema, ARRIVALS_TOPIC } from '@rondo/contracts';
import type { SubscribeOptions, Subscription } from '@rondo/messaging';
import type { Platform } from '@rondo/service';
import { AnnounceArrival } from '../use-cases/announce-arrival.js';
import { ArrivalsFeed } from './arrivals.feed.js';
import { DAY_MS, FIRST_MS, openFixture, PIPELINE, type Fixture } from '../testing/fixture.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
  await fixture.drop('w0.parquet', { startMs: FIRST_MS });
});
afterAll(() => fixture.close());

const iso = (ms: number): string => new Date(ms).toISOString();
const event = (id: string, more: object = {}) => ({
  specversion: '1.0',
  id,
  source: 'urn:upstream',
  type: 'dev.rondo.data.arrived.v1',
  time: iso(FIRST_MS),
  data: {
    pipeline: PIPELINE,
    uri: 'w0.parquet',
    dataInterval: { start: iso(FIRST_MS), end: iso(FIRST_MS + 7 * DAY_MS) },
  },
  ...more,
});
const JSON_EVENT = 'application/cloudevents+json';
const send = async (id: string, body: string, contentType = JSON_EVENT): Promise<void> => {
  await fixture.platform.bus.publish([
    {
      id,
      type: 'dev.rondo.data.arrived.v1',
      topic: ARRIVALS_TOPIC,
      key: PIPELINE,
      source: 'urn:upstream',
      timeMs: FIRST_MS,
      payload: new TextEncoder().encode(body),
      headers: { 'content-type': contentType },
    },
  ]);
  await fixture.service.drain();
};
const reasons = async (): Promise<string[]> => (await fixture.platform.bus.parked.list()).map(({ reason }) => reason);

describe('the arrivals topic', () => {
  it('is another door to the same intake: accepted once, merged when it is repeated', async () => {
    await send('e1', JSON.stringify(event('e1')));
    await send('e1', JSON.stringify(event('e1')));
    expect(fixture.platform.recorded(ArrivalAcceptedSchema)).toHaveLength(1);
    expect(fixture.platform.recorded(ArrivalMergedSchema)).toHaveLength(1);
    expect(await reasons()).toEqual([]);
  });

  it('takes another event at a place that was used before, as a topic that was made again has', async () => {
    let handle: SubscribeOptions['handle'] | undefined;
    const subscribe = async (options: SubscribeOptions): Promise<Subscription> => {
      handle = options.handle;
      return { close: () => Promise.resolve() };
    };
    const platform = { ...fixture.platform, bus: { ...fixture.platform.bus, system: 'spec', subscribe } };
    await new ArrivalsFeed(
      platform as unknown as Platform,
      fixture.service.get(AnnounceArrival),
    ).onApplicationBootstrap();
    const before = fixture.platform.recorded(ArrivalMergedSchema).length;
    for (const id of ['again-1', 'again-2', 'again-2']) {
      await handle!({
        ...{
          id,
          type: 'dev.rondo.data.arrived.v1',
          topic: ARRIVALS_TOPIC,
          key: PIPELINE,
          source: 'urn:upstream',
          timeMs: FIRST_MS,
        },
        ...{
          group: 'data-prep.arrivals',
          partition: 3,
          offset: 0,
          attempt: 1,
          headers: { 'content-type': JSON_EVENT },
        },
        payload: new TextEncoder().encode(JSON.stringify(event(id))),
      });
    }
    await fixture.service.drain();
    // Each is the data of the first test; a delivery that comes twice counts once.
    expect(fixture.platform.recorded(ArrivalMergedSchema)).toHaveLength(before + 2);
  });

  it('keeps two producers apart that use the same id', async () => {
    const before = fixture.platform.recorded(ArrivalMergedSchema).length;
    await send('e1', JSON.stringify(event('e1', { source: 'urn:other' })));
    expect(fixture.platform.recorded(ArrivalMergedSchema)).toHaveLength(before + 1);
  });

  it.each([
    ['another type', JSON.stringify(event('bad1', { type: 'com.example.deleted' })), /type/, JSON_EVENT],
    ['no JSON', '{"specversion":', /no JSON/, JSON_EVENT],
    ['a batch', JSON.stringify([event('bad2')]), /one event/, 'application/cloudevents-batch+json'],
    ['another format', 'a,b', /no CloudEvents format|no JSON/, 'text/csv'],
  ])('parks %s with the reason and takes nothing from it', async (_what, body, reason, contentType) => {
    const accepted = fixture.platform.recorded(ArrivalAcceptedSchema).length;
    const before = (await reasons()).length;
    await send(`bad ${before}`, body, contentType);
    const parked = await reasons();
    expect(parked).toHaveLength(before + 1);
    expect(parked.at(-1)).toMatch(reason);
    expect(fixture.platform.recorded(ArrivalAcceptedSchema)).toHaveLength(accepted);
  });
});
