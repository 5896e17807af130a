import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { StepFailedSchema } from '@rondo/contracts';
import type { Cause, Journal, ListQuery, Unit } from '@rondo/journal';
import { PermanentError, TransientError } from '@rondo/kernel';
import { eventually } from '@rondo/testing';
import { testPlatform, testService, type TestPlatform, type TestService } from '../../testing/index.js';
import {
  DURABLE_JOBS,
  JOB_KIND,
  type DurableJobs,
  type JobDefinition,
  type JobResult,
  type JobRun,
  type JobState,
} from '../index.js';

type Run = (input: { n: number }, run: JobRun) => Promise<JobResult | void>;

const told = (unit: Unit, pipeline: string, code: string): void => {
  const message = create(StepFailedSchema, { pipeline, cycleId: 'c1', idempotencyKey: 'k', code, step: 'train' });
  unit.save({ kind: 'told', id: code, state: {}, outgoing: [{ schema: StepFailedSchema, message, key: pipeline }] });
};

function moduleOf(run: Run, options: Partial<JobDefinition<{ n: number }>> = {}): DynamicModule {
  @Injectable()
  class Training {
    constructor(@Inject(DURABLE_JOBS) jobs: DurableJobs) {
      jobs.define<{ n: number }>({
        kind: 'train',
        concurrency: 2,
        run,
        failed: (unit, _input, failure, job) => told(unit, job.pipeline, failure.code),
        ...options,
      });
    }
  }
  @Module({})
  class TrainingModule {}
  return { module: TrainingModule, providers: [Training] };
}

