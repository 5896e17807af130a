import { afterEach, describe, expect, it } from '@jest/globals';
import { PermanentError, TransientError } from '@rondo/kernel';
import { eventually, FakeClock, nextTurn } from '@rondo/testing';
import type { Bus, Delivery, Envelope, SubscribeOptions } from '../src/ports.js';

/** What an adapter can and cannot do; the suite asks for no more and no less. */
export interface BusTraits {
  /** Messages and offsets outlive `close` and, when `crash` is offered, a sudden end. */
  readonly survivesRestart: boolean;
  /** Longest a test may take, in ms, where messages have further to go than the next turn; Jest's default when left out. */
  readonly testMs?: number;
}

/** A bus under test. */
export interface BusUnderTest {
  readonly bus: Bus;
  /** Closes properly and opens the same log again. */
  reopen(): Promise<Bus>;
  /** Ends as a killed process does, and opens the same log again. */
  crash(): Promise<Bus>;
  /** Removes what was created. */
  dispose(): Promise<void>;
}

const TOPIC = 'rondo.test.v1';
let count = 0;

/** A message for the suite; `body` comes back from {@link bodyOf}. */
export function message(key: string, body: string, more: Partial<Envelope> = {}): Envelope {
  return {
    id: `m${++count}`,
    type: 'rondo.test.v1.Said',
    topic: TOPIC,
    key,
    source: 'rondo/test',
    timeMs: Date.UTC(2026, 0, 1),
    payload: new TextEncoder().encode(body),
    headers: { traceparent: 'none' },
    ...more,
  };
}

/** The body given to {@link message}. */
export const bodyOf = (delivery: Delivery): string => new TextDecoder().decode(delivery.payload);

/** The contract of {@link Bus}, for every adapter. `open` gives a fresh, empty bus that keeps time by the clock. */
export function busContract(name: string, open: (clock: FakeClock) => Promise<BusUnderTest>, traits: BusTraits): void {
  describe(`${name} honours the bus contract`, () => {
    const opened: BusUnderTest[] = [];
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.dispose();
    });
    const start = async (): Promise<BusUnderTest & { clock: FakeClock }> => {
      const clock = new FakeClock();
      const subject = await open(clock);
      opened.push(subject);
      return { ...subject, clock };
    };
    const spec: Spec = (behaviour, run) => it(behaviour, run, traits.testMs);
    ordering(start, spec);
    failing(start, spec);
    (traits.survivesRestart ? describe : describe.skip)('over restarts', () => restarting(start, spec));
  });
}

type Start = () => Promise<BusUnderTest & { clock: FakeClock }>;
type Spec = (behaviour: string, run: () => Promise<void>) => void;

const reader = (
  bus: Bus,
  group: string,
  handle: SubscribeOptions['handle'],
  more: Partial<SubscribeOptions> = {},
): Promise<unknown> => bus.subscribe({ group, topics: [TOPIC], handle, ...more });

