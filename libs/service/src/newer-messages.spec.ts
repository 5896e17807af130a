import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Module } from '@nestjs/common';
import {
  CycleFinishedSchema,
  RolloutFinishedSchema,
  RolloutResult,
  topicOf,
  type RolloutFinished,
} from '@rondo/contracts';
import { testPlatform, testService, type TestPlatform, type TestService } from '../testing/index.js';
import { BusController, HandleEvent } from './index.js';

const TOPIC = topicOf(RolloutFinishedSchema);
const NEW_TYPE = 'rondo.rollout.v1.RolloutRewound';
const handled: string[] = [];

@BusController()
class Rollouts {
  @HandleEvent(RolloutFinishedSchema)
  async onFinished({ rolloutId }: RolloutFinished): Promise<void> {
    handled.push(rolloutId);
  }
}

@Module({ controllers: [Rollouts] })
class RolloutsModule {}

let platform: TestPlatform;
let service: TestService;

beforeEach(async () => {
  platform = testPlatform('listener');
  service = await testService(platform, RolloutsModule);
});
afterEach(async () => {
  handled.length = 0;
  await service.close();
  await platform.close();
});

let published = 0;
const finished = (rolloutId: string, changes: { result?: RolloutResult } = {}): Uint8Array =>
  toBinary(
    RolloutFinishedSchema,
    create(RolloutFinishedSchema, {
      pipeline: 'flights',
      cycleId: 'c1',
      rolloutId,
      endpoint: 'delays',
      result: RolloutResult.PROMOTED,
      candidate: { name: 'delays', version: 2, digest: `sha256:${'1'.repeat(64)}` },
      ...changes,
    }),
  );

/** Publishes as a process of a newer version would, all with one key, and waits until everything is handled or parked. */
async function publish(type: string, payload: Uint8Array): Promise<void> {
  const id = `newer-${++published}`;
  const envelope = {
    id,
    type,
    topic: TOPIC,
    key: 'flights',
    source: 'rondo/rollout',
    timeMs: Date.now(),
    payload,
    headers: {},
  };
  await platform.bus.publish([envelope]);
  await service.drain();
}

describe('a message of a newer version', () => {
  it('is handled when it has fields that this one does not know', async () => {
    const field = new BinaryWriter().tag(19_999, WireType.LengthDelimited).string('new').finish();
    await publish(RolloutFinishedSchema.typeName, Uint8Array.of(...finished('r1'), ...field));
    expect(handled).toEqual(['r1']);
    expect(await platform.bus.parked.list()).toEqual([]);
  });

  it('is parked when an enumeration has a value that this one does not know, and the key goes on', async () => {
    await publish(RolloutFinishedSchema.typeName, finished('r1', { result: 99 as RolloutResult }));
    await publish(RolloutFinishedSchema.typeName, finished('r2'));
    expect(handled).toEqual(['r2']);
    const [parked] = await platform.bus.parked.list();
    expect(parked?.reason).toContain('RolloutFinished.result');
  });

  it('is parked when its type is unknown, the key goes on, and a newer process takes it up', async () => {
    await publish(NEW_TYPE, Uint8Array.of(1, 2, 3));
    await publish(RolloutFinishedSchema.typeName, finished('r1'));
    expect(handled).toEqual(['r1']);
    const [parked] = await platform.bus.parked.list();
    expect(parked?.reason).toBe(`failed-precondition: ${NEW_TYPE} is unknown to this version`);
    await service.close();
    const seen: Uint8Array[] = [];
    const newer = await platform.bus.subscribe({
      group: 'listener',
      topics: [TOPIC],
      wants: (type) => type === NEW_TYPE,
      handle: async ({ payload }) => void seen.push(payload),
    });
    expect(await platform.bus.parked.replay(parked!.id)).toBe(true);
    await platform.bus.idle();
    expect(seen.map((payload) => [...payload])).toEqual([[1, 2, 3]]);
    expect(await platform.bus.parked.list()).toEqual([]);
    await newer.close();
  });

  it('passes by when its type is known and meant for others', async () => {
    await publish(CycleFinishedSchema.typeName, Uint8Array.of(1, 2, 3));
    expect(await platform.bus.parked.list()).toEqual([]);
  });
});
