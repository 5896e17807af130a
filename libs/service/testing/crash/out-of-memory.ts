import { writeSync } from 'node:fs';
import { SqliteStore } from '@rondo/journal';
import { systemClock } from '@rondo/kernel';
import { JOB_KIND, JobRunner, type JobState } from '../../src/index.js';
import { MemoryLogger, SilentTelemetry } from '../silent-telemetry.js';

const LOOK_AGAIN_MS = 20;

/**
 * A process with two jobs, one of which takes more memory than the process has. Writes a line for each attempt it begins, and ends
 * when both jobs have.
 */
async function main(path: string): Promise<void> {
  const store = SqliteStore.open(path);
  const journal = store.journal('training');
  const jobs = new JobRunner({
    service: 'training',
    journal,
    clock: systemClock,
    telemetry: new SilentTelemetry(),
    log: new MemoryLogger(),
  });
  jobs.define<{ greedy: boolean }>({
    kind: 'train',
    concurrency: 1,
    run: ({ greedy }, { jobId, attempt }) => {
      writeSync(1, `${jobId} begins ${attempt}\n`);
      const taken: number[][] = [];
      while (greedy) taken.push(new Array<number>(100_000).fill(taken.length));
      return Promise.resolve((unit) => unit.save({ kind: 'trained', id: jobId, state: {} }));
    },
    failed: () => undefined,
  });
  await journal.once({ consumer: 'spec', messageId: 'enqueue' }, async (unit) => {
    await jobs.enqueue(unit, { kind: 'train', id: 'greedy', pipeline: 'a', input: { greedy: true } });
    await jobs.enqueue(unit, { kind: 'train', id: 'modest', pipeline: 'b', input: { greedy: false } });
  });
  await jobs.recover();
  for (const id of ['greedy', 'modest']) {
    for (;;) {
      const job = await journal.load<JobState>(JOB_KIND, id);
      if (job?.state.status === 'failed' || job?.state.status === 'succeeded') {
        writeSync(1, `${id} ${job.state.status} ${JSON.stringify(job.state.failure)}\n`);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
  await jobs.stop();
  await store.close();
}

await main(process.argv[2]!);
