import { afterEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { StepFailedSchema } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { TransientError } from '@rondo/kernel';
import { eventually } from '@rondo/testing';
import { testPlatform, type TestPlatform } from '../../testing/index.js';
import { JOB_KIND, JobRunner, type JobDefinition, type JobRun, type JobState } from '../index.js';

const LEASE_MS = 30_000;

const told = (unit: Unit, code: string): void => {
  const message = create(StepFailedSchema, {
    pipeline: 'flights',
    cycleId: 'c1',
    idempotencyKey: 'k',
    code,
    step: 'train',
  });
  unit.save({ kind: 'told', id: code, state: {}, outgoing: [{ schema: StepFailedSchema, message, key: 'flights' }] });
};

/** A run that ends when it is told to, and says so. */
class Work {
  readonly runs: string[] = [];
  readonly aborted: string[] = [];
  readonly #ends = new Map<string, () => void>();

  definitionFor(replica: string, options: Partial<JobDefinition<null>> = {}): JobDefinition<null> {
    return {
      kind: 'train',
      concurrency: 1,
      run: async (_input, run) => {
        this.runs.push(`${replica} ${run.jobId} ${run.attempt}`);
        await this.#end(replica, run);
        return (unit) => told(unit, `${run.jobId} by ${replica}`);
      },
      failed: (unit, _input, failure) => told(unit, failure.code),
      ...options,
    };
  }

  finish(replica: string, jobId: string): void {
    this.#ends.get(`${replica} ${jobId}`)!();
  }

  #end(replica: string, { jobId, signal }: JobRun): Promise<void> {
    return new Promise((resolve) => {
      this.#ends.set(`${replica} ${jobId}`, resolve);
      signal.addEventListener('abort', () => {
        this.aborted.push(`${replica} ${jobId}`);
        resolve();
      });
    });
  }
}

