import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
// README example: begin
import { create } from '@bufbuild/protobuf';
import { StepFailedSchema } from '@rondo/contracts';
import { SqliteStore, type Cause } from '@rondo/journal';

interface Run {
  readonly status: 'running' | 'failed';
}

const failure = { pipeline: 'flight-delay', cycleId: 'c1', step: 'train', idempotencyKey: 'c1/train', code: 'BadData' };

async function example(): Promise<unknown[]> {
  const store = SqliteStore.open(':memory:');
  const journal = store.journal('training');
  const cause: Cause = { consumer: 'training', messageId: 'a message, or an RPC request id', actor: 'alice' };
  const failRun = () =>
    journal.once(cause, async (unit) => {
      const run = await unit.load<Run>('training-run', 'r1');
      if (run?.state.status === 'failed') return;
      unit.save<Run>({
        kind: 'training-run',
        id: 'r1',
        state: { status: 'failed' },
        index: { status: 'failed' },
        outgoing: [{ schema: StepFailedSchema, message: create(StepFailedSchema, failure), key: 'flight-delay' }],
      });
    });
  const outcomes = [(await failRun()).outcome, (await failRun()).outcome];
  const failed = await journal.list<Run>('training-run', { where: { status: 'failed' } });
  const [entry] = await journal.history('training-run', 'r1');
  const { intact } = await journal.verify();
  await store.close();
  return [outcomes, failed.items.length, entry?.type, entry?.actor, intact];
}
// README example: end

describe('the example in the README', () => {
  it('is this code', () => {
    const [, code] = readFileSync(new URL(import.meta.url), 'utf8').split(/^\/\/ README example: (?:begin|end)\n/m);
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(code!.trim());
  });

  it('does what it says', async () => {
    expect(await example()).toEqual([['done', 'duplicate'], 1, 'rondo.platform.v1.StepFailed', 'alice', true]);
  });
});