describe('durable jobs', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  const start = async (platform: TestPlatform, module: DynamicModule): Promise<TestService> => {
    const service = await testService(platform, module);
    cleanUps.push(() => service.close());
    return service;
  };
  const open = (path?: string): TestPlatform => {
    const platform = testPlatform('training', path === undefined ? {} : { path });
    cleanUps.push(() => platform.close());
    return platform;
  };
  const enqueue = (platform: TestPlatform, service: TestService, id: string, deadlineAtMs?: number): Promise<unknown> =>
    platform.journal.once({ consumer: 'spec', messageId: `enqueue ${id} ${platform.ids.next()}` }, (unit) =>
      service.get<DurableJobs>(DURABLE_JOBS).enqueue(unit, {
        kind: 'train',
        id,
        pipeline: 'flights',
        input: { n: 1 },
        ...(deadlineAtMs !== undefined && { deadlineAtMs }),
      }),
    );
  const stateOf = async (platform: TestPlatform, id: string): Promise<JobState | undefined> =>
    (await platform.journal.load<JobState>(JOB_KIND, id))?.state;
  const codes = (platform: TestPlatform): string[] =>
    platform.recorded(StepFailedSchema).map(({ message }) => message.code);

  it('runs a job that joins a lane while the one before it ends, unseen by it', async () => {
    const platform = open();
    const runs: string[] = [];
    let joined = false;
    let looks = 0;
    const { journal: inner } = platform;
    const journal: Journal = {
      once: (cause, work) =>
        inner.once(cause, async (unit) => {
          const value = await work(unit);
          if (joined || !cause.messageId.startsWith('first/done/')) return value;
          joined = true;
          // The end of the first has looked for the next and is not committed; the second is, and finds that it is not its turn.
          await enqueue(platform, service, 'second');
          await eventually(() => looks > 0);
          return value;
        }),
      list: async <S>(kind: string, query?: ListQuery) => {
        const page = await inner.list<S>(kind, query);
        if (joined && query?.where?.['lane'] !== undefined) looks++;
        return page;
      },
      load: (kind, id) => inner.load(kind, id),
      history: (kind, id) => inner.history(kind, id),
      entries: (query) => inner.entries(query),
      count: (kind, where) => inner.count(kind, where),
      verify: () => inner.verify(),
    };
    const module = moduleOf((_input, { jobId }) => Promise.resolve(void runs.push(jobId)), { lane: 'train' });
    const service = await start({ ...platform, journal }, module);
    await enqueue(platform, service, 'first');
    await eventually(() => runs.length === 2);
    expect(runs).toEqual(['first', 'second']);
  });

  it('runs a job once however often it is queued and commits its result with its end', async () => {
    const platform = open();
    let runs = 0;
    const service = await start(
      platform,
      moduleOf(async (input) => {
        runs += input.n;
        return (unit) => told(unit, 'flights', 'trained');
      }),
    );
    await enqueue(platform, service, 'j');
    await enqueue(platform, service, 'j');
    await service.drain();
    await enqueue(platform, service, 'j');
    await service.drain();
    expect(runs).toBe(1);
    expect(codes(platform)).toEqual(['trained']);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('tries again after a back-off and tells the last failure once', async () => {
    const platform = open();
    const attempts: number[] = [];
    const service = await start(
      platform,
      moduleOf(async (_input, run) => {
        attempts.push(run.attempt);
        throw new Error('no luck');
      }),
    );
    await enqueue(platform, service, 'j');
    await service.drain();
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'waiting', attempt: 2 });
    await platform.clock.advance(60_000);
    await service.drain();
    await platform.clock.advance(60_000);
    await service.drain();
    expect(attempts).toEqual([1, 2, 3]);
    expect(codes(platform)).toEqual(['internal']);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'failed', failure: { message: 'no luck' } });
  });

  it.each([
    ['fails', false],
    ['is not answered', true],
  ])('takes a job later when taking it %s', async (_what, isDone) => {
    const platform = open();
    let refusals = 0;
    const journal: Journal = Object.assign(Object.create(platform.journal) as Journal, {
      once: async (cause: Cause, work: (unit: Unit) => Promise<unknown>) => {
        const isFirstClaim = cause.messageId === 'j/claim/1' && refusals++ === 0;
        if (isFirstClaim && !isDone) throw new TransientError('the store is away');
        const result = await platform.journal.once(cause, work);
        if (isFirstClaim) throw new TransientError('the answer was lost');
        return result;
      },
      load: platform.journal.load.bind(platform.journal),
      list: platform.journal.list.bind(platform.journal),
    });
    let runs = 0;
    const service = await start(
      { ...platform, journal },
      moduleOf(async () => {
        runs++;
        return (unit) => told(unit, 'flights', 'trained');
      }),
    );
    await enqueue(platform, service, 'j');
    await eventually(async () => {
      await platform.clock.advance(100);
      return (await stateOf(platform, 'j'))?.status === 'succeeded';
    });
    expect(runs).toBe(1);
    expect(codes(platform)).toEqual(['trained']);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'succeeded', attempt: 1, starts: 1 });
  });

  it('does not repeat what cannot succeed', async () => {
    const platform = open();
    const service = await start(
      platform,
      moduleOf(async () => {
        throw new PermanentError('failed-precondition', 'one class only');
      }),
    );
    await enqueue(platform, service, 'j');
    await service.drain();
    expect(codes(platform)).toEqual(['failed-precondition']);
  });

  it('aborts at the deadline and commits nothing of the late result', async () => {
    const platform = open();
    const service = await start(
      platform,
      moduleOf(async (_input, run) => {
        await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()));
        return (unit) => told(unit, 'flights', 'too-late');
      }),
    );
    await enqueue(platform, service, 'j', platform.clock.now() + 5000);
    await eventually(async () => (await stateOf(platform, 'j'))?.status === 'running');
    await platform.clock.advance(5000);
    await service.drain();
    expect(codes(platform)).toEqual(['deadline-exceeded']);
  });

  it('stops a cancelled job wherever it is and never commits it', async () => {
    const platform = open();
    const service = await start(
      platform,
      moduleOf(
        async (_input, run) => {
          await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()));
          return (unit) => told(unit, 'flights', 'trained');
        },
        { concurrency: 1 },
      ),
    );
    await enqueue(platform, service, 'running');
    await enqueue(platform, service, 'queued');
    await eventually(async () => (await stateOf(platform, 'running'))?.status === 'running');
    for (const id of ['queued', 'running']) {
      await platform.journal.once({ consumer: 'spec', messageId: `cancel ${id}` }, (unit) =>
        service.get<DurableJobs>(DURABLE_JOBS).cancel(unit, id),
      );
    }
    await service.drain();
    expect(codes(platform)).toEqual([]);
    expect(await stateOf(platform, 'running')).toMatchObject({ status: 'cancelled' });
    expect(await stateOf(platform, 'queued')).toMatchObject({ status: 'cancelled', starts: 0 });
  });

  it('runs no more of a kind at once than its concurrency says', async () => {
    const platform = open();
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    let atOnce = 0;
    let most = 0;
    const service = await start(
      platform,
      moduleOf(async () => {
        most = Math.max(most, ++atOnce);
        await gate;
        atOnce--;
      }),
    );
    for (let i = 0; i < 7; i++) await enqueue(platform, service, `j${i}`);
    await eventually(() => atOnce === 2);
    await platform.bus.idle();
    letGo();
    await service.drain();
    expect(most).toBe(2);
    expect(await stateOf(platform, 'j6')).toMatchObject({ status: 'succeeded' });
  });

  it('gives running jobs back at a shutdown and takes them up again with the same attempt', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-jobs-'));
    cleanUps.push(() => rm(folder, { recursive: true }));
    const path = join(folder, 'store.sqlite');
    const first = open(path);
    const before = await start(
      first,
      moduleOf(async (_input, run) => {
        await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()));
      }),
    );
    await enqueue(first, before, 'j');
    await eventually(async () => (await stateOf(first, 'j'))?.status === 'running');
    await before.close();
    expect(await stateOf(first, 'j')).toMatchObject({ status: 'queued', attempt: 1 });
    await first.close();

    const second = open(path);
    const after = await start(
      second,
      moduleOf(async () => (unit) => told(unit, 'flights', 'trained')),
    );
    await after.drain();
    expect(codes(second)).toEqual(['trained']);
    expect(await stateOf(second, 'j')).toMatchObject({ status: 'succeeded', attempt: 1, starts: 2 });
  });

  it('counts a crash as an attempt and gives up on a job that keeps killing the process', async () => {
    const platform = open();
    const crashed = { kind: 'train', pipeline: 'flights', input: { n: 1 }, status: 'running', starts: 1 };
    const rest = { deadlineAtMs: null, retryAtMs: null, progress: null, heartbeatAtMs: null, failure: null };
    await platform.journal.once({ consumer: 'spec', messageId: 'crash' }, (unit) => {
      for (const [id, attempt] of [
        ['once', 1],
        ['often', 3],
      ] as const) {
        unit.save({
          kind: JOB_KIND,
          id,
          state: { ...crashed, ...rest, attempt },
          index: { status: 'running', jobKind: 'train' },
        });
      }
    });
    const attempts: number[] = [];
    const service = await start(
      platform,
      moduleOf(async (_input, run) => void attempts.push(run.attempt)),
    );
    await service.drain();
    expect(attempts).toEqual([2]);
    expect(codes(platform)).toEqual(['internal']);
    expect(await stateOf(platform, 'often')).toMatchObject({ status: 'failed' });
  });

  it('says which failure came first when the process then ends as well', async () => {
    const platform = open();
    const failing = moduleOf(() => Promise.reject(new Error('no space left on device')));
    const first = await start(platform, failing);
    await enqueue(platform, first, 'j');
    await first.drain();
    const waiting = await stateOf(platform, 'j');
    expect(waiting).toMatchObject({ status: 'waiting', attempt: 2, failure: { message: 'no space left on device' } });
    await first.close();
    await platform.journal.once({ consumer: 'spec', messageId: 'crash' }, (unit) =>
      unit.save({
        kind: JOB_KIND,
        id: 'j',
        state: { ...waiting!, status: 'running', attempt: 3 },
        index: { status: 'running', jobKind: 'train' },
      }),
    );
    await (await start(platform, failing)).drain();
    expect((await stateOf(platform, 'j'))?.failure?.message).toBe(
      'the process ended while attempt 3 of the job ran; an attempt before it failed: no space left on device',
    );
  });

  it('writes heartbeats now and then', async () => {
    const platform = open();
    let beat: (progress?: number) => void = () => undefined;
    const service = await start(
      platform,
      moduleOf(async (_input, run) => {
        beat = run.heartbeat;
        await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()));
      }),
    );
    await enqueue(platform, service, 'j');
    await eventually(async () => (await stateOf(platform, 'j'))?.status === 'running');
    beat(0.1);
    await platform.clock.advance(6000);
    beat(0.5);
    await eventually(async () => (await stateOf(platform, 'j'))?.progress === 0.5);
  });
});