describe('durable jobs of several replicas', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const open = (): TestPlatform => {
    const platform = testPlatform('training');
    cleanUps.push(() => platform.close());
    return platform;
  };
  const replica = async (
    platform: TestPlatform,
    name: string,
    ...definitions: JobDefinition<null>[]
  ): Promise<JobRunner> => {
    const runner = new JobRunner({ ...platform, replica: { name, jobLeaseMs: LEASE_MS } });
    for (const definition of definitions) runner.define(definition);
    await runner.recover();
    cleanUps.push(() => runner.stop());
    return runner;
  };
  const inUnit = (platform: TestPlatform, work: (unit: Unit) => Promise<void>): Promise<unknown> =>
    platform.journal.once({ consumer: 'spec', messageId: platform.ids.next() }, work);
  const enqueue = (
    platform: TestPlatform,
    runner: JobRunner,
    id: string,
    { pipeline = 'flights', kind = 'train' } = {},
  ): Promise<unknown> => inUnit(platform, (unit) => runner.enqueue(unit, { kind, id, pipeline, input: null }));
  const stateOf = async (platform: TestPlatform, id: string): Promise<JobState | undefined> =>
    (await platform.journal.load<JobState>(JOB_KIND, id))?.state;
  const codes = (platform: TestPlatform): string[] =>
    platform.recorded(StepFailedSchema).map(({ message }) => message.code);
  /** Lets the watches look as often as they would in the time; each look ends before the next begins. */
  const pass = async (platform: TestPlatform, ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LEASE_MS / 3) {
      await platform.clock.advance(LEASE_MS / 3);
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it('leaves a job to the replica that runs it, however long it takes', async () => {
    const platform = open();
    const work = new Work();
    const first = await replica(platform, 'a', work.definitionFor('a'));
    await enqueue(platform, first, 'j');
    await first.wake('j', 1);
    await eventually(() => work.runs.length === 1);
    await replica(platform, 'b', work.definitionFor('b'));
    await pass(platform, 10 * LEASE_MS);
    expect(work.runs).toEqual(['a j 1']);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'running', owner: 'a', starts: 1 });
    work.finish('a', 'j');
    await eventually(() => codes(platform).length === 1);
    expect(codes(platform)).toEqual(['j by a']);
  });

  it('takes up the job of a replica that gives no sign of life, after a lease and not before', async () => {
    const platform = open();
    const work = new Work();
    const dead = new JobRunner({ ...platform, replica: { name: 'dead', jobLeaseMs: LEASE_MS } });
    dead.define(work.definitionFor('dead'));
    await enqueue(platform, dead, 'j');
    await dead.wake('j', 1); // it never looks: as a process that was killed just after
    await eventually(() => work.runs.length === 1);
    await replica(platform, 'b', work.definitionFor('b'));
    await pass(platform, LEASE_MS - 1);
    expect(work.runs).toEqual(['dead j 1']);
    await pass(platform, LEASE_MS);
    await eventually(() => work.runs.length === 2);
    expect(work.runs[1]).toBe('b j 2');

    // The first was not dead but stopped for a while: what it brings is too late.
    work.finish('dead', 'j');
    await dead.settled();
    expect(codes(platform)).toEqual([]);
    work.finish('b', 'j');
    await eventually(() => codes(platform).length === 1);
    expect(codes(platform)).toEqual(['j by b']);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'succeeded', attempt: 2, starts: 2, owner: 'b' });
  });

  it('aborts a run whose job another replica took up', async () => {
    const platform = open();
    const work = new Work();
    const first = await replica(platform, 'a', work.definitionFor('a'));
    await enqueue(platform, first, 'j');
    await first.wake('j', 1);
    await eventually(() => work.runs.length === 1);
    await inUnit(platform, async (unit) => {
      const { state } = (await unit.load<JobState>(JOB_KIND, 'j'))!;
      unit.save({ kind: JOB_KIND, id: 'j', state: { ...state, starts: 2, owner: 'b' }, index: { status: 'running' } });
    });
    await pass(platform, LEASE_MS);
    await eventually(() => work.aborted.length === 1);
    expect(codes(platform)).toEqual([]);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'running', starts: 2, owner: 'b' });
  });

  it('stops a cancelled job on the replica that runs it when the wake-up reached another', async () => {
    const platform = open();
    const work = new Work();
    const first = await replica(platform, 'a', work.definitionFor('a'));
    const second = await replica(platform, 'b', work.definitionFor('b'));
    await enqueue(platform, first, 'j');
    await first.wake('j', 1);
    await eventually(() => work.runs.length === 1);
    await inUnit(platform, (unit) => second.cancel(unit, 'j'));
    await second.wake('j', 1);
    await pass(platform, LEASE_MS);
    await eventually(() => work.aborted.length === 1);
    expect(codes(platform)).toEqual([]);
    expect(await stateOf(platform, 'j')).toMatchObject({ status: 'cancelled' });
  });

  it('spreads jobs that wait behind others to a replica that has room', async () => {
    const platform = open();
    const work = new Work();
    const busy = await replica(platform, 'a', work.definitionFor('a'));
    await replica(platform, 'b', work.definitionFor('b'));
    for (const id of ['j1', 'j2', 'j3']) {
      await enqueue(platform, busy, id);
      await busy.wake(id, 1); // all wake-ups of a pipeline reach one replica
    }
    await pass(platform, LEASE_MS);
    await eventually(() => work.runs.length === 2);
    expect(work.runs).toEqual(['a j1 1', 'b j2 1']);
    work.finish('a', 'j1');
    await eventually(() => work.runs.length === 3);
    expect(work.runs[2]).toBe('a j3 1');
  });

  it.each([{}, { lane: 'train' }])(
    'takes up a retry whose wake-up reached a replica that is busy (%j)',
    async (options) => {
      const platform = open();
      const work = new Work();
      const failsAtFirst = (name: string): JobDefinition<null> => {
        const { run, ...definition } = work.definitionFor(name, options);
        return {
          ...definition,
          run: async (input, jobRun) => {
            if (jobRun.jobId === 'j' && jobRun.attempt === 1) throw new TransientError('the store is away');
            return run(input, jobRun);
          },
        };
      };
      const busy = await replica(platform, 'a', failsAtFirst('a'));
      const idle = await replica(platform, 'b', failsAtFirst('b'));
      await enqueue(platform, busy, 'j');
      await busy.wake('j', 1);
      await eventually(async () => (await stateOf(platform, 'j'))?.status === 'waiting');
      await enqueue(platform, busy, 'long', { pipeline: 'ships' });
      await busy.wake('long', 1);
      await enqueue(platform, idle, 'next');
      if ('lane' in options) await idle.wake('next', 1);
      await eventually(() => work.runs.length === 1);
      expect((await stateOf(platform, 'j'))!.retryAtMs).toBeGreaterThan(platform.clock.now());
      await platform.clock.advance((await stateOf(platform, 'j'))!.retryAtMs! - platform.clock.now());
      await busy.wake('j', 2); // the timer's message reaches the replica that reads its key
      await pass(platform, 2 * LEASE_MS);
      await eventually(() => work.runs.length === 2);
      expect(work.runs).toEqual(['a long 1', 'b j 2']);
      work.finish('b', 'j');
      await idle.settled();
      await pass(platform, 2 * LEASE_MS);
      await eventually(() => work.runs.length === 3);
      expect(work.runs[2]).toBe('b next 1');
    },
  );

  it('runs the jobs of a pipeline in the order they were queued, over all replicas', async () => {
    const platform = open();
    const work = new Work();
    const first = await replica(platform, 'a', work.definitionFor('a', { lane: 'train', concurrency: 3 }));
    const second = await replica(platform, 'b', work.definitionFor('b', { lane: 'train', concurrency: 3 }));
    for (const id of ['z', 'm', 'a']) await enqueue(platform, first, id);
    await enqueue(platform, first, 'other', { pipeline: 'ships' });
    await second.wake('m', 1);
    await second.wake('a', 1);
    await second.wake('other', 1);
    await first.wake('z', 1);
    await eventually(() => work.runs.length === 2);
    await pass(platform, 3 * LEASE_MS);
    expect([...work.runs].sort()).toEqual(['a z 1', 'b other 1']);
    work.finish('a', 'z');
    await first.settled();
    await second.wake('m', 1); // the end of the first wakes the next
    await eventually(() => work.runs.length === 3);
    await inUnit(platform, (unit) => first.cancel(unit, 'm'));
    await second.wake('m', 1);
    await first.wake('a', 1);
    await eventually(() => work.runs.length === 4);
    expect(work.runs.slice(2)).toEqual(['b m 1', 'a a 1']);
  });

  it('runs jobs of several kinds one after the other when they share a lane, also without the wake-up', async () => {
    const platform = open();
    const work = new Work();
    const definitions = (name: string): JobDefinition<null>[] =>
      ['train', 'compare'].map((kind) => work.definitionFor(name, { kind, lane: 'both' }));
    const first = await replica(platform, 'a', ...definitions('a'));
    const second = await replica(platform, 'b', ...definitions('b'));
    await enqueue(platform, first, 'z');
    await enqueue(platform, first, 'm', { kind: 'compare' });
    await enqueue(platform, first, 'a');
    await second.wake('m', 1);
    await second.wake('a', 1);
    await first.wake('z', 1);
    await pass(platform, 3 * LEASE_MS);
    expect(work.runs).toEqual(['a z 1']);
    work.finish('a', 'z');
    await first.settled();
    await pass(platform, LEASE_MS); // the wake-up of the next one was lost
    await eventually(() => work.runs.length === 2);
    expect(work.runs[1]).toMatch(/^[ab] m 1$/);
  });

  it('leaves jobs alone while the store cannot be read, and waits a whole lease once it can', async () => {
    const platform = open();
    const work = new Work();
    const dead = new JobRunner({ ...platform, replica: { name: 'dead', jobLeaseMs: LEASE_MS } });
    dead.define(work.definitionFor('dead'));
    await enqueue(platform, dead, 'j');
    await dead.wake('j', 1);
    await eventually(() => work.runs.length === 1);
    let isAway = false;
    const journal = new Proxy(platform.journal, {
      get: (target, name) => {
        const own = target[name as keyof typeof target] as (...args: unknown[]) => unknown;
        const refuses = name === 'list' && isAway;
        return refuses ? () => Promise.reject(new Error('away')) : own.bind(target);
      },
    });
    await replica({ ...platform, journal }, 'b', work.definitionFor('b'));
    await pass(platform, LEASE_MS / 2);
    isAway = true;
    await pass(platform, 10 * LEASE_MS);
    isAway = false;
    await pass(platform, LEASE_MS / 2);
    expect(work.runs).toEqual(['dead j 1']);
    await pass(platform, 2 * LEASE_MS);
    await eventually(() => work.runs.length === 2);
  });
});