function ordering(start: Start, spec: Spec): void {
  spec('delivers what was published as it was published', async () => {
    const { bus } = await start();
    const seen: Delivery[] = [];
    await reader(bus, 'g', async (delivery) => void seen.push(delivery));
    const sent = message('k', 'hello', { headers: { traceparent: '00-1', cycleid: 'c' } });
    await bus.publish([sent]);
    await eventually(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ ...sent, payload: expect.anything(), group: 'g', attempt: 1 });
    expect([...seen[0]!.payload]).toEqual([...sent.payload]);
    expect(Number.isInteger(seen[0]!.partition) && Number.isInteger(seen[0]!.offset)).toBe(true);
  });

  spec('gives each group everything, also what was published before it subscribed', async () => {
    const { bus } = await start();
    await bus.publish([message('a', '1'), message('b', '2')]);
    const seen: string[] = [];
    await reader(bus, 'g1', async (d) => void seen.push(`g1:${bodyOf(d)}`));
    await reader(bus, 'g2', async (d) => void seen.push(`g2:${bodyOf(d)}`));
    await bus.publish([message('a', '3')]);
    await eventually(() => seen.length === 6);
    expect([...seen].sort()).toEqual(['g1:1', 'g1:2', 'g1:3', 'g2:1', 'g2:2', 'g2:3']);
  });

  spec('gives a new group that asks for the newest only what is published from then on', async () => {
    const { bus } = await start();
    await bus.publish([message('a', 'before'), message('b', 'before')]);
    const seen: string[] = [];
    await reader(bus, 'g', async (d) => void seen.push(bodyOf(d)), { startAt: 'newest' });
    await bus.publish([message('a', 'after'), message('b', 'after')]);
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['after', 'after']);
  });

  spec('keeps the order of a key, one at a time, and runs different keys at the same time', async () => {
    const { bus } = await start();
    const seen: string[] = [];
    const running = new Set<string>();
    let most = 0;
    const keys = ['a', 'b', 'c'];
    const round = (i: number): Promise<void> => bus.publish(keys.map((key) => message(key, String(i))));
    for (let i = 0; i < 10; i++) await round(i);
    await reader(bus, 'g', async (d) => {
      expect(running.has(d.key)).toBe(false);
      running.add(d.key);
      most = Math.max(most, running.size);
      for (let i = 0; i < 3; i++) await nextTurn();
      running.delete(d.key);
      seen.push(`${d.key}${bodyOf(d)}`);
    });
    for (let i = 10; i < 20; i++) await round(i);
    await eventually(() => seen.length === 60);
    for (const key of keys) {
      expect(seen.filter((s) => s.startsWith(key))).toEqual(Array.from({ length: 20 }, (_, i) => `${key}${i}`));
    }
    expect(most).toBe(3);
  });

  spec('has no more deliveries in flight than the concurrency allows', async () => {
    const { bus } = await start();
    let running = 0;
    let most = 0;
    let seen = 0;
    await bus.publish(Array.from({ length: 30 }, (_, i) => message(`k${i}`, '')));
    await reader(
      bus,
      'g',
      async () => {
        most = Math.max(most, ++running);
        await nextTurn();
        running--;
        seen++;
      },
      { concurrency: 4 },
    );
    await eventually(() => seen === 30);
    expect(most).toBe(4);
  });

  spec('passes over other types and other topics', async () => {
    const { bus } = await start();
    const seen: string[] = [];
    await reader(bus, 'g', async (d) => void seen.push(bodyOf(d)), { wants: (type) => type === 'rondo.test.v1.Said' });
    await bus.publish([
      message('k', '1', { type: 'rondo.test.v1.Other' }),
      message('k', '2', { topic: 'rondo.other.v1' }),
      message('k', '3'),
    ]);
    await eventually(() => seen.length === 1);
    expect(seen).toEqual(['3']);
    expect((await bus.lag()).reduce((sum, row) => sum + row.messages, 0)).toBe(0);
  });

  spec('publishes all of a batch or nothing, and names what is wrong', async () => {
    const { bus } = await start();
    const seen: string[] = [];
    await reader(bus, 'g', async (d) => void seen.push(bodyOf(d)));
    await expect(bus.publish([message('k', 'good'), message('', 'bad')])).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'envelope.key' },
    });
    await expect(
      bus.publish([message('k', '', { payload: new Uint8Array(8 * 1024 * 1024 + 1) })]),
    ).rejects.toMatchObject({ code: 'invalid' });
    await bus.publish([message('k', 'after')]);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['after']);
  });

  spec('tells the lag of each group and the age of its oldest message', async () => {
    const { bus, clock } = await start();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let started = 0;
    await reader(bus, 'slow', () => (started++, gate));
    await bus.publish([message('a', '1'), message('a', '2'), message('b', '3')]);
    await eventually(() => started === 2);
    await clock.advance(1500);
    expect(await bus.lag()).toEqual([{ group: 'slow', topic: TOPIC, messages: 3, oldestAgeMs: 1500 }]);
    expect(await bus.lag((group) => group !== 'slow')).toEqual([]);
    release();
    await eventually(async () => (await bus.lag())[0]!.messages === 0);
    expect(await bus.lag()).toEqual([{ group: 'slow', topic: TOPIC, messages: 0, oldestAgeMs: 0 }]);
  });

  spec('refuses a second subscription of a group in one process', async () => {
    const { bus } = await start();
    await reader(bus, 'g', async () => undefined);
    await expect(reader(bus, 'g', async () => undefined)).rejects.toMatchObject({ code: 'already-exists' });
  });
}

