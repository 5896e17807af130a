import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError } from '@rondo/kernel';
import { createTelemetry, type RunningTelemetry } from '@rondo/telemetry';
import { eventually } from '@rondo/testing';
import { testPlatform, type TestPlatform } from '../testing/index.js';
import { JobRunner } from './jobs/job-runner.js';
import { measureBacklog } from './measure-backlog.js';

const TOPIC = 'rondo.training.v1';

describe('measureBacklog', () => {
  let platform: TestPlatform;
  let telemetry: RunningTelemetry;
  beforeEach(() => {
    platform = testPlatform('training');
    telemetry = createTelemetry({ service: 'training', version: '1' });
  });
  afterEach(async () => {
    await platform.close();
    await telemetry.close();
  });
  const linesOf = async (name: string): Promise<string[]> =>
    (await telemetry.metricsText()).body.split('\n').filter((line) => line.startsWith(`${name}{`));
  const publish = (key: string): Promise<void> => {
    const { ids, clock } = platform;
    const rest = { topic: TOPIC, type: 't', source: 'test', payload: new Uint8Array(), headers: {} };
    return platform.bus.publish([{ ...rest, id: ids.next(), key, timeMs: clock.now() }]);
  };
  const subscribe = (group: string, handle: () => Promise<void>) =>
    platform.bus.subscribe({ group, topics: [TOPIC], handle });

  it('tells how much waits and for how long, for the own groups only, until it is stopped', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await subscribe('training', () => held);
    await subscribe('rollout', () => held);
    const stop = measureBacklog({ ...platform, telemetry }, new JobRunner(platform));
    await publish('a');
    await publish('b');
    await platform.clock.advance(30_000);
    expect(await linesOf('rondo_consumer_lag_records')).toEqual([
      `rondo_consumer_lag_records{group="training",topic="${TOPIC}"} 2`,
    ]);
    expect((await linesOf('rondo_consumer_lag_seconds')).join()).toMatch(/ 30(\.\d+)?$/);
    release();
    const idle = `rondo_consumer_lag_seconds{group="training",topic="${TOPIC}"} 0`;
    await eventually(async () => (await linesOf('rondo_consumer_lag_seconds')).includes(idle));
    stop();
    await publish('c');
    expect((await linesOf('rondo_consumer_lag_records')).join()).toMatch(/ 0$/);
  });

  it('tells of a group that one replica reads with only what this replica has not read', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    for (const name of ['here', 'gone']) await subscribe(`training.watchers@${name}`, () => held);
    const replica = { name: 'here', jobLeaseMs: 30_000 };
    measureBacklog({ ...platform, replica, telemetry }, new JobRunner(platform));
    await publish('a');
    expect(await linesOf('rondo_consumer_lag_records')).toEqual([
      `rondo_consumer_lag_records{group="training.watchers@here",topic="${TOPIC}"} 1`,
    ]);
    release();
  });

  it('tells how many messages were set aside and since when', async () => {
    await subscribe('training', () => Promise.reject(new PermanentError('invalid', 'no')));
    measureBacklog({ ...platform, telemetry }, new JobRunner(platform));
    expect(await linesOf('rondo_parked_messages')).toEqual(['rondo_parked_messages{group="training"} 0']);
    await publish('a');
    await eventually(async () => (await platform.bus.parked.list()).length === 1);
    await platform.clock.advance(90_000);
    expect(await linesOf('rondo_parked_messages')).toEqual(['rondo_parked_messages{group="training"} 1']);
    expect((await linesOf('rondo_parked_oldest_age_seconds')).join()).toMatch(/ 90(\.\d+)?$/);
  });
});
