import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
// README example: begin
import { create, toBinary } from '@bufbuild/protobuf';
import { StepFailedSchema, topicOf } from '@rondo/contracts';
import { SqliteBus } from '@rondo/messaging';

async function example(): Promise<string[]> {
  const bus = SqliteBus.open(':memory:');
  const seen: string[] = [];
  await bus.subscribe({
    group: 'control-plane',
    topics: [topicOf(StepFailedSchema)],
    handle: async (delivery) => {
      seen.push(`${delivery.type} for ${delivery.key}`);
    },
  });
  await bus.publish([
    {
      id: '0192f3a0-0000-7000-8000-000000000000',
      type: StepFailedSchema.typeName,
      topic: topicOf(StepFailedSchema),
      key: 'flight-delay',
      source: 'rondo/training',
      timeMs: Date.now(),
      payload: toBinary(StepFailedSchema, create(StepFailedSchema, { pipeline: 'flight-delay', step: 'train' })),
      headers: {},
    },
  ]);
  await bus.idle();
  await bus.close();
  return seen;
}
// README example: end

describe('the example in the README', () => {
  it('is this code', () => {
    const [, code] = readFileSync(new URL(import.meta.url), 'utf8').split(/^\/\/ README example: (?:begin|end)\n/m);
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(code!.trim());
  });

  it('does what it says', async () => {
    expect(await example()).toEqual(['rondo.platform.v1.StepFailed for flight-delay']);
  });
});