function failing(start: Start, spec: Spec): void {
  spec('tries again after a back-off, in order within the key, while other keys go on', async () => {
    const { bus, clock } = await start();
    const seen: string[] = [];
    const failures = [new Error('odd'), new TransientError('later', { afterMs: 90_000 })];
    await reader(bus, 'g', async (d) => {
      if (bodyOf(d) === 'a1' && failures.length > 0) throw failures.shift();
      seen.push(`${bodyOf(d)}#${d.attempt}`);
    });
    await bus.publish([message('a', 'a1'), message('a', 'a2'), message('b', 'b1')]);
    await eventually(() => seen.length === 1 && failures.length === 1);
    expect(seen).toEqual(['b1#1']);
    await clock.advance(60_000);
    expect(seen).toEqual(['b1#1']);
    await clock.advance(90_000);
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['b1#1', 'a1#3', 'a2#1']);
  });

  spec('goes on with other keys behind a long queue of a key that fails', async () => {
    const { bus, clock } = await start();
    const seen: string[] = [];
    let broken = true;
    await reader(bus, 'g', async (d) => {
      if (d.key === 'poison' && broken) throw new TransientError('down');
      seen.push(bodyOf(d));
    });
    for (let i = 0; i < 30; i++)
      await bus.publish(Array.from({ length: 100 }, (_, j) => message('poison', String(i * 100 + j))));
    await bus.publish([message('fine', 'fine')]);
    await eventually(() => seen.length === 1);
    expect(seen).toEqual(['fine']);
    broken = false;
    await clock.advance(30_000);
    await eventually(() => seen.length === 3001);
    expect(seen.slice(1)).toEqual(Array.from({ length: 3000 }, (_, i) => String(i)));
  });

  spec(
    'parks a permanent failure and a defect at once, others when their attempts are used up, and goes on',
    async () => {
      const { bus, clock } = await start();
      const seen: string[] = [];
      let attempts = 0;
      await reader(bus, 'g', async (d) => {
        if (bodyOf(d) === 'never') throw new PermanentError('invalid', 'not a flight');
        if (bodyOf(d) === 'unknown') {
          attempts++;
          throw new Error('odd');
        }
        seen.push(bodyOf(d));
      });
      await bus.publish([message('a', 'never'), message('a', 'next'), message('b', 'unknown'), message('b', 'after')]);
      await eventually(() => seen.includes('next') && attempts > 0);
      for (let i = 0; i < 10; i++) await clock.advance(30_000);
      await eventually(() => seen.includes('after'));
      expect(attempts).toBe(8);
      const parked = await bus.parked.list();
      expect(
        parked.map(({ reason, delivery }) => [reason, bodyOf(delivery), delivery.group, delivery.attempt]),
      ).toEqual([
        ['invalid: not a flight', 'never', 'g', 1],
        ['failed 8 times: odd', 'unknown', 'g', 8],
      ]);
      expect((await bus.lag())[0]).toMatchObject({ messages: 0 });
    },
  );

  spec(
    'replays a parked message to its own group, with fresh attempts, and parks it again when it fails again',
    async () => {
      const { bus } = await start();
      const seen: string[] = [];
      let broken = true;
      await reader(bus, 'g', async (d) => {
        if (broken) throw new PermanentError('invalid', `try ${d.attempt}`);
        seen.push(`${bodyOf(d)}#${d.attempt}`);
      });
      await reader(bus, 'other', async () => void seen.push('other'));
      await bus.publish([message('a', 'x')]);
      await eventually(async () => seen.length === 1 && (await bus.parked.list()).length === 1);
      const id = (await bus.parked.list())[0]!.id;
      expect(await bus.parked.replay(id)).toBe(true);
      await eventually(async () => (await bus.parked.list()).length === 1);
      expect((await bus.parked.list())[0]).toMatchObject({ id, reason: 'invalid: try 1' });
      broken = false;
      expect(await bus.parked.replay(id)).toBe(true);
      await eventually(() => seen.length === 2);
      await eventually(async () => !(await bus.parked.replay(id)));
      expect(await bus.parked.list()).toEqual([]);
      expect(seen).toEqual(['other', 'x#1']);
    },
  );
}

