import { create, createFileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from '@jest/globals';
import { CycleService, IncidentService } from '@rondo/contracts';
import { Defect } from '@rondo/kernel';
import { routesOf } from './routes.js';

const openService = () => {
  const file = create(FileDescriptorProtoSchema, {
    name: 'open.proto',
    package: 'open',
    syntax: 'proto3',
    messageType: [{ name: 'M' }],
    service: [{ name: 'S', method: [{ name: 'Do', inputType: '.open.M', outputType: '.open.M' }] }],
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService('open.S')!;
};

describe('routes', () => {
  it('refuse to start with a method that names no role', () => {
    expect(() => routesOf([{ service: openService(), implementation: { do: async () => ({}) } }])).toThrow(
      new Defect('the API cannot be served:\n  open.S/Do does not say which role it requires'),
    );
  });

  it('name every method that nothing carries out, and services given twice', () => {
    expect(() => routesOf([{ service: IncidentService, implementation: { listIncidents: () => ({}) } }])).toThrow(
      'IncidentService/CloseIncident is not carried out',
    );
    const implementation = Object.fromEntries(CycleService.methods.map((method) => [method.localName, () => ({})]));
    const rpc = { service: CycleService, implementation };
    expect(() => routesOf([rpc, rpc])).toThrow('is served twice');
    expect(routesOf([rpc]).map((route) => [route.method.name, route.requires])).toContainEqual([
      'CancelCycle',
      'operator',
    ]);
  });
});
