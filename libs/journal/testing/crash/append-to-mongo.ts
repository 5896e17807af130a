import { writeSync } from 'node:fs';
import { create, fromBinary } from '@bufbuild/protobuf';
import { StepFailedSchema } from '@rondo/contracts';
import { seededRandom } from '@rondo/kernel';
import { MongoStore } from '../../src/index.js';
import { Lease } from '../../src/mongo/lease.js';
import { RecordingBus } from '../recording-bus.js';

interface Counter {
  readonly n: number;
}

/**
 * Appends units of work to the journal of `writer`, some at the same time, until it is killed. Writes a line `committed NAME`
 * for each that was acknowledged, and `published NAME` for each message that its relay published.
 */
async function main(url: string, database: string, seed: number, leaseMs: number): Promise<void> {
  const random = seededRandom(seed);
  const bus = new RecordingBus((messages) => {
    const names = messages.map(({ payload }) => fromBinary(StepFailedSchema, payload).message);
    writeSync(1, names.map((name) => `published ${name}\n`).join(''));
  });
  const store = await MongoStore.open({ url, database, bus, leaseMs });
  const writer = store.journal('writer');
  for (let i = 0; ; i++) {
    const atOnce = 1 + random.int(8);
    const units = Array.from({ length: atOnce }, async (_, j) => {
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
      writeSync(1, `committed ${name}\n`);
    });
    await Promise.all(units);
  }
}

/** Once it has held the lease, the relay of this process never asks again whether it still does. */
function ignoreEndOfLease(): void {
  const taken = new WeakSet<Lease>();
  const { tryAcquire } = Lease.prototype;
  Lease.prototype.tryAcquire = async function (this: Lease) {
    const held = await tryAcquire.call(this);
    if (held) taken.add(this);
    return held;
  };
  Object.defineProperty(Lease.prototype, 'isUsable', {
    get(this: Lease) {
      return taken.has(this);
    },
  });
}

const [, program, url, database, seed, leaseMs, mode] = process.argv;
if (program?.endsWith('append-to-mongo.ts')) {
  if (mode === 'lease-ignored') ignoreEndOfLease();
  await main(url!, database!, Number(seed), Number(leaseMs));
}
