import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { topicOf } from '@rondo/contracts';
import { SqliteStore } from '@rondo/journal';
import { idFrom, seededRandom, type Ids } from '@rondo/kernel';
import type { ParkedMessage, SqliteBus } from '@rondo/messaging';
import { FakeClock } from '@rondo/testing';
import type { Platform } from '../src/ports.js';
import { MemoryArtifacts } from './memory-artifacts.js';
import { MemoryLogger, SilentTelemetry } from './silent-telemetry.js';

/** A message as a spec sees it on the bus. */
export interface Recorded<D extends DescMessage> {
  readonly message: MessageShape<D>;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A platform in memory, with what a spec needs to drive it and to look inside. */
export interface TestPlatform extends Platform {
  readonly bus: SqliteBus;
  readonly clock: FakeClock;
  readonly artifacts: MemoryArtifacts;
  readonly telemetry: SilentTelemetry;
  readonly log: MemoryLogger;
  readonly store: SqliteStore;
  /** Every message of this type ever published, oldest first. */
  recorded<D extends DescMessage>(schema: D): Recorded<D>[];
  /** Publishes as another service would; resolves to the message's id. Give an id to repeat a delivery. */
  publish<D extends DescMessage>(schema: D, message: MessageInitShape<D>, options: PublishOptions): Promise<string>;
  /** Another service on the same bus and store, with its own journal. */
  beside(service: string): TestPlatform;
  close(): Promise<void>;
}

/** How a spec publishes. */
export interface PublishOptions {
  readonly key: string;
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the publishing service, default `test`. */
  readonly source?: string;
}

/** Ids that are the same in every run. */
function countedIds(service: string): Ids {
  let count = 0;
  return { next: () => idFrom('test', service, String(++count)) };
}

/**
 * A platform for specs: SQLite in memory, a clock that stands still, artifacts in memory, telemetry that exports nothing.
 * @param options.path a file instead of memory, for specs that restart the service
 */
export function testPlatform(
  service: string,
  options: {
    readonly clock?: FakeClock;
    readonly path?: string;
    readonly onParked?: (message: ParkedMessage) => void;
  } = {},
): TestPlatform {
  const clock = options.clock ?? new FakeClock();
  const store = SqliteStore.open(options.path ?? ':memory:', {
    clock,
    busOptions: { random: seededRandom(1), ...(options.onParked && { onParked: options.onParked }) },
  });
  return platformOn(store, clock, new MemoryArtifacts(), service);
}

function platformOn(store: SqliteStore, clock: FakeClock, artifacts: MemoryArtifacts, service: string): TestPlatform {
  const telemetry = new SilentTelemetry();
  let published = 0;
  return {
    service,
    store,
    clock,
    artifacts,
    telemetry,
    bus: store.bus,
    journal: store.journal(service, { currentTraceparent: () => telemetry.current() }),
    ids: countedIds(service),
    log: new MemoryLogger(),
    recorded: (schema) => recordedIn(store, schema),
    publish: async (schema, message, { key, id, headers = {}, source = 'test' }) => {
      const envelope = {
        id: id ?? idFrom('test-message', service, String(++published)),
        type: schema.typeName,
        topic: topicOf(schema),
        key,
        source: `rondo/${source}`,
        timeMs: clock.now(),
        payload: toBinary(schema, create(schema, message)),
        headers,
      };
      await store.bus.publish([envelope]);
      return envelope.id;
    },
    beside: (other) => platformOn(store, clock, artifacts, other),
    close: () => store.close(),
  };
}

function recordedIn<D extends DescMessage>(store: SqliteStore, schema: D): Recorded<D>[] {
  return store.bus
    .published(topicOf(schema))
    .filter((envelope) => envelope.type === schema.typeName)
    .map(({ payload, key, id, headers }) => ({ message: fromBinary(schema, payload), key, id, headers }));
}
