import { createRegistry, type DescMessage, type DescService, type Registry } from '@bufbuild/protobuf';
import { protoFiles } from './files.js';

/** Every message, enum and service of Rondo; what `anyUnpack` and JSON of an `Any` need. */
export const registry: Registry = createRegistry(...protoFiles);

/**
 * Topic a bus message travels on: `rondo.<context>.v1` for events, `rondo.<context>.commands.v1` for commands.
 * The file decides: events.proto or commands.proto. Throws a TypeError for messages that never travel on the bus.
 */
export function topicOf(schema: DescMessage): string {
  const match = /^(rondo\/[a-z]+)\/(v\d+)\/(events|commands)$/.exec(schema.file.name);
  if (!match) throw new TypeError(`${schema.typeName} is not a bus message: it lives in ${schema.file.name}.proto`);
  const context = match[1]!.replace('/', '.');
  return match[3] === 'commands' ? `${context}.commands.${match[2]}` : `${context}.${match[2]}`;
}

/** Topic on which other systems announce data, as CloudEvents in JSON; no message of Rondo's own travels on it. */
export const ARRIVALS_TOPIC = 'rondo.arrivals.v1';

/** Every topic that some message travels on, sorted. */
export function allTopics(): string[] {
  const topics = new Set<string>();
  for (const file of protoFiles)
    if (/\/(events|commands)$/.test(file.name)) for (const message of file.messages) topics.add(topicOf(message));
  return [...topics].sort();
}

/** Every service of the API. */
export function allServices(): DescService[] {
  return protoFiles.flatMap((file) => file.services);
}
