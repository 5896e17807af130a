import { writeSync } from 'node:fs';
import { create, fromBinary } from '@bufbuild/protobuf';
import { StepFailedSchema } from '@rondo/contracts';
import { seededRandom } from '@rondo/kernel';
import { SqliteStore } from '../../src/index.js';

/** State of what the writer appends and of what the reader makes of it. */
export interface Counter {
  readonly n: number;
}

/**
 * Appends units of work, some at the same time, and writes a line for each that was acknowledged, until it is killed. At the
 * same time a reader counts, in its own journal, how often it took effect for each message.
 */
async function main(path: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const store = SqliteStore.open(path);
  const writer = store.journal('writer');
  await readInto(store);
  for (let i = 0; ; i++) {
    const atOnce = 1 + random.int(8);
    await Promise.all(
      Array.from({ length: atOnce }, async (_, j) => {
        const name = `${seed}-${i}-${j}`;
        const id = `k${random.int(5)}`;
        await writer.once({ consumer: 'writer', messageId: name }, async (unit) => {
          const before = await unit.load<Counter>('thing', id);
          const message = create(StepFailedSchema, {
            pipeline: id,
            cycleId: name,
            step: 'train',
            idempotencyKey: name,
            code: 'suite',
            message: name,
          });
          unit.save<Counter>({
            kind: 'thing',
            id,
            state: { n: (before?.state.n ?? 0) + 1 },
            outgoing: [{ schema: StepFailedSchema, message, key: id }],
          });
        });
        writeSync(1, `${name}\n`);
      }),
    );
  }
}

/** Subscribes the reader whose effects must be exactly once. */
export async function readInto(store: SqliteStore): Promise<void> {
  const reader = store.journal('reader');
  await store.bus.subscribe({
    group: 'reader',
    topics: ['rondo.platform.v1'],
    handle: async (delivery) => {
      const { message } = fromBinary(StepFailedSchema, delivery.payload);
      await reader.once({ consumer: 'reader', messageId: delivery.id }, async (unit) => {
        const before = await unit.load<Counter>('effect', message);
        unit.save<Counter>({ kind: 'effect', id: message, state: { n: (before?.state.n ?? 0) + 1 } });
      });
    },
  });
}

const [, program, path, seed] = process.argv;
if (program?.endsWith('append-until-killed.ts')) await main(path!, Number(seed));
