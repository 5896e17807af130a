import { create, fromBinary, getOption, hasOption, toBinary, toJson, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import {
  allServices,
  allTopics,
  AnnounceArrivalSchema,
  BatchReadySchema,
  BatchSchema,
  PrepareSnapshotSchema,
  registry,
  requires,
  Role,
  shapeViolations,
  topicOf,
} from './index.js';

describe('contracts', () => {
  it('derive the topic of a message from the file it is defined in', () => {
    expect(topicOf(BatchReadySchema)).toBe('rondo.data.v1');
    expect(topicOf(PrepareSnapshotSchema)).toBe('rondo.data.commands.v1');
    expect(() => topicOf(BatchSchema)).toThrow('not a bus message');
    expect(allTopics()).toContain('rondo.rollout.commands.v1');
  });

  it('name the field and the rule of each violation', () => {
    const violations = shapeViolations(
      AnnounceArrivalSchema,
      create(AnnounceArrivalSchema, { pipeline: 'Not A Name' }),
    );
    expect(violations.map((v) => v.field)).toEqual(
      expect.arrayContaining(['pipeline', 'event_id', 'uri', 'data_interval', 'announced_at']),
    );
    expect(violations.every((v) => v.rule.length > 0 && v.message.length > 0)).toBe(true);
    expect(shapeViolations(PrepareSnapshotSchema, create(PrepareSnapshotSchema)).map((v) => v.field)).toContain(
      'as_of',
    );
  });

  it('state the role of every method, so that no door is open by omission', () => {
    for (const service of allServices())
      for (const method of service.methods) {
        expect([method.name, hasOption(method, requires)]).toEqual([method.name, true]);
        expect(getOption(method, requires)).not.toBe(Role.UNSPECIFIED);
      }
  });

  it('refuse enumeration values of a newer version on the bus, so that nobody takes them for another', () => {
    const reached = new Map<string, DescMessage>();
    const reach = (message: DescMessage): void => {
      if (reached.has(message.typeName)) return;
      reached.set(message.typeName, message);
      for (const field of message.fields) if (field.message) reach(field.message);
    };
    for (const type of registry)
      if (type.kind === 'message' && /\/(events|commands)$/.test(type.file.name)) reach(type);
    const open = [...reached.values()].flatMap((message) =>
      message.fields
        .filter((field) => field.enum)
        .filter((field) => {
          const value = field.fieldKind === 'list' ? [99] : 99;
          const violations = shapeViolations(message, create(message, { [field.localName]: value }));
          return !violations.some(({ rule }) => rule === 'enum.defined_only');
        })
        .map((field) => `${message.typeName}.${field.name}`),
    );
    expect(open).toEqual([]);
  });

  it('survive the wire', () => {
    const message = create(BatchReadySchema, { pipeline: 'p', rows: 7n });
    expect(fromBinary(BatchReadySchema, toBinary(BatchReadySchema, message))).toEqual(message);
    expect(toJson(BatchReadySchema, message, { registry })).toEqual({ pipeline: 'p', rows: '7' });
  });
});
