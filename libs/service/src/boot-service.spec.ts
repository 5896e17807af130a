import { afterEach, describe, expect, it } from '@jest/globals';
import { clone, create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { Inject, Injectable, Module } from '@nestjs/common';
import {
  AnnounceArrivalSchema,
  PrepareSnapshotSchema,
  StepFailedSchema,
  type PrepareSnapshot,
  type AnnounceArrival,
} from '@rondo/contracts';
import { PermanentError, TransientError } from '@rondo/kernel';
import { eventually } from '@rondo/testing';
import { testPlatform, testService, type TestService } from '../testing/index.js';
import { BusController, causeOf, HandleEvent, PLATFORM, type Delivery, type Platform } from './index.js';

const failures: unknown[] = [];

@Injectable()
class Steps {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  prepare(command: PrepareSnapshot, delivery: Delivery): Promise<unknown> {
    return this.platform.journal.once(causeOf(delivery), (unit) => {
      const message = create(StepFailedSchema, {
        pipeline: command.pipeline,
        cycleId: command.cycleId,
        idempotencyKey: command.idempotencyKey,
        step: 'prepare',
        code: 'spec',
      });
      unit.save({
        kind: 'step',
        id: command.cycleId,
        state: { seen: true },
        outgoing: [{ schema: StepFailedSchema, message, key: command.pipeline }],
      });
    });
  }
}

@BusController()
class Commands {
  constructor(@Inject(Steps) private readonly steps: Steps) {}

  @HandleEvent(PrepareSnapshotSchema)
  async onPrepare(command: PrepareSnapshot, delivery: Delivery): Promise<void> {
    if (failures.length > 0) throw failures.shift();
    await this.steps.prepare(command, delivery);
  }
}

@Module({ controllers: [Commands], providers: [Steps] })
class StepsModule {}

@BusController()
class SameAgain {
  @HandleEvent(PrepareSnapshotSchema)
  async onPrepare(): Promise<void> {}
}

@Module({ controllers: [Commands, SameAgain], providers: [Steps] })
class TwiceModule {}

@BusController()
class Arrivals {
  @HandleEvent(AnnounceArrivalSchema)
  async onArrival(_arrival: AnnounceArrival): Promise<void> {}
}

@Module({ controllers: [Arrivals] })
class ArrivalsModule {}

/** A message with a rule for texts on a number, which no message can be checked by. */
function schemaWithWrongRule(): DescMessage {
  const text = AnnounceArrivalSchema.fields.find(({ name }) => name === 'pipeline')!.proto;
  const field = Object.assign(clone(FieldDescriptorProtoSchema, text), { type: FieldDescriptorProto_Type.INT32 });
  const file = create(FileDescriptorProtoSchema, {
    name: 'rondo/spec/v1/events.proto',
    package: 'rondo.spec.v1',
    syntax: 'proto3',
    messageType: [{ name: 'Wrong', field: [field] }],
  });
  return createFileRegistry(file, () => undefined).getMessage('rondo.spec.v1.Wrong')!;
}

@BusController()
class WrongRule {
  @HandleEvent(schemaWithWrongRule())
  async onWrong(): Promise<void> {}
}

@Module({ controllers: [WrongRule] })
class WrongRuleModule {}

describe('a booted service', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    failures.length = 0;
    for (const each of open.splice(0).reverse()) await each.close();
  });
  const start = async (): Promise<{ platform: ReturnType<typeof testPlatform>; service: TestService }> => {
    const platform = testPlatform('preparer');
    open.push(platform);
    const service = await testService(platform, StepsModule);
    open.push(service);
    return { platform, service };
  };
  const command = {
    pipeline: 'flights',
    cycleId: 'c1',
    idempotencyKey: 'k',
    policyGeneration: 1n,
    asOf: { seconds: 1n },
  };

  it('hands a message to its handler and publishes what the unit of work says, once per message', async () => {
    const { platform, service } = await start();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const id = await platform.publish(PrepareSnapshotSchema, command, { key: 'flights', headers: { traceparent } });
    await platform.publish(PrepareSnapshotSchema, command, { key: 'flights', id });
    await service.drain();
    const answers = platform.recorded(StepFailedSchema);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ key: 'flights', message: { cycleId: 'c1' }, headers: { causationid: id } });
    expect(answers[0]!.headers['traceparent']).toMatch(new RegExp(`^00-${'a'.repeat(32)}-`));
    expect(platform.telemetry.spans[0]).toMatchObject({
      name: 'process rondo.data.v1.PrepareSnapshot',
      options: {
        kind: 'consumer',
        parent: traceparent,
        attributes: { 'rondo.pipeline.name': 'flights', 'rondo.cycle.id': 'c1' },
      },
    });
  });

  it('lets the bus see the class of an error: transient is tried again, permanent is parked', async () => {
    const { platform, service } = await start();
    failures.push(new TransientError('later', { afterMs: 1000 }), new PermanentError('invalid', 'never'));
    await platform.publish(PrepareSnapshotSchema, command, { key: 'flights' });
    await service.drain();
    expect(await platform.bus.parked.list()).toEqual([]);
    await platform.clock.advance(1000);
    await service.drain();
    expect(await platform.bus.parked.list()).toMatchObject([
      { reason: 'invalid: never', delivery: { attempt: 2, key: 'flights' } },
    ]);
    const [parked] = await platform.bus.parked.list();
    await platform.bus.parked.replay(parked!.id);
    await eventually(() => platform.recorded(StepFailedSchema).length === 1);
  });

  it('parks what cannot be decoded and what breaks a shape rule', async () => {
    const platform = testPlatform('preparer');
    open.push(platform);
    const service = await testService(platform, ArrivalsModule);
    open.push(service);
    await platform.publish(AnnounceArrivalSchema, { pipeline: 'Not A Name' }, { key: 'a' });
    await platform.bus.publish([
      {
        id: 'x',
        type: AnnounceArrivalSchema.typeName,
        topic: 'rondo.data.commands.v1',
        key: 'b',
        source: 's',
        timeMs: Date.now(),
        payload: Uint8Array.of(255, 1),
        headers: {},
      },
    ]);
    await service.drain();
    const reasons = (await platform.bus.parked.list()).map((parked) => parked.reason);
    expect(reasons).toEqual(
      expect.arrayContaining([
        expect.stringContaining('AnnounceArrival.pipeline'),
        expect.stringContaining('payload is not a'),
      ]),
    );
  });

  it('refuses to start when a message type has two handlers', async () => {
    const platform = testPlatform('preparer');
    open.push(platform);
    await expect(testService(platform, TwiceModule)).rejects.toThrow('has two handlers');
    expect(await platform.bus.lag()).toEqual([]);
  });

  it('refuses to start when a shape rule of a handled type cannot be evaluated, before any message comes', async () => {
    const platform = testPlatform('preparer');
    open.push(platform);
    await expect(testService(platform, WrongRuleModule)).rejects.toThrow('pipeline');
    expect(await platform.bus.lag()).toEqual([]);
  });

  it('refuses at compile time a handler whose parameter does not fit the schema', () => {
    class Wrong {
      // @ts-expect-error the parameter is another message
      @HandleEvent(PrepareSnapshotSchema)
      async onPrepare(_arrival: AnnounceArrival): Promise<void> {}
    }
    expect(Wrong).toBeDefined();
  });
});
