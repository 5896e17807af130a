/** One service in this process, as the benches measure it: its real module on SQLite and a folder, logs and traces thrown away. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FolderArtifactStore } from '@rondo/artifacts';
import { topicOf } from '@rondo/contracts';
import { SqliteStore } from '@rondo/journal';
import { randomIds, systemClock } from '@rondo/kernel';
import { bootService } from '@rondo/service';
import { createLogger, createTelemetry } from '@rondo/telemetry';

/** Starts the module; `publish` is another service's message, `idle` resolves when everything that follows from it is done. */
export async function startService(service, module, folder) {
  await mkdir(folder, { recursive: true });
  const store = SqliteStore.open(join(folder, 'rondo.db'));
  const artifacts = new FolderArtifactStore(join(folder, 'artifacts'));
  const telemetry = createTelemetry({ service, version: 'bench', sinks: [], processMetrics: false });
  const log = createLogger({ service, level: 'error', write: (line) => process.stderr.write(line) });
  const platform = {
    service,
    bus: store.bus,
    journal: store.journal(service, { currentTraceparent: () => undefined }),
    artifacts,
    clock: systemClock,
    ids: randomIds,
    telemetry: telemetry.forService(service),
    log,
  };
  const running = await bootService({ platform, module });
  const idle = async () => {
    do {
      await store.bus.idle();
      await running.jobs.settled();
    } while (!store.bus.isIdle || !running.jobs.isIdle);
  };
  return {
    artifacts,
    async publish(schema, message, key) {
      const payload = toBinary(schema, create(schema, message));
      const envelope = {
        type: schema.typeName,
        topic: topicOf(schema),
        key,
        source: 'rondo/bench',
        headers: {},
        payload,
      };
      await store.bus.publish([{ ...envelope, id: randomIds.next(), timeMs: systemClock.now() }]);
      await idle();
    },
    /** Every message of this type so far, oldest first. */
    published: (schema) =>
      store.bus
        .published(topicOf(schema))
        .filter(({ type }) => type === schema.typeName)
        .map(({ payload }) => fromBinary(schema, payload)),
    async close() {
      await running.close();
      await telemetry.close();
      await store.close();
    },
  };
}
