import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
// README example: begin
import { create } from '@bufbuild/protobuf';
import { Inject, Module } from '@nestjs/common';
import { StepFailedSchema, TrainCandidateSchema, type TrainCandidate } from '@rondo/contracts';
import {
  BusController,
  causeOf,
  DURABLE_JOBS,
  HandleEvent,
  PLATFORM,
  type Delivery,
  type DurableJobs,
  type Platform,
} from '@rondo/service';
import { testPlatform, testService } from '@rondo/service/testing';

@BusController()
class TrainingCommands {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(DURABLE_JOBS) private readonly jobs: DurableJobs,
  ) {
    const told = (code: string, pipeline: string) => {
      const init = { pipeline, cycleId: 'c1', step: 'train', idempotencyKey: 'k1', code };
      return [{ schema: StepFailedSchema, message: create(StepFailedSchema, init), key: pipeline }];
    };
    jobs.define<{ rows: number }>({
      kind: 'train',
      concurrency: 1,
      run: async (input, { signal, pipeline }) => {
        signal.throwIfAborted(); // long work goes here; nothing of it is durable but what is returned
        return (unit) => unit.save({ kind: 'run', id: 'r1', state: input, outgoing: told('trained', pipeline) });
      },
      failed: (unit, input, failure, job) =>
        unit.save({ kind: 'run', id: 'r1', state: input, outgoing: told(failure.code, job.pipeline) }),
    });
  }

  @HandleEvent(TrainCandidateSchema)
  async onTrain(command: TrainCandidate, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      this.jobs.enqueue(unit, { kind: 'train', id: command.cycleId, pipeline: command.pipeline, input: { rows: 3 } }),
    );
  }
}

@Module({ controllers: [TrainingCommands] })
class TrainingModule {}

const digest = `sha256:${'0'.repeat(64)}`;
const command = {
  pipeline: 'flights',
  cycleId: 'c1',
  idempotencyKey: 'k1',
  policyGeneration: 1n,
  candidate: 'trees',
  snapshotDigest: digest,
  splits: [{ name: 'train', artifact: { digest } }],
};

async function example(): Promise<string[]> {
  const platform = testPlatform('training'); // SQLite in memory, a clock that stands still
  const service = await testService(platform, TrainingModule);
  await platform.publish(TrainCandidateSchema, command, { key: 'flights' });
  await service.drain(); // no message can be delivered and no job runs
  const told = platform.recorded(StepFailedSchema).map(({ message }) => message.code);
  await service.close();
  await platform.close();
  return told;
}
// README example: end

describe('the example in the README', () => {
  it('is this code', () => {
    const [, code] = readFileSync(new URL(import.meta.url), 'utf8').split(/^\/\/ README example: (?:begin|end)\n/m);
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(code!.trim());
  });

  it('does what it says', async () => {
    expect(await example()).toEqual(['trained']);
  });
});