function restarting(start: Start, spec: Spec): void {
  spec('remembers across a restart what was handled and what was not', async () => {
    const subject = await start();
    await subject.bus.publish([message('a', '1'), message('b', '2')]);
    const before: string[] = [];
    await reader(subject.bus, 'g', async (d) => void before.push(bodyOf(d)));
    await eventually(() => before.length === 2);
    await subject.bus.publish([message('a', '3')]);
    await eventually(() => before.length === 3);
    const bus = await subject.reopen();
    const after: string[] = [];
    await bus.publish([message('a', '4')]);
    await reader(bus, 'g', async (d) => void after.push(bodyOf(d)));
    await eventually(() => after.length === 1);
    expect(after).toEqual(['4']);
  });

  spec('waits at a close for deliveries in flight and keeps what comes later', async () => {
    const subject = await start();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const before: string[] = [];
    let begun = 0;
    await reader(subject.bus, 'g', async (d) => {
      begun++;
      await gate;
      before.push(bodyOf(d));
    });
    await subject.bus.publish([message('a', '1'), message('a', '2')]);
    await eventually(() => begun === 1);
    const reopening = subject.reopen();
    release();
    const bus = await reopening;
    expect(before).toEqual(['1']);
    const after: string[] = [];
    await reader(bus, 'g', async (d) => void after.push(bodyOf(d)));
    await eventually(() => after.length === 1);
    expect(after).toEqual(['2']);
  });

  spec(
    'delivers again after a crash what had not been handled, and nothing that was acknowledged before its effect',
    async () => {
      const subject = await start();
      const begun: string[] = [];
      await reader(subject.bus, 'g', (d) => {
        begun.push(bodyOf(d));
        return d.key === 'stuck' ? new Promise<void>(() => undefined) : Promise.resolve();
      });
      await subject.bus.publish([message('stuck', 'a'), message('fine', 'b'), message('stuck', 'c')]);
      await eventually(() => begun.length === 2);
      const bus = await subject.crash();
      const after: string[] = [];
      await reader(bus, 'g', async (d) => void after.push(bodyOf(d)));
      await eventually(() => after.includes('a') && after.includes('c'));
      expect(after.filter((body) => body !== 'b')).toEqual(['a', 'c']);
    },
  );

  spec('keeps parked messages across a restart and does not deliver them again by itself', async () => {
    const subject = await start();
    await reader(subject.bus, 'g', async () => {
      throw new PermanentError('invalid', 'no');
    });
    await subject.bus.publish([message('a', 'x')]);
    await eventually(async () => (await subject.bus.parked.list()).length === 1);
    const bus = await subject.crash();
    const after: string[] = [];
    await reader(bus, 'g', async (d) => void after.push(bodyOf(d)));
    await bus.publish([message('a', 'y')]);
    await eventually(() => after.length === 1);
    expect(after).toEqual(['y']);
    const [parked] = await bus.parked.list();
    expect(parked).toMatchObject({ reason: 'invalid: no' });
    await bus.parked.replay(parked!.id);
    await eventually(() => after.length === 2);
    expect(after).toEqual(['y', 'x']);
  });

  spec('parks a message that kills the process again and again, and only that one', async () => {
    const subject = await start();
    let bus = subject.bus;
    await bus.publish([
      message('killer', 'killer'),
      ...Array.from({ length: 5 }, (_, i) => message(`k${i}`, `fine${i}`)),
    ]);
    const finished = new Set<string>();
    let deaths = 0;
    while (deaths < 12 && (await bus.parked.list()).length === 0) {
      let died = false;
      await reader(bus, 'g', (d) => {
        if (bodyOf(d) === 'killer') died = true;
        // A dead process finishes nothing, whatever else was in flight.
        if (died) return new Promise<void>(() => undefined);
        finished.add(bodyOf(d));
        return Promise.resolve();
      });
      await eventually(async () => died || (await bus.parked.list()).length > 0);
      if (!died) break;
      deaths++;
      bus = await subject.crash();
    }
    await eventually(() => finished.size === 5);
    const parked = await bus.parked.list();
    expect(parked.map(({ delivery }) => bodyOf(delivery))).toEqual(['killer']);
    expect(parked[0]!.reason).toContain('kills the process');
    expect(deaths).toBeGreaterThanOrEqual(5);
    expect(deaths).toBeLessThan(12);
  });
}
